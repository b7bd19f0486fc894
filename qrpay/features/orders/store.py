"""The orders table, seen from Python: many in, many out."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from msgspec import convert

from qrpay.database.pool import Database
from qrpay.database.statements import Statements
from qrpay.features.orders.model import Basket, OrderRow
from qrpay.values import Id

SQL: Final = Statements.load(Path(__file__).with_name("store.sql"))
Key = tuple[Id, str]
"""A merchant and its reference."""


async def keep(database: Database, rows: Sequence[OrderRow]) -> Sequence[tuple[OrderRow, bool]]:
    """Keep new orders in one commit. Each comes back as it stands, and whether it is the one just made."""
    first: dict[Key, OrderRow] = {}
    for row in rows:
        first.setdefault((row.merchant, row.reference), row)
    made = await _insert(database, list(first.values()))
    # Nearly always all of them are new, and nothing comes back; a reference that was used before is rare enough to ask.
    standing = first if made == len(first) else await by_reference(database, list(first))
    answer = []
    for row in rows:
        stands = standing[row.merchant, row.reference]
        answer.append((stands, stands.id == row.id))
    return answer


async def _insert(database: Database, rows: Sequence[OrderRow]) -> int:
    """How many of these were new."""
    # In the order of the unique key, so that two batches with the same references cannot wait for each other.
    rows = sorted(rows, key=lambda row: (row.merchant.bytes, row.reference))
    tag = await database.execute(
        SQL.insert_orders,
        [row.id for row in rows],
        [row.merchant for row in rows],
        [row.reference for row in rows],
        [row.amount for row in rows],
        [row.currency for row in rows],
        _said([row.description for row in rows]),
        _said([row.store for row in rows]),
        _said([row.terminal for row in rows]),
        _said([row.metadata for row in rows]),
        [row.presented_by for row in rows],
        _said([row.payment_code for row in rows]),
        [row.created_at for row in rows],
        [row.expires_at for row in rows],
        _said([row.basket for row in rows]),
    )
    return int(tag.rpartition(" ")[2])


async def keep_by_code(database: Database, rows: Sequence[OrderRow]) -> Sequence[OrderRow | None]:
    """Keep orders that came from a code which is not an order's own. Each comes back as it stands under its id; None
    when its reference belongs to another order of the merchant."""
    new = sorted({row.id: row for row in rows}.values(), key=lambda row: (row.merchant.bytes, row.reference))
    columns = zip(
        *(
            (
                *(row.id, row.merchant, row.reference, row.amount, row.currency, row.description, row.store),
                *(row.terminal, row.metadata, row.created_at, row.expires_at, row.source),
            )
            for row in new
        ),
        strict=True,
    )
    await database.execute(SQL.insert_orders_by_code, *map(list, columns))
    found = await by_id(database, [row.id for row in new])
    return [found.get(row.id) for row in rows]


def _said(column: Sequence[Any]) -> Sequence[Any] | None:
    """A column, or null when it says nothing: unnest fills it up, and nobody looks at each of its elements."""
    return None if column.count(None) == len(column) else column


async def by_reference(database: Database, keys: Sequence[Key]) -> Mapping[Key, OrderRow]:
    """The orders that bear these references."""
    rows = await database.fetch(SQL.orders_by_reference, [key[0] for key in keys], [key[1] for key in keys])
    return {(row["merchant"], row["reference"]): order_of(row) for row in rows}


async def by_id(database: Database, ids: Sequence[Id]) -> Mapping[Id, OrderRow]:
    """Orders by their ids; one that is not there is left out."""
    return {row["id"]: order_of(row) for row in await database.fetch(SQL.orders_by_id, ids)}


async def rows(database: Database, ids: Sequence[Id]) -> Sequence[OrderRow | None]:
    """The orders with these ids, one answer each."""
    found = await by_id(database, list(set(ids)))
    return [found.get(id) for id in ids]


async def referenced(database: Database, reference: str, limit: int = 10) -> list[Id]:
    """Orders with this reference, whatever merchant's."""
    return [row["id"] for row in await database.fetch(SQL.referenced, reference, limit)]


async def expired(database: Database, until: datetime, limit: int) -> tuple[datetime, Sequence[tuple[Id, datetime]]]:
    """How far the sweep had come, and the next orders whose time ran out, oldest first."""
    swept = await swept_until(database)
    rows = await database.fetch(SQL.expired_orders, swept, until, limit)
    return swept, [(row["id"], row["expires_at"]) for row in rows]


async def swept_until(database: Database) -> datetime:
    """How far the sweep had come."""
    until: datetime = await database.fetchval(SQL.swept_until)
    return until


async def sweep_to(database: Database, until: datetime) -> None:
    """Remember how far the sweep has come."""
    await database.execute(SQL.sweep_to, until)


def order_of(row: Iterable[Any]) -> OrderRow:
    """An order from its columns, which the statements name in the order of its fields."""
    values = [*row]
    if values[-1] is not None:
        values[-1] = convert(values[-1], Basket)
    return OrderRow(*values)
