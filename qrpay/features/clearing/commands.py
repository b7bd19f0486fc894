"""Clearing on the command line, and its sandbox."""

import asyncio
import getpass
from pathlib import Path

import click

from qrpay.core import Core
from qrpay.feature import Shell
from qrpay.features.clearing import service
from qrpay.features.clearing.jobs import turn
from qrpay.tables import as_json, money, screen, table_of
from qrpay.values import CURRENCIES, encode, rfc3339


@click.group()
def clearing() -> None:
    """Payments through the clearing house."""


@clearing.command("status")
@as_json
@click.pass_obj
def status(shell: Shell, as_json: bool) -> None:
    """How many payments stand where, and since when the oldest of them."""

    async def work(core: Core) -> None:
        rows = await service.standing(core)
        if as_json:
            click.echo(encode(rows))
            return
        table = table_of("payments", "status", "currency", "count>", "amount>", "oldest")
        for one in rows:
            amount = money(one.amount, CURRENCIES[one.currency].numeric)
            table.add_row(one.status, one.currency, str(one.count), amount, rfc3339(one.oldest))
        screen().print(table)
        if not core.settings.clearing_url:
            click.echo("QRPAY_CLEARING_URL is not set: payments wait.")

    shell(work)


@clearing.command("messages")
@click.option("--noted", is_flag=True, help="Only those that somebody should look at.")
@click.option("--limit", type=click.IntRange(1, 1_000), default=20, show_default=True)
@click.option("--save", type=click.Path(file_okay=False, path_type=Path), help="Write their documents there.")
@click.pass_obj
def messages(shell: Shell, noted: bool, limit: int, save: Path | None) -> None:
    """The latest messages, out and in, with what is strange about them."""

    async def work(core: Core) -> None:
        table = table_of("messages", "at", "", "kind", "number", "status", "notes")
        for one in await service.messages(core, only_noted=noted, limit=limit):
            table.add_row(
                rfc3339(one.created_at), one.direction, one.kind, one.msg_id, one.status, "; ".join(one.notes)
            )
            if save is not None:
                save.mkdir(parents=True, exist_ok=True)
                (save / f"{one.direction}-{one.kind}-{one.id.hex}.xml").write_bytes(one.body)
        screen().print(table)

    shell(work)


@clearing.command("run")
@click.pass_obj
def run(shell: Shell) -> None:
    """Send what waits and believe what came, once, as the background does every second."""
    shell(turn)


@clearing.command("decide")
@click.argument("payment")
@click.argument("what", type=click.Choice(["booked", "rejected", "returned"]))
@click.option("--note", required=True, help="What proves it, such as the number of the bank's letter.")
@click.option("--by", help="Who decides; your login when left out.")
@click.pass_obj
def decide(shell: Shell, payment: str, what: service.Decision, note: str, by: str | None) -> None:
    """Say what became of PAYMENT (its EndToEndId) when the clearing house's reports contradict each other."""

    async def work(core: Core) -> None:
        decided = await service.decide(core, payment, what, f"{note}, by {by or getpass.getuser()}")
        click.echo(f"{payment} is {decided.status}")

    shell(work)


@click.command("clearing")
@click.option("--port", type=click.IntRange(0, 65_535), default=8090, show_default=True, help="0: any that is free.")
@click.option(
    "--home", type=click.Path(file_okay=False, path_type=Path), help="Keep documents there; in memory when left out."
)
@click.option(
    "--late", type=click.FloatRange(0, 86_400), default=0.0, show_default=True, help="Seconds to each answer."
)
@click.option("--twice", is_flag=True, help="Deliver each answer twice.")
@click.option("--shuffle", is_flag=True, help="Answer out of order.")
@click.option("--reject", help="Reject every payment with this ISO 20022 code, such as AC04.")
def sandbox(port: int, home: Path | None, late: float, twice: bool, shuffle: bool, reject: str | None) -> None:
    """A clearing house to try against: it may be late, reject, answer twice or out of order.

    Accounts that end in 0404 are closed (AC04), those in 0505 send the money back after it was booked.
    `POST /behaviour` changes how it behaves while it runs.
    """
    from qrpay.features.clearing.sandbox import Behaviour, run

    asyncio.run(run(port, home, Behaviour(late_s=late, twice=twice, shuffle=shuffle, reject=reject)))
