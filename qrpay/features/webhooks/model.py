"""Endpoints and deliveries, as merchants read them and as the sender works on them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from qrpay.features.events.model import EventId
from qrpay.values import Id

ENDPOINT = "whe_"
EVERYTHING = "*"

Url = Annotated[str, Meta(min_length=1, max_length=2048, description="https, public, port 443 or 8443.")]
EventType = Annotated[str, Meta(pattern=r"^(\*|[a-z_]{1,40}\.[a-z_]{1,40})\Z", description="`order.paid`, or `*`.")]
EndpointStatus = Literal["enabled", "paused", "disabled", "removed"]
DeliveryStatus = Literal["waiting", "delivered", "given_up"]


EventTypes = Annotated[tuple[EventType, ...], Meta(min_length=1, max_length=32)]


class NewEndpoint(Struct, frozen=True, forbid_unknown_fields=True):
    """Where a merchant wants to be called, and of what: some types of event, or `*` for all.

    test  it may be replayed to, which a live endpoint never is: an event that was acted on stays acted on
    """

    url: Url
    events: EventTypes = (EVERYTHING,)
    test: bool = False


class EndpointChange(Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be different about an endpoint; what is left out stays. Deliveries that wait already stay too."""

    url: Url | UnsetType = UNSET
    events: EventTypes | UnsetType = UNSET


class Replay(Struct, frozen=True, forbid_unknown_fields=True):
    """From where a test endpoint is to hear its events again: after this one; left out: from the first."""

    after: EventId | None = None


class Endpoint(Struct, frozen=True):
    """An endpoint.

    status       `paused`: nothing is sent, and it keeps its place; `disabled`: we stopped, `reason` says why
    catching_up  it gets what it missed, or what is replayed, batch by batch; what is new follows behind that
    secret       there once, in the answer that made it
    """

    id: str
    url: str
    events: Sequence[str]
    status: EndpointStatus
    reason: str | None
    test: bool
    catching_up: bool
    created_at: str
    secret: str | UnsetType = UNSET


class DeliveryQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Which deliveries are asked for, newest first."""

    cursor: EventId | None = None
    limit: Annotated[int, Meta(ge=1, le=100)] = 20
    status: DeliveryStatus | None = None


class LastAttempt(Struct, frozen=True):
    """How the latest attempt went: the receiver's status, or what was in the way."""

    at: str
    http_status: int | None
    error: str | None
    duration_ms: int


class Delivery(Struct, frozen=True):
    """One event on its way to one endpoint. It bears the event's id."""

    id: str
    type: str
    status: DeliveryStatus
    attempts: int
    created_at: str
    next_try_at: str | None
    last_attempt: LastAttempt | None


# In the house --------------------------------------------------------------------------------------------------


class StoredEndpoint(Struct, frozen=True):
    """An endpoint's row; its secret is sealed. `behind`: it has not been told all that the log holds for it."""

    id: Id
    merchant: Id
    url: str
    events: Sequence[str]
    secret: bytes
    status: EndpointStatus
    reason: str | None
    created_at: datetime
    test: bool = False
    behind: bool = False


class StoredDelivery(Struct, frozen=True):
    """A delivery's row, with what the event was."""

    seq: int
    type: str
    status: DeliveryStatus
    attempts: int
    created_at: datetime
    next_try_at: datetime
    last_at: datetime | None
    last_status: int | None
    last_error: str | None
    last_ms: int | None


class Due(Struct, frozen=True):
    """A delivery that may be sent now: where, and how it has gone so far. Its event is told beside it."""

    endpoint: Id
    seq: int
    attempts: int
    since: datetime
    next_try_at: datetime
    url: str
    secret: bytes
    failures: int


class Attempt(Struct, frozen=True):
    """What came of sending once: a status, or an error, and how long the receiver took."""

    status: int | None
    error: str | None
    ms: int
    retry_after_s: float | None = None

    @property
    def delivered(self) -> bool:
        """Whether the receiver took it: any 2xx."""
        return self.status is not None and 200 <= self.status < 300


class Health(Struct, frozen=True):
    """How an endpoint has been lately: failures in a row, since when, and until when it is left alone."""

    endpoint: Id
    failures: int
    failing_since: datetime | None
    not_before: datetime
    disabled: str | None = None  # why it is switched off from now on


class Tried(Struct, frozen=True):
    """A delivery after an attempt."""

    endpoint: Id
    seq: int
    status: DeliveryStatus
    attempts: int
    next_try_at: datetime
    at: datetime
    attempt: Attempt
