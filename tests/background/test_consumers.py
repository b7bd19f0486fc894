"""Consumers: every event once, in order, whatever fails while they hear it."""

import asyncio

import asyncpg
import pytest

from qrpay.background import store
from qrpay.background.consumers import Listening
from qrpay.background.model import Consumer, Job
from qrpay.core import Core
from qrpay.database.pool import Queries
from qrpay.feature import Feature
from tests.background.world import open_shop, sales, until_logged, working


@pytest.fixture
async def heard_table(fresh_dsn: str) -> None:
    """A table in which a consumer of these tests writes down what it hears."""
    connection = await asyncpg.connect(fresh_dsn)
    await connection.execute("CREATE TABLE heard (place bigint GENERATED ALWAYS AS IDENTITY, seq bigint)")
    await connection.execute("GRANT ALL ON heard TO qrpay_app")
    await connection.close()


async def write_down(_core: Core, transaction: Queries, after: int, until: int) -> None:
    """Hear by writing every number down."""
    write = "INSERT INTO heard (seq) SELECT seq FROM events WHERE seq > $1 AND seq <= $2 ORDER BY seq"
    await transaction.execute(write, after, until)


async def heard(core: Core) -> list[int]:
    """The numbers written down, in the order they were."""
    return [row["seq"] for row in await core.database.fetch("SELECT seq FROM heard ORDER BY place")]


async def until_heard(core: Core, count: int) -> list[int]:
    """What was heard, once it is so much."""
    async with asyncio.timeout(10):
        while len(numbers := await heard(core)) < count:
            await asyncio.sleep(0.01)
    return numbers


@pytest.mark.usefixtures("heard_table")
async def test_a_consumer_hears_every_event_once_in_order(fresh_core: Core) -> None:
    """It hears live, and after a pause it goes on where it was."""
    shop = await open_shop(fresh_core)
    listener = Feature(consumers=[Consumer("scribe", write_down)])
    async with working(fresh_core, sales, listener):
        await shop.pay_many(30)
        await until_heard(fresh_core, 60)
    async with working(fresh_core, sales):
        await shop.pay_many(10)
        await until_logged(fresh_core, 80)
    assert len(await heard(fresh_core)) == 60
    async with working(fresh_core, sales, listener):
        assert await until_heard(fresh_core, 80) == list(range(1, 81))


@pytest.mark.usefixtures("heard_table")
async def test_what_a_consumer_wrote_before_it_failed_is_gone_and_it_hears_again(fresh_core: Core) -> None:
    """Its writes and its cursor are one transaction: no event is lost, none is heard twice."""
    shop = await open_shop(fresh_core)
    failures = 0

    async def falter(core: Core, transaction: Queries, after: int, until: int) -> None:
        nonlocal failures
        await write_down(core, transaction, after, until)
        if failures < 2:
            failures += 1
            raise RuntimeError("tripped after writing")

    async with working(fresh_core, sales, Feature(consumers=[Consumer("clumsy", falter)])):
        await shop.pay_many(20)
        await until_logged(fresh_core, 40)
        assert await until_heard(fresh_core, 40) == list(range(1, 41))
    assert failures == 2


@pytest.mark.usefixtures("heard_table")
async def test_of_two_that_hear_for_one_consumer_one_is_fenced_off(fresh_core: Core) -> None:
    """A leader that does not know it lost the lead writes nothing."""
    shop = await open_shop(fresh_core)
    pair = [Listening(fresh_core, Consumer("twin", write_down)) for _ in range(2)]
    assert [await one.step() for one in pair] == [0, 0]  # both know where the cursor stands
    async with working(fresh_core, sales):
        await shop.pay_many(10)
        await until_logged(fresh_core, 20)

    answers = await asyncio.gather(*(one.step() for one in pair), return_exceptions=True)

    assert sum(isinstance(answer, store.CursorMovedError) for answer in answers) == 1
    assert await heard(fresh_core) == list(range(1, 21))


@pytest.mark.usefixtures("heard_table")
async def test_a_loop_that_fails_stops_no_other(fresh_core: Core) -> None:
    """A job and a consumer that always fail do not keep another consumer, or another job, from its work."""
    shop, ran = await open_shop(fresh_core), asyncio.Event()

    async def broken(_core: Core) -> int:
        raise RuntimeError("always")

    async def well(_core: Core) -> int:
        ran.set()
        return 0

    async def deaf(_core: Core, _transaction: Queries, _after: int, _until: int) -> None:
        raise RuntimeError("never")

    features = [
        Feature(consumers=[Consumer("deaf", deaf), Consumer("scribe", write_down)]),
        Feature(jobs=[Job("broken", 0.01, broken), Job("well", 0.01, well)]),
    ]
    async with working(fresh_core, sales, *features):
        await shop.pay_many(5)
        assert await until_heard(fresh_core, 10) == list(range(1, 11))
        await asyncio.wait_for(ran.wait(), 5)


@pytest.mark.usefixtures("heard_table")
async def test_while_nobody_listens_spans_are_passed_over_and_whoever_listens_then_hears_all(fresh_core: Core) -> None:
    """Nothing is heard twice, nothing that came after somebody listened is missed; a second process is fenced off."""
    shop, listening = await open_shop(fresh_core), False

    async def listens(_core: Core) -> bool:
        return listening

    one, other = (Listening(fresh_core, Consumer("scribe", write_down, listens)) for _ in range(2))
    async with working(fresh_core, sales):
        for count in (2, 4, 6):
            await shop.pay()
            await until_logged(fresh_core, count)
            assert await one.step() == 2
            listening = count == 4
    assert await heard(fresh_core) == [1, 2, 5, 6]  # the first writes the cursor, and so hears in any case

    async with working(fresh_core, sales):
        await shop.pay()
        await until_logged(fresh_core, 8)
    listening = True
    assert await other.step() == 2
    with pytest.raises(store.CursorMovedError):
        await one.step()
    assert await heard(fresh_core) == [1, 2, 5, 6, 7, 8]
