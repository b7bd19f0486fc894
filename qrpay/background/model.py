"""Events, who builds and who hears them, and jobs: what a feature declares for the background."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from qrpay.ledger.chart import TransferCode
from qrpay.ledger.model import Posted
from qrpay.values import Id

if TYPE_CHECKING:
    from qrpay.core import Core
    from qrpay.database.pool import Queries


class NewEvent(Struct, frozen=True):
    """Something that happened, for one receiver.

    id        a claim derived from what happened, so that building it twice makes it once
    type      `order.paid`, `payment.confirm`, …
    receiver  the merchant or customer whose log it enters
    about     the order (or other thing) it is about; order is kept per thing
    data      JSON as the receiver reads it, under `data`
    """

    id: Id
    type: str
    receiver: Id
    about: Id
    created_at: datetime
    data: msgspec.Raw


class Event(Struct, frozen=True):
    """A NewEvent in the log: `seq` rises in commit order without passing one that is still under way."""

    seq: int
    id: Id
    type: str
    receiver: Id
    about: Id
    created_at: datetime
    data: msgspec.Raw


class EventSource(Struct, frozen=True):
    """Builds events from posted transfers of these codes, a batch at a time, in the ledger's commit order."""

    codes: frozenset[TransferCode]
    build: "Callable[[Core, Sequence[Posted]], Awaitable[Sequence[NewEvent]]]"


class Consumer(Struct, frozen=True):
    """Hears every event once, in order, in batches; what it writes and its cursor commit together."""

    name: str
    hear: "Callable[[Core, Queries, Sequence[Event]], Awaitable[None]]"


class Job(Struct, frozen=True):
    """Does something by the clock, on the leader only. `run` answers how many things it did (more: runs again)."""

    name: str
    every_s: float
    run: "Callable[[Core], Awaitable[int]]"
