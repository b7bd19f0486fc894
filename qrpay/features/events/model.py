"""An event as its receiver reads it, whichever door it comes through."""

from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta, Struct

from qrpay.values import encode, id_text, rfc3339

if TYPE_CHECKING:
    from qrpay.background.model import Event

PREFIX = "evt_"
LATEST = "latest"
EventId = Annotated[str, Meta(max_length=64, description="An event's id, `evt_…`.")]


class EventBody(Struct, frozen=True):
    """What happened: polling, the stream and webhooks all say it in these words."""

    id: str
    type: str
    created_at: str
    data: msgspec.Raw


class EventQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Which events are asked for.

    after   the last event one has; left out: from the first. `cursor` means the same. `latest`: none is answered, and
            `next_cursor` is the latest event's id (null when there is none), from which to go on
    limit   at most so many
    wait    seconds to wait for the next event when there is none yet
    """

    after: EventId | None = None
    cursor: EventId | None = None
    limit: Annotated[int, Meta(ge=1, le=100)] = 20
    wait: Annotated[float, Meta(ge=0, le=60)] = 0


def body_of(event: "Event") -> EventBody:
    """The event as its receiver reads it."""
    return EventBody(id_text(PREFIX, event.id), event.type, rfc3339(event.created_at), event.data)


def sse(event: "Event") -> bytes:
    """The event as one server-sent message (WHATWG HTML 9.2): `data` is the same body, on one line."""
    body = body_of(event)
    # JSON has no raw line break, and a feature's `data` is written by our own encoder, without blanks.
    return f"id: {body.id}\nevent: {body.type}\ndata: ".encode() + encode(body) + b"\n\n"
