"""Commands that care for the database as it grows: months of transfers, backup and restore."""

import asyncio

import click

from qrpay.core import Core
from qrpay.ledger import partitions
from qrpay.shell import HouseShell, database


@click.group("partitions")
def partitions_group() -> None:
    """Months of transfers: listed, taken out, put back while payments run."""


@partitions_group.command("list")
@click.pass_obj
def list_partitions(shell: HouseShell) -> None:
    """Every month, attached or not, how many transfers it holds and how large it is."""
    from rich.console import Console
    from rich.table import Table

    async def read(core: Core) -> None:
        table = Table("partition", "from", "until", "transfers", "size", "state")
        for one in await partitions.listed(core.database):
            bounds = (f"{at:%Y-%m-%d}" if at else "-" for at in (one.from_at, one.until_at))
            size = "elsewhere" if one.size is None else f"{one.size / 1_048_576:,.1f} MB"
            table.add_row(one.name, *bounds, f"{one.transfers:,}", size, "attached" if one.attached else "detached")
        Console().print(table)

    shell(read)


@partitions_group.command("detach")
@click.argument("name")
@click.pass_obj
def detach_partition(shell: HouseShell, name: str) -> None:
    """Take a month out. Its table stays in the database, to be dumped and dropped; what reads it is told so."""
    with database(shell.settings) as settings:
        held = asyncio.run(partitions.detach(settings.migration_url or settings.database_url, name, _said))
    click.echo(f"{name} is detached, with {held:,} transfers: keep its table, or pg_dump it before you drop it")


@partitions_group.command("attach")
@click.argument("name")
@click.pass_obj
def attach_partition(shell: HouseShell, name: str) -> None:
    """Put a detached month back, once it is seen to be what left."""
    with database(shell.settings) as settings:
        asyncio.run(partitions.attach(settings.migration_url or settings.database_url, name, _said))
    click.echo(f"{name} is attached again")


def _said(progress: str) -> None:
    click.echo(progress, err=True)
