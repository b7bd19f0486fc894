"""Openings on the command line: what waits for an operator; and the sandboxes."""

import asyncio

import click

from qrpay.core import Core
from qrpay.feature import Shell
from qrpay.features.openings import deciding
from qrpay.tables import screen, table_of
from qrpay.values import id_text, rfc3339


@click.group()
def openings() -> None:
    """Accounts on their way to being opened."""


@openings.command("reviews")
@click.pass_obj
def reviews(shell: Shell) -> None:
    """Openings that wait for an operator's decision, made at the desk: the identity service named a watch list."""

    async def work(core: Core) -> None:
        table = table_of("openings in review", "opening", "class", "since")
        for one in await deciding.waiting(core):
            table.add_row(id_text("opn_", one.id), one.account_class, rfc3339(one.changed_at))
        screen().print(table)

    shell(work)


def _sandbox(name: str, doc: str, port: int) -> click.Command:
    @click.command(name, help=doc)
    @click.option(
        "--port", type=click.IntRange(0, 65_535), default=port, show_default=True, help="0: any that is free."
    )
    @click.option("--late", type=click.FloatRange(0, 600), default=0.0, show_default=True, help="Seconds to an answer.")
    @click.option("--away", is_flag=True, help="Answer 503.")
    def party(port: int, late: float, away: bool) -> None:
        from qrpay.features.openings.sandbox import Behaviour, run

        asyncio.run(run(port, Behaviour(late_s=late, away=away)))

    return party


identity = _sandbox(
    "identity",
    "An identity service to try against. ID numbers with 0013 before the check character are on its watch list; cards"
    " that end in 0202 are of Class II. `POST /behaviour` changes how it behaves while it runs.",
    8091,
)
sms = _sandbox(
    "sms",
    "A sender of SMS to try against; `POST /inbox` with a phone shows what it was sent. `POST /behaviour` changes how"
    " it behaves while it runs.",
    8092,
)
