"""Commands that care for the database as it grows: months of transfers, backup and restore."""

import asyncio
import shutil
from datetime import datetime
from pathlib import Path

import click
import msgspec

from qrpay.core import Core
from qrpay.database import backup
from qrpay.database.embedded import EmbeddedServer
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


@click.command("backup")
@click.option("--to", "folder", type=click.Path(path_type=Path), help="The folder of backups; `backups` in the home.")
@click.option("--keep", type=click.IntRange(1, 1000), default=7, show_default=True, help="Base backups kept.")
@click.pass_obj
def backup_command(shell: HouseShell, folder: Path | None, keep: int) -> None:
    """Back up the embedded server while it runs, and archive its log from now on: any moment can be restored."""
    server = _embedded(shell)
    server.start()
    try:
        made = backup.backup(server, folder or server.home / "backups", keep, _said)
    finally:
        server.stop()
    click.echo(f"{made.folder} is whole; any moment after it can be restored")


@click.command("restore")
@click.option("--into", type=click.Path(path_type=Path), required=True, help="A new folder, to be the home of it.")
@click.option("--at", type=str, help="The moment, such as 2026-11-25T10:00:00+08:00; the latest when left out.")
@click.option("--from", "folder", type=click.Path(path_type=Path), help="The folder of backups; `backups` in the home.")
@click.pass_obj
def restore_command(shell: HouseShell, into: Path, at: str | None, folder: Path | None) -> None:
    """Restore the embedded server as it was at a moment into a new folder, and check its books."""
    from qrpay.checks import run_checks

    try:
        moment = datetime.fromisoformat(at) if at else None
    except ValueError as error:
        raise click.UsageError(f"{at} is no moment: write it as 2026-11-25T10:00:00+08:00") from error
    if moment is not None and moment.tzinfo is None:
        raise click.UsageError(f"say the time zone too, as in {at}+08:00")
    source = _embedded(shell)
    settings = msgspec.structs.replace(shell.settings, home=str(into))
    base = backup.restore(source, _embedded(HouseShell(settings)), folder or source.home / "backups", moment, _said)
    key = source.home / "master.key"
    if key.exists():
        shutil.copy2(key, into / key.name)
    elif not settings.master_key:
        raise backup.BackupError(f"{into} is restored, but {key} is missing: put the master key there.")
    click.echo(f"restored from {base.folder.name} into {into}; its books:")
    if not HouseShell(settings)(run_checks):
        raise SystemExit(1)
    click.echo(f"QRPAY_HOME={into} qrpay serve starts it")


def _embedded(shell: HouseShell) -> EmbeddedServer:
    """The server that qrpay brings along. Raises BackupError when the settings name another one."""
    if shell.settings.database_url:
        raise backup.BackupError(
            "QRPAY_DATABASE_URL names a PostgreSQL server of your own: its backups are its operators' business"
            " (pgBackRest, Barman, or pg_basebackup with an archive of its log). This command is for the embedded one."
        )
    binaries = Path(shell.settings.postgres_bin) if shell.settings.postgres_bin else None
    return EmbeddedServer(shell.settings.folder, binaries=binaries)
