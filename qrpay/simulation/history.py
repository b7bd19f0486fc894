"""What happened: each call with when it was asked and answered, and what it could have posted."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct, field

from qrpay.ledger.model import Account, Outcome, Posted, Transfer
from qrpay.simulation.plan import Call, Plan
from qrpay.simulation.stage import People
from qrpay.values import Id


class Answer(Struct, frozen=True):
    """What a call was told.

    word      `paid`, a ledger's result, a refusal's code; `lost`, `unavailable`, `overloaded` leave the outcome open
    figures   of the refusal
    outcomes  the ledger's own, one for each transfer asked for
    seen      what a read showed
    body      the answer as it would travel, for calls that must answer alike when repeated
    """

    word: str
    figures: dict[str, Any] = field(default_factory=dict)
    outcomes: Sequence[Outcome] = ()
    seen: Any = None
    body: bytes = b""

    @property
    def open(self) -> bool:
        """Whether the caller does not know what became of it."""
        return self.word in ("lost", "unavailable", "overloaded", "not_asked")


class Asked(Struct):
    """One arrival of a call at a worker.

    began, ended      moments in the one order of all beginnings and ends that the clients saw
    since, until      places of the clock's readings
    claims            what it asked of the ledger itself, in this order
    heard             whether the answer reached the client
    """

    call: Call
    began: int
    since: int
    claims: list[Transfer] = field(default_factory=list)
    ended: int = -1
    until: int = -1
    answer: Answer | None = None
    heard: bool = True


class Kept(Struct, frozen=True):
    """A transfer as the database holds it, with the number of its transaction."""

    posted: Posted
    xid: int


class Event(Struct, frozen=True):
    """A line of the event log."""

    seq: int
    type: str
    receiver: Id
    transfer: Id | None


class Order(Struct, frozen=True):
    """An order as it is kept."""

    id: Id
    merchant: Id
    reference: str
    amount: int | None
    payment_code: Id | None
    expires_at: datetime


class Books(Struct):
    """What the database holds when everything has come to rest.

    opening    the accounts before the first call
    transfers  what was posted since, by timestamp
    broken     invariants that did not hold at some moment, with the number of rows
    """

    opening: dict[Id, Account]
    accounts: dict[Id, Account]
    transfers: Sequence[Kept]
    events: Sequence[Event]
    broken: dict[str, int]
    owners: dict[Id, Id]  # ledger account to merchant or customer
    orders: Sequence[Order]


class History(Struct):
    """A plan, and what came of it."""

    plan: Plan
    people: People
    code_ends: dict[int, datetime]
    readings: list[datetime]
    asked: list[Asked]
    books: Books
    injected: dict[str, int]
    bitten: dict[str, int]
    real_s: float
    looks: int
    crashes: list[str]
