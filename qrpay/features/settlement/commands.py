"""Settlement on the command line."""

import getpass
from datetime import date, datetime, timedelta
from typing import Any, Final

import click
from msgspec import ValidationError, convert
from msgspec.structs import replace

from qrpay.core import Core
from qrpay.feature import Shell
from qrpay.features.calendar.service import bank_day
from qrpay.features.merchants.commands import id_argument
from qrpay.features.settlement import looks, service
from qrpay.features.settlement import terms as agreed
from qrpay.features.settlement.model import PayoutAccount, SettlementsQuery, Terms, TransfersQuery
from qrpay.tables import as_json, money, screen, show_facts, table_of
from qrpay.values import CURRENCIES, encode

DATE: Final = click.DateTime(["%Y-%m-%d"])


@click.command()
@click.option("--day", type=DATE, help="The business date; yesterday (Asia/Shanghai) when left out.")
@click.option("--merchant", help="Only this one (mer_…).")
@click.pass_obj
def settle(shell: Shell, day: datetime | None, merchant: str | None) -> None:
    """Settle a business date, as the background does; safe to repeat, and to start again after it was killed."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    only = None if merchant is None else id_argument("mer_", merchant)

    async def work(core: Core) -> None:
        business_date: date = day.date() if day else bank_day(core.clock()) - timedelta(days=1)
        columns = (TextColumn("accounts"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"),
                   TimeElapsedColumn())  # fmt: skip
        with Progress(*columns, console=screen()) as bars:
            task = bars.add_task("", total=None)
            summary = await service.settle(
                core, business_date, merchant=only,
                progress=lambda done, total, entries: bars.update(
                    task, completed=done, total=total, description=f"{entries:,} entries"
                ),
            )  # fmt: skip
        said = f"{summary.paid_out} to be paid out, {summary.carried} carried, {summary.unsettled} left out"
        click.echo(f"{business_date}: {said}")
        if summary.unsettled:
            raise SystemExit(1)

    shell(work)


@click.group()
def settlement() -> None:
    """Merchants' settlements, and how they are settled."""


@settlement.command("list")
@click.argument("merchant")
@click.option("--limit", type=click.IntRange(1, 100), default=20, show_default=True)
@as_json
@click.pass_obj
def list_settlements(shell: Shell, merchant: str, limit: int, as_json: bool) -> None:
    """The latest settlements of MERCHANT."""
    whose = id_argument("mer_", merchant)

    async def work(core: Core) -> None:
        found = (await looks.page(core, whose, SettlementsQuery(limit=limit))).data
        if as_json:
            click.echo(encode(found))
            return
        table = table_of("settlements", "id", "day", "opening>", "movement>", "paid out>", "closing>", "status", "why")
        for one in found:
            sums = [
                money(n, CURRENCIES[one.currency].numeric) for n in (one.opening, one.movement, one.amount, one.closing)
            ]
            table.add_row(one.id, str(one.business_date), *sums, one.status, one.reason or "")
        screen().print(table)

    shell(work)


@settlement.command("show")
@click.argument("merchant")
@click.argument("settlement_id")
@as_json
@click.pass_obj
def show(shell: Shell, merchant: str, settlement_id: str, as_json: bool) -> None:
    """One settlement of MERCHANT, with the first of its transfers."""
    whose = id_argument("mer_", merchant)

    async def work(core: Core) -> None:
        [one] = await looks.views(core, [await looks.row_of(core, whose, settlement_id)])
        if as_json:
            click.echo(encode(one))
            return
        numeric = CURRENCIES[one.currency].numeric
        facts: dict[str, Any] = {"status": one.status, "business date": one.business_date, "why": one.reason}
        facts |= {
            line.kind + " " + line.direction: f"{money(line.amount, numeric)} ({line.count})" for line in one.lines
        }
        sums = {"opening": one.opening, "movement": one.movement, "amount": one.amount, "closing": one.closing}
        show_facts(one.id, facts | {name: money(value, numeric) for name, value in sums.items()})
        table = table_of(f"first of {one.transfers} transfers", "id", "kind", "effect>", "about", "at")
        for line in (await looks.transfers(core, whose, settlement_id, TransfersQuery())).data:
            table.add_row(line.id, line.kind, money(line.effect, numeric), line.about, line.at)
        screen().print(table)

    shell(work)


@settlement.command("terms")
@click.argument("merchant")
@click.option("--cycle", type=click.Choice(["T+0", "T+1", "D+1"]))
@click.option("--minimum", type=click.IntRange(1), help="Minor units; less is carried.")
@click.option("--reserve", type=click.IntRange(0), help="Minor units that are always kept back.")
@click.option(
    "--reserve-bp", type=click.IntRange(0, 10_000), help="Share of the last days' payments kept back, 0.01 %."
)
@click.option("--reserve-days", type=click.IntRange(0, 366))
@click.option("--payout", nargs=3, metavar="NAME ACCOUNT BANK", help="Payout account; BANK is its CNAPS number.")
@click.option("--by", help="Who sets it; your login when left out.")
@as_json
@click.pass_obj
def terms(
    shell: Shell, /, merchant: str, by: str | None, as_json: bool, payout: tuple[str, ...] | None, **said: Any
) -> None:
    """Show how MERCHANT is settled, or set some of it. A new payout account ends a hold that the old one caused."""
    whose = id_argument("mer_", merchant)
    changed = {name: value for name, value in said.items() if value is not None}

    async def work(core: Core) -> None:
        now = await agreed.terms_of(core, whose)
        if changed or payout:
            new = replace(now, **changed)
            if payout:
                released = now.hold if not _caused_by_account(now) else None
                new = replace(new, payout=_payout_account(payout), hold=released)
            now = await agreed.set_terms(core, whose, new, by or getpass.getuser())
        if as_json:
            click.echo(encode(now))
        else:
            show_facts(merchant, {name: getattr(now, name) for name in Terms.__struct_fields__})

    shell(work)


def _payout_account(said: tuple[str, ...]) -> PayoutAccount:
    try:
        return convert(dict(zip(("name", "account", "bank"), said, strict=True)), PayoutAccount)
    except ValidationError as defect:
        raise click.UsageError(str(defect)) from defect


def _caused_by_account(now: Terms) -> bool:
    return (now.hold or "").startswith("payout account refused")


@settlement.command("hold")
@click.argument("merchant")
@click.argument("why")
@click.option("--by", help="Who holds it; your login when left out.")
@click.pass_obj
def hold(shell: Shell, merchant: str, why: str, by: str | None) -> None:
    """Pay MERCHANT nothing out until it is released; WHY is kept, and what it is owed is carried."""
    whose = id_argument("mer_", merchant)

    async def work(core: Core) -> None:
        await agreed.hold(core, whose, why, by or getpass.getuser())
        click.echo(f"{merchant} is held: {why}")

    shell(work)


@settlement.command("release")
@click.argument("merchant")
@click.option("--by", help="Who releases it; your login when left out.")
@click.pass_obj
def release(shell: Shell, merchant: str, by: str | None) -> None:
    """Pay MERCHANT out again: its next settlement brings what was carried."""
    whose = id_argument("mer_", merchant)

    async def work(core: Core) -> None:
        await agreed.hold(core, whose, None, by or getpass.getuser())
        click.echo(f"{merchant} is released")

    shell(work)
