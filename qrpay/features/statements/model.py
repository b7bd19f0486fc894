"""Statements as they travel, and the lines they are made of."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from qrpay.values import CurrencyCode, Id

Direction = Literal["credit", "debit"]


class Sum(Struct, frozen=True):
    """All movements of one kind and direction; `amount` in minor units is never negative."""

    kind: str
    direction: Direction
    count: int
    amount: int


class Day(Struct, frozen=True):
    """A day of a month: what came in and went out, minor units, and the balance when it ended."""

    date: date
    lines: Sequence[Sum]
    credits: int
    debits: int
    closing: int


class Statement(Struct, frozen=True):
    """What happened on a merchant's account in a business day or a month; minor units.

    period   `2026-11-24`, or a month: `2026-11`
    after, until  its movements were recorded after the one moment and up to the other, UTC with microseconds
    opening  the balance when it began; opening + credits - debits = closing, always
    lines    its movements by kind
    pending  of closing, what was held at that moment for payouts on their way
    days     of a month, its days
    files    where its files are; each has its signature at the same address and `.jws`
    """

    period: str
    currency: CurrencyCode
    after: str
    until: str
    opening: int
    lines: Sequence[Sum]
    credits: int
    debits: int
    closing: int
    pending: int
    days: Sequence[Day]
    files: Sequence[str]


class StatementQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Of which account, and how the file should be.

    currency  which of your accounts, when you have several
    bom       whether a CSV begins with a byte order mark, so that Excel takes it for the UTF-8 that it is
    """

    currency: CurrencyCode | None = None
    bom: bool = False


class NewVerification(Struct, frozen=True, forbid_unknown_fields=True):
    """A signed statement to look at: the text of a `.jws`, or of the code on a monthly statement."""

    statement: Annotated[str, Meta(min_length=1, max_length=2048)]


# In the house --------------------------------------------------------------------------------------------------


class Period(Struct, frozen=True):
    """A business day or a month: its lines are after the one moment and up to the other."""

    text: str
    after: datetime
    until: datetime
    days: Sequence[date]

    @property
    def is_month(self) -> bool:
        """Whether it is a month."""
        return len(self.text) == len("2026-11")


class Movement(Struct, frozen=True):
    """A line of the account: what it added to the balance, minor units."""

    id: Id
    code: int
    effect: int
    about: Id
    reference: str
    timestamp: datetime


class Trade(Struct, frozen=True):
    """A payment, or a refund (below zero), with its order; and its fee, or what of it came back (below zero)."""

    id: Id
    code: int
    amount: int
    timestamp: datetime
    order: Id
    reference: str | None
    description: str | None
    ordered_at: datetime | None
    store: str | None
    terminal: str | None
    payer: str | None
    refund: Id | None
    refund_reference: str | None
    fee: int = 0


class Book(Struct, frozen=True):
    """A merchant's account in a period that is over.

    statement  its sums; name: the merchant's
    """

    merchant: Id
    name: str
    account: Id
    period: Period
    statement: Statement
