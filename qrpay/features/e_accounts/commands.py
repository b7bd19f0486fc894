"""Customers on the command line."""

import getpass

import click
import msgspec

from qrpay.core import Core
from qrpay.feature import Shell
from qrpay.features.e_accounts import rights, service
from qrpay.features.e_accounts.model import NO_CAPS, NewCustomer
from qrpay.features.merchants.commands import id_argument
from qrpay.values import AMOUNT_MAX, id_text


@click.group()
def customers() -> None:
    """Customers, their e-accounts and access tokens."""


@customers.command("add")
@click.argument("name")
@click.argument("phone")
@click.option(
    "--pin", prompt=True, hide_input=True, confirmation_prompt=True, help="Six digits; asked for if left out."
)
@click.option("--class", "account_class", type=click.Choice(["II", "III"]), default="II", show_default=True)
@click.option("--currency", default="CNY", show_default=True)
@click.option("--no-caps", is_flag=True, help="Without the caps of the class.")
@click.pass_obj
def add_customer(shell: Shell, /, no_caps: bool, **said: str) -> None:
    """Take on a customer and open an e-account; prints both ids."""
    try:
        new = msgspec.convert(said | ({"caps": NO_CAPS} if no_caps else {}), NewCustomer)
    except msgspec.ValidationError as defect:
        raise click.UsageError(str(defect)) from defect

    async def work(core: Core) -> None:
        opened = await service.add_customer(core, new)
        click.echo(f"customer    {id_text('cus_', opened.customer.id)}  {opened.customer.name_masked}")
        click.echo(f"account     {id_text('acc_', opened.account.id)}")

    shell(work)


@customers.command("seen")
@click.argument("customer")
@click.option("--why", required=True, help="The document that was shown, and where; it is kept.")
@click.option("--by", help="Who has seen the customer; your login when left out.")
@click.pass_obj
def seen(shell: Shell, customer: str, why: str, by: str | None) -> None:
    """CUSTOMER was seen in person: Class II accounts opened online take money from accounts that are not bound."""
    who = id_argument("cus_", customer)

    async def work(core: Core) -> None:
        opened = await rights.seen(core, who, by or getpass.getuser(), why)
        click.echo(f"{opened} accounts take money from anybody now, within their caps")

    shell(work)


@customers.command("token")
@click.argument("customer")
@click.option("--account", help="The account it pays from; the first when left out.")
@click.pass_obj
def token(shell: Shell, customer: str, account: str | None) -> None:
    """Print an access token for CUSTOMER."""
    who = id_argument("cus_", customer)
    named = id_argument("acc_", account) if account else None

    async def work(core: Core) -> None:
        click.echo(await service.issue_token(core, who, named))

    shell(work)


@customers.command("top-up")
@click.argument("account")
@click.argument("amount", type=click.IntRange(1, AMOUNT_MAX))
@click.argument("reference")
@click.pass_obj
def top_up(shell: Shell, account: str, amount: int, reference: str) -> None:
    """Put AMOUNT minor units (fen) into ACCOUNT; the same REFERENCE again moves nothing."""
    which = id_argument("acc_", account)

    async def work(core: Core) -> None:
        outcome = await service.top_up(core, which, amount, reference)
        click.echo(outcome.result.name.lower())

    shell(work)
