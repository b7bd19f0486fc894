"""The statements of the calendar, typed."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Final

from qrpay.database.pool import Queries
from qrpay.database.statements import Statements
from qrpay.features.calendar.model import SetDay

STATEMENTS: Final = Statements.load(Path(__file__).with_name("store.sql"))


async def set_days(within: Queries, days: Sequence[SetDay], by: str) -> None:
    """Keep days that operators entered."""
    columns = [one.day for one in days], [one.workday for one in days], [one.note for one in days]
    await within.execute(STATEMENTS.set_days, *columns, by)


async def set_year(within: Queries, year: int, source: str, by: str) -> None:
    """Keep that a year is whole."""
    await within.execute(STATEMENTS.set_year, year, source, by)


async def days(queries: Queries, first: date, last: date) -> dict[date, SetDay]:
    """What operators entered between two days, both included."""
    return {row["day"]: SetDay(*row) for row in await queries.fetch(STATEMENTS.days, first, last)}


async def years(queries: Queries, first: int, last: int) -> dict[int, str]:
    """Years that are whole, and where they come from."""
    return {row["year"]: row["source"] for row in await queries.fetch(STATEMENTS.years, first, last)}
