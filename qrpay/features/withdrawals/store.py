"""The statements of withdrawals, typed."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from qrpay.database.pool import Queries
from qrpay.database.statements import Statements
from qrpay.features.withdrawals.model import Row
from qrpay.values import Id

STATEMENTS: Final = Statements.load(Path(__file__).with_name("store.sql"))


async def add(queries: Queries, row: Row) -> None:
    """Tell a withdrawal's story."""
    said = (row.id, row.customer, row.account, row.amount, row.currency, row.speed, row.to_masked, row.created_at,
            row.due_at)  # fmt: skip
    await queries.execute(STATEMENTS.add, *said)


async def by_ids(queries: Queries, ids: Sequence[Id]) -> dict[Id, Row]:
    """Withdrawals by id."""
    return {row["id"]: Row(**dict(row)) for row in await queries.fetch(STATEMENTS.by_ids, ids)}


async def latest(queries: Queries, customer: Id, limit: int) -> list[Row]:
    """A customer's withdrawals, newest first."""
    return [Row(**dict(row)) for row in await queries.fetch(STATEMENTS.latest, customer, limit)]


async def due(queries: Queries, now: datetime, since: datetime, limit: int) -> list[Row]:
    """Withdrawals that are to be sent."""
    return [Row(**dict(row)) for row in await queries.fetch(STATEMENTS.due, now, since, limit)]


async def sent(within: Queries, id_: Id) -> bool:
    """Whether it is now that it is sent."""
    return await within.fetchval(STATEMENTS.sent, id_) is not None


async def ended(within: Queries, ends: Sequence[tuple[Id, str, str | None]]) -> None:
    """How withdrawals ended."""
    await within.execute(STATEMENTS.ended, *([end[place] for end in ends] for place in range(3)))
