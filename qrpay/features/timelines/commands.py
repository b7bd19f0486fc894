"""`qrpay explain ORDER`: a timeline for whoever looks into one payment."""

import os

import click

from qrpay.core import Core
from qrpay.feature import Shell
from qrpay.features.timelines import service
from qrpay.features.timelines.model import Step
from qrpay.tables import as_json, screen, table_of
from qrpay.values import encode


@click.command()
@click.argument("order")
@as_json
@click.pass_obj
def explain(shell: Shell, order: str, as_json: bool) -> None:
    """What became of ORDER (ord_…), step by step, with the microseconds that were measured."""
    chinese = (os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or "")[:2] == "zh"

    async def work(core: Core) -> None:
        told = await service.timeline_of(core, order)
        if as_json:
            click.echo(encode(told))
            return
        table = table_of(f"{told.order}  {told.reference}  {told.status}", "at>", "µs>", "", "")
        for step in told.steps:
            took = "" if step.took_us is None else f"{step.took_us:,}"
            table.add_row(step.at, took, step.zh if chinese else step.en, _figures(step))
        screen().print(table)
        if not told.measured and told.status == "paid":
            said = "没有保存该笔支付的耗时。" if chinese else "It is not kept how long its payment took."
            click.echo(said)

    shell(work)


def _figures(step: Step) -> str:
    """What else is known of a step, in a line; without the long name of the process, which --json has."""
    known = {name: value for name, value in (step.detail or {}).items() if value is not None and name != "worker"}
    return ", ".join([f"{name} {value}" for name, value in known.items()] + ([step.id] if step.id else []))
