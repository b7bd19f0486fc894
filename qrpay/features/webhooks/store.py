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
            STATEMENTS.register,
            new.id,
            new.merchant,
            new.url,
            list(new.events),
            new.secret,
            new.created_at,
            new.test,
            limit,
        )
    return made is not None


async def endpoint(database: Database, merchant: Id, id: Id) -> StoredEndpoint | None:
    """One of a merchant's endpoints, removed ones too."""
    row = await database.fetchrow(STATEMENTS.endpoint, merchant, id)
    return None if row is None else StoredEndpoint(*row)


async def endpoints_of(database: Database, merchant: Id) -> Sequence[StoredEndpoint]:
    """A merchant's endpoints, oldest first."""
    return [StoredEndpoint(*row) for row in await database.fetch(STATEMENTS.endpoints_of, merchant)]


async def change(database: Database, id: Id, url: str, events: Sequence[str]) -> None:
    """Give an endpoint another address or other events."""
    await database.execute(STATEMENTS.change, id, url, list(events))


async def pause(database: Database, id: Id) -> None:
    """Leave an endpoint alone; it keeps its place in the log."""
    await database.execute(STATEMENTS.pause, id)


async def resume(database: Database, id: Id, now: datetime) -> None:
    """Call an endpoint again; what waited for it is due now, what it missed is queued batch by batch."""
    async with database.transaction() as transaction:
        await transaction.execute(STATEMENTS.resume, id)
        await transaction.execute(STATEMENTS.begin_anew, id, now)
        await transaction.execute(STATEMENTS.wake_sender)


async def replay(database: Database, id: Id, after: int, now: datetime) -> None:
    """Have a test endpoint hear again what follows a number."""
    await database.execute(STATEMENTS.replay, id, after, now)


async def behind(database: Database) -> Sequence[Id]:
    """Endpoints that have something to catch up with."""
    return [row["id"] for row in await database.fetch(STATEMENTS.behind)]


async def catch_up(database: Database, id: Id, batch: int, now: datetime) -> int:
    """Queue the next of what an endpoint missed, so that at most `batch` wait; how many of its events were looked at.

    At the end the consumer stands still for a moment: from there on it queues for this endpoint too, without a gap.
    """
    async with database.transaction() as transaction:
        taken = await transaction.fetchrow(STATEMENTS.take_behind, id, batch)
        if taken is None or (room := batch - taken["waiting"]) <= 0:
            return 0
        looked, last = await _queue(transaction, id, taken["behind"], room, now)
        total = looked
        if looked < room:
            await transaction.execute(STATEMENTS.stop_consumer)
            looked, last = await _queue(transaction, id, last, room, now)
            total += looked
        await transaction.execute(STATEMENTS.heard_up_to, id, last if looked == room else None)
        await transaction.execute(STATEMENTS.wake_sender)
    return total


async def _queue(transaction: Queries, id: Id, after: int, limit: int, now: datetime) -> tuple[int, int]:
    row = await transaction.fetchrow(STATEMENTS.queue_missed, id, after, limit, now)
    assert row is not None
    return row["looked"], row["last"]


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
