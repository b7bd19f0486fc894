"""Shifts and what tills took, as they travel and as they are kept."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from qrpay.features.orders.model import IdText, Moment
from qrpay.values import AMOUNT_MAX, Amount, CurrencyCode, Id, Reference, Text256

Cash = Annotated[int, Meta(ge=0, le=AMOUNT_MAX, description="Minor units of cash, as counted.")]
CashKind = Literal["sale", "paid_in", "paid_out"]
Status = Literal["open", "closed"]


class NewShift(Struct, frozen=True, forbid_unknown_fields=True):
    """A shift to be opened.

    reference     the till's own number of it; sent again, it answers with the same shift
    opening_cash  minor units in the drawer, as counted
    terminal      which till; left out: the one that calls
    """

    reference: Reference
    opening_cash: Cash
    currency: CurrencyCode = "CNY"
    terminal: IdText | None = None


class NewCash(Struct, frozen=True, forbid_unknown_fields=True):
    """Cash that goes into the drawer (`sale`, `paid_in`) or out of it (`paid_out`); the reference names it."""

    reference: Reference
    kind: CashKind
    amount: Amount
    reason: Text256 | None = None


class Count(Struct, frozen=True, forbid_unknown_fields=True):
    """What was counted at the end of a shift, minor units; `note`: why it is not what was expected."""

    counted: Cash
    note: Text256 | None = None


class CashMove(Struct, frozen=True):
    """One move of cash, on the wire."""

    reference: str
    kind: CashKind
    amount: int
    reason: str | None
    staff: str | None
    at: str


class Taken(Struct, frozen=True):
    """What was paid by code and given back, minor units; by the ledger."""

    payments: int
    amount: int
    refunds: int
    refunded: int


class Shift(Struct, frozen=True):
    """A shift.

    staff       whose it is (`stf_…`, and their name); null: nobody was signed in
    cash        what went into the drawer and out of it besides the opening
    expected    minor units of cash that should be there: the opening, plus sales and paid in, minus paid out
    difference  counted minus expected; null until it is closed
    taken       what the till took by code during the shift
    """

    id: str
    reference: str
    status: Status
    store: str
    terminal: str
    staff: str | None
    staff_name: str | None
    currency: str
    opening_cash: int
    cash: Sequence[CashMove]
    expected: int
    counted: int | None
    difference: int | None
    note: str | None
    opened_at: str
    closed_at: str | None
    closed_by: str | None
    taken: Taken


class ShiftsQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Which shifts: the newest first."""

    terminal: IdText | None = None
    status: Status | None = None
    limit: Annotated[int, Meta(ge=1, le=100)] = 20
    cursor: Annotated[str, Meta(min_length=1, max_length=64)] | None = None


class TotalsQuery(Struct, frozen=True, forbid_unknown_fields=True, rename={"from_": "from"}):
    """From one moment up to another, such as a day where the shop is; at most 32 days."""

    from_: Moment
    to: Moment
    store: IdText | None = None


class TillTotal(Struct, frozen=True):
    """What one till took in somebody's shifts, minor units. Without a terminal: not sold at a till.

    staff  whose shift it was when it was paid or given back; null: nobody's
    """

    store: str | None
    terminal: str | None
    terminal_name: str | None
    staff: str | None
    staff_name: str | None
    currency: str
    payments: int
    amount: int
    refunds: int
    refunded: int


class Totals(Struct, frozen=True):
    """What was taken, a line for each till, person and currency."""

    data: Sequence[TillTotal]


class ShiftRow(Struct, frozen=True):
    """A shift as it is kept, and its people's name; times in UTC."""

    id: Id
    merchant: Id
    reference: str
    store: Id
    terminal: Id
    staff: Id | None
    currency: str
    opening_cash: int
    opened_at: datetime
    closed_at: datetime | None = None
    closed_by: Id | None = None
    counted: int | None = None
    note: str | None = None
    staff_name: str | None = None


class CashRow(Struct, frozen=True):
    """A move of cash as it is kept."""

    shift: Id
    reference: str
    kind: CashKind
    amount: int
    reason: str | None
    staff: Id | None
    at: datetime


class TotalRow(Struct, frozen=True):
    """A line of totals as the database adds it up."""

    store: Id | None
    terminal: Id | None
    terminal_name: str | None
    staff: Id | None
    staff_name: str | None
    currency: str
    payments: int
    amount: int
    refunds: int
    refunded: int
