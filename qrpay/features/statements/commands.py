"""Statements on the command line: a merchant's files of a day or a month, into a folder, each with its signature."""

import asyncio
import shutil
from pathlib import Path

import click

from qrpay.core import Core
from qrpay.feature import Shell
from qrpay.features.merchants.commands import id_argument
from qrpay.features.statements import files, service
from qrpay.values import id_text


@click.group()
def statements() -> None:
    """Merchants' daily files and monthly statements."""


def _write(shell: Shell, merchant: str, period: str, out: Path, currency: str | None) -> None:
    whose = id_argument("mer_", merchant)

    async def work(core: Core) -> None:
        book = await service.book(core, whose, period, currency)
        out.mkdir(parents=True, exist_ok=True)
        said = book.statement
        for name in service.MONTH_FILES if book.period.is_month else service.DAY_FILES:
            path = out / f"{id_text('mer_', whose)}-{said.currency}-{said.period}-{name}"
            async with files.rendered(core, book, name) as made:
                with path.open("wb") as file:
                    await asyncio.to_thread(shutil.copyfileobj, made.file, file)
                path.with_name(path.name + ".jws").write_text(files.signature(core, book, name, made), encoding="ascii")
            click.echo(f"{path}  {made.size} bytes, sha256 {made.sha256}")

    shell(work)


@statements.command("day")
@click.argument("merchant")
@click.argument("day", metavar="DATE", type=click.DateTime(["%Y-%m-%d"]))
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), default=Path(), help="Folder; here when left out."
)
@click.option("--currency", help="Which of its accounts, when it has several.")
@click.pass_obj
def write_day(shell: Shell, merchant: str, day: object, out: Path, currency: str | None) -> None:
    """Write the files of MERCHANT's business DATE (2026-11-24)."""
    _write(shell, merchant, f"{day:%Y-%m-%d}", out, currency)


@statements.command("month")
@click.argument("merchant")
@click.argument("month", metavar="MONTH", type=click.DateTime(["%Y-%m"]))
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), default=Path(), help="Folder; here when left out."
)
@click.option("--currency", help="Which of its accounts, when it has several.")
@click.pass_obj
def write_month(shell: Shell, merchant: str, month: object, out: Path, currency: str | None) -> None:
    """Write the statement of MERCHANT's MONTH (2026-11)."""
    _write(shell, merchant, f"{month:%Y-%m}", out, currency)
