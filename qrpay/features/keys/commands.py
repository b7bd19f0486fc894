"""Keys on the command line."""

import click

from qrpay.codes.signing import Purpose
from qrpay.core import Core
from qrpay.feature import Shell
from qrpay.features.keys import service
from qrpay.features.keys.model import PURPOSES


@click.group()
def keys() -> None:
    """Keys that sign codes, receipts and webhooks."""


@keys.command("list")
@click.pass_obj
def list_keys(shell: Shell) -> None:
    """Every key, what it signs and how long it counts."""
    from rich.console import Console
    from rich.table import Table

    async def read(core: Core) -> None:
        table = Table("kid", "purpose", "state", "signs from", "signs until", "verifies until")
        for key in await service.keys_of(core):
            times = (f"{at:%Y-%m-%d %H:%M}Z" for at in (key.not_before, key.sign_until, key.verify_until))
            table.add_row(key.kid, key.purpose, key.state(core.clock()), *times)
        Console().print(table)

    shell(read)


@keys.command()
@click.option("--purpose", type=click.Choice(PURPOSES), multiple=True, help="Only these; all when left out.")
@click.option("--now", "at_once", is_flag=True, help="Sign with it at once, without publishing it first.")
@click.pass_obj
def rotate(shell: Shell, purpose: tuple[Purpose, ...], at_once: bool) -> None:
    """Make new keys; the old ones go on verifying what they signed."""

    async def make(core: Core) -> None:
        for kid in await service.rotate(core, purpose or PURPOSES, at_once=at_once):
            click.echo(kid)

    shell(make)


@keys.command()
@click.argument("kid")
@click.pass_obj
def revoke(shell: Shell, kid: str) -> None:
    """Declare a key leaked: nothing it signed counts any more, in all running processes, within a second."""

    async def declare(core: Core) -> None:
        await service.revoke(core, kid)
        click.echo(f"{kid} is revoked")

    shell(declare)
