"""The auditor's commands: what they print is what the books say, within 100 columns, and as JSON."""

import re
from typing import Any

import asyncpg
import msgspec
import pytest
from click.testing import CliRunner

from qrpay.auditor import id_of_anything, ledger
from qrpay.background.books import audited
from qrpay.core import Core
from qrpay.features.keys import service as keys
from qrpay.ledger.chart import ACCOUNTS, TRANSFERS, AccountCode, TransferCode
from qrpay.ledger.model import Result, Transfer, TransferFlag
from qrpay.tables import money
from qrpay.values import Id, id_text, new_id
from tests.features.test_commands import OwnShell
from tests.ledger.statement import CNY
from tests.ledger.teller import Teller, payment
from tests.ledger.test_seals import until_all_is_sealed


@pytest.fixture
def shell(fresh_dsn: str) -> OwnShell:
    """The command line's door to a database of its own."""
    return OwnShell(fresh_dsn)


def says(shell: OwnShell, *words: str) -> str:
    """What a command prints; it must succeed, and fit into 100 columns unless it is JSON."""
    result = CliRunner().invoke(ledger, words, obj=shell, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert "--json" in words or max(map(len, result.output.splitlines())) <= 100
    return result.output


def data(shell: OwnShell, *words: str) -> Any:
    """What a command says as JSON."""
    return msgspec.json.decode(says(shell, *words, "--json"))


async def town(core: Core) -> tuple[Id, Id, Id, Id]:
    """A payer with 100 yuan who paid 12.50 and has a hold of 20 posted in part; payer, shop, order, hold."""
    teller = Teller(core.ledger)
    payer, shop = await teller.account(100_00), await teller.account()
    order = payment(payer, shop, 12_50)
    hold = Transfer(new_id(), payer, shop, 20_00, TransferCode.HOLD, CNY, flags=int(TransferFlag.PENDING))
    refund = Transfer(new_id(), shop, payer, 50, TransferCode.REFUND, CNY, about=order.id, reference="R1")
    for chain in ([order, hold], [Transfer.of_hold(new_id(), hold.id, amount=15_00)], [refund]):
        assert all(outcome.result is Result.CREATED for outcome in await core.ledger.post_chain(chain))
    return payer, shop, order.id, hold.id


def test_the_chart_says_all_there_is(shell: OwnShell) -> None:
    """Every number of the code stands in it, with its side, its owner and a sentence."""
    assert set(ACCOUNTS) == set(AccountCode)
    assert set(TRANSFERS) == set(TransferCode)
    printed = says(shell, "chart")
    assert all(f" {int(code)}  " in printed for code in (*AccountCode, *TransferCode))
    assert [row["normal"] for row in data(shell, "chart")["accounts"]][:3] == ["credit", "credit", "debit"]


def test_a_trial_balance_shows_that_debits_are_credits(shell: OwnShell) -> None:
    """Opening, debits, credits, closing by kind; each side of the bank's books together."""
    shell(town)
    printed = says(shell, "trial-balance")
    rows = {row["kind"]: row for row in data(shell, "trial-balance")["data"]}

    assert (rows["customer"]["debits"], rows["customer"]["credits"], rows["customer"]["closing"]) == (
        12_50 + 15_00 + 50, 100_00 + 12_50 + 15_00 + 50, 100_00,
    )  # fmt: skip
    assert (rows["bank cash"]["normal"], rows["bank cash"]["closing"]) == ("debit", 100_00)
    assert printed.count("holds") == 2
    assert re.search(r"bank cash +debit +0\.00 +100\.00 +0\.00 +100\.00 +0\.00", printed)
    assert "Nothing had been posted" in says(shell, "trial-balance", "--day", "2020-01-01")


def test_an_account_is_shown_by_any_of_its_names(shell: OwnShell) -> None:
    """Counters, flags, whether it agrees with its transfers, and its last lines with the balance after each."""
    payer, _shop, order, _hold = shell(town)
    shown = data(shell, "show", payer.hex)
    assert shown == data(shell, "show", id_text("acc_", payer)) == data(shell, "show", str(payer))
    assert (shown["balance"], shown["flags"], shown["agrees_with_transfers"]) == (
        100_00 - 12_50 - 15_00 + 50, ["debits_must_not_exceed_credits"], True,
    )  # fmt: skip
    assert [line["after"]["debits_pending"] for line in shown["entries"]] == [0, 0, 20_00, 0, 0]
    printed = says(shell, "show", payer.hex)
    assert order.hex in printed
    assert "73.00" in printed


def test_a_transfer_is_shown_with_what_belongs_to_it(shell: OwnShell) -> None:
    """An order's payment with its refund and what was posted with it; a hold with what became of it."""
    payer, shop, order, hold = shell(town)
    shell(lambda core: until_all_is_sealed(core.ledger.books, core.database))
    shown = data(shell, "show", id_text("ord_", order))
    assert (shown["debit"], shown["credit"], shown["amount"]) == (id_text("acc_", payer), id_text("acc_", shop), 12_50)
    assert [one["kind"] for one in shown["about_transfers"]] == ["refund"]
    assert [one["transfer"] for one in shown["beside_transfers"]] == [hold.hex]
    assert shown["seal"] == 1
    assert [one["amount"] for one in data(shell, "show", hold.hex)["resolutions_transfers"]] == [15_00]
    assert "What became of this hold" in says(shell, "show", hold.hex)


def test_audits_are_listed_with_what_they_found(shell: OwnShell, fresh_dsn: str) -> None:
    """The account that was edited stands under the audit that found it."""

    async def work(core: Core) -> Id:
        await keys.start(core)
        payer, *_ = await town(core)
        superuser = await asyncpg.connect(fresh_dsn)
        await superuser.execute("UPDATE accounts SET credits_posted = credits_posted + 1 WHERE id = $1", payer)
        await superuser.close()
        await audited(core, lambda *_: None)
        return payer

    payer = shell(work)

    assert payer.hex in says(shell, "audits")
    assert [one["findings"][0]["kind"] for one in data(shell, "audits")] == ["account_differs"]
    assert data(shell, "show", payer.hex)["agrees_with_transfers"] is False


@pytest.mark.parametrize("words", [("show", "acc_1"), ("show", "x"), ("trial-balance", "--day", "2999-01-01")])
def test_a_slip_of_the_hand_is_told_as_one(shell: OwnShell, words: tuple[str, ...]) -> None:
    """Exit status 2, and what is wrong."""
    result = CliRunner().invoke(ledger, words, obj=shell)
    assert result.exit_code == 2
    assert "Error" in result.output


def test_an_id_that_nothing_bears(shell: OwnShell) -> None:
    """It is said plainly."""
    result = CliRunner().invoke(ledger, ["show", new_id().hex], obj=shell)
    assert (result.exit_code, "Neither an account nor a transfer" in result.output) == (1, True)
    assert id_of_anything("zz" * 16) is None


@pytest.mark.parametrize(
    ("amount", "number", "text"),
    [(1_234_567, 156, "12,345.67"), (-5, 156, "-0.05"), (1_234, 392, "1,234"), (7, 1001, "7"), (0, 48, "0.000")],
)
def test_money_is_written_with_its_currencys_decimals(amount: int, number: int, text: str) -> None:
    """Fen, yen, fils, points."""
    assert money(amount, number) == text
