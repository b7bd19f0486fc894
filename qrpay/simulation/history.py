"""What happened: each call with when it was asked and answered, and what it could have posted."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final

from msgspec import Struct, field

from qrpay.ledger.counters import Counters
from qrpay.ledger.limits import Cap
from qrpay.ledger.model import Account, Entry, Outcome, Posted, Transfer
from qrpay.simulation.plan import Call, Plan
from qrpay.simulation.stage import People
from qrpay.values import Id, claim

NEVER_S: Final = float("inf")


class Answer(Struct, frozen=True):
    """What a call was told.

    word      `paid`, a ledger's result, a refusal's code; `lost`, `unavailable`, `overloaded` leave the outcome open
    figures   of the refusal
    outcomes  the ledger's own, one for each transfer asked for
    seen      what a read showed
    body      the answer as it would travel, for calls that must answer alike when repeated; without what was refunded
              since, which a repetition shows as it is by then
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
    began_at, ended_at  seconds of this machine's clock, which PostgreSQL's witness has too
    """

    call: Call
    began: int
    since: int
    claims: list[Transfer] = field(default_factory=list)
    ended: int = -1
    until: int = -1
    answer: Answer | None = None
    heard: bool = True
    began_at: float = 0.0
    ended_at: float = NEVER_S


class Kept(Struct, frozen=True):
    """A transfer as the database holds it, with the number of its transaction."""

    posted: Posted
    xid: int


class Change(Struct, frozen=True):
    """A change of an account's flags or limits, as the simulation's own trigger witnessed it under the row's lock.

    at       the newest time that the account had given to a transfer: it comes after that, and before all later ones
    made_at  seconds of this machine's clock
    limits   by day, year, balance, the classes A to D of codes, and inflow by day and year
    caps     the numbers of the caps that stood, the account's own and those of its class
    """

    number: int
    account: Id
    at: datetime
    made_at: float
    flags: int
    limits: tuple[int | None, ...]
    limits_until: date | None
    caps: tuple[int, ...]

    @property
    def id(self) -> Id:
        """What it is known by, among transfers."""
        return claim("change", self.account, self.number)


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


class Settled(Struct, frozen=True):
    """A settlement as it is kept; minor units."""

    id: Id
    account: Id
    number: int
    business_date: date
    from_at: datetime
    to_at: datetime
    movement: int
    opening: int
    planned: int
    amount: int | None
    closing: int | None


class Books(Struct):
    """What the database holds when everything has come to rest.

    opening    the accounts before the first call
    transfers  what was posted since, by timestamp
    broken     invariants that did not hold at some moment, with the number of rows
    changes    of flags and limits, in the order of each account
    statements of all accounts, newest first, read in pages; balances: of accounts at moments
    """

    opening: dict[Id, Account]
    accounts: dict[Id, Account]
    transfers: Sequence[Kept]
    events: Sequence[Event]
    broken: dict[str, int]
    owners: dict[Id, Id]  # ledger account to merchant or customer
    orders: Sequence[Order]
    changes: Sequence[Change]
    caps: Sequence[Cap]
    statements: dict[Id, Sequence[Entry]]
    balances: Sequence[tuple[Id, datetime, Counters | None]]
    settlements: Sequence[Settled] = ()


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
