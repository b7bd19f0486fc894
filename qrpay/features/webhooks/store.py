"""The typed face of the statements on endpoints and deliveries."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from qrpay.database.pool import Database, Queries
from qrpay.database.statements import Statements
from qrpay.features.webhooks.model import DeliveryStatus, Due, Health, StoredDelivery, StoredEndpoint, Tried
from qrpay.values import Id

STATEMENTS: Final = Statements.load(Path(__file__).with_name("store.sql"))


async def register(database: Database, new: StoredEndpoint, limit: int) -> bool:
    """Register an endpoint; False when the merchant has `limit` already, or the id is taken."""
    async with database.transaction() as transaction:
        await transaction.execute(STATEMENTS.take_turns, new.merchant)
        made = await transaction.fetchval(
            STATEMENTS.register, new.id, new.merchant, new.url, list(new.events), new.secret, new.created_at, limit
        )
    return made is not None


async def endpoint(database: Database, merchant: Id, id: Id) -> StoredEndpoint | None:
    """One of a merchant's endpoints, removed ones too."""
    row = await database.fetchrow(STATEMENTS.endpoint, merchant, id)
    return None if row is None else StoredEndpoint(*row)


async def endpoints_of(database: Database, merchant: Id) -> Sequence[StoredEndpoint]:
    """A merchant's endpoints, oldest first."""
    return [StoredEndpoint(*row) for row in await database.fetch(STATEMENTS.endpoints_of, merchant)]


async def remove(database: Database, merchant: Id, id: Id) -> bool:
    """Remove an endpoint and give up what waits for it; False when there is none."""
    async with database.transaction() as transaction:
        removed = await transaction.fetchval(STATEMENTS.remove, merchant, id)
        if removed is not None:
            await transaction.execute(STATEMENTS.give_up, [removed])
    return removed is not None


async def somebody_listens(database: Database) -> bool:
    """Whether any endpoint is to be called at all."""
    return bool(await database.fetchval(STATEMENTS.somebody_listens))


async def enqueue(transaction: Queries, after: int, until: int, now: datetime) -> int:
    """Queue a span of the log for the endpoints that want it, and wake the sender; how many deliveries that makes."""
    queued = await transaction.fetchval(STATEMENTS.enqueue, after, until, now)
    if queued:
        await transaction.execute(STATEMENTS.wake_sender)
    return int(queued)


async def due(
    database: Database, now: datetime, *, each: int, limit: int, in_flight: Sequence[tuple[Id, int]]
) -> Sequence[Due]:
    """What may be sent now, `limit` in all, the longest due first.

    At most `each` of an endpoint are in flight then.
    """
    rows = await database.fetch(
        STATEMENTS.due, now, each, limit, [endpoint for endpoint, _ in in_flight], [seq for _, seq in in_flight]
    )
    return [Due(*row) for row in rows]


async def health(transaction: Queries, endpoints: Sequence[Id]) -> dict[Id, Health]:
    """How these endpoints have been."""
    rows = await transaction.fetch(STATEMENTS.health, endpoints)
    return {row["endpoint"]: Health(*row) for row in rows}


async def record(
    transaction: Queries, tried: Sequence[Tried], healths: Sequence[Health], back: Sequence[Id], now: datetime
) -> None:
    """Write what came of attempts, how the endpoints are, and let those that are `back` have everything at once."""
    # Endpoints first, as whoever removes one does: two that lock in one order never wait for each other.
    await transaction.execute(
        STATEMENTS.record_health,
        [row.endpoint for row in healths],
        [row.failures for row in healths],
        [row.failing_since for row in healths],
        [row.not_before for row in healths],
        [row.disabled for row in healths],
    )
    await transaction.execute(
        STATEMENTS.record,
        [row.endpoint for row in tried],
        [row.seq for row in tried],
        [row.status for row in tried],
        [row.attempts for row in tried],
        [row.next_try_at for row in tried],
        [row.at for row in tried],
        [row.attempt.status for row in tried],
        [row.attempt.error for row in tried],
        [row.attempt.ms for row in tried],
    )
    if back:
        await transaction.execute(STATEMENTS.hurry, back, now)
    if off := [row.endpoint for row in healths if row.disabled is not None]:
        await transaction.execute(STATEMENTS.give_up, off)


async def deliveries(
    database: Database, endpoint: Id, before: int | None, limit: int, status: DeliveryStatus | None
) -> Sequence[StoredDelivery]:
    """An endpoint's deliveries, newest first."""
    return [
        StoredDelivery(*row) for row in await database.fetch(STATEMENTS.deliveries, endpoint, before, limit, status)
    ]


async def delivery(database: Database, endpoint: Id, seq: int) -> StoredDelivery | None:
    """One delivery of an endpoint, by its event's number."""
    row = await database.fetchrow(STATEMENTS.delivery, endpoint, seq)
    return None if row is None else StoredDelivery(*row)


async def send_again(database: Database, endpoint: Id, seq: int, now: datetime) -> None:
    """Make a delivery due now, and wake the sender."""
    async with database.transaction() as transaction:
        await transaction.execute(STATEMENTS.send_again, endpoint, seq, now)
        await transaction.execute(STATEMENTS.wake_sender)
