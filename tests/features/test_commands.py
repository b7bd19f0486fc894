"""The commands of keys, merchants and e-accounts, as an operator types them."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, TypeVar

import click
import msgspec
import pytest
from click.testing import CliRunner

from qrpay.core import Core
from qrpay.database.migrator import APPLICATION
from qrpay.database.pool import Database
from qrpay.features.e_accounts import service as e_accounts
from qrpay.features.e_accounts.cap_commands import caps
from qrpay.features.e_accounts.commands import customers
from qrpay.features.keys.commands import keys
from qrpay.features.merchants import keys as merchant_keys
from qrpay.features.merchants.commands import merchants as merchants_command
from qrpay.ledger.caps import bank_day
from qrpay.values import id_from_text, id_text, new_id, utc_now
from tests.features.conftest import HandClock, core_over

T = TypeVar("T")


class OwnShell:
    """Opens a house over this database for each command, as the command line does."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn

    def __call__(self, work: Callable[[Core], Awaitable[T]]) -> T:
        async def in_house() -> T:
            database = await Database.open(self._dsn, role=APPLICATION, ledger_connections=1)
            core = core_over(database, HandClock())
            try:
                return await work(core)
            finally:
                await core.ledger.close()
                await database.close()

        return asyncio.run(in_house())


@pytest.fixture
def shell(fresh_dsn: str) -> OwnShell:
    """The command line's door to a database of its own."""
    return OwnShell(fresh_dsn)


def types(shell: OwnShell, command: click.Command, *words: str) -> list[str]:
    """What a command prints, by words; it must succeed."""
    result = CliRunner().invoke(command, words, obj=shell, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output.split()


def test_keys_are_rotated_listed_and_revoked(shell: OwnShell) -> None:
    """The list says in which state each key is."""
    [first] = types(shell, keys, "rotate", "--purpose", "code", "--now")
    [second] = types(shell, keys, "rotate", "--purpose", "code")
    assert types(shell, keys, "revoke", first) == [first, "is", "revoked"]

    listed = types(shell, keys, "list")

    assert {first, second, "revoked", "published", "signing"} <= set(listed)


def test_a_merchant_is_taken_on_and_its_key_is_shown_once(shell: OwnShell) -> None:
    """The printed secret works; a second replaces it after the first was revoked."""
    printed = types(shell, merchants_command, "add", "快乐超市", "--latin", "HAPPY MART", "--mcc", "5411")
    merchant = next(word for word in printed if word.startswith("mer_"))
    key = next(word for word in printed if word.startswith("key_"))
    secret = next(word for word in printed if word.startswith("sk_test_"))
    assert shell(lambda core: merchant_keys.check_secret(core, secret)).test

    assert "ter_" in " ".join(
        types(shell, merchants_command, "add-store", merchant, "Main", "S01", "--terminal", "T01")
    )
    types(shell, merchants_command, "key", "add", merchant)
    types(shell, merchants_command, "key", "revoke", key)

    listed = " ".join(types(shell, merchants_command, "key", "list", merchant))
    assert secret not in listed
    assert (listed.count(" revoked 2"), listed.count("until revoked")) == (1, 1)


def test_a_customer_is_taken_on_gets_money_and_a_token(shell: OwnShell) -> None:
    """The PIN is asked for when it is not given, and never printed."""
    printed = types(shell, customers, "add", "张三", "13800138000", "--pin", "264813", "--no-caps")
    customer = next(word for word in printed if word.startswith("cus_"))
    account = next(word for word in printed if word.startswith("acc_"))
    assert "264813" not in printed

    assert types(shell, customers, "top-up", account, "10000", "R1") == ["created"]
    assert types(shell, customers, "top-up", account, "10000", "R1") == ["exists"]
    [token] = types(shell, customers, "token", customer)

    wallet = shell(lambda core: e_accounts.check_token(core, token))
    [view] = shell(lambda core: e_accounts.accounts_of(core, wallet.id))
    assert (view.id, view.balance.available) == (account, 100_00)


def told(shell: OwnShell, *words: str) -> Any:
    """What a command about caps says as JSON."""
    result = CliRunner().invoke(caps, [*words, "--json"], obj=shell, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return msgspec.json.decode(result.stdout)


def test_caps_are_set_listed_and_shown_where_they_come_from(shell: OwnShell) -> None:
    """Of a class, of an account, shared, to come; and who set each is kept."""
    words = types(shell, customers, "add", "张三", "13800138000", "--pin", "264813")
    customer = next(word for word in words if word.startswith("cus_"))
    account = next(word for word in words if word.startswith("acc_"))
    types(shell, customers, "top-up", account, "10000", "R1")
    owner = id_from_text("cus_", customer)
    assert owner is not None
    second = id_text("acc_", shell(lambda core: e_accounts.open_account(core, owner, "II", "CNY")).id)
    tomorrow = (bank_day(utc_now()) + timedelta(days=1)).isoformat()

    of_class = told(shell, "set", "day", "700000", "--class", "II", "--by", "Li Lei", "--source", "order 7 of 2026")
    told(shell, "set", "code_c", "none", "--account", account, "--by", "Han Mei")
    told(shell, "set", "year", "5000", "--account", second, "--by", "Han Mei", "--from", tomorrow)
    told(shell, "set", "balance", "20000", "--account", account)

    assert (of_class["amount"], of_class["set_by"]) == (7_000_00, "Li Lei")
    assert of_class["accounts_looked_at"] >= 4, "two accounts, and the rows where they count together"
    in_force = {(cap["class"], cap["rule"]): cap for cap in told(shell, "list")["data"]}
    assert in_force["II", "day"]["source"] == "order 7 of 2026"
    assert in_force["every", "code_c"]["amount"] == 1_000_00
    past = [cap for cap in told(shell, "list", "--all")["data"] if cap["state"] == "past"]
    assert [(cap["class"], cap["rule"], cap["amount"]) for cap in past] == [("II", "day", 10_000_00)]
    [coming] = told(shell, "list", "--account", second)["data"]
    assert (coming["state"], coming["effective_on"], coming["amount"]) == ("to come", tomorrow, 50_00)

    first, other = told(shell, "show", customer)["data"]
    assert (first["account"], other["account"]) == (account, second)
    rules = {rule["rule"]: rule for rule in first["caps"]}
    assert [rules["day"][name] for name in ("limit", "used", "left", "from")] == [
        7_000_00, 0, 7_000_00, "class II, shared",
    ]  # fmt: skip
    assert (rules["day"]["cap"]["set_by"], rules["day"]["shared_with"]) == ("Li Lei", [second])
    assert rules["day"]["resets_at"].endswith("T16:00:00.000Z"), "midnight in Beijing"
    assert [rules["balance"][name] for name in ("limit", "used", "left", "resets_at", "from")] == [
        200_00, 100_00, 100_00, None, "account",
    ]  # fmt: skip
    assert rules["code_c"]["from"] == "every class, shared", "the other account's cap holds for both"
    assert rules["code_a"]["limit"] is None
    printed = types(shell, caps, "show", second)
    assert {"7,000.00", "200,000.00", "counts", account} <= set(printed)
    assert {"class", "II", "Li", "Lei", "in", "force"} <= set(types(shell, caps, "list"))


def test_a_cap_that_makes_no_sense_is_refused_with_the_way_out(shell: OwnShell) -> None:
    """Each with exit status 2, what to do instead, and nothing set."""
    words = types(shell, customers, "add", "张三", "13800138000", "--pin", "264813", "--no-caps")
    account = next(word for word in words if word.startswith("acc_"))
    bank = id_text("acc_", shell(lambda core: e_accounts.bank_cash(core, "CNY")))
    before = told(shell, "list", "--all")
    for asked, way_out in [
        (f"day 1 --class II --account {account}", "--class II, III or every, or --account"),
        ("day 1", "--class II, III or every, or --account"),
        ("day 1 --class every", "--class II or III"),
        ("code_b 1 --class III", "--class every"),
        ("day 100.50 --class II", "minor units"),
        ("day inherits --class II", "set its amount, or none"),
        (f"day inherits --account {account}", "follows no class"),
        ("day 1 --class II --from 2020-01-01", "or leave --from out"),
        ("day 1 --class II --currency XXX", "CNY"),
        (f"day 1 --account {account} --currency CNY", "leave --currency out"),
        (f"day 1 --account {id_text('acc_', new_id())}", "caps show cus_"),
        (f"day 1 --account {bank}", "no customer's account"),
        (f"day 1 --class II --by {'x' * 129}", "1 to 128 characters"),
        ("week 1 --class II", "'day'"),
    ]:
        result = CliRunner().invoke(caps, ["set", *asked.split()], obj=shell)
        assert result.exit_code == 2, (asked, result.output)
        assert way_out in " ".join(result.output.replace("│", " ").split()), (asked, result.output)
    assert told(shell, "list", "--all") == before


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (merchants_command, ("add", "A", "--mcc", "54")),
        (merchants_command, ("key", "add", "mer_1")),
        (customers, ("add", "张三", "12800138000", "--pin", "264813")),
        (customers, ("add", "张三", "13800138000", "--pin", "1234")),
        (customers, ("top-up", "acc_1", "0", "R1")),
    ],
)
def test_a_slip_of_the_hand_is_told_as_one(shell: OwnShell, command: click.Command, words: tuple[str, ...]) -> None:
    """Exit status 2 and what is wrong; nothing is opened."""
    result = CliRunner().invoke(command, words, obj=shell)

    assert result.exit_code == 2
    assert "Error" in result.output
