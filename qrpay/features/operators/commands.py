"""Operators on the command line: whoever may open a shell on the server takes the first one on."""

import getpass

import click

from qrpay.core import Core
from qrpay.feature import Shell
from qrpay.features.operators import acts, sessions, store
from qrpay.features.operators.model import OperatorRow
from qrpay.values import id_text, rfc3339
from qrpay.web.callers import DUTIES


@click.group()
def operators() -> None:
    """People of the bank, and the log of what they did."""


@operators.command("add")
@click.argument("name")
@click.option("--role", type=click.Choice(list(DUTIES)), required=True)
@click.pass_obj
def add_operator(shell: Shell, name: str, role: str) -> None:
    """Take NAME on; prints, this once, the link and the code with which they enrol within a day."""

    async def work(core: Core) -> None:
        row, link = await sessions.add(core, name, role)  # type: ignore[arg-type] # click has looked at it
        await acts.note_command(core, getpass.getuser(), "add_operator", row.id, None, {"name": name, "role": role})
        _show(core, row, link)

    shell(work)


@operators.command("enrol")
@click.argument("name")
@click.option("--reason", required=True, help="Why: it stands in the log for good.")
@click.pass_obj
def enrol_again(shell: Shell, name: str, reason: str) -> None:
    """A new link for NAME, who lost a factor; the old ones and all sessions end."""

    async def work(core: Core) -> None:
        row, link = await sessions.renew(core, name)
        await acts.note_command(core, getpass.getuser(), "enrol_again", row.id, reason, {"name": name})
        _show(core, row, link)

    shell(work)


@operators.command("list")
@click.pass_obj
def list_operators(shell: Shell) -> None:
    """Everybody, with role and state."""

    async def work(core: Core) -> None:
        for row in await store.operators(core.database):
            state = "left" if row.revoked_at else "enrolled" if row.password else "not enrolled yet"
            click.echo(f"{id_text(acts.PREFIX, row.id)}  {row.name:24}  {row.role:14}  {state}")

    shell(work)


@operators.command("revoke")
@click.argument("name")
@click.option("--reason", required=True, help="Why: it stands in the log for good.")
@click.pass_obj
def revoke_operator(shell: Shell, name: str, reason: str) -> None:
    """NAME leaves: signed out everywhere at once, for good."""

    async def work(core: Core) -> None:
        row = await sessions.named(core, name)
        if row is None:
            raise click.UsageError(f"nobody is called {name}")
        async with core.database.transaction() as within:
            await store.revoke(within, row.id, core.clock())
        await acts.note_command(core, getpass.getuser(), "revoke_operator", row.id, reason, {"name": name})
        click.echo(f"{row.name} has left")

    shell(work)


@operators.command("verify-log")
@click.pass_obj
def verify_log(shell: Shell) -> None:
    """Whether every line of the log of acts follows from the one before it."""

    async def work(core: Core) -> None:
        broken = await acts.broken_at(core)
        if broken is not None:
            raise click.ClickException(f"line {broken} was changed, or the one before it is not the one that was")
        seq, hash_ = await store.last_act(core.database)
        click.echo(f"{seq} lines, whole; the last one's hash is {hash_.hex()}")

    shell(work)


def _show(core: Core, row: OperatorRow, link: str) -> None:
    uri = sessions.totp_uri(core, row)
    click.echo(f"operator    {id_text(acts.PREFIX, row.id)}  {row.name}  {row.role}")
    click.echo(f"enrol at    {core.settings.url}/operators#enrol={link}")
    click.echo(f"            good once, until {rfc3339(core.clock() + sessions.ENROLMENT)}; shown this once")
    click.echo(f"second factor, for an authenticator: {sessions.totp_text(core, row)}")
    from qrpay.codes import image  # workers load this file too, and need not hold what draws

    click.echo(image.terminal(uri))
