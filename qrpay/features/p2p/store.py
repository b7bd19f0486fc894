"""The statements of transfers between customers, typed."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from qrpay.database.pool import Queries
from qrpay.database.statements import Statements
from qrpay.features.p2p.model import Held, RequestRow, Row
from qrpay.values import Id

STATEMENTS: Final = Statements.load(Path(__file__).with_name("store.sql"))


async def add(queries: Queries, row: Row) -> None:
    """Tell the story of a transfer."""
    said = (row.id, row.sender, row.sender_account, row.receiver, row.receiver_account, row.amount, row.currency,
            row.note, row.to_hash, row.created_at)  # fmt: skip
    await queries.execute(STATEMENTS.add, *said)


async def by_ids(queries: Queries, ids: Sequence[Id]) -> dict[Id, Row]:
    """Stories by id."""
    return {row["id"]: Row(**dict(row)) for row in await queries.fetch(STATEMENTS.by_ids, ids)}


async def page(queries: Queries, customer: Id, before: datetime | None, before_id: Id | None, limit: int) -> list[Row]:
    """Stories of a customer, newest first."""
    return [Row(**dict(row)) for row in await queries.fetch(STATEMENTS.page, customer, before, before_id, limit)]


async def hold(queries: Queries, held: Held) -> None:
    """A transfer waits."""
    await queries.execute(STATEMENTS.hold, held.id, held.receiver, held.because, held.held_at, held.return_at)


async def held_of(queries: Queries, receiver: Id, limit: int) -> list[Held]:
    """What waits for a customer."""
    return [Held(**dict(row)) for row in await queries.fetch(STATEMENTS.held_of, receiver, limit)]


async def held_due(queries: Queries, now: datetime, limit: int) -> list[Held]:
    """What has waited too long."""
    return [Held(**dict(row)) for row in await queries.fetch(STATEMENTS.held_due, now, limit)]


async def end_hold(queries: Queries, id_: Id, at: datetime) -> None:
    """It waits no longer."""
    await queries.execute(STATEMENTS.end_hold, id_, at)


async def add_requests(queries: Queries, rows: Sequence[RequestRow]) -> None:
    """Keep requests of one asker that differ in their payers alone."""
    one = rows[0]
    await queries.execute(
        STATEMENTS.add_requests, [row.id for row in rows], one.split, one.asker, one.asker_account,
        [row.payer for row in rows], one.amount, one.currency, one.note, one.ask_hash, one.created_at, one.expires_at,
    )  # fmt: skip


async def requests(queries: Queries, ids: Sequence[Id]) -> dict[Id, RequestRow]:
    """Requests by id."""
    return {row["id"]: RequestRow(**dict(row)) for row in await queries.fetch(STATEMENTS.requests, ids)}


async def split(queries: Queries, split_: Id) -> list[RequestRow]:
    """The requests that a split became."""
    return [RequestRow(**dict(row)) for row in await queries.fetch(STATEMENTS.split, split_)]


async def request_page(
    queries: Queries, customer: Id, before: datetime | None, before_id: Id | None, limit: int
) -> list[RequestRow]:
    """Requests of a customer, newest first."""
    rows = await queries.fetch(STATEMENTS.request_page, customer, before, before_id, limit)
    return [RequestRow(**dict(row)) for row in rows]
