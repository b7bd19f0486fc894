"""One leader: whoever holds the lock works, and when it dies another one goes on."""

import asyncio
from collections.abc import Sequence

import asyncpg

from qrpay.background.model import Job
from qrpay.background.run import run
from qrpay.core import Core
from qrpay.database.migrator import APPLICATION
from qrpay.database.pool import Database
from qrpay.feature import Feature
from qrpay.ledger.chart import TransferCode
from qrpay.ledger.engine import Engine
from qrpay.ledger.model import Transfer, TransferFlag
from qrpay.values import new_id
from tests.background.world import CNY, log_of, open_shop, sales, until_logged
from tests.features.conftest import HandClock, core_over

TAKEN_OVER_S_MAX = 5.0


class Candidate:
    """A background process: it works while it leads, and counts its turns."""

    def __init__(self, core: Core, *features: Feature) -> None:
        self.turns = 0
        self.stop = asyncio.Event()
        self.task = asyncio.create_task(
            run(core, [Feature(jobs=[Job("turns", 0.01, self._turn)]), *features], self.stop)
        )

    async def _turn(self, _core: Core) -> int:
        self.turns += 1
        return 0

    async def end(self) -> None:
        """Stop it, as SIGTERM does."""
        self.stop.set()
        await asyncio.wait_for(self.task, 10)


async def until_one_leads(candidates: Sequence[Candidate]) -> Candidate:
    """The one that makes turns."""
    before = [one.turns for one in candidates]
    async with asyncio.timeout(TAKEN_OVER_S_MAX):
        while True:
            await asyncio.sleep(0.05)
            for one, turns in zip(candidates, before, strict=True):
                if one.turns > turns + 2:
                    return one


async def test_of_two_one_leads_and_when_it_stops_the_other_goes_on(fresh_core: Core) -> None:
    """A leader that is told to stop hands over within seconds."""
    pair = [Candidate(fresh_core), Candidate(fresh_core)]
    first = await until_one_leads(pair)
    other = pair[1] if first is pair[0] else pair[0]
    await asyncio.sleep(0.3)
    assert other.turns == 0

    await first.end()
    assert await until_one_leads([other]) is other
    await other.end()


async def test_a_leader_whose_connection_dies_is_succeeded_and_nothing_is_lost_or_doubled(
    fresh_core: Core, fresh_dsn: str, clock: HandClock
) -> None:
    """The server ends the leader's session three times while payments flow: the log stays whole."""
    opened = await Database.open(fresh_dsn, role=APPLICATION, size=4, ledger_connections=1)
    second = core_over(opened, clock)
    shop = await open_shop(fresh_core)
    pair = [Candidate(fresh_core, sales), Candidate(second, sales)]
    owner = await asyncpg.connect(fresh_dsn)
    for _ in range(3):
        await until_one_leads(pair)
        paying = asyncio.create_task(shop.pay_many(200))
        ended = await owner.fetchval(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity a JOIN pg_locks l USING (pid)"
            " WHERE l.locktype = 'advisory' AND l.granted AND a.application_name = 'qrpay leader'"
            " AND a.datname = current_database()"
        )
        assert ended == 1
        await paying

    events = await until_logged(fresh_core, 1_200)

    for one in pair:
        await one.end()
    await owner.close()
    assert [event.seq for event in events] == list(range(1, 1_201))
    assert len({event.about for event in events}) == 600
    assert isinstance(second.ledger, Engine)
    await second.ledger.close()
    await opened.close()


async def test_holds_that_ran_out_of_time_are_given_back(fresh_core: Core) -> None:
    """The leader voids a due hold, so that its money is free again without anybody asking."""
    shop = await open_shop(fresh_core)
    hold = Transfer(
        new_id(), shop.customer, shop.merchant, 5_00, TransferCode.HOLD, CNY, flags=TransferFlag.PENDING, timeout_s=1
    )
    await fresh_core.ledger.post(hold)
    candidate = Candidate(fresh_core)
    async with asyncio.timeout(10):
        while (await fresh_core.ledger.lookup_accounts([shop.customer]))[shop.customer].debits_pending:
            await asyncio.sleep(0.1)
    await candidate.end()
    assert await log_of(fresh_core) == []
