"""Bank days: what a day is, and who says so."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Literal

from msgspec import Meta, Struct

Year = Annotated[int, Meta(ge=2004, le=2200)]


class BankDay(Struct, frozen=True):
    """A calendar day in Asia/Shanghai.

    workday  whether the bank and the clearing system work: also a Saturday or Sunday that is made up
    note     why it is not what its day of the week says, such as National Day; "" when it is
    source   who says so: `library` (chinesecalendar), or the notice that an operator entered
    """

    day: date
    workday: bool
    note: str
    source: str


class SetDay(Struct, frozen=True):
    """A day that an operator entered: it counts before the library."""

    day: date
    workday: bool
    note: str


class DaysQuery(Struct, frozen=True, forbid_unknown_fields=True, rename={"first": "from", "last": "to"}):
    """Which days; both included, at most 400."""

    first: date
    last: date


class BusinessDays(Struct, frozen=True):
    """Days one after another."""

    data: Sequence[BankDay]


Kind = Literal["workday", "holiday"]
