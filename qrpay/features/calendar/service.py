"""Which days are workdays in mainland China, holidays and made-up weekends included; and when a business day ends.

The library chinesecalendar holds the State Council's notices. A year that it does not know must be entered by an
operator: until then whoever asks is told so, for a guess would pay merchants on the wrong day.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final

from qrpay.core import Core
from qrpay.features.calendar import store
from qrpay.features.calendar.model import BankDay, SetDay
from qrpay.features.calendar.problems import calendar_unknown
from qrpay.ledger.caps import bank_day
from qrpay.problem import FieldError, Refused, invalid_field

BEIJING: Final = timedelta(hours=8)
DAYS_MAX: Final = 400
WEEKEND: Final = 5
AHEAD: Final = timedelta(days=45)
"""How long before a year begins that nobody entered, the log begins to say so."""

__all__ = ["bank_day", "day_begins", "days", "is_workday", "load_year", "missing_year", "next_workday", "set_day"]


def day_begins(day: date) -> datetime:
    """The moment at which a business day begins: 00:00 in Asia/Shanghai, which has no summer time."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC) - BEIJING


async def days(core: Core, first: date, last: date) -> Sequence[BankDay]:
    """The days from one to another, both included, at most DAYS_MAX.

    Raises `calendar_unknown` for a year that neither the library nor an operator knows, `invalid_field`.
    """
    if not 0 <= (last - first).days < DAYS_MAX:
        raise invalid_field(errors=[FieldError("to", f"Ask for 1 to {DAYS_MAX} days, the earlier one first.")])
    entered = await store.days(core.database, first, last)
    years = await store.years(core.database, first.year, last.year)
    span = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    return [_bank_day(day, entered.get(day), years.get(day.year)) for day in span]


def _bank_day(day: date, entered: SetDay | None, year_source: str | None) -> BankDay:
    if entered is not None:
        return BankDay(day, entered.workday, entered.note, year_source or "operator")
    if year_source is not None:
        return BankDay(day, day.weekday() < WEEKEND, "", year_source)
    import chinese_calendar  # its tables are for the background, the command line and who asks

    try:
        holiday, note = chinese_calendar.get_holiday_detail(day)
    except NotImplementedError:
        raise calendar_unknown(year=day.year) from None
    made_up = not holiday and day.weekday() >= WEEKEND
    return BankDay(day, not holiday, f"{note} (made up)" if made_up else note or "", "library")


async def is_workday(core: Core, day: date) -> bool:
    """Whether the bank works on this day. Raises `calendar_unknown`."""
    return (await days(core, day, day))[0].workday


async def next_workday(core: Core, after: date) -> date:
    """The first workday after a day. Raises `calendar_unknown`."""
    day = after
    for _ in range(DAYS_MAX):
        day += timedelta(days=1)
        if await is_workday(core, day):
            return day
    raise calendar_unknown(year=day.year)


async def missing_year(core: Core) -> int | None:
    """The year that begins within AHEAD and that nobody knows; None: all is known."""
    today = bank_day(core.clock())
    try:
        await days(core, today, today + AHEAD)
    except Refused as refused:
        return int(refused.figures["year"])
    return None


async def set_day(core: Core, day: SetDay, by: str) -> BankDay:
    """Enter one day that is not what its day of the week, or the library, says. Raises `calendar_unknown`."""
    [_known] = await days(core, day.day, day.day)  # a single day does not make an unknown year known
    await store.set_days(core.database, [day], by)
    return (await days(core, day.day, day.day))[0]


async def load_year(core: Core, year: int, exceptions: Sequence[SetDay], source: str, by: str) -> None:
    """Enter a whole year: its holidays that fall on weekdays, and its weekends that are worked; the rest follows.

    Raises `invalid_field` for a day of another year, or for a list that cannot be a notice (without any holiday).
    """
    if strange := [one.day for one in exceptions if one.day.year != year]:
        raise invalid_field(errors=[FieldError("", f"{strange[0]} is not in {year}.")])
    if not any(not one.workday for one in exceptions):
        raise invalid_field(errors=[FieldError("", "A year without a holiday is no notice.")])
    async with core.database.transaction() as within:
        await store.set_days(within, exceptions, by)
        await store.set_year(within, year, source, by)
