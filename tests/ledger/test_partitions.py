"""Months of transfers: made ahead, taken out and put back under load; what is out answers clearly, and happens once."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from qrpay.database.pool import Database
from qrpay.ledger import audit
from qrpay.ledger.audit import broken
from qrpay.ledger.chart import AccountCode, TransferCode
from qrpay.ledger.engine import Engine
from qrpay.ledger.model import AccountFlag, NewAccount, Result, Transfer, TransferFlag
from qrpay.ledger.partitions import PartitionError, attach, detach, listed, make_ahead
from qrpay.problem import Refused
from qrpay.values import Id, new_id, utc_now
from tests.ledger.test_audit import Notary
from tests.ledger.test_seals import until_all_is_sealed

CNY = 156
NOW = datetime(2027, 6, 15, tzinfo=UTC)
OLD = datetime(2027, 1, 10, tzinfo=UTC)
JANUARY = "transfers_2027_01"


def at(moment: datetime) -> Id:
    """A new id of that moment."""
    return new_id(int(moment.timestamp() * 1000))


class Till:
    """Two accounts in a database with months, and the time in its hand."""

    def __init__(self, database: Database, dsn: str) -> None:
        self.database = database
        self.dsn = dsn
        self.now = OLD
        self.engine = Engine(database, clock=lambda: self.now)
        self.cash, self.payer = new_id(), new_id()

    async def open(self) -> None:
        """Money in January, months until August."""
        guarded = int(AccountFlag.DEBITS_MUST_NOT_EXCEED_CREDITS)
        await self.engine.create_accounts(
            [
                NewAccount(self.cash, CNY, AccountCode.BANK_CASH),
                NewAccount(self.payer, CNY, AccountCode.CUSTOMER, guarded),
            ]
        )
        while await make_ahead(self.database, lambda: OLD, 7):
            pass

    def top_up(self, moment: datetime, amount: int = 100) -> Transfer:
        """A transfer whose id is of this moment."""
        return Transfer(at(moment), self.cash, self.payer, amount, TransferCode.TOP_UP, CNY)

    async def post(self, transfer: Transfer) -> Result:
        """The result."""
        return (await self.engine.post(transfer)).result


@pytest.fixture
async def till(fresh_database: Database, fresh_dsn: str) -> AsyncIterator[Till]:
    """A till of its own."""
    opened = Till(fresh_database, fresh_dsn)
    await opened.open()
    yield opened
    await opened.engine.close()


async def take_out(till: Till) -> int:
    """Detach January once all is sealed; but what the newest transaction posted stays, as it may not be told yet."""
    await until_all_is_sealed(till.engine.books, till.database)
    return await detach(till.dsn, JANUARY, nothing, NOW)


def nothing(_: str) -> None:
    """No progress is shown."""


async def findings(till: Till) -> Sequence[audit.Finding]:
    """What a full audit finds."""
    done = await audit.run(till.database, till.engine.books, Notary(), utc_now, lambda *_: None)
    return done.findings


async def refusal(waited: "asyncio.Future[object] | object") -> str:
    """The code of the refusal that this raises."""
    with pytest.raises(Refused) as refused:
        await waited  # type: ignore[misc] # any awaitable
    return refused.value.problem.code


async def in_table(till: Till, transfer: Transfer) -> str:
    """The name of the partition that holds it."""
    return str(
        await till.database.fetchval("SELECT tableoid::regclass::text FROM transfers WHERE id = $1", transfer.id)
    )


async def test_months_are_made_ahead_and_a_late_job_moves_no_payment(till: Till) -> None:
    """What came while the job was off lies in the open end, which becomes a partition of its own, whole."""
    before = [partition.name for partition in await listed(till.database)]
    assert before[0] == "transfers_before"
    assert before[-1] == "transfers_later"
    assert [name for name in before if name.startswith("transfers_2027")] == [
        f"transfers_2027_{month:02}" for month in range(1, 9)
    ]

    late = till.top_up(datetime(2027, 11, 5, tzinfo=UTC))
    january = till.top_up(OLD)
    assert [await till.post(late), await till.post(january)] == [Result.CREATED] * 2
    assert [await in_table(till, late), await in_table(till, january)] == ["transfers_later", JANUARY]

    moment = datetime(2027, 11, 20, tzinfo=UTC)
    while await make_ahead(till.database, lambda: moment, 3):
        # Between any two steps payments go on.
        assert await till.post(till.top_up(moment)) is Result.CREATED
    assert await in_table(till, late) == "transfers_2027_09"
    assert await till.database.fetchval("SELECT count(*) FROM transfers_later") == 0
    assert (await listed(till.database))[-2].until_at == datetime(2028, 3, 1, tzinfo=UTC)
    assert await till.post(late) is Result.EXISTS
    assert await broken(till.database) == {}


async def test_nobody_changes_a_transfer_in_any_partition(till: Till, fresh_dsn: str) -> None:
    """Neither the application nor the owner, whichever table they name."""
    owner = await asyncpg.connect(fresh_dsn)
    app = await asyncpg.connect(fresh_dsn, user="qrpay_app")
    for partition in await listed(till.database):
        for words in ("UPDATE {} SET amount = 1", "DELETE FROM {}", "TRUNCATE {}"):
            for connection in (owner, app):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await connection.execute(words.format(partition.name))
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await app.execute(f"INSERT INTO {partition.name} SELECT * FROM transfers")
        assert await app.fetchval(f"SELECT count(*) FROM {partition.name}") == 0
    await owner.close()
    await app.close()


async def test_what_is_detached_is_neither_absent_nor_payable_again(till: Till) -> None:
    """A lookup, a statement and a repeated id all say so; everything else goes on; then it is back."""
    old, new = till.top_up(OLD), till.top_up(NOW)
    assert await till.post(old) is Result.CREATED
    till.now = NOW
    assert await till.post(new) is Result.CREATED

    assert await take_out(till) == 1

    engine = till.engine
    assert await refusal(engine.post(old)) == "history_detached"
    assert await refusal(engine.lookup_transfers([old.id])) == "history_detached"
    assert await refusal(engine.about(old.id, TransferCode.TOP_UP)) == "history_detached"
    assert await refusal(engine.about_many([old.id], [TransferCode.TOP_UP])) == "history_detached"
    # A neighbour of the same month that never happened is unknown, and may happen.
    late = till.top_up(OLD, 7)
    assert await engine.lookup_transfers([late.id, new.id]) == {
        new.id: (await engine.lookup_transfers([new.id]))[new.id]
    }
    beside = await asyncio.gather(
        engine.post(late), engine.post(old), engine.post(till.top_up(NOW)), return_exceptions=True
    )
    assert [getattr(answer, "result", answer.__class__) for answer in beside] == [
        Result.CREATED, Refused, Result.CREATED
    ]  # fmt: skip
    chain = [till.top_up(NOW), old]
    chain[0] = Transfer(chain[0].id, till.cash, till.payer, 5, TransferCode.TOP_UP, CNY, flags=TransferFlag.LINKED)
    assert await refusal(engine.post_chain(chain)) == "history_detached"
    assert await engine.lookup_transfers([chain[0].id]) == {}

    lines = await engine.entries(till.payer, limit=10)
    assert [(line.transfer.amount, line.after.balance, line.gap) for line in lines] == [
        (100, 307, False), (7, 207, False), (100, 200, True)
    ]  # fmt: skip
    assert await refusal(engine.entries(till.payer, limit=10, before=lines[-1].cursor)) == "history_detached"
    assert (await engine.balance_at(till.payer, NOW + timedelta(hours=1))) is not None
    assert await broken(till.database) == {}
    assert await findings(till) == []

    await attach(till.dsn, JANUARY, nothing)

    assert await till.post(old) is Result.EXISTS
    assert [line.gap for line in await engine.entries(till.payer, limit=10)] == [False] * 4
    assert await in_table(till, late) == JANUARY
    assert await till.database.fetchval("SELECT count(*) FROM detached_ids") == 0
    assert await broken(till.database) == {}
    assert await findings(till) == []


async def test_a_hold_and_its_resolution_may_lie_on_both_sides(till: Till) -> None:
    """Sums hold, a second resolution is refused, and an open hold keeps its month attached."""
    held = Transfer(at(OLD), till.cash, till.payer, 40, TransferCode.HOLD, CNY, flags=TransferFlag.PENDING)
    assert await till.post(held) is Result.CREATED
    with pytest.raises(PartitionError, match="1 holds of transfers_2027_01 are open"):
        await take_out(till)

    till.now = NOW
    posted = Transfer(at(NOW), till.cash, till.payer, 30, TransferCode.HOLD, CNY, flags=TransferFlag.POST_PENDING,
                      pending_id=held.id)  # fmt: skip
    assert await till.post(posted) is Result.CREATED
    await take_out(till)

    again = Transfer(at(NOW), till.cash, till.payer, 10, TransferCode.HOLD, CNY, flags=TransferFlag.POST_PENDING,
                     pending_id=held.id)  # fmt: skip
    assert await refusal(till.engine.post(again)) == "history_detached"
    assert await broken(till.database) == {}
    counters = await till.engine.balance_at(till.payer, NOW + timedelta(hours=1))
    assert counters is not None
    assert (counters.credits_posted, counters.credits_pending) == (30, 0)


async def test_what_comes_back_must_be_what_left(till: Till, fresh_dsn: str) -> None:
    """A row that was edited meanwhile keeps the month out."""
    assert [await till.post(till.top_up(moment)) for moment in (OLD, NOW)] == [Result.CREATED] * 2
    await take_out(till)
    superuser = await asyncpg.connect(fresh_dsn)
    await superuser.execute(f"ALTER TABLE {JANUARY} DISABLE TRIGGER ALL; UPDATE {JANUARY} SET amount = 999")

    with pytest.raises(PartitionError, match="the sums of 2 accounts differ"):
        await attach(till.dsn, JANUARY, nothing)

    await superuser.execute(f"UPDATE {JANUARY} SET amount = 100; ALTER TABLE {JANUARY} ENABLE TRIGGER ALL")
    await attach(till.dsn, JANUARY, nothing)
    await superuser.close()


@pytest.mark.parametrize("name", ["transfers_2027_07", "transfers_later", "transfers_1999_01", "accounts"])
async def test_a_month_that_is_not_over_or_is_none_stays(till: Till, name: str) -> None:
    """The message says why."""
    with pytest.raises(PartitionError, match=r"is not over|no attached partition"):
        await detach(till.dsn, name, nothing, NOW)


async def test_months_leave_and_return_while_payments_run(till: Till) -> None:
    """No payment fails, none is lost, and none waits long."""
    for _ in range(50):
        assert await till.post(till.top_up(OLD)) is Result.CREATED
    over = asyncio.Event()
    till.now = NOW
    waited: list[float] = []

    async def caller(number: int) -> None:
        loop = asyncio.get_running_loop()
        while not over.is_set():
            began = loop.time()
            # Half of what comes bears an id of the month that leaves.
            assert await till.post(till.top_up(OLD if number % 2 else NOW, 1)) is Result.CREATED
            waited.append(loop.time() - began)

    callers = [asyncio.ensure_future(caller(number)) for number in range(8)]
    for _ in range(3):
        await till.engine.books.catch_up()
        await detach(till.dsn, JANUARY, nothing, NOW)
        await attach(till.dsn, JANUARY, nothing)
    over.set()
    await asyncio.gather(*callers)

    assert await till.database.fetchval("SELECT count(*) FROM transfers") == 50 + len(waited)
    assert max(waited) < 5
    assert await broken(till.database) == {}
