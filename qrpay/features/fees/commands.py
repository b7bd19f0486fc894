"""Fees on the command line: set a plan, show a merchant's, reckon a payment's fee."""

import getpass
from datetime import datetime, timedelta
from typing import Any, Final

import click
from msgspec import ValidationError, convert

from qrpay.core import Core
from qrpay.feature import Shell
from qrpay.features.calendar.service import bank_day
from qrpay.features.fees import service
from qrpay.features.fees.model import FeeTerms, NewPlan
from qrpay.features.merchants.commands import id_argument
from qrpay.tables import as_json, money, screen, show_facts, table_of
from qrpay.values import AMOUNT_MAX, CURRENCIES, encode

DATE: Final = click.DateTime(["%Y-%m-%d"])
MINOR: Final = click.IntRange(0, AMOUNT_MAX)
CURRENCY: Final = click.Choice(sorted(CURRENCIES))


@click.group()
def fees() -> None:
    """What merchants pay the bank for their payments."""


@fees.command("plan")
@click.option("--merchant", help="For this one (mer_…).")
@click.option("--mcc", help="For all of this category (ISO 18245).")
@click.option("--all", "for_all", is_flag=True, help="For all merchants that neither of the others is for.")
@click.option("--currency", type=CURRENCY, default="CNY", show_default=True)
@click.option("--rate-bp", type=click.IntRange(0, 10_000), default=0, help="Rate in 0.01 %: 38 is 0.38 %.")
@click.option("--fixed", type=MINOR, default=0, help="Fixed part, minor units.")
@click.option("--tier", multiple=True, metavar="FROM:BP[:FIXED]", help="Instead: from this amount on, all of it.")
@click.option("--minimum", type=MINOR, default=0, help="Of each payment, minor units.")
@click.option("--maximum", type=MINOR, help="The cap of each payment, minor units.")
@click.option("--rounding", type=click.Choice(["half_up", "half_even"]), default="half_up", show_default=True)
@click.option("--borne-by", type=click.Choice(["merchant", "bank"]), default="merchant", show_default=True)
@click.option("--from", "effective_on", type=DATE, help="First bank day; tomorrow when left out.")
@click.option("--by", help="Who sets it; your login when left out.")
@as_json
@click.pass_obj
def set_plan(
    shell: Shell, /, merchant: str | None, mcc: str | None, for_all: bool, currency: str, rate_bp: int, fixed: int,
    tier: tuple[str, ...], effective_on: datetime | None, by: str | None, as_json: bool, **said: Any,
) -> None:  # fmt: skip
    """Set a version of a plan, for one merchant, a category, or all. It is never edited: set another one.

    A payer never bears a fee (发改价格〔2016〕557号): the merchant does, or the bank.
    """
    if sum((merchant is not None, mcc is not None, for_all)) != 1:
        raise click.UsageError("Say whom it is for: one of --merchant, --mcc and --all.")
    if tier and (rate_bp or fixed):
        raise click.UsageError("Say either --tier or --rate-bp and --fixed.")
    whose = None if merchant is None else id_argument("mer_", merchant)
    tiers = [_tier(text) for text in tier] or [{"rate_bp": rate_bp, "fixed": fixed}]
    try:
        terms = convert({"tiers": tiers, **said}, FeeTerms)
    except ValidationError as defect:
        raise click.UsageError(str(defect)) from defect

    async def work(core: Core) -> None:
        day = effective_on.date() if effective_on else bank_day(core.clock()) + timedelta(days=1)
        row = await service.set_plan(core, NewPlan(currency, day, terms, whose, mcc), by or getpass.getuser())
        if as_json:
            click.echo(encode(row))
        else:
            click.echo(f"from {row.effective_on} on: {_text(terms, currency)}")

    shell(work)


def _tier(text: str) -> dict[str, int]:
    names = ("from_amount", "rate_bp", "fixed")
    parts = text.split(":")
    if not 2 <= len(parts) <= len(names) or not all(part.isascii() and part.isdigit() for part in parts):
        raise click.BadParameter(f"{text} is not of the form FROM:BP or FROM:BP:FIXED, in minor units and 0.01 %")
    return dict(zip(names, map(int, parts), strict=False))


def _text(terms: FeeTerms, currency: str) -> str:
    """A plan in words."""
    ledger = CURRENCIES[currency].numeric
    parts = [
        (f"from {money(tier.from_amount, ledger)}: " if tier.from_amount else "")
        + f"{tier.rate_bp / 100:.2f} %"
        + (f" + {money(tier.fixed, ledger)}" if tier.fixed else "")
        for tier in terms.tiers
    ]
    bounds = [f"at least {money(terms.minimum, ledger)}"] if terms.minimum else []
    bounds += [f"at most {money(terms.maximum, ledger)}"] if terms.maximum is not None else []
    return ", ".join([*parts, *bounds, terms.rounding.replace("_", " "), f"borne by the {terms.borne_by}"])


@fees.command("show")
@click.argument("merchant")
@as_json
@click.pass_obj
def show(shell: Shell, merchant: str, as_json: bool) -> None:
    """The versions that concern MERCHANT, newest first; * is in force."""
    whose = id_argument("mer_", merchant)

    async def work(core: Core) -> None:
        found = await service.plans(core, whose)
        if as_json:
            click.echo(encode(found))
            return
        table = table_of("fee plans", "", "id", "for", "from", "currency", "fee")
        for one in found:
            terms = FeeTerms(one.tiers, one.minimum, one.maximum, one.rounding, one.borne_by)
            table.add_row(
                "*" if one.in_force else "", one.id, one.applies_to, str(one.effective_on), one.currency,
                _text(terms, one.currency),
            )  # fmt: skip
        screen().print(table)

    shell(work)


@fees.command("quote")
@click.argument("merchant")
@click.argument("amount", type=click.IntRange(1, AMOUNT_MAX))
@click.option("--currency", type=CURRENCY, default="CNY", show_default=True)
@click.option("--on", type=DATE, help="Bank day; today when left out.")
@as_json
@click.pass_obj
def quote(shell: Shell, /, merchant: str, amount: int, currency: str, on: datetime | None, as_json: bool) -> None:
    """What a payment of AMOUNT (minor units) to MERCHANT would cost."""
    whose = id_argument("mer_", merchant)

    async def work(core: Core) -> None:
        said = await service.quote(core, whose, amount, currency, on.date() if on else None)
        if as_json:
            click.echo(encode(said))
            return
        ledger = CURRENCIES[currency].numeric
        sums = {name: money(getattr(said, name), ledger) for name in ("amount", "fee", "net")}
        show_facts(merchant, {**sums, "borne by": said.borne_by, "plan": said.plan, "on": said.on})

    shell(work)
