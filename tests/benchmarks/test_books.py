"""The three zeros ring: each is broken on purpose, once, in a real ledger."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
from msgspec import structs

from benchmarks import seed
from benchmarks.books import Books
from benchmarks.generator import Address
from benchmarks.town import Credentials, Due, Payment, Town, order_text
from qrpay.app import open_core
from qrpay.core import Core
from qrpay.database.migrator import APPLICATION
from qrpay.database.pool import dsn_as
from qrpay.ledger.chart import TransferCode
from qrpay.ledger.model import Result, Transfer
from qrpay.settings import Settings
from qrpay.values import new_id


class Bank:
    """A small seeded town, and payments made in its ledger as the server would make them."""

    def __init__(self, core: Core, credentials: Credentials) -> None:
        self.core = core
        self.town = Town(credentials, Address("127.0.0.1", 1))
        self.books = Books()

    async def dues(self, count: int) -> list[Due]:
        return await seed.issue_elsewhere(self.core, self.town.payees(count), [100] * count)

    async def pays(self, due: Due) -> Payment:
        payment = self.town.payment(due, self.town.people[0])
        outcome = await self.core.ledger.post(
            Transfer(payment.order, payment.debit, payment.credit, payment.amount, TransferCode.PAYMENT, seed.CNY)
        )
        assert outcome.result is Result.CREATED
        return payment

    async def zeros(self) -> tuple[int, int, int]:
        verdict = await self.books.compare(self.core, 0)
        assert verdict.clean == (not (verdict.missing or verdict.doubled or verdict.unbalanced))
        return verdict.missing, verdict.doubled, verdict.unbalanced


@pytest.fixture
async def bank(fresh_dsn: str, tmp_path: Path) -> AsyncIterator[Bank]:
    """Twenty people, two shops, and a database of its own."""
    settings = Settings(home=str(tmp_path), database_url=dsn_as(fresh_dsn, APPLICATION), migration_url=fresh_dsn)
    async with open_core(settings) as core:
        yield Bank(core, await seed.fill(core, 20, 2, url="http://127.0.0.1:1"))


async def test_what_was_acknowledged_and_stands_is_three_zeros(bank: Bank) -> None:
    """Also when an answer was lost at first, and the retry was told 200."""
    first, second, third = [await bank.pays(due) for due in await bank.dues(3)]
    bank.books.enter(201, first)
    bank.books.enter(0, second)
    bank.books.enter(200, second)
    bank.books.enter(503, third)  # nobody knows, and it stands: neither missing nor doubled
    assert await bank.zeros() == (0, 0, 0)
    assert len(bank.books.acknowledged) == 2


async def test_a_payment_that_was_acknowledged_and_is_lost_is_missing(bank: Bank) -> None:
    """So is one that stands with another amount."""
    lost, changed = await bank.dues(2)
    bank.books.enter(201, bank.town.payment(lost, bank.town.people[0]))
    paid = await bank.pays(changed)
    bank.books.enter(201, structs.replace(paid, amount=paid.amount + 1))
    assert await bank.zeros() == (2, 0, 0)


async def test_a_payment_nobody_was_told_of_is_doubled(bank: Bank) -> None:
    """A refused request that moved money all the same, or one that moved it twice under another id."""
    (due,) = await bank.dues(1)
    paid = await bank.pays(due)
    bank.books.enter(201, paid)
    await bank.pays(structs.replace(due, order=order_text(new_id())))
    assert await bank.zeros() == (0, 1, 0)
    bank.books.enter(201, paid)  # and a second 201 for the same order
    assert await bank.zeros() == (0, 2, 0)


async def test_a_balance_changed_behind_the_ledgers_back_is_unbalanced(bank: Bank, fresh_dsn: str) -> None:
    """By a superuser, past every guard."""
    payment = await bank.pays((await bank.dues(1))[0])
    bank.books.enter(201, payment)
    owner = await asyncpg.connect(fresh_dsn)
    await owner.execute("UPDATE accounts SET credits_posted = credits_posted + 1 WHERE id = $1", payment.credit)
    await owner.close()
    missing, doubled, unbalanced = await bank.zeros()
    assert (missing, doubled) == (0, 0)
    assert unbalanced > 0


async def test_codes_seeded_in_bulk_are_codes_of_this_house(bank: Bank) -> None:
    """They verify, say what the file says, and have a stored order."""
    dues = await bank.dues(50)
    for due in dues:
        content = await asyncio.to_thread(bank.core.reader.read, due.scanned, bank.core.clock())
        assert content.order is not None
        assert (order_text(content.order), content.amount) == (due.order, due.amount)
    stored = await bank.core.database.fetchval(
        "SELECT count(*) FROM orders WHERE id = ANY ($1::uuid[])",
        [bank.town.payment(due, bank.town.people[0]).order for due in dues],
    )
    assert stored == 50
