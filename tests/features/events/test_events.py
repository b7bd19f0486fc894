"""The two doors to the log: polling for merchants, a stream for wallets."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import ExitStack, aclosing
from typing import Any

import aiohttp
import asyncpg
import msgspec
import pytest

from qrpay.core import Core
from qrpay.database.migrator import APPLICATION
from qrpay.database.pool import Database, Query, Row
from qrpay.features.events import feed
from qrpay.features.events.feature import feature
from qrpay.features.events.model import PREFIX
from qrpay.values import Id, id_text, new_id
from tests.background.world import Shop, log_of, open_shop, sales, until_logged, working
from tests.features.conftest import HandClock, core_over
from tests.features.served import Served, bearer, served

Message = dict[str, str]


@pytest.fixture
async def shop(fresh_core: Core) -> AsyncIterator[Shop]:
    """A shop while the background works."""
    async with working(fresh_core, sales):
        yield await open_shop(fresh_core)


@pytest.fixture
async def house(fresh_core: Core, shop: Shop) -> AsyncIterator[Served]:
    """The served house."""
    assert shop
    async with served(fresh_core, [feature]) as running:
        yield running


async def poll(house: Served, merchant: Id, **query: object) -> tuple[int, dict[str, object]]:
    """Ask for events."""
    asked = {name: str(value) for name, value in query.items()}
    async with house.session.get("/v1/events", params=asked, headers=bearer("sk_", merchant.hex)) as answer:
        return answer.status, msgspec.json.decode(await answer.read())


async def messages(
    house: Served, customer: Id, last: str | None = None, lives_s: float = 3_600
) -> AsyncGenerator[Message, None]:
    """Server-sent messages, as a client reads them; the first one only sets id and retry."""
    headers = bearer("at_", customer.hex, lives_s) | ({"Last-Event-ID": last} if last else {})
    async with house.session.get("/v1/events/stream", headers=headers) as answer:
        assert answer.status == 200
        assert answer.content_type == "text/event-stream"
        message: Message = {}
        async for raw in answer.content:
            name, _, value = raw.decode().rstrip("\n").partition(": ")
            if name:
                message[name] = value
            elif message:
                yield message
                message = {}


async def test_a_merchant_reads_its_events_page_by_page(house: Served, shop: Shop) -> None:
    """All of them, in order, none of anybody else's; the cursor goes on where the page ended."""
    orders = await shop.pay_many(25)
    await until_logged(shop.core, 50)

    status, first = await poll(house, shop.merchant, limit=20)
    _, second = await poll(house, shop.merchant, limit=20, after=first["next_cursor"])
    _, same = await poll(house, shop.merchant, limit=20, cursor=first["next_cursor"])
    _, nobody = await poll(house, new_id())

    assert status == 200
    both = [
        *msgspec.convert(first["data"], list[dict[str, object]]),
        *msgspec.convert(second["data"], list[dict[str, object]]),
    ]
    logged = [event for event in await log_of(shop.core) if event.receiver == shop.merchant]
    assert [event["id"] for event in both] == [id_text(PREFIX, event.id) for event in logged]
    assert {event.about for event in logged} == set(orders)
    assert set(both[0]) == {"id", "type", "created_at", "data"}
    assert both[0]["data"] == {"amount": 100, "currency": "CNY"}
    assert second["next_cursor"] is None
    assert same == second
    assert nobody == {"data": [], "next_cursor": None}


async def test_a_merchant_that_waits_is_answered_when_it_happens(house: Served, shop: Shop) -> None:
    """`wait` ends with the event, not with its time."""
    asked = asyncio.create_task(poll(house, shop.merchant, wait=30))
    await asyncio.sleep(0.2)
    assert not asked.done()
    await shop.pay()
    _, answer = await asyncio.wait_for(asked, 5)
    assert len(msgspec.convert(answer["data"], list[object])) == 1


@pytest.mark.parametrize(
    "after", ["evt_01JGQXW3Z5T8N2M7K4R6V9B0CD", "evt_x", "1", "' OR 1=1", "evt_" + "Z" * 26, "a\0b", "x" * 10_000]
)
async def test_a_cursor_that_is_no_event_of_mine_is_refused(house: Served, shop: Shop, after: str) -> None:
    """Altered, huge, with NUL: 422 that names it, and no event."""
    status, problem = await poll(house, shop.merchant, after=after)
    # A header or line that is too long is refused before anybody reads it.
    assert (status, problem["code"]) in ((422, "invalid_field"), (431, "headers_too_large"))
    if status == 422:
        assert msgspec.convert(problem["errors"], list[dict[str, str]])[0]["pointer"] == "after"


async def test_anothers_event_is_as_unknown_as_none(house: Served, shop: Shop) -> None:
    """The id of another's event opens neither door (rules.md 9, row 54)."""
    await shop.pay()
    events = await until_logged(shop.core, 2)
    theirs = next(id_text(PREFIX, event.id) for event in events if event.receiver == shop.customer)

    status, problem = await poll(house, shop.merchant, after=theirs)
    assert (status, problem["code"]) == (422, "invalid_field")

    mine = next(id_text(PREFIX, event.id) for event in events if event.receiver == shop.merchant)
    headers = bearer("at_", shop.customer.hex)
    for last in (mine, "evt_x", "é", "x" * 5_000, mine.lower()[:-1]):
        async with house.session.get("/v1/events/stream", headers={**headers, "Last-Event-ID": last}) as answer:
            problem = msgspec.json.decode(await answer.read())
            assert (answer.status, problem["code"]) == (400, "malformed_request")
            assert msgspec.convert(problem["errors"], list[dict[str, str]])[0]["pointer"] == "Last-Event-ID"


async def test_a_wallet_hears_what_happens_from_now_on(house: Served, shop: Shop) -> None:
    """Not what was before; then each event as it happens, in the words of the log."""
    await shop.pay()
    await until_logged(shop.core, 2)
    async with aclosing(messages(house, shop.customer)) as stream:
        first = await asyncio.wait_for(anext(stream), 5)
        order = await shop.pay()
        heard = await asyncio.wait_for(anext(stream), 5)
    assert first["retry"] == "2000"
    assert "data" not in first
    logged = [event for event in await log_of(shop.core) if event.about == order and event.receiver == shop.customer]
    assert heard["id"] == id_text(PREFIX, logged[0].id)
    assert heard["event"] == "payment.succeeded"
    body = msgspec.json.decode(heard["data"])
    assert body["id"] == heard["id"]
    assert body["data"] == {"amount": 100, "currency": "CNY"}


async def test_a_wallet_that_was_away_resumes_without_a_gap(house: Served, shop: Shop) -> None:
    """From the id of its last event, over many pages, into the live part; also when it had heard none yet."""
    await shop.pay()
    await until_logged(shop.core, 2)
    async with aclosing(messages(house, shop.customer)) as stream:
        last = (await asyncio.wait_for(anext(stream), 5))["id"]
    missed = await shop.pay_many(250)
    await until_logged(shop.core, 502)

    heard = []
    async with aclosing(messages(house, shop.customer, last)) as stream, asyncio.timeout(10):
        await anext(stream)
        heard += [await anext(stream) for _ in range(250)]
        await shop.pay()
        heard.append(await anext(stream))

    logged = [id_text(PREFIX, event.id) for event in await log_of(shop.core) if event.receiver == shop.customer]
    assert [message["id"] for message in heard] == logged[1:]
    assert len(missed) == 250


async def test_a_wallet_that_falls_behind_is_cut_off_and_resumes(house: Served, shop: Shop) -> None:
    """Whoever reads too slowly costs no memory: its stream ends, and it goes on by its last id."""
    last, heard = None, []
    async with aclosing(messages(house, shop.customer)) as stream, asyncio.timeout(20):
        await anext(stream)
        for _ in range(6):
            await shop.pay_many(200)
        await until_logged(shop.core, 2_400)
        async for message in stream:
            last = message["id"]
            heard.append(last)
            if len(heard) == 1_200:
                break
    while len(heard) < 1_200:
        async with aclosing(messages(house, shop.customer, last)) as stream, asyncio.timeout(10):
            await anext(stream)
            heard += [(await anext(stream))["id"] for _ in range(1_200 - len(heard))]
    assert heard == [id_text(PREFIX, event.id) for event in await log_of(shop.core) if event.receiver == shop.customer]


async def test_a_stream_ends_when_its_token_does(house: Served, shop: Shop) -> None:
    """A token that has expired opens no more news."""
    async with aclosing(messages(house, shop.customer, lives_s=1)) as stream, asyncio.timeout(5):
        with pytest.raises((StopAsyncIteration, aiohttp.ClientPayloadError)):
            while True:
                await anext(stream)


async def test_streams_end_when_the_worker_is_told_to_stop(house: Served, shop: Shop) -> None:
    """They end cleanly and at once, so that draining does not wait for them."""
    async with aclosing(messages(house, shop.customer)) as stream, asyncio.timeout(5):
        await anext(stream)
        house.stop.set()
        with pytest.raises(StopAsyncIteration):
            await anext(stream)


async def test_whoever_waits_for_a_thing_is_woken_by_its_event(house: Served, shop: Shop) -> None:
    """A thousand who wait for one order are woken together; those who wait for another one are not."""
    assert house
    order, other = new_id(), new_id()
    with shop.core.hub.watch(other) as still:

        async def wait() -> bool:
            with shop.core.hub.watch(order) as watch:
                return await watch.changed(10)

        waiting = [asyncio.create_task(wait()) for _ in range(1_000)]
        await asyncio.sleep(0)
        await shop.pay(order)
        assert all(await asyncio.gather(*waiting))
        assert not await still.changed(0.05)


async def test_the_feed_survives_the_loss_of_its_connection(house: Served, shop: Shop, fresh_dsn: str) -> None:
    """What was told while nobody listened is found again: by number, not by luck."""
    async with aclosing(messages(house, shop.customer)) as stream, asyncio.timeout(15):
        await anext(stream)
        owner = await asyncpg.connect(fresh_dsn)
        await owner.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'qrpay listener' AND datname = current_database()"
        )
        await owner.close()
        orders = [await shop.pay() for _ in range(5)]
        heard = [await anext(stream) for _ in range(5)]
    assert len({message["id"] for message in heard}) == len(orders)


class Counting(Database):
    """A database that counts what it is asked, on its way there."""

    asked = 0

    async def fetch(self, query: Query, *args: object) -> list[Row]:
        """All rows; counted."""
        type(self).asked += 1
        return await super().fetch(query, *args)

    async def fetchrow(self, query: Query, *args: object) -> Row | None:
        """One row; counted."""
        type(self).asked += 1
        return await super().fetchrow(query, *args)

    async def fetchval(self, query: Query, *args: object) -> Any:
        """One value; counted."""
        type(self).asked += 1
        return await super().fetchval(query, *args)


async def test_ten_thousand_who_wait_cost_no_query(fresh_dsn: str, shop: Shop, clock: HandClock) -> None:
    """While nothing happens none is asked; when one thing happens, one query wakes whoever waits for it."""
    database = await Counting.open(fresh_dsn, role=APPLICATION, size=2, ledger_connections=1)
    core = core_over(database, clock)
    await feed.start(core)
    order = new_id()
    with ExitStack() as waiting:
        watches = [waiting.enter_context(core.hub.watch(new_id())) for _ in range(9_999)]
        mine = waiting.enter_context(core.hub.watch(order))
        before = Counting.asked
        await asyncio.sleep(1)
        assert Counting.asked == before

        await shop.pay(order)

        assert await mine.changed(10)
        assert Counting.asked <= before + 1
        assert len(watches) == 9_999
    await core.ledger.close()
    await database.close()
