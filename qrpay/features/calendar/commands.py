"""The calendar on the command line: look at a year, change a day, enter a year from the notice."""

import getpass
from datetime import date, datetime
from pathlib import Path
from typing import Final

import click

from qrpay.core import Core
from qrpay.feature import Shell
from qrpay.features.calendar import service
from qrpay.features.calendar.model import SetDay
from qrpay.tables import as_json, screen, table_of
from qrpay.values import encode

DATE: Final = click.DateTime(["%Y-%m-%d"])
WORDS: Final = {"workday": True, "holiday": False}
DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@click.group()
def calendar() -> None:
    """The bank's business calendar: Chinese holidays and make-up workdays."""


@calendar.command("show")
@click.argument("year", type=click.IntRange(2004, 2200), required=False)
@as_json
@click.pass_obj
def show(shell: Shell, year: int | None, as_json: bool) -> None:
    """The days of YEAR (this one when left out) that are not what their day of the week says."""

    async def work(core: Core) -> None:
        shown = year or service.bank_day(core.clock()).year
        days = await service.days(core, date(shown, 1, 1), date(shown, 12, 31))
        strange = [one for one in days if one.workday != (one.day.weekday() < service.WEEKEND)]
        if as_json:
            click.echo(encode(strange))
            return
        table = table_of(f"{shown}: {sum(one.workday for one in days)} workdays", "day", "", "is", "why", "from")
        for one in strange:
            kind = "workday" if one.workday else "holiday"
            table.add_row(str(one.day), DAYS[one.day.weekday()], kind, one.note, one.source)
        screen().print(table)

    shell(work)


@calendar.command("set")
@click.argument("day", type=DATE)
@click.argument("kind", type=click.Choice(list(WORDS)))
@click.option("--note", required=True, help="Why, such as the notice that changed it.")
@click.option("--by", help="Who enters it; your login when left out.")
@click.pass_obj
def set_day(shell: Shell, day: datetime, kind: str, note: str, by: str | None) -> None:
    """Make DAY a workday or a holiday, whatever the library says."""

    async def work(core: Core) -> None:
        entered = await service.set_day(core, SetDay(day.date(), WORDS[kind], note), by or getpass.getuser())
        click.echo(f"{entered.day} is a {kind}: {entered.note}")

    shell(work)


@calendar.command("load")
@click.argument("year", type=click.IntRange(2004, 2200))
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--source", required=True, help="The State Council's notice, such as 国办发明电〔2026〕N号.")
@click.option("--by", help="Who enters it; your login when left out.")
@click.pass_obj
def load(shell: Shell, year: int, file: Path, source: str, by: str | None) -> None:
    """Enter the whole YEAR: FILE has a line for each exception, `2027-02-06 holiday Spring Festival`."""
    exceptions = [_exception(number, line) for number, line in enumerate(file.read_text("utf-8").splitlines(), 1)]
    days = [one for one in exceptions if one is not None]

    async def work(core: Core) -> None:
        await service.load_year(core, year, days, source, by or getpass.getuser())
        click.echo(f"{year}: {len(days)} exceptions entered")

    shell(work)


def _exception(number: int, line: str) -> SetDay | None:
    words = line.split(maxsplit=2)
    if not words or words[0].startswith("#"):
        return None
    try:
        return SetDay(date.fromisoformat(words[0]), WORDS[words[1]], words[2].strip() if len(words) > 2 else "")
    except (ValueError, KeyError, IndexError):
        raise click.BadParameter(f"line {number} is not `DAY workday|holiday WHY`: {line}") from None
