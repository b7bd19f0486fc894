"""The tables of refunds, seen from Python: many in, many out."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from qrpay.database.pool import Database
from qrpay.database.statements import Statements
from qrpay.features.refunds.model import HeldRow, RefundRow
from qrpay.values import Id

SQL: Final = Statements.load(Path(__file__).with_name("store.sql"))
Key = tuple[Id, str]
"""A merchant and its reference."""


async def keep(database: Database, rows: Sequence[RefundRow]) -> Sequence[tuple[RefundRow, bool]]:
    """Keep new refunds in one commit. Each comes back as it stands, and whether it is the one just made."""
    # In the order of the unique key, so that two batches with the same references cannot wait for each other.
    first = {(row.merchant, row.reference): row for row in reversed(rows)}
    new = [first[key] for key in sorted(first, key=lambda key: (key[0].bytes, key[1]))]
    await database.execute(
        SQL.insert_refunds,
        [row.id for row in new],
        [row.merchant for row in new],
        [row.order for row in new],
        [row.reference for row in new],
        [row.amount for row in new],
        [row.reason for row in new],
        [row.asked_by for row in new],
        [row.created_at for row in new],
    )
    standing = await _by_reference(database, list(first))
    found = [standing[row.merchant, row.reference] for row in rows]
    return [(stands, stands.id == row.id) for stands, row in zip(found, rows, strict=True)]


async def _by_reference(database: Database, keys: Sequence[Key]) -> Mapping[Key, RefundRow]:
    rows = await database.fetch(SQL.refunds_by_reference, [key[0] for key in keys], [key[1] for key in keys])
    return {(row["merchant"], row["reference"]): RefundRow(*row) for row in rows}


async def by_reference(database: Database, keys: Sequence[Key]) -> Sequence[RefundRow | None]:
    """The refunds that bear these references, one answer each."""
    found = await _by_reference(database, list(set(keys)))
    return [found.get(key) for key in keys]


async def by_id(database: Database, ids: Sequence[Id]) -> Mapping[Id, RefundRow]:
    """Refunds by their ids; one that is not there is left out."""
    return {row["id"]: RefundRow(*row) for row in await database.fetch(SQL.refunds_by_id, ids)}


async def referenced(database: Database, reference: str, limit: int = 10) -> list[Id]:
    """Refunds with this reference, whatever merchant's."""
    return [row["id"] for row in await database.fetch(SQL.referenced, reference, limit)]


async def of_orders(database: Database, orders: Sequence[Id]) -> Sequence[RefundRow]:
    """The refunds of these orders, oldest first."""
    return [RefundRow(*row) for row in await database.fetch(SQL.refunds_of_orders, orders)]


async def page(database: Database, merchant: Id, order: Id | None, below: Id | None, limit: int) -> Sequence[RefundRow]:
    """A page of a merchant's refunds, of one order or of all, newest first."""
    return [RefundRow(*row) for row in await database.fetch(SQL.refunds_page, merchant, order, below, limit)]


async def refuse(database: Database, refund: Id, code: str | None) -> None:
    """Remember why a refund was refused; None: it is tried again."""
    await database.execute(SQL.refuse, refund, code)


async def unfinished(database: Database, until: datetime, limit: int) -> tuple[datetime, Sequence[RefundRow]]:
    """How far the sweep had come, and the next refunds that were not refused, oldest first."""
    swept = await database.fetchval(SQL.swept_until)
    rows = await database.fetch(SQL.unfinished, swept, until, limit)
    return swept, [RefundRow(*row) for row in rows]


async def sweep_to(database: Database, until: datetime) -> None:
    """Remember how far the sweep has come."""
    await database.execute(SQL.sweep_to, until)


async def keep_account(database: Database, account: Id, merchant: Id, currency: str) -> None:
    """Say whose refunds a ledger account holds. Safe to repeat."""
    await database.execute(SQL.insert_account, account, merchant, currency)


async def owners_of_accounts(database: Database, accounts: Sequence[Id]) -> dict[Id, Id]:
    """The merchants whose refunds these ledger accounts hold; accounts of nobody are left out."""
    return {row["account"]: row["merchant"] for row in await database.fetch(SQL.owners_of_accounts, accounts)}


async def hold(database: Database, held: HeldRow, next_try_at: datetime) -> None:
    """Note a refund that is about to be set aside. Safe to repeat."""
    await database.execute(SQL.hold, held.refund, held.customer, held.account, held.because, next_try_at)


async def held(database: Database, refunds: Sequence[Id]) -> Mapping[Id, HeldRow]:
    """Those of these refunds that wait."""
    return {row["refund"]: HeldRow(*row) for row in await database.fetch(SQL.held, refunds)}


async def held_due(database: Database, now: datetime, limit: int) -> Sequence[HeldRow]:
    """Refunds whose next try has come, the longest due first."""
    return [HeldRow(*row) for row in await database.fetch(SQL.held_due, now, limit)]


async def held_of_customer(database: Database, customer: Id, below: Id | None, limit: int) -> Sequence[HeldRow]:
    """A page of the refunds that wait for a customer, newest first."""
    return [HeldRow(*row) for row in await database.fetch(SQL.held_of_customer, customer, below, limit)]


async def try_later(database: Database, refund: Id, because: str, next_try_at: datetime) -> None:
    """A refund could not be handed over yet."""
    await database.execute(SQL.try_later, refund, because, next_try_at)


async def end_hold(database: Database, refund: Id, now: datetime) -> None:
    """A refund has reached its payer, or was never set aside."""
    await database.execute(SQL.end_hold, refund, now)
