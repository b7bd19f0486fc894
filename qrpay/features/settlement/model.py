"""Settlements and their terms, as they travel and as they are kept."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from qrpay.values import CurrencyCode, Id

PREFIX = "set_"

Cycle = Literal["T+0", "T+1", "D+1"]
Status = Literal["pending", "paid", "carried", "rejected", "returned"]
StoredStatus = Literal["planned", "pending", "paid", "carried", "rejected", "returned"]
Direction = Literal["credit", "debit"]
Minor = Annotated[int, Meta(ge=0, le=10**15)]


class PayoutAccount(Struct, frozen=True):
    """Where a merchant is paid out: the holder's name, the account's number, the bank's CNAPS number."""

    name: Annotated[str, Meta(min_length=1, max_length=70)]
    account: Annotated[str, Meta(pattern=r"^[A-Za-z0-9\-]{4,34}\Z")]
    bank: Annotated[str, Meta(pattern=r"^[A-Z0-9]{8,14}\Z")]


class Terms(Struct, frozen=True):
    """How a merchant is settled; amounts in minor units.

    cycle         T+0 the same day, T+1 the next workday, D+1 the next calendar day
    minimum       less than this is carried to the next settlement
    reserve       always kept back
    reserve_bp    of what was paid to it in the last `reserve_days` days this share is kept back, in 0.01 %
    hold          why nothing is paid out; None: it is
    payout        where to; None: nowhere yet, so all is carried
    """

    cycle: Cycle = "T+1"
    minimum: Annotated[int, Meta(ge=1, le=10**15)] = 1
    reserve: Minor = 0
    reserve_bp: Annotated[int, Meta(ge=0, le=10_000)] = 0
    reserve_days: Annotated[int, Meta(ge=0, le=366)] = 0
    hold: str | None = None
    payout: PayoutAccount | None = None


class Line(Struct, frozen=True):
    """All entries of one kind and direction that a settlement covers; `amount` is never negative."""

    kind: str
    direction: Direction
    count: int
    amount: int


class PayoutView(Struct, frozen=True):
    """Where the money goes; of the account's number only the last four characters."""

    name: str
    account: str
    bank: str


class Settlement(Struct, frozen=True):
    """One settlement of a merchant, minor units.

    period    its entries were recorded after `from` (null: from the beginning), up to and with `to`
    opening   carried from the settlement before; below zero, what the merchant owes
    movement  what its entries come to; `lines` say the same by kind
    reserved  kept back of it by agreement
    amount    paid out; opening + movement - amount = closing, which the next one carries
    status    `pending` until the bank's proof; `carried`: nothing was paid out, `reason` says why; `rejected` and
              `returned`: the bank refused it, or sent it back, and the money stands in the merchant's balance again
    """

    id: str
    status: Status
    currency: CurrencyCode
    business_date: date
    cycle: Cycle
    period: "Period"
    transfers: int
    opening: int
    movement: int
    lines: Sequence[Line]
    reserved: int
    amount: int
    closing: int
    reason: str | None
    payout: PayoutView | None
    created_at: str
    paid_at: str | None


class Period(Struct, frozen=True, rename={"from_": "from"}):
    """From after one moment up to another, RFC 3339 with microseconds: the ledger's own times."""

    from_: str | None
    to: str


class SettledTransfer(Struct, frozen=True):
    """A transfer that a settlement covers.

    effect  what it adds to the settlement's movement, minor units; 0 for the payouts themselves
    about   the order (`ord_…`) it belongs to, or the id of another thing
    """

    id: str
    kind: str
    direction: Direction
    amount: int
    effect: int
    about: str
    reference: str
    at: str


class SettlementsQuery(Struct, frozen=True, forbid_unknown_fields=True, rename={"from_": "from"}):
    """Which settlements, newest business date first; `from` and `to` are business dates, both included."""

    status: Status | None = None
    from_: date | None = None
    to: date | None = None
    limit: Annotated[int, Meta(ge=1, le=100)] = 20
    cursor: Annotated[str, Meta(min_length=1, max_length=64)] | None = None


class TransfersQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Which of a settlement's transfers, oldest first."""

    limit: Annotated[int, Meta(ge=1, le=100)] = 20
    cursor: Annotated[str, Meta(min_length=1, max_length=20, pattern=r"^[0-9]+\Z")] | None = None


# In the house --------------------------------------------------------------------------------------------------


class Row(Struct, frozen=True):
    """A settlement as it is kept; see the migration."""

    id: Id
    merchant: Id
    currency: str
    account: Id
    number: int
    business_date: date
    cycle: Cycle
    from_at: datetime
    to_at: datetime
    entries: int
    movement: int
    lines: str
    opening: int
    reserved: int
    planned: int
    amount: int | None
    closing: int | None
    status: StoredStatus
    reason: str | None
    name: str | None
    bank_account: str | None
    bank: str | None
    created_at: datetime
    paid_at: datetime | None


class Candidate(Struct, frozen=True):
    """A merchant's account that may have something to settle, and where its last settlement ended.

    number 0: there was none; status `planned`: it must be finished before the next is planned
    """

    account: Id
    merchant: Id
    currency: str
    number: int
    business_date: date | None
    to_at: datetime
    closing: int
    status: StoredStatus | None
    turnover: int
    detached: bool
    ledger: int
    terms: Terms


class Slice(Struct, frozen=True):
    """Some entries of an account, one after another, summed by kind; `until` is the time of the last one."""

    until: datetime | None
    entries: int
    movement: int
    sums: Sequence[tuple[int, Direction, int, int]]  # transfer code, direction, count, amount


class Covered(Struct, frozen=True):
    """An entry that a settlement covers."""

    id: Id
    code: int
    direction: Direction
    amount: int
    effect: int
    about: Id
    reference: str
    timestamp: datetime


class Summary(Struct, frozen=True):
    """What a run has done: settlements by status."""

    paid_out: int = 0
    carried: int = 0
    unsettled: int = 0  # accounts left out because something about them has to be looked at; the log says what
