"""A clearing house as a process of its own, and payments that are on their way to it."""

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import aiohttp
import pytest

from qrpay.core import Core
from qrpay.database.pool import Database
from qrpay.features.clearing import service
from qrpay.features.clearing.jobs import turn
from qrpay.features.clearing.model import NewInstruction, Party
from qrpay.ledger.chart import AccountCode, TransferCode
from qrpay.ledger.model import AccountFlag, NewAccount, Transfer, TransferFlag
from qrpay.values import Id, new_id
from tests.features.conftest import HandClock, core_over

CNY = 156


class Sandbox:
    """The running house."""

    def __init__(self, url: str) -> None:
        self.url = url

    async def behave(self, **how: object) -> None:
        """From now on it behaves so."""
        async with aiohttp.ClientSession() as session, session.post(f"{self.url}/behaviour", json=how) as answer:
            assert answer.status == 200, await answer.text()

    async def paid(self) -> Mapping[str, int]:
        """What it has paid out, by EndToEndId."""
        async with aiohttp.ClientSession() as session, session.get(f"{self.url}/paid") as answer:
            return await answer.json()  # type: ignore[no-any-return] # JSON


@asynccontextmanager
async def sandbox(*words: str) -> AsyncIterator[Sandbox]:
    """`qrpay sandbox clearing` on a free port."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "qrpay", "sandbox", "clearing", "--port", "0", *words, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        yield Sandbox((await asyncio.wait_for(process.stdout.readline(), 20)).decode().strip())
    finally:
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 10) == 0


@pytest.fixture(scope="session")
async def house_process() -> AsyncIterator[Sandbox]:
    """One house for all tests of this process."""
    async with sandbox() as running:
        yield running


@pytest.fixture
async def house(house_process: Sandbox) -> Sandbox:
    """The house, well behaved."""
    await house_process.behave()
    return house_process


@pytest.fixture
async def core(database: Database, clock: HandClock, house: Sandbox) -> AsyncIterator[Core]:
    """A bank that the clearing house serves."""
    built = core_over(database, clock, clearing_url=house.url)
    yield built
    await built.ledger.close()


class Payout:
    """A payment on its way: its id, its hold, and the account its money comes from."""

    def __init__(self, core: Core, id_: Id, source: Id) -> None:
        self.core = core
        self.id = id_
        self.source = source

    async def status(self) -> str:
        """How far it has come."""
        return (await service.instructions(self.core, [self.id]))[self.id].status

    async def money(self) -> tuple[int, int]:
        """What the account holds, and how much of it is held for the payment."""
        account = (await self.core.ledger.lookup_accounts([self.source]))[self.source]
        return account.credits_posted - account.debits_posted, account.debits_pending


async def payout(core: Core, *, amount: int = 500, to: str = "6217001234567890") -> Payout:
    """A payment of `amount` out of an account with 10.00, held and instructed."""
    source, funds, id_ = new_id(), new_id(), new_id()
    guard = AccountFlag.DEBITS_MUST_NOT_EXCEED_CREDITS
    await core.ledger.create_accounts(
        [NewAccount(source, CNY, AccountCode.MERCHANT, guard), NewAccount(funds, CNY, AccountCode.MARKER)]
    )
    await core.ledger.post(Transfer(new_id(), funds, source, 1_000, TransferCode.TOP_UP, CNY))
    clearing = await service.clearing_account(core, "CNY")
    hold = Transfer(id_, source, clearing, amount, TransferCode.SETTLEMENT, CNY, flags=TransferFlag.PENDING)
    assert (await core.ledger.post(hold)).result.stands
    new = NewInstruction(id_, id_, "test", "CNY", amount, Party("张三商行", to, "102100099996"), "结算 test")
    async with core.database.transaction() as within:
        await service.instruct(core, "test", [new], within)
    return Payout(core, id_, source)


async def turns(core: Core, until: str, *payouts: Payout) -> None:
    """Let the background work until all these payments stand so."""
    async with asyncio.timeout(20):
        while any([await one.status() != until for one in payouts]):
            await turn(core)
            await asyncio.sleep(0.02)
