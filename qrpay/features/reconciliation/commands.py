"""`qrpay reconcile`: a merchant compares its own list with the bank's, over the API."""

import asyncio
import sys
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import Final

import aiohttp
import click

from qrpay.feature import Shell
from qrpay.features.reconciliation.client import BadList, Run, TooDifferent, as_csv, read_list
from qrpay.features.webhooks.commands import API, KEY
from qrpay.features.webhooks.integrators import Api, SaidNo

DATE: Final = click.DateTime(["%Y-%m-%d"])


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--from", "first", type=DATE, required=True, help="The first business date of the list.")
@click.option("--to", "last", type=DATE, help="The last one; the first when left out.")
@click.option("--currency", default="CNY", show_default=True, help="Of the account, and of lines that name none.")
@click.option("--decimals", is_flag=True, help="Amounts are written 12.50, as in a trade file; else minor units.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Where what differs is written (CSV).")
@KEY
@API
@click.pass_obj
def reconcile(
    shell: Shell, /, file: Path, first: datetime, last: datetime | None, currency: str, decimals: bool,
    out: Path | None, key: str | None, api: str | None,
) -> None:  # fmt: skip
    """Compare FILE with the bank's books, and write what differs as CSV. Exit status 1 when anything does.

    FILE is a CSV with a header: reference, amount; and if there, kind (payment, refund), currency, status. Only digests
    are sent, and the lines of what differs.
    """
    key = key or shell.settings.api_key
    if not key:
        raise click.UsageError("Which merchant? Set QRPAY_API_KEY to its secret key, or give --key.")
    began = monotonic()

    def say(text: str) -> None:
        click.echo(f"{monotonic() - began:6.1f} s  {text}", err=True)

    async def work() -> int:
        with file.open(encoding="utf-8-sig", newline="") as rows:
            own = read_list(rows, currency, decimals=decimals)
        say(f"{len(own.texts)} lines read")
        async with Api.open(api or shell.settings.url, key) as door:
            run = Run(door, own, (first.date(), (last or first).date()), currency, say)
            differences = await run.differences()
        say(f"{run.lines_here} lines here, {len(differences)} differ, {len(own.repeated)} repeated there")
        said = as_csv(differences, own.repeated)
        if out is None:
            sys.stdout.write(said)
        else:
            out.write_text(said, encoding="utf-8")
        return 1 if differences or own.repeated else 0

    try:
        status = asyncio.run(work())
    except (BadList, TooDifferent, SaidNo, aiohttp.ClientError, TimeoutError, UnicodeDecodeError) as reason:
        click.echo(f"qrpay: {reason or type(reason).__name__}", err=True)
        status = 2
    raise SystemExit(status)
