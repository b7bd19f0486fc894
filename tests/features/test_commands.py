"""The commands of keys, merchants and e-accounts, as an operator types them."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import click
import pytest
from click.testing import CliRunner

from qrpay.core import Core
from qrpay.database.migrator import APPLICATION
from qrpay.database.pool import Database
from qrpay.features.e_accounts import service as e_accounts
from qrpay.features.e_accounts.commands import customers
from qrpay.features.keys.commands import keys
from qrpay.features.merchants import service as merchants
from qrpay.features.merchants.commands import merchants as merchants_command
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
    assert shell(lambda core: merchants.check_secret(core, secret)).test

    assert "ter_" in " ".join(
        types(shell, merchants_command, "add-store", merchant, "Main", "S01", "--terminal", "T01")
    )
    types(shell, merchants_command, "key", "add", merchant)
    types(shell, merchants_command, "key", "revoke", key)

    listed = " ".join(types(shell, merchants_command, "key", "list", merchant))
    assert secret not in listed
    assert (listed.count("revoked"), listed.count("in use")) == (1, 1)


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
