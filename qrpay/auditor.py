"""What an auditor may ask on the command line: the chart of accounts, trial balances, accounts, transfers, audits."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

import click

from qrpay.core import Core
from qrpay.feature import Shell
from qrpay.ledger import audit, history
from qrpay.ledger.caps import bank_day
from qrpay.ledger.chart import ACCOUNTS, TRANSFERS, AccountCode, TransferCode, name_of_ledger
from qrpay.ledger.counters import Counters
from qrpay.ledger.model import Account, AccountFlag, Entry, Posted, TransferFlag
from qrpay.ledger.seals import Closing
from qrpay.tables import as_json, money, screen, show_facts, table_of
from qrpay.values import Id, encode, id_from_text, id_of, id_text, rfc3339

LINES: Final = 10


@click.group()
def ledger() -> None:
    """The books: chart of accounts, trial balance, one account or transfer, audits."""


# The chart -----------------------------------------------------------------------------------------------------


@ledger.command()
@as_json
def chart(as_json: bool) -> None:
    """Every kind of account and transfer, and what it stands for."""
    accounts: list[dict[str, object]] = [
        {"code": int(code), "name": kind_of(code), "normal": kind.normal, "owner": kind.owner, "guarded": kind.guarded,
         "meaning": kind.meaning}
        for code, kind in ACCOUNTS.items()
    ]  # fmt: skip
    transfers: list[dict[str, object]] = [
        {"code": int(code), "name": moved_by(code), "debit": kind.debit, "credit": kind.credit, "meaning": kind.meaning}
        for code, kind in TRANSFERS.items()
    ]
    if as_json:
        click.echo(encode({"accounts": accounts, "transfers": transfers}))
        return
    table = table_of("Kinds of account", "no.>", "kind", "grows by", "owner", "no overdraft", "stands for")
    for row in accounts:
        table.add_row(str(row["code"]), str(row["name"]), str(row["normal"]), str(row["owner"]),
                      "yes" if row["guarded"] else "", str(row["meaning"]))  # fmt: skip
    screen().print(table)
    table = table_of("Kinds of transfer", "no.>", "kind", "debits", "credits", "stands for")
    for row in transfers:
        table.add_row(*(str(row[name]) for name in ("code", "name", "debit", "credit", "meaning")))
    screen().print(table)


# A trial balance -----------------------------------------------------------------------------------------------


@ledger.command("trial-balance")
@click.option("--day", type=click.DateTime(["%Y-%m-%d"]), help="A day of the bank (Asia/Shanghai); today if left out.")
@as_json
@click.pass_obj
def trial_balance(shell: Shell, day: datetime | None, as_json: bool) -> None:
    """What each kind of account had at the beginning of a day, was debited and credited, and had at its end."""

    async def work(core: Core) -> None:
        today = bank_day(core.clock())
        asked = today if day is None else day.date()
        if asked > today:
            raise click.UsageError(f"{asked} has not come yet; in Asia/Shanghai it is {today}.")
        books = core.ledger.books
        while not await books.catch_up():
            pass
        closings, head = await books.trial_balance(asked), await books.head()
        rows = [_line(one) for one in closings]
        if as_json:
            click.echo(encode({"day": asked.isoformat(), "position": head.position, "data": rows}))
        else:
            _show_balance(asked, head.position, rows)

    shell(work)


def _line(closing: Closing) -> dict[str, Any]:
    sign = sign_of(closing.code)
    moved = closing.after.minus(closing.before)
    return {
        "ledger": closing.ledger,
        "code": closing.code,
        "kind": kind_of(closing.code),
        "normal": "debit" if sign < 0 else "credit",
        "opening": sign * closing.before.balance,
        "debits": moved.debits_posted,
        "credits": moved.credits_posted,
        "closing": sign * closing.after.balance,
        "held": closing.after.debits_pending,
    }


def _show_balance(day: date, position: int, rows: Sequence[Mapping[str, Any]]) -> None:
    console = screen()
    if not rows:
        console.print(f"Nothing had been posted by the end of {day}.")
    for number in sorted({row["ledger"] for row in rows}):
        lines = [row for row in rows if row["ledger"] == number]
        title = f"Trial balance of {day}, {name_of_ledger(number)}"
        table = table_of(title, "no.>", "kind", "side", "opening>", "debits>", "credits>", "closing>", "held>")
        for row in lines:
            figures = [money(row[name], number) for name in ("opening", "debits", "credits", "closing", "held")]
            table.add_row(str(row["code"]), row["kind"], row["normal"], *figures)
        debits, credits_ = (sum(row[name] for row in lines) for name in ("debits", "credits"))
        table.add_section()
        table.add_row("", "together", "", "", money(debits, number), money(credits_, number), "", "")
        console.print(table)
        sides = [sum(row["closing"] for row in lines if row["normal"] == side) for side in ("debit", "credit")]
        for what, one, other in (("debits = credits", debits, credits_), ("had = owed", *sides)):
            mark = "[green]holds[/green] " if one == other else "[red]broken[/red]"
            console.print(f"{mark}  {what}: {money(one, number)} and {money(other, number)}")
    console.print(f"Days are those of Asia/Shanghai. The log is sealed up to transfer {position:,}.", style="dim")


# One account or transfer ---------------------------------------------------------------------------------------


@ledger.command()
@click.argument("id")
@as_json
@click.pass_obj
def show(shell: Shell, id: str, as_json: bool) -> None:
    """An account (counters, flags, limits, last lines) or a transfer (all fields, and what belongs to it).

    ID is acc_…, ord_… or another id of ours, or 32 hexadecimal digits.
    """
    wanted = id_of_anything(id)
    if wanted is None:
        raise click.UsageError(f"{id} is no id: give acc_…, ord_… or 32 hexadecimal digits.")

    async def work(core: Core) -> None:
        account = (await core.ledger.lookup_accounts([wanted])).get(wanted)
        transfer = (await core.ledger.lookup_transfers([wanted])).get(wanted)
        if account is not None:
            await _show_account(core, account, as_json=as_json)
        if transfer is not None:
            await _show_transfer(core, transfer, as_json=as_json)
        if account is None and transfer is None:
            raise click.ClickException(f"Neither an account nor a transfer has the id {id}.")

    shell(work)


async def _show_account(core: Core, account: Account, *, as_json: bool) -> None:
    lines = await core.ledger.entries(account.id, limit=LINES)
    differing, _ = await history.verify(core.database, [account.id])
    facts = {
        "account": id_text("acc_", account.id),
        "hex": account.id.hex,
        "ledger": name_of_ledger(account.ledger),
        "kind": kind_of(account.code),
        "flags": [flag.name.lower() for flag in AccountFlag if account.flags & flag and flag.name],
        **{name: getattr(account, name) for name in Counters.__struct_fields__},
        "balance": sign_of(account.code) * (account.credits_posted - account.debits_posted),
        **{name: getattr(account, name) for name in ("day_limit", "year_limit", "balance_limit")},
        "used_on": None if account.used_on is None else account.used_on.isoformat(),
        "day_used": account.day_used,
        "year_used": account.year_used,
        "created_at": rfc3339(account.created_at),
        "agrees_with_transfers": not differing,
    }
    if as_json:
        click.echo(encode({**facts, "entries": [_entry(account, line) for line in lines]}))
        return
    amounts = {*Counters.__struct_fields__, "balance", "day_limit", "year_limit", "balance_limit", "day_used",
               "year_used"}  # fmt: skip
    show_facts("Account", {name: money(value, account.ledger) if name in amounts and value is not None else value
                       for name, value in facts.items()})  # fmt: skip
    table = table_of(
        f"Last {len(lines)} lines", "recorded (UTC)", "effective", "kind", "side", "amount>", "balance>", "id"
    )
    for line in lines:
        transfer = line.transfer
        same = line.effective_at == transfer.timestamp
        table.add_row(
            f"{transfer.timestamp:%Y-%m-%d %H:%M:%S}", "" if same else f"{line.effective_at:%m-%d %H:%M:%S}",
            moved_by(transfer.code) + how(transfer), "debit" if transfer.debit == account.id else "credit",
            money(transfer.amount, account.ledger), money(sign_of(account.code) * line.after.balance, account.ledger),
            transfer.id.hex,
        )  # fmt: skip
    screen().print(table)


async def _show_transfer(core: Core, transfer: Posted, *, as_json: bool) -> None:
    around = await history.surroundings(core.database, transfer)
    accounts = await core.ledger.lookup_accounts([transfer.debit, transfer.credit])
    kinds = {id_: kind_of(account.code) for id_, account in accounts.items()}
    facts = {
        **_transfer(transfer),
        "flags": [flag.name.lower() for flag in TransferFlag if transfer.flags & flag and flag.name],
        "debit_kind": kinds.get(transfer.debit),
        "credit_kind": kinds.get(transfer.credit),
        "about": id_text("ord_", transfer.about),
        "reference": transfer.reference or None,
        "pending_id": None if transfer.pending_id is None else transfer.pending_id.hex,
        "timeout_s": transfer.timeout_s,
        "seal": around.seal,
    }
    lists = {"resolutions": around.resolutions, "about": around.about, "beside": around.beside}
    if as_json:
        click.echo(encode({**facts, **{f"{name}_transfers": [_transfer(one) for one in found]
                                       for name, found in lists.items()}}))  # fmt: skip
        return
    show_facts("Transfer", {**facts, "amount": money(transfer.amount, transfer.ledger)})
    titles = {"resolutions": "What became of this hold", "about": "About the same thing", "beside": "Posted together"}
    for name, found in lists.items():
        if found:
            table = table_of(titles[name], "recorded (UTC)", "kind", "amount>", "id")
            for one in found:
                table.add_row(f"{one.timestamp:%Y-%m-%d %H:%M:%S.%f}", moved_by(one.code) + how(one),
                              money(one.amount, one.ledger), one.id.hex)  # fmt: skip
            screen().print(table)


def _entry(account: Account, line: Entry) -> dict[str, Any]:
    return {
        **_transfer(line.transfer),
        "direction": "debit" if line.transfer.debit == account.id else "credit",
        "after": line.after,
        "effective_at": rfc3339(line.effective_at),
    }


def _transfer(one: Posted) -> dict[str, Any]:
    return {
        "transfer": one.id.hex,
        "recorded_at": one.timestamp.isoformat(),
        "kind": moved_by(one.code),
        "ledger": name_of_ledger(one.ledger),
        "amount": one.amount,
        "debit": id_text("acc_", one.debit),
        "credit": id_text("acc_", one.credit),
    }


# Audits --------------------------------------------------------------------------------------------------------


@ledger.command()
@click.option("--limit", type=click.IntRange(1, 100), default=10, show_default=True)
@as_json
@click.pass_obj
def audits(shell: Shell, limit: int, as_json: bool) -> None:
    """The last full audits, and what they found."""

    async def work(core: Core) -> None:
        found = await audit.latest(core.database, limit)
        if as_json:
            click.echo(encode([{**{name: getattr(one, name) for name in one.__struct_fields__}, "root": one.root.hex()}
                               for one in found]))  # fmt: skip
            return
        table = table_of("Audits", "no.>", "began (UTC)", "ended", "transfers>", "accounts>", "position>", "findings>")
        for one in found:
            ended = f"{one.ended_at:%H:%M:%S}" if one.ended_at else f"interrupted: {one.stage}"
            table.add_row(str(one.number), f"{one.began_at:%Y-%m-%d %H:%M:%S}", ended, f"{one.transfers:,}",
                          f"{one.accounts:,}", f"{one.position:,}", str(len(one.findings)))  # fmt: skip
        screen().print(table)
        for one in found:
            for finding in one.findings:
                screen().print(f"[red]{one.number}[/red]  {finding.kind}  {finding.what}\n    {finding.detail}")

    shell(work)


# Words ---------------------------------------------------------------------------------------------------------


def id_of_anything(text: str) -> Id | None:
    """The id behind `acc_…`, `ord_…` or any other prefix of ours, or behind 32 hexadecimal digits; None for neither."""
    prefix, mark, _ = text.partition("_")
    if mark:
        return id_from_text(f"{prefix.lower()}_", text)
    digits = text.replace("-", "")
    try:
        return id_of(bytes.fromhex(digits)) if len(digits) == 32 else None
    except ValueError:
        return None


def kind_of(code: int) -> str:
    """An account's kind in words."""
    return AccountCode(code).name.lower().replace("_", " ") if code in set(AccountCode) else f"kind {code}"


def sign_of(code: int) -> int:
    """What turns credits minus debits into the balance on the side where this kind of account grows: 1 or -1."""
    return -1 if code in set(AccountCode) and ACCOUNTS[AccountCode(code)].normal == "debit" else 1


def moved_by(code: int) -> str:
    """A transfer's kind in words."""
    return TransferCode(code).name.lower().replace("_", " ") if code in set(TransferCode) else f"kind {code}"


def how(transfer: Posted) -> str:
    """Whether a transfer is a hold, or what it does to one."""
    flags = TransferFlag(transfer.flags)
    words = {
        TransferFlag.PENDING: " (held)",
        TransferFlag.POST_PENDING: " (posts)",
        TransferFlag.VOID_PENDING: " (voids)",
    }
    return next((word for flag, word in words.items() if flags & flag), "")
