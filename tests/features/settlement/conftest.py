"""Merchants with money on days of the test's own, and a clearing house that pays them out."""

import asyncio
from collections.abc import AsyncIterator
from datetime import date, timedelta

import pytest
from msgspec.structs import replace

from qrpay.core import Core
from qrpay.database.pool import Database
from qrpay.features.calendar.service import day_begins
from qrpay.features.clearing.feature import feature as clearing_feature
from qrpay.features.clearing.jobs import turn
from qrpay.features.merchants import service as merchants
from qrpay.features.merchants.model import NewMerchant
from qrpay.features.settlement import looks, service, terms
from qrpay.features.settlement.feature import feature
from qrpay.features.settlement.model import PayoutAccount, Settlement, SettlementsQuery, Terms
from qrpay.ledger.audit import CHECKS
from qrpay.ledger.chart import AccountCode, TransferCode
from qrpay.ledger.engine import Engine
from qrpay.ledger.model import NewAccount, Transfer
from qrpay.values import TEST_LEDGERS, Id, new_id, utc_now
from tests.features.clearing.conftest import Sandbox, house, house_process
from tests.features.conftest import HandClock, core_over

__all__ = ["house", "house_process"]

CNY = 156
PAYOUT = PayoutAccount("快乐超市", "6217001234567890", "102100099996")


class DayClock(HandClock):
    """A clock that a test sets to the hour of a day in Shanghai."""

    def set(self, day: date, hour: float = 12.0) -> None:
        """It is this hour of this day from now on."""
        self.ahead = day_begins(day) + timedelta(hours=hour) - utc_now()


class Shop:
    """A merchant that is paid, gives back, and is settled."""

    def __init__(self, core: Core, merchant: Id, account: Id, funds: Id, ledger: int) -> None:
        self._ledger = ledger
        self.core = core
        self.merchant = merchant
        self.account = account
        self._funds = funds

    async def paid(self, amount: int) -> Id:
        """A customer pays; the order's id."""
        return await self._post(self._funds, self.account, amount, TransferCode.PAYMENT)

    async def refunds(self, amount: int) -> Id:
        """It gives money back."""
        return await self._post(self.account, self._funds, amount, TransferCode.REFUND)

    async def _post(self, debit: Id, credit: Id, amount: int, code: TransferCode) -> Id:
        id_ = new_id()
        outcome = await self.core.ledger.post(Transfer(id_, debit, credit, amount, code, self._ledger))
        assert outcome.result.stands, outcome
        return id_

    async def agrees(self, **said: object) -> None:
        """Change its terms."""
        now = await terms.terms_of(self.core, self.merchant)
        await terms.set_terms(self.core, self.merchant, replace(now, **said), "ana")

    async def settlements(self) -> list[Settlement]:
        """All of them, oldest first."""
        return list((await looks.page(self.core, self.merchant, SettlementsQuery(limit=100))).data)[::-1]

    async def balance(self) -> tuple[int, int]:
        """What it is owed, and how much of that is on its way to its bank."""
        account = (await self.core.ledger.lookup_accounts([self.account]))[self.account]
        return account.credits_posted - account.debits_posted, account.debits_pending


async def shop(core: Core, **said: object) -> Shop:
    """A new merchant that is settled D+1 to PAYOUT unless `said` differs; with `test`, one for trying."""
    test = bool(said.pop("test", False))
    onboarded = await merchants.add(core, NewMerchant("Happy Mart", test=test))
    account = await merchants.ensure_account(core, onboarded.merchant.id, "CNY")
    funds = new_id()
    ledger = CNY + TEST_LEDGERS * test
    await core.ledger.create_accounts([NewAccount(funds, ledger, AccountCode.MARKER)])
    agreed: dict[str, object] = {"cycle": "D+1", "payout": PAYOUT} | said
    await terms.set_terms(core, onboarded.merchant.id, Terms(**agreed), "ana")  # type: ignore[arg-type] # as a test says
    return Shop(core, onboarded.merchant.id, account, funds, ledger)


@pytest.fixture
def clock() -> DayClock:
    """Days in the test's own hands."""
    return DayClock()


@pytest.fixture
async def core(fresh_database: Database, clock: DayClock, house: Sandbox) -> AsyncIterator[Core]:
    """A bank whose ledger goes by the test's clock too. When the test ends, its books must be in order."""
    built = core_over(fresh_database, clock, clearing_url=house.url)
    built = replace(built, ledger=Engine(fresh_database, clock=clock))
    yield built
    await in_order(built)
    await built.ledger.close()


async def in_order(core: Core) -> None:
    """Every invariant of the ledger, of clearing and of settlement holds."""
    for check in (*CHECKS, *clearing_feature.checks, *feature.checks):
        rows = await core.database.fetch(check)
        assert not rows, f"{check.name}: {[dict(row.items()) for row in rows]}"


async def until(core: Core, shop: Shop, status: str) -> Settlement:
    """Let the background work until the shop's latest settlement stands so."""
    async with asyncio.timeout(20):
        while True:
            await turn(core)
            await service.hear(core)
            latest = (await shop.settlements())[-1]
            stored = await core.database.fetchval(
                "SELECT status FROM settlements WHERE merchant = $1 ORDER BY number DESC LIMIT 1", shop.merchant
            )
            if (latest.status, stored) == (status, status):
                return latest
            await asyncio.sleep(0.02)
