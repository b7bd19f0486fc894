"""Events, who tells and who hears them, and jobs: what a feature declares for the background."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
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
    """Something that no transfer tells, for one receiver, as it is announced.

    id        a claim derived from what happened, so that announcing it twice tells it once
    type      `payment.confirm`, …
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


class Logged(Struct, frozen=True):
    """An event as the log holds it: a reference. `seq` rises in commit order and passes nothing still under way.

    transfer  what it tells of; None when it was announced, and then `data` holds its JSON
    """

    seq: int
    type: str
    receiver: Id
    about: Id
    transfer: Id | None
    created_at: datetime
    data: msgspec.Raw | None


class Event(Struct, frozen=True):
    """A logged event, told: with the id its receiver knows it by, and the JSON it reads under `data`."""

    seq: int
    id: Id
    type: str
    receiver: Id
    about: Id
    created_at: datetime
    data: msgspec.Raw


class Tail(Struct, frozen=True):
    """Posted transfers in the ledger's commit order, column by column: the log spends microseconds on each.

    abouts  what a marker (no money moves) is about; None for the others, whose accounts say whom it concerns
    """

    debits: Sequence[Id]
    credits: Sequence[Id]
    codes: Sequence[int]
    abouts: Sequence[Id | None]


Noted = tuple[int, str, Id]
"""An event to be logged: the transfer's place in its Tail, the event's type, its receiver."""


class EventSource(Struct, frozen=True):
    """Who is to hear of posted transfers, and what they are told.

    codes  transfers it looks at; `note` passes over all others of the tail
    types  types of event that it notes, and tells
    note   the events of a tail, in its order. It runs for every payment, so it reads what it remembers
    tell   the `data` of each of these events, given their transfers, when somebody reads it: only from what
           never changes after the transfer, so that it says the same whenever it is read
    """

    codes: frozenset[TransferCode]
    types: frozenset[str]
    note: "Callable[[Core, Tail], Awaitable[Sequence[Noted]]]"
    tell: "Callable[[Core, Sequence[Logged], Mapping[Id, Posted]], Awaitable[Sequence[msgspec.Raw]]]"


class Consumer(Struct, frozen=True):
    """Hears the log once, in order, in spans of numbers: every event after the first, up to and with the second.

    What it writes and its cursor commit together. Events it does not care for it need not read.

    listens  whether anybody cares at all now. While not, spans are passed over and the cursor follows a moment later,
             so after a crash some are heard again, for whoever listens by then
    """

    name: str
    hear: "Callable[[Core, Queries, int, int], Awaitable[None]]"
    listens: "Callable[[Core], Awaitable[bool]] | None" = None


class Job(Struct, frozen=True):
    """Does something by the clock, on the leader only. `run` answers how many things it did (more: runs again)."""

    name: str
    every_s: float
    run: "Callable[[Core], Awaitable[int]]"
