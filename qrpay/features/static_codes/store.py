"""Static codes in the database: many in, many out."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from qrpay.database.pool import Database, Row
from qrpay.database.statements import Statements
from qrpay.features.static_codes.model import Attempt, StaticCodeRow
from qrpay.values import Id

SQL: Final = Statements.load(Path(__file__).with_name("store.sql"))


async def keep(database: Database, rows: Sequence[StaticCodeRow]) -> None:
    """Keep new static codes; one whose reference is taken is passed over."""
    columns = zip(
        *(
            (
                *(row.id, row.merchant, row.reference, row.label, row.store, row.terminal, row.amount),
                *(row.currency, row.payload, row.created_at, row.expires_at),
            )
            for row in rows
        ),
        strict=True,
    )
    await database.execute(SQL.insert_codes, *map(list, columns))


async def by_reference(database: Database, merchant: Id, reference: str) -> StaticCodeRow | None:
    """A merchant's static code by its own number."""
    row = await database.fetchrow(SQL.code_by_reference, merchant, reference)
    return _code(row) if row else None


async def codes(database: Database, ids: Sequence[Id]) -> Sequence[StaticCodeRow | None]:
    """The static codes with these ids, one answer each."""
    found = {row["id"]: _code(row) for row in await database.fetch(SQL.codes_by_id, list(set(ids)))}
    return [found.get(id) for id in ids]


async def of_merchant(
    database: Database, merchant: Id, *, below: Id | None, store: Id | None, limit: int
) -> Sequence[StaticCodeRow]:
    """A page of a merchant's static codes, newest first."""
    return [_code(row) for row in await database.fetch(SQL.codes_of_merchant, merchant, below, store, limit)]


async def revoke(database: Database, merchant: Id, id: Id, at: datetime) -> bool:
    """Whether there was such a code."""
    return await database.fetchval(SQL.revoke_code, merchant, id, at) is not None


async def claim(database: Database, asked: Sequence[Attempt]) -> Sequence[Attempt]:
    """What each payer's key stands for: the attempt just made, or the one made before."""
    # In the order of the key, so that two batches with the same keys cannot wait for each other.
    rows = sorted({(one.customer, one.key): one for one in reversed(asked)}.values(), key=_order_of)
    columns = zip(
        *((one.customer, one.key, one.order, one.code, one.amount, one.created_at) for one in rows), strict=True
    )
    await database.execute(SQL.claim_attempts, *map(list, columns))
    stand = {(one.customer, one.key): one for one in await attempts(database, [(o.customer, o.key) for o in rows])}
    return [stand[one.customer, one.key] for one in asked]


async def attempts(database: Database, keys: Sequence[tuple[Id, bytes]]) -> Sequence[Attempt]:
    """What these payers' keys stand for; a key that stands for nothing is left out."""
    rows = await database.fetch(SQL.attempts, [key[0] for key in keys], [key[1] for key in keys])
    return [Attempt(*row) for row in rows]


async def attempt(database: Database, keys: Sequence[tuple[Id, bytes]]) -> Sequence[Attempt | None]:
    """What these payers' keys stand for, one answer each."""
    found = {(one.customer, one.key): one for one in await attempts(database, list(set(keys)))}
    return [found.get(key) for key in keys]


def _order_of(one: Attempt) -> tuple[bytes, bytes]:
    return one.customer.bytes, one.key


def _code(row: Row) -> StaticCodeRow:
    return StaticCodeRow(*row)  # the statements name the columns in the order of its fields
