"""The rules of webhooks: who may be called, what is signed, when it is tried again, when we stop."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from msgspec import UNSET, Struct, UnsetType

from qrpay.background import metrics
from qrpay.background.jobs import jittered
from qrpay.background.model import Event
from qrpay.background.store import events_at
from qrpay.background.telling import event_id, told
from qrpay.features.events import service as events
from qrpay.features.events.model import PREFIX, body_of
from qrpay.features.webhooks import store
from qrpay.features.webhooks.address import Gate
from qrpay.features.webhooks.model import (
    ENDPOINT,
    Attempt,
    Delivery,
    DeliveryQuery,
    Due,
    Endpoint,
    EndpointChange,
    Health,
    LastAttempt,
    NewEndpoint,
    Replay,
    StoredDelivery,
    StoredEndpoint,
    Tried,
)
from qrpay.features.webhooks.problems import (
    webhook_endpoint_disabled,
    webhook_endpoint_live,
    webhook_endpoint_paused,
    webhook_endpoints_full,
    webhook_url_refused,
)
from qrpay.features.webhooks.signature import new_secret, secret_text, signatures
from qrpay.problem import FieldError, idempotency_key_reused, invalid_field, not_found
from qrpay.values import Id, Page, claim, encode, id_from_text, id_text, new_id, rfc3339

if TYPE_CHECKING:
    from qrpay.core import Core

ENDPOINTS_MAX: Final = 16
CATCH_UP_MAX: Final = 200
"""Deliveries that may wait for an endpoint while it catches up: more are queued as these are taken."""
PURPOSE: Final = "webhook secret"
GONE: Final = 410
SLOW_DOWN: Final = frozenset({429, 502, 503, 504})


class Patience(Struct, frozen=True):
    """How long we wait before trying again, in seconds.

    retries_s   after the first, second, … failure of a delivery; the last holds for all further ones
    slow_s      an endpoint that asks us to slow down is left alone for at least this long
    down_after  failures in a row after which an endpoint counts as down: one attempt at a time, with pauses between
    pause_s     the first such pause; each is twice as long as the one before, up to pause_max_s
    """

    retries_s: Sequence[float] = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
    slow_s: float = 5
    down_after: int = 3
    pause_s: float = 5
    pause_max_s: float = 300


# Endpoints -----------------------------------------------------------------------------------------------------


async def register(core: "Core", gate: Gate, merchant: Id, ask: NewEndpoint, key: str | None) -> tuple[Endpoint, bool]:
    """Register an endpoint; whether it is a first answer given again, for the same Idempotency-Key.

    Refuses with `webhook_url_refused`, `webhook_endpoints_full`, `idempotency_key_reused`.
    """
    if defect := await gate.defect(ask.url):
        raise webhook_url_refused(reason=defect, errors=[FieldError("/url", defect)])
    id_ = new_id() if key is None else claim("webhook endpoint", merchant, key)
    secret = new_secret()
    sealed = core.vault.seal(PURPOSE, secret)
    new = StoredEndpoint(id_, merchant, ask.url, ask.events, sealed, "enabled", None, core.clock(), ask.test)
    if await store.register(core.database, new, ENDPOINTS_MAX):
        return shown(new, secret_text(secret)), False
    first = await store.endpoint(core.database, merchant, id_)
    if first is None:
        raise webhook_endpoints_full(limit=ENDPOINTS_MAX)
    _must_be_the_same(first, ask)
    return shown(first, secret_text(core.vault.unseal(PURPOSE, first.secret))), True


def _must_be_the_same(first: StoredEndpoint, ask: NewEndpoint) -> None:
    pairs = (
        ("/url", first.url, ask.url),
        ("/events", list(first.events), list(ask.events)),
        ("/test", first.test, ask.test),
    )
    if errors := [FieldError(at, f"First: {then}. Now: {now}.") for at, then, now in pairs if then != now]:
        raise idempotency_key_reused(errors=errors)


async def endpoints_of(core: "Core", merchant: Id) -> Sequence[Endpoint]:
    """All of a merchant's endpoints; there are at most ENDPOINTS_MAX."""
    return [shown(row) for row in await store.endpoints_of(core.database, merchant)]


async def endpoint(core: "Core", merchant: Id, text: str) -> StoredEndpoint:
    """The endpoint behind `whe_…`; `not_found` when it is unknown, removed, or somebody else's."""
    id_ = id_from_text(ENDPOINT, text)
    found = await store.endpoint(core.database, merchant, id_) if id_ else None
    if found is None or found.status == "removed":
        raise not_found()
    return found


async def remove(core: "Core", merchant: Id, text: str) -> None:
    """Remove an endpoint; nothing is sent there any more."""
    found = await endpoint(core, merchant, text)
    await store.remove(core.database, merchant, found.id)


async def change(core: "Core", gate: Gate, merchant: Id, text: str, ask: EndpointChange) -> Endpoint:
    """Give an endpoint other events or another address. Refuses with `not_found`, `webhook_url_refused`."""
    found = await endpoint(core, merchant, text)
    url = found.url if isinstance(ask.url, UnsetType) else ask.url
    events = found.events if isinstance(ask.events, UnsetType) else ask.events
    if url != found.url and (defect := await gate.defect(url)):
        raise webhook_url_refused(reason=defect, errors=[FieldError("/url", defect)])
    await store.change(core.database, found.id, url, events)
    return shown(await endpoint(core, merchant, text))


async def pause(core: "Core", merchant: Id, text: str) -> Endpoint:
    """Send an endpoint nothing until it is resumed; it keeps its place in the log. Safe to repeat.

    What is on its way this moment may still arrive. Refuses with `not_found`, `webhook_endpoint_disabled`.
    """
    found = await endpoint(core, merchant, text)
    if found.status == "disabled":
        raise webhook_endpoint_disabled(reason=found.reason)
    await store.pause(core.database, found.id)
    return shown(await endpoint(core, merchant, text))


async def resume(core: "Core", merchant: Id, text: str) -> Endpoint:
    """Call an endpoint again, paused or switched off, from where it stood. Safe to repeat. Refuses with `not_found`."""
    found = await endpoint(core, merchant, text)
    if found.status != "enabled":
        await store.resume(core.database, found.id, core.clock())
    return shown(await endpoint(core, merchant, text))


async def replay(core: "Core", merchant: Id, text: str, ask: Replay) -> Endpoint:
    """Have a test endpoint hear its events again, after one of them or from the first.

    Refuses with `not_found`, `webhook_endpoint_live`, `webhook_endpoint_disabled`, and an event of somebody else.
    """
    found = await endpoint(core, merchant, text)
    if not found.test:
        raise webhook_endpoint_live()
    if found.status == "disabled":
        raise webhook_endpoint_disabled(reason=found.reason)
    after = 0 if ask.after is None else await events.place(core, merchant, ask.after)
    if after is None:
        raise invalid_field(errors=[FieldError("/after", "This is no event of yours.")])
    await store.replay(core.database, found.id, after, core.clock())
    return shown(await endpoint(core, merchant, text))


async def catch_up(core: "Core") -> int:
    """Queue the next batch for each endpoint that missed something; how many events were looked at in all."""
    return sum(
        [
            await store.catch_up(core.database, id_, CATCH_UP_MAX, core.clock())
            for id_ in await store.behind(core.database)
        ]
    )


def shown(row: StoredEndpoint, secret: str | UnsetType = UNSET) -> Endpoint:
    """The endpoint as its merchant reads it."""
    return Endpoint(
        id_text(ENDPOINT, row.id), row.url, row.events, row.status, row.reason, row.test,
        row.behind and row.status == "enabled", rfc3339(row.created_at), secret,
    )  # fmt: skip


# Deliveries ----------------------------------------------------------------------------------------------------


async def deliveries(core: "Core", merchant: Id, endpoint_text: str, ask: DeliveryQuery) -> Page[Delivery]:
    """An endpoint's deliveries, newest first."""
    at = await endpoint(core, merchant, endpoint_text)
    before = None
    if ask.cursor is not None:
        found = await _delivery(core, at, ask.cursor)
        if found is None:
            raise invalid_field(errors=[FieldError("cursor", "This is no delivery of this endpoint.")])
        before = found.seq
    rows = await store.deliveries(core.database, at.id, before, ask.limit, ask.status)
    shown = [delivery_shown(core, merchant, row) for row in rows]
    return Page(shown, shown[-1].id if len(rows) == ask.limit else None)


async def resend(core: "Core", merchant: Id, endpoint_text: str, delivery_text: str) -> Delivery:
    """Send a delivery again, whatever became of it; later ones of the same thing wait for it once more."""
    at = await endpoint(core, merchant, endpoint_text)
    found = await _delivery(core, at, delivery_text)
    if found is None:
        raise not_found()
    if at.status == "disabled":
        raise webhook_endpoint_disabled(reason=at.reason)
    if at.status == "paused":
        raise webhook_endpoint_paused()
    await store.send_again(core.database, at.id, found.seq, core.clock())
    again = await store.delivery(core.database, at.id, found.seq)
    assert again is not None
    return delivery_shown(core, merchant, again)


async def _delivery(core: "Core", at: StoredEndpoint, text: str) -> StoredDelivery | None:
    """The endpoint's delivery of the event `evt_…`."""
    seq = await events.place(core, at.merchant, text)
    return None if seq is None else await store.delivery(core.database, at.id, seq)


def delivery_shown(core: "Core", merchant: Id, row: StoredDelivery) -> Delivery:
    """The delivery as its merchant reads it."""
    last = None
    if row.last_at is not None and row.last_ms is not None:
        last = LastAttempt(rfc3339(row.last_at), row.last_status, row.last_error, row.last_ms)
    next_try_at = rfc3339(row.next_try_at) if row.status == "waiting" else None
    id_ = id_text(PREFIX, event_id(core.vault, merchant, row.seq, row.created_at))
    return Delivery(id_, row.type, row.status, row.attempts, rfc3339(row.created_at), next_try_at, last)


# Sending -------------------------------------------------------------------------------------------------------


async def due(
    core: "Core", *, each: int, limit: int, in_flight: Sequence[tuple[Id, int]]
) -> Sequence[tuple[Due, Event]]:
    """What may be sent now, each with its event, told; `each` an endpoint at most with what is in flight.

    How late the oldest is, is measured.
    """
    now = core.clock()
    ready = await store.due(core.database, now, each=each, limit=limit, in_flight=in_flight)
    metrics.webhook_lag_s.set((now - ready[0].next_try_at).total_seconds() if ready else 0)
    if not ready:
        return ()
    logged = await events_at(core.database, list({due.seq for due in ready}))
    event_at = {event.seq: event for event in await told(core, logged)}
    return [(due, event_at[due.seq]) for due in ready]


def message(core: "Core", ready: Due, event: Event) -> tuple[dict[str, str], bytes]:
    """The headers and the body of one attempt, signed now."""
    now, id_ = core.clock(), id_text(PREFIX, event.id)
    body = encode(body_of(event))
    secret, timestamp = core.vault.unseal(PURPOSE, ready.secret), int(now.timestamp())
    signed = signatures(secret, core.keyring.signer("webhook", now), id_, timestamp, body)
    return {"webhook-id": id_, "webhook-timestamp": str(timestamp), "webhook-signature": signed}, body


async def record(core: "Core", results: Sequence[tuple[Due, Attempt]], patience: Patience) -> Sequence[Health]:
    """Write what came of attempts, and how their endpoints are now."""
    now, give_up = core.clock(), timedelta(days=core.settings.webhook_days)
    by_endpoint: defaultdict[Id, list[Attempt]] = defaultdict(list)
    for due, attempt in results:
        by_endpoint[due.endpoint].append(attempt)
    async with core.database.transaction() as transaction:
        before = await store.health(transaction, list(by_endpoint))
        after = [health_after(before[id_], attempts, now, give_up, patience) for id_, attempts in by_endpoint.items()]
        back = [
            row.endpoint for row in after if row.failures == 0 and before[row.endpoint].failures >= patience.down_after
        ]
        tried = [after_attempt(due, attempt, now, give_up, patience) for due, attempt in results]
        await store.record(transaction, tried, after, back, now)
    return after


def after_attempt(due: Due, attempt: Attempt, now: datetime, give_up: timedelta, patience: Patience) -> Tried:
    """The delivery after this attempt: delivered, given up, or when it is tried again."""
    attempts, end = due.attempts + 1, due.since + give_up
    if attempt.delivered:
        return Tried(due.endpoint, due.seq, "delivered", attempts, now, now, attempt)
    if attempt.status == GONE or now >= end:
        return Tried(due.endpoint, due.seq, "given_up", attempts, now, now, attempt)
    pause = jittered(patience.retries_s[min(attempts, len(patience.retries_s)) - 1])
    pause = max(pause, attempt.retry_after_s or 0)
    return Tried(due.endpoint, due.seq, "waiting", attempts, min(now + timedelta(seconds=pause), end), now, attempt)


def health_after(
    before: Health, attempts: Sequence[Attempt], now: datetime, give_up: timedelta, patience: Patience
) -> Health:
    """The endpoint after these attempts, in the order they ended."""
    failures, since, not_before = before.failures, before.failing_since, before.not_before
    for attempt in attempts:
        if attempt.status == GONE:
            return Health(before.endpoint, failures + 1, since or now, now, "The receiver answered 410 Gone.")
        if attempt.delivered:
            failures, since, not_before = 0, None, now
            continue
        if failures >= patience.down_after and now < not_before:
            continue  # it was under way when the pause began: sixteen failures of one moment are one
        failures, since = failures + 1, since or now
        pause = 0.0
        if attempt.status in SLOW_DOWN:
            pause = max(attempt.retry_after_s or 0, jittered(patience.slow_s))
        if failures >= patience.down_after:
            doubled = patience.pause_s * 2 ** min(failures - patience.down_after, 30)
            pause = max(pause, jittered(min(doubled, patience.pause_max_s)))
        not_before = max(not_before, now + timedelta(seconds=pause))
    if since is not None and now - since >= give_up:
        days = give_up.days
        return Health(before.endpoint, failures, since, now, f"It has taken nothing for {days} days.")
    return Health(before.endpoint, failures, since, not_before)
