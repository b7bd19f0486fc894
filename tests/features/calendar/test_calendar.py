"""The bank's calendar: what the library knows, what an operator enters, and never a guess."""

from datetime import UTC, date, datetime

import pytest

from qrpay.core import Core
from qrpay.features.calendar import service
from qrpay.features.calendar.feature import feature
from qrpay.features.calendar.model import SetDay
from qrpay.problem import Refused
from tests.features.conftest import HandClock
from tests.features.served import served


@pytest.mark.parametrize(
    ("day", "workday"),
    [
        (date(2026, 10, 1), False),  # National Day, a Thursday
        (date(2026, 10, 10), True),  # a Saturday that makes up for it
        (date(2026, 2, 14), True),  # a Saturday before the Spring Festival
        (date(2026, 2, 16), False),  # a Monday of the Spring Festival
        (date(2026, 11, 21), False),  # a plain Saturday
        (date(2026, 11, 23), True),  # a plain Monday
    ],
)
async def test_holidays_and_made_up_weekends_are_known(core: Core, day: date, workday: bool) -> None:
    """As the State Council's notice of 2025 says for 2026."""
    assert await service.is_workday(core, day) is workday


async def test_the_next_workday_passes_a_whole_festival(core: Core) -> None:
    """From the last workday before National Day to the first one after it."""
    assert await service.next_workday(core, date(2026, 9, 30)) == date(2026, 10, 8)
    assert await service.next_workday(core, date(2026, 11, 20)) == date(2026, 11, 23)


async def test_a_year_nobody_knows_is_refused_until_it_is_entered(fresh_core: Core) -> None:
    """No guess: not even for a Tuesday. Once the notice is entered, all days of the year follow."""
    with pytest.raises(Refused) as refused:
        await service.is_workday(fresh_core, date(2031, 1, 7))
    assert (refused.value.problem.code, refused.value.figures["year"]) == ("calendar_unknown", 2031)
    with pytest.raises(Refused):  # one day does not make a year known
        await service.set_day(fresh_core, SetDay(date(2031, 1, 1), False, "New Year"), "ana")

    notice = [SetDay(date(2031, 1, 1), False, "New Year"), SetDay(date(2031, 1, 4), True, "made up")]
    await service.load_year(fresh_core, 2031, notice, "notice 1", "ana")

    days = await service.days(fresh_core, date(2031, 1, 1), date(2031, 1, 6))
    assert [one.workday for one in days] == [False, True, True, True, False, True]
    assert {one.source for one in days} == {"notice 1"}


async def test_a_year_that_is_missing_is_noticed_in_time(fresh_core: Core, clock: HandClock) -> None:
    """45 days before it begins, or as soon as the library does not know it."""
    assert await service.missing_year(fresh_core) in (None, clock().year + 1)
    clock.move(days=366 * 30)
    assert await service.missing_year(fresh_core) == service.bank_day(clock()).year


async def test_a_list_that_cannot_be_a_notice_is_refused(fresh_core: Core) -> None:
    """A day of another year, or no holiday at all."""
    for days in ([SetDay(date(2030, 1, 1), False, "")], [SetDay(date(2031, 1, 4), True, "")]):
        with pytest.raises(Refused):
            await service.load_year(fresh_core, 2031, days, "x", "ana")


async def test_an_operator_changes_a_day_that_the_library_knows(fresh_core: Core) -> None:
    """As in 2020, when the Spring Festival was made longer."""
    changed = await service.set_day(fresh_core, SetDay(date(2026, 2, 24), False, "prolonged"), "ana")
    assert (changed.workday, changed.note) == (False, "prolonged")
    assert await service.next_workday(fresh_core, date(2026, 2, 23)) == date(2026, 2, 25)


def test_a_business_day_begins_at_midnight_in_shanghai() -> None:
    """Eight hours before UTC's."""
    assert service.day_begins(date(2026, 3, 1)) == datetime(2026, 2, 28, 16, tzinfo=UTC)
    assert service.bank_day(datetime(2026, 2, 28, 16, tzinfo=UTC)) == date(2026, 3, 1)
    assert service.bank_day(datetime(2026, 2, 28, 15, 59, 59, tzinfo=UTC)) == date(2026, 2, 28)


async def test_everybody_may_ask_over_http(core: Core) -> None:
    """A day is dated and says why it is free; an unknown year is a refusal with its number."""
    async with served(core, [feature]) as house:
        async with house.session.get("/v1/business-days?from=2026-10-07&to=2026-10-08") as answer:
            data = (await answer.json())["data"]
        async with house.session.get("/v1/business-days?from=2029-12-31&to=2030-01-01") as answer:
            problem = await answer.json()
    assert data == [
        {"day": "2026-10-07", "workday": False, "note": "National Day", "source": "library"},
        {"day": "2026-10-08", "workday": True, "note": "", "source": "library"},
    ]
    assert (problem["code"], problem["status"]) == ("calendar_unknown", 409)
