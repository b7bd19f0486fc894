"""The statements of statements, typed."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from qrpay.database.pool import Queries
from qrpay.database.statements import Statements
from qrpay.features.statements.model import Movement, Trade
from qrpay.values import Id

STATEMENTS: Final = Statements.load(Path(__file__).with_name("store.sql"))


async def currencies(queries: Queries, merchant: Id) -> list[str]:
    """The currencies in which a merchant has accounts."""
    return [row["currency"] for row in await queries.fetch(STATEMENTS.currencies, merchant)]


async def detached(queries: Queries, account: Id, after: datetime, until: datetime) -> bool:
    """Whether some of the lines between two moments cannot be read."""
    return bool(await queries.fetchval(STATEMENTS.detached, account, after, until))


async def sums(queries: Queries, account: Id, after: datetime, until: datetime) -> list[tuple[int, bool, int, int]]:
    """Transfer code, whether the account pays, count and amount."""
    rows = await queries.fetch(STATEMENTS.sums, account, after, until)
    return [(row["code"], row["pays"], row["count"], row["amount"]) for row in rows]


async def movements(queries: Queries, account: Id, after: datetime, until: datetime, limit: int) -> list[Movement]:
    """The first lines between two moments."""
    return [Movement(*row) for row in await queries.fetch(STATEMENTS.movements, account, after, until, limit)]


async def trades(
    queries: Queries, account: Id, after: datetime, until: datetime, limit: int, merchant: Id,
    payments: Sequence[int], refund: int,
) -> list[Trade]:  # fmt: skip
    """The first payments and refunds between two moments."""
    rows = await queries.fetch(STATEMENTS.trades, account, after, until, limit, merchant, payments, refund)
    return [Trade(*row) for row in rows]


async def fees(queries: Queries, account: Id, ids: Sequence[Id]) -> dict[Id, int]:
    """What the account paid by these transfers (below zero: got); those of others are left out."""
    return {row["id"]: row["fee"] for row in await queries.fetch(STATEMENTS.fees, account, ids)}
