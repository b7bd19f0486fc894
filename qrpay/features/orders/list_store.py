"""The statements behind lists of orders, typed."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from qrpay.database.pool import Queries
from qrpay.database.statements import Statements
from qrpay.features.orders.model import Mark, OrderRow
from qrpay.features.orders.store import order_of
from qrpay.values import Id

if TYPE_CHECKING:
    from qrpay.features.orders.lists import Leg

SQL: Final = Statements.load(Path(__file__).with_name("lists.sql"))


class Looked(Struct, frozen=True):
    """What is looked for among a merchant's orders; None: whatever it is. A terminal comes with its store.

    since, until  created from then on, and before then
    texts         patterns of LIKE, all of which an order's text must be like
    unrefunded    only those of which nothing is known to have been given back
    """

    merchant: Id
    store: Id | None
    terminal: Id | None
    amount_min: int | None
    amount_max: int | None
    since: datetime | None
    until: datetime | None
    texts: Sequence[str] | None
    unrefunded: bool


async def listed(
    queries: Queries, looked: Looked, leg: "Leg", below: Id, look: int, find: int
) -> tuple[list[OrderRow], Id | None]:
    """The next orders that match, at most `find`, among at most `look`; and below which id to go on, None: nowhere."""
    rows = await queries.fetch(
        SQL.orders_listed, looked.merchant, below, leg.lowest, looked.store, looked.terminal, _letter(leg.mark), look,
        find, looked.amount_min, looked.amount_max, looked.since, looked.until, looked.texts, leg.open_at, leg.over_at,
        looked.unrefunded,
    )  # fmt: skip
    found = [order_of(row[:-2]) for row in rows if row["matches"]]
    more = bool(rows) and (len(rows) == find or rows[-1]["n"] == look)
    return found, rows[-1]["id"] if more else None


def _letter(mark: Mark | None) -> str | None:
    return None if mark is None else mark[0]


async def mark(queries: Queries, after: int, until: int, marks: Sequence[tuple[str, Mark]]) -> None:
    """Mark the orders of which the log tells something between two numbers: which type of event is which mark.

    Raises asyncpg.UniqueViolationError when one of them is marked so already; then `mark_again` does it.
    """
    await queries.execute(SQL.mark, after, until, *_columns(marks))


async def mark_again(
    queries: Queries, after: int, until: int, marks: Sequence[tuple[str, Mark]], generation: int | None = None
) -> tuple[int, int]:
    """The same where some stand already, for a rebuild with its number: how many were written, and were missing."""
    row = await queries.fetchrow(SQL.mark_again, after, until, *_columns(marks), generation)
    assert row is not None, "a count is one row"
    return row["written"], row["made"]


async def stand_still(transaction: Queries, cursor: str) -> int:
    """Where the projection stands in the log; until the transaction ends, it stays there."""
    return int(await transaction.fetchval(SQL.stand_still, cursor))


async def next_generation(queries: Queries) -> int:
    """The number of a new rebuild."""
    return int(await queries.fetchval(SQL.next_generation))


MarkKey = tuple[Id, str, Id]
"""Merchant, letter of the mark, order."""


async def sweep_marks(queries: Queries, generation: int, after: MarkKey, limit: int) -> tuple[int, int, MarkKey] | None:
    """Remove, of the next marks, those that a rebuild has not seen: how many were looked at, removed, and the last one;
    None when there are no more."""
    row = await queries.fetchrow(SQL.sweep_marks, generation, *after, limit)
    return None if row is None else (row["looked"], row["removed"], (row["merchant"], row["mark"], row["id"]))


def _columns(marks: Sequence[tuple[str, Mark]]) -> tuple[list[str], list[str]]:
    return [type_ for type_, _ in marks], [mark[0] for _, mark in marks]
