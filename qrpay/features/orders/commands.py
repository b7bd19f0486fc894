"""Orders on the command line."""

import click

from qrpay.core import Core
from qrpay.feature import Shell
from qrpay.features.orders import rebuild as rebuilding
from qrpay.tables import as_json, screen
from qrpay.values import encode


@click.group()
def orders() -> None:
    """Merchants' orders."""


@orders.command("rebuild")
@as_json
@click.pass_obj
def rebuild(shell: Shell, as_json: bool) -> None:
    """Rebuild what lists by status go by, from the event log; payments and lists go on meanwhile."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    async def work(core: Core) -> None:
        columns = (TextColumn("events"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=screen(), disable=as_json) as bars:
            task = bars.add_task("events", total=None)
            done = await rebuilding.rebuild(core, lambda heard, of: bars.update(task, completed=heard, total=of))
        if as_json:
            click.echo(encode(done))
        else:
            click.echo(
                f"{done.marks:,} marks from {done.events:,} events: {done.added:,} added, {done.removed:,} removed"
            )

    shell(work)
