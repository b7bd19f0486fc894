"""Caps on the command line: set from a bank day on, listed, and shown as an account meets them."""

import getpass
import os
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta, timezone
from typing import Any, Final

import click

from qrpay.core import Core
from qrpay.feature import Shell
from qrpay.features.e_accounts import service
from qrpay.features.e_accounts.caps import RuleMet, is_ruled, rules_met, states
from qrpay.features.e_accounts.model import AccountClass
from qrpay.features.merchants.commands import id_argument
from qrpay.ledger.caps import bank_day
from qrpay.ledger.chart import AccountCode, CapClass, name_of_ledger
from qrpay.ledger.limits import Cap, CapKind, NewCap
from qrpay.ledger.model import Account
from qrpay.tables import as_json, money, screen, table_of
from qrpay.values import CURRENCIES, Id, encode, id_text, rfc3339, text_defect

EVERY: Final = "every"
WHOSE: Final[Mapping[str, CapClass]] = {"II": CapClass.CLASS_II, "III": CapClass.CLASS_III, EVERY: CapClass.EVERY}
NAMES: Final = {cap_class: "every class" if name == EVERY else f"class {name}" for name, cap_class in WHOSE.items()}
CAP_MAX: Final = 2**63 - 1
BEIJING: Final = timezone(timedelta(hours=8))
DATE: Final = click.DateTime(["%Y-%m-%d"])


@click.group()
def caps() -> None:
    """Caps of customers' accounts: by bank day, year, balance, and class of code (Asia/Shanghai)."""


# Setting -------------------------------------------------------------------------------------------------------


@caps.command("set")
@click.argument("rule", type=click.Choice([kind.value for kind in CapKind]))
@click.argument("amount")
@click.option("--class", "of_class", type=click.Choice(list(WHOSE)), help="For all accounts of a class, in a currency.")
@click.option("--account", help="For one account (acc_…).")
@click.option("--currency", help="Of a class: whose accounts; CNY when left out.")
@click.option("--from", "from_day", type=DATE, help="The bank day from which it holds; today when left out.")
@click.option("--by", help="Who sets it, which is kept; your login when left out.")
@click.option("--source", default="", help="Why, which is kept: the regulator's order, the agreement.")
@as_json
@click.pass_obj
def set_cap(
    shell: Shell, /, rule: str, amount: str, of_class: str | None, account: str | None, currency: str | None,
    from_day: datetime | None, by: str | None, source: str, as_json: bool,
) -> None:  # fmt: skip
    """Set a cap from a day on; nothing that was set is ever changed.

    AMOUNT is in minor units (fen); `none` lifts the cap; `inherits` leaves an account to its class again. RULE is day,
    year or balance, or inflow_day or inflow_year (what comes in from accounts that are not bound, or as cash), of a
    class or an account; or code_a to code_d, of `--class every` or an account: what may be paid
    in a day by codes of that class of verification. An account's own cap comes before its class's.
    """
    kind, whose = CapKind(rule), _whose(of_class, account)
    if isinstance(whose, CapClass) and not is_ruled(whose, kind):
        other = "--class II or III" if whose is CapClass.EVERY else "--class every"
        raise click.UsageError(f"A cap of the kind {kind} is set for {other}, or for one account with --account.")
    if not isinstance(whose, CapClass) and currency:
        raise click.UsageError("An account has one currency already: leave --currency out.")
    if currency is not None and currency not in CURRENCIES:
        raise click.BadParameter(f"{currency} is no currency we know: {', '.join(CURRENCIES)}.")
    limit = _amount(amount)
    inherits = amount == "inherits"
    if inherits and isinstance(whose, CapClass):
        raise click.UsageError("A class inherits from nobody: set its amount, or none.")
    who, why = _kept("--by", by or _login(), 1, 128), _kept("--source", source, 0, 256)

    async def work(core: Core) -> None:
        begins = _begins(from_day, bank_day(core.clock()))
        if isinstance(whose, CapClass):
            ledger = CURRENCIES[currency or "CNY"].numeric
            cap = NewCap(ledger, kind, limit, begins, who, why, cap_class=whose)
        else:
            found = await _account(core, whose)
            if inherits and found.cap_class == CapClass.NONE:
                raise click.UsageError(f"{account} follows no class, so there is nothing to inherit: set none.")
            cap = NewCap(found.ledger, kind, limit, begins, who, why, account=whose, inherits=inherits)
        walked = await _told(core, cap)
        if as_json:
            click.echo(encode({**_said(cap), "accounts_looked_at": walked}))
        else:
            click.echo(f"{kind} of {_name(cap)} in {name_of_ledger(cap.ledger)}: {_amount_text(cap)}"
                       f" from {begins} on, set by {who}")  # fmt: skip

    shell(work)


async def _told(core: Core, cap: NewCap) -> int:
    """Set it, with a bar while the accounts of a class are walked; answers how many were looked at."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    of_class, walked, done = cap.cap_class is not None, 0, False
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=not of_class) as bars:
        bar = bars.add_task(f"telling {_name(cap)}", total=await core.ledger.about_how_many())

        def count(more: int) -> None:
            nonlocal walked
            walked += more
            bars.update(bar, completed=walked)

        try:
            done = await core.ledger.set_cap(cap, count)
        except ValueError as refusal:  # midnight came meanwhile
            of_class = False
            raise click.UsageError(str(refusal)) from refusal
        finally:
            if of_class and not done:
                bars.console.print(
                    "Interrupted: whoever was not told goes on by the old cap. Give the same command again."
                )
    return walked


def _whose(of_class: str | None, account: str | None) -> CapClass | Id:
    if (of_class is None) == (account is None):
        raise click.UsageError("Say whose cap it is: --class II, III or every, or --account acc_….")
    return id_argument("acc_", account) if account is not None else WHOSE[of_class or ""]


def _amount(text: str) -> int | None:
    if text in ("none", "inherits"):
        return None
    if text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= CAP_MAX:
        return int(text)
    raise click.BadParameter(
        f"{text} is no amount: write minor units (1000000 for 10,000.00), none, or inherits.", param_hint="AMOUNT"
    )


def _begins(asked: datetime | None, today: date) -> date:
    begins = today if asked is None else asked.date()
    if begins < today:
        raise click.BadParameter(
            f"{begins} is past, and what has passed is not decided anew. In Asia/Shanghai it is {today}: name that day"
            " or a later one, or leave --from out.",
            param_hint="--from",
        )
    return begins


def _kept(option: str, text: str, at_least: int, at_most: int) -> str:
    text = text.strip()
    if defect := text_defect(text):
        raise click.BadParameter(defect, param_hint=option)
    if not at_least <= len(text) <= at_most:
        raise click.BadParameter(f"say it in {at_least} to {at_most} characters.", param_hint=option)
    return text


def _login() -> str:
    """Who is at the keyboard, also behind sudo."""
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):  # no name is known for this user, as in some containers
        raise click.UsageError("Say who sets the cap: --by NAME.") from None


async def _account(core: Core, id: Id) -> Account:
    """The ledger's account, if it is a customer's."""
    found = (await core.ledger.lookup_accounts([id])).get(id)
    if found is None:
        raise click.UsageError(f"There is no account {id_text('acc_', id)}: qrpay caps show cus_… lists a customer's.")
    if found.code != AccountCode.CUSTOMER:
        raise click.UsageError(f"{id_text('acc_', id)} is no customer's account: only those have caps.")
    return found


# Listing -------------------------------------------------------------------------------------------------------


@caps.command("list")
@click.option("--account", help="Those of one account (acc_…), instead of those of the classes.")
@click.option("--currency", default="CNY", show_default=True, help="Of the classes.")
@click.option("--all", "past_too", is_flag=True, help="Also what is past, or was replaced.")
@as_json
@click.pass_obj
def list_caps(shell: Shell, account: str | None, currency: str, past_too: bool, as_json: bool) -> None:
    """The caps that were set for the classes, or for one account: in force and to come."""
    whose = None if account is None else id_argument("acc_", account)
    if currency not in CURRENCIES:
        raise click.BadParameter(f"{currency} is no currency we know: {', '.join(CURRENCIES)}.")

    async def work(core: Core) -> None:
        ledger = CURRENCIES[currency].numeric if whose is None else (await _account(core, whose)).ledger
        found = await core.ledger.caps(ledger=ledger, account=whose)
        state = states(found, bank_day(core.clock()))
        shown = [cap for cap in found if past_too or state[cap.id] != "past"]
        shown.sort(key=lambda cap: (cap.cap_class or 0, list(CapKind).index(cap.kind), cap.effective_on, cap.id))
        if as_json:
            click.echo(encode({"data": [{**_said(cap), "set_at": _utc(cap.set_at), "state": state[cap.id]}
                                        for cap in shown]}))  # fmt: skip
        elif not shown:
            click.echo("No caps: qrpay caps set … sets one." if past_too else "No caps in force or to come.")
        else:
            whom = f"classes in {currency}" if account is None else account
            _show_list(f"Caps of {whom}; days of Asia/Shanghai", shown, state)

    shell(work)


def _show_list(title: str, shown: Sequence[Cap], state: Mapping[int, str]) -> None:
    table = table_of(title, "class", "rule", "cap>", "from", "state", "set by", "set on", "source")
    for column in table.columns:
        column.no_wrap = True
    table.columns[-1].no_wrap, table.columns[-1].overflow = False, "fold"  # Chinese has no spaces to break at
    for cap in shown:
        table.add_row(
            _class_name(cap.cap_class) or "-", cap.kind.value, _amount_text(cap), cap.effective_on.isoformat(),
            state[cap.id], cap.set_by, f"{bank_day(cap.set_at)}" if cap.set_at else "", cap.source,
        )  # fmt: skip
    screen().print(table)


# Showing -------------------------------------------------------------------------------------------------------


@caps.command("show")
@click.argument("id", metavar="ACCOUNT")
@as_json
@click.pass_obj
def show_caps(shell: Shell, id: str, as_json: bool) -> None:
    """What an account may still spend and hold: each rule with what is used, what is left, and where it comes from.

    ACCOUNT is acc_…, or cus_… for all accounts of a customer.
    """
    customer = id.lower().startswith("cus_")
    wanted = id_argument("cus_" if customer else "acc_", id)

    async def work(core: Core) -> None:
        ids = [one.id for one in await service.own_accounts(core, wanted)] if customer else [wanted]
        if not ids:
            raise click.UsageError(f"There is no customer {id} with an account.")
        today = bank_day(core.clock())
        data = []
        for one in ids:
            account = await _account(core, one)
            met = await rules_met(core, account)
            if as_json:
                data.append(_met(account, today, met))
            else:
                _show_met(account, today, met)
        if as_json:
            click.echo(encode({"data": data}))

    shell(work)


def _met(account: Account, today: date, met: Sequence[RuleMet]) -> dict[str, Any]:
    return {
        "account": id_text("acc_", account.id),
        "class": _class_name(account.cap_class),
        "currency": name_of_ledger(account.ledger),
        "day": today.isoformat(),
        "caps": [
            {
                "rule": one.rule.value,
                "limit": one.use and one.use.limit,
                "used": one.used,
                "left": one.use and one.use.left,
                "resets_at": one.use and _utc(one.use.resets_at),
                "from": _origin(account, one),
                "cap": one.cap and _said(one.cap),
                "shared_with": [id_text("acc_", other) for other in one.others],
            }
            for one in met
        ],
    }


def _show_met(account: Account, today: date, met: Sequence[RuleMet]) -> None:
    name, unit = id_text("acc_", account.id), name_of_ledger(account.ledger)
    follows = NAMES.get(CapClass(account.cap_class), "no class")
    table = table_of(f"{name}, {unit}, {follows}; {today} in Asia/Shanghai",
                     "rule", "cap>", "used>", "left>", "begins anew", "comes from", "since", "set by")  # fmt: skip
    for one in met:
        resets = one.use and one.use.resets_at
        table.add_row(
            one.rule.value,
            money(one.use.limit, account.ledger) if one.use else "no cap",
            money(one.used, account.ledger),
            money(one.use.left, account.ledger) if one.use else "",
            f"{resets.astimezone(BEIJING):%Y-%m-%d %H:%M}" if resets else "",
            _origin(account, one) or "",
            one.cap.effective_on.isoformat() if one.cap else "",
            one.cap.set_by if one.cap else "",
        )
    console = screen()
    console.print(table)
    for other in dict.fromkeys(other for one in met for other in one.others):
        rules = ", ".join(one.rule.value for one in met if other in one.others)
        console.print(
            f"{id_text('acc_', other)} of the same customer counts too: {rules}", style="dim", highlight=False
        )


def _origin(account: Account, met: RuleMet) -> str | None:
    """Where a rule's cap comes from, and whether other accounts count in it; None: there is no cap."""
    if met.use is None:
        return None
    shared = ", shared" if met.others else ""
    if met.cap is None:
        return f"cap{shared}"  # it was set between two looks
    if met.cap.account is None:
        return _name(met.cap) + shared
    return ("account" if met.cap.account == account.id else id_text("acc_", met.cap.account)) + shared


# Words ---------------------------------------------------------------------------------------------------------


def _said(cap: NewCap) -> dict[str, Any]:
    return {
        "class": _class_name(cap.cap_class),
        "account": None if cap.account is None else id_text("acc_", cap.account),
        "currency": name_of_ledger(cap.ledger),
        "rule": cap.kind.value,
        "amount": cap.amount,
        "inherits": cap.inherits,
        "effective_on": cap.effective_on.isoformat(),
        "set_by": cap.set_by,
        "source": cap.source,
    }


def _name(cap: NewCap) -> str:
    return id_text("acc_", cap.account) if cap.account is not None else NAMES[CapClass(cap.cap_class or 0)]


def _class_name(cap_class: int | None) -> AccountClass | str | None:
    return next((name for name, number in WHOSE.items() if number == cap_class), None)


def _amount_text(cap: NewCap) -> str:
    return "as its class" if cap.inherits else "no cap" if cap.amount is None else money(cap.amount, cap.ledger)


def _utc(moment: datetime | None) -> str | None:
    return None if moment is None else rfc3339(moment)
