"""The statements of collect codes, typed."""

from datetime import datetime
from pathlib import Path
from typing import Final

from qrpay.database.pool import Queries
from qrpay.database.statements import Statements
from qrpay.features.collect_codes.model import CollectCodeRow
from qrpay.values import Id

STATEMENTS: Final = Statements.load(Path(__file__).with_name("store.sql"))


async def insert(queries: Queries, row: CollectCodeRow) -> None:
    """Keep a new code."""
    said = row.id, row.customer, row.account, row.currency, row.amount, row.note, row.created_at, row.expires_at
    await queries.execute(STATEMENTS.insert, *said)


async def by_id(queries: Queries, id_: Id) -> CollectCodeRow | None:
    """A code."""
    row = await queries.fetchrow(STATEMENTS.by_id, id_)
    return CollectCodeRow(**dict(row)) if row else None


async def forget(queries: Queries, before: datetime) -> None:
    """Forget those that ran out before a moment."""
    await queries.execute(STATEMENTS.forget, before)
