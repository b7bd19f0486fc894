"""Routes: a merchant's events by polling, a wallet's as a stream of server-sent events."""

import asyncio
from typing import TYPE_CHECKING, Final

from aiohttp import web

from qrpay.database.errors import DatabaseAway
from qrpay.features.events import service
from qrpay.features.events.model import LATEST, PREFIX, EventBody, EventQuery, body_of, sse
from qrpay.problem import FieldError, invalid_field, malformed_request
from qrpay.values import Id, Page, id_text
from qrpay.web.callers import Merchant, Wallet
from qrpay.web.routes import NOTHING, Call, Routes

if TYPE_CHECKING:
    from qrpay.background.model import Event
    from qrpay.hub import Subscription

HEARTBEAT_S: Final = 15.0
RETRY_MS: Final = 2_000
WRITE_S: Final = 30.0
"""A client that takes nothing for this long is cut off; it resumes with Last-Event-ID."""
HEADERS: Final = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",
    "X-Content-Type-Options": "nosniff",
}

routes: Final = Routes("Events")


@routes.get("/v1/events", caller=Merchant, act="books", query=EventQuery, returns=Page[EventBody])
async def list_events(call: Call, ask: EventQuery) -> Page[EventBody]:
    """Read your events in commit order, for whoever cannot be called back.

    Go on with the last event's id as `after`; with `wait` the answer comes as soon as there is one. `after=latest` says
    where to begin for what comes from now on.
    """
    receiver = call.merchant.id
    if ask.after is not None and ask.cursor is not None:
        raise invalid_field(errors=[FieldError("cursor", "Give `after` or `cursor`, not both.")])
    text = ask.after or ask.cursor
    if text == LATEST:
        latest = await service.latest(call.core, receiver)
        return Page([], None if latest is None else id_text(PREFIX, latest[1]))
    after = 0 if text is None else await service.place(call.core, receiver, text)
    if after is None:
        name = "after" if ask.after is not None else "cursor"
        raise invalid_field(errors=[FieldError(name, "This is no event of yours.")])
    events = await service.poll(call.core, receiver, after, ask.limit, ask.wait)
    more = id_text(PREFIX, events[-1].id) if len(events) == ask.limit else None
    return Page([body_of(event) for event in events], more)


@routes.get(
    "/v1/events/stream", caller=Wallet, stream=True, media_type="text/event-stream", problems=[malformed_request]
)
async def stream_events(call: Call, ask: object) -> web.StreamResponse:
    """Hear your events as they happen (server-sent events).

    `Last-Event-ID` resumes after that event; without it the stream begins now. A comment comes every 15 s.
    """
    assert ask is NOTHING
    request, receiver = call.request, call.wallet.id
    with call.core.hub.subscribe(receiver) as subscription:
        text = request.headers.get("Last-Event-ID")
        after = None if not text else await service.place(call.core, receiver, text)
        if text and after is None:
            raise malformed_request(errors=[FieldError("Last-Event-ID", "This is no event of yours.")])
        response = web.StreamResponse(headers=HEADERS)
        await response.prepare(request)
        try:
            after = await _begin(call, response, after)
            until = call.wallet.expires_at - call.core.clock().timestamp()
            async with asyncio.timeout(until):
                await _follow(response, subscription, after)
            await response.write_eof()
        except (ConnectionError, TimeoutError, DatabaseAway):
            # It went, took nothing for too long, its token ran out, or the log is away: it comes back by itself.
            return response
    return response


async def _begin(call: Call, response: web.StreamResponse, after: int | None) -> int:
    """Send what was missed; the number from which the live part goes on."""
    receiver: Id = call.wallet.id
    if after is None:
        # Without `data` nothing is dispatched, yet a client that is cut off before its first event can resume.
        latest = await service.latest(call.core, receiver)
        seq, id_ = latest or (0, None)
        start = f"id: {id_text(PREFIX, id_)}\n" if id_ else ""
        await _write(response, f"{start}retry: {RETRY_MS}\n\n".encode())
        return seq
    await _write(response, f"retry: {RETRY_MS}\n\n".encode())
    async for events in service.missed(call.core, receiver, after):
        await _write(response, b"".join(map(sse, events)))
        after = events[-1].seq
    return after


async def _follow(response: web.StreamResponse, subscription: "Subscription[Event]", after: int) -> None:
    """Send live events until the subscription ends: the client fell behind, or we stop."""
    while True:
        try:
            async with asyncio.timeout(HEARTBEAT_S):
                event = await subscription.queue.get()
        except TimeoutError:
            await _write(response, b": \n\n")
            continue
        if event is None:
            return
        if event.seq > after:  # the log may have told it already
            await _write(response, sse(event))


async def _write(response: web.StreamResponse, data: bytes) -> None:
    async with asyncio.timeout(WRITE_S):
        await response.write(data)
