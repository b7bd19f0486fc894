"""What is bounded: slow clients, rates, queues, waiters; limits here are small enough to meet (rows 8, 36, 64)."""

import asyncio
import resource
from contextlib import AsyncExitStack

import pytest

from qrpay.codes.payment_code import new_digits
from qrpay.database.pool import Database
from qrpay.features.orders import service as orders
from qrpay.problem import Refused
from qrpay.values import id_from_text
from qrpay.web.limits import REMEMBERED_MAX, SWEEP_MIN, Limit
from tests.web.house import house
from tests.web.test_transport import get, post
from tests.web.world import Api, exchange, fresh, verdicts

IDLE = 1_500
"""Waiters over HTTP; each takes a descriptor here and one in the server, which is the same process."""


async def test_a_slow_head_and_a_slow_body_are_cut(database: Database) -> None:
    """A head or a body that never ends is given up in time; meanwhile others are served (row 8)."""
    async with house(database, head_s=0.5, body_s=0.5, idle_s=5.0) as home:
        bearer = b"Authorization: Bearer " + home.api.ana.encode()
        half = post(bearer, b"Content-Type: application/json", b"Content-Length: 15", body=b'{"sc')
        slow = [
            exchange(home.api.demo.base_url, b"GET /healthz HT", within_s=4, until_closed=True),
            exchange(home.api.demo.base_url, *[b"GET /healthz HTTP/1.1\r\n", *[b"X-A: b\r\n"] * 30], pause_s=0.1),
            exchange(home.api.demo.base_url, half, within_s=4, until_closed=True),
        ]
        cut = asyncio.gather(*slow)
        assert (await home.api.get("/healthz")).status == 200
        head, dripped, body = await cut
        assert (head.raw, head.closed) == (b"", True)
        assert (dripped.raw, dripped.closed) == (b"", True)
        assert (body.status, body.code, body.closed) == (408, "request_timeout", True)


async def test_an_idle_connection_is_let_go(database: Database) -> None:
    """A connection that asks nothing, or nothing more, is closed after `idle_s`."""
    async with house(database, idle_s=0.5) as home:
        silent, kept = await asyncio.gather(
            exchange(home.api.demo.base_url, within_s=4), exchange(home.api.demo.base_url, get(), until_closed=True)
        )
        assert (silent.raw, silent.closed) == (b"", True)
        assert (kept.status, kept.closed) == (200, True)


async def test_who_asks_too_often_waits_alone(database: Database) -> None:
    """429 with Retry-After and RateLimit for one credential; the others are served; it is served again later."""
    async with house(database, rate_per_s=5.0, rate_burst=20) as home:
        answers = [await home.api.get("/v1/balance", home.api.shop) for _ in range(40)]
        refused = [said for said in answers if said.status != 200]
        assert 15 <= len(refused) <= 20
        for said in refused:
            assert said.verdict == (429, "rate_limited")
            assert said.headers["Retry-After"] == str(said.json["retry_after"]) == "1"
            assert said.headers["RateLimit"] == '"default";r=0;t=1'
            assert said.json["retry"] is True
        assert (await home.api.get("/v1/balance", home.api.other_shop)).status == 200
        assert (await home.api.get("/v1/accounts", home.api.ana)).status == 200
        await asyncio.sleep(float(refused[-1].headers["Retry-After"]))
        assert (await home.api.get("/v1/balance", home.api.shop)).status == 200


def test_only_who_asks_much_takes_room() -> None:
    """A bucket that is empty again is forgotten; of too many full ones the latest half stays, and goes on counting."""
    now = 0.0
    limit = Limit(1.0, 2, lambda: now)
    for caller in range(SWEEP_MIN):
        limit.take(caller)
    assert len(limit._empty_at) == SWEEP_MIN
    now = 10.0
    for caller in range(10 * REMEMBERED_MAX):
        limit.take(caller)
    assert len(limit._empty_at) <= REMEMBERED_MAX
    last = 10 * REMEMBERED_MAX - 1
    limit.take(last)
    with pytest.raises(Refused):
        limit.take(last)


async def test_a_caller_without_a_credential_is_limited_by_address(database: Database) -> None:
    """Public calls and guesses at credentials share the address's limit."""
    async with house(database, rate_per_s=1.0, rate_burst=10) as home:
        public = [await home.api.get("/v1/cashier/x") for _ in range(15)]
        assert public[0].verdict == (404, "not_found")
        assert public[-1].verdict == (429, "rate_limited")
        guessed = [await home.api.get("/v1/balance", f"sk_test_{fresh()}") for _ in range(15)]
        assert guessed[-1].verdict == (429, "rate_limited"), "keys cannot be guessed at any speed (row 59)"
        assert (await home.api.get("/v1/balance", home.api.shop)).status == 200


async def test_guessed_payment_codes_make_the_till_wait(database: Database) -> None:
    """Ten misses, then 429, for good codes too; another till goes on; a miss says the same as an end (row 36)."""
    async with house(database) as home:
        api = home.api
        ended = await api.digits(api.ana)
        home.clock.move(seconds=91)
        live = await api.digits(api.ana)
        old = await api.report(api.shop, ended)
        guesses = [await api.report(api.shop, new_digits("88")) for _ in range(9)]
        assert {said.verdict for said in guesses} == {(410, "code_expired")} == {old.verdict}
        assert {**old.json, "request_id": ""} == {**guesses[0].json, "request_id": ""}
        limited = await api.report(api.shop, live)
        assert limited.verdict == (429, "rate_limited")
        assert int(limited.headers["Retry-After"]) >= 1
        other = await api.report(api.shop, live, terminal=api.demo.merchant.terminal)
        assert (other.status, other.json["status"]) == (200, "paid")


async def test_a_full_queue_says_so_and_loses_nothing(database: Database) -> None:
    """503 with Retry-After for what does not fit; sent again, everything is paid once (row 64)."""
    async with house(database, queue_max=4, batch_max=4) as home:
        api = home.api
        made = [await api.order(amount=100) for _ in range(60)]
        before = await api.available(api.ana)

        answers = await asyncio.gather(*(api.pay(api.ana, order) for order in made))

        refused = [said for said in answers if said.status == 503]
        assert refused, "the queue is small"
        assert {said.code for said in refused} == {"overloaded"}
        assert all(int(said.headers["Retry-After"]) >= 1 and said.json["retry"] for said in refused)
        paid = sum(said.status == 201 for said in answers)
        assert paid + len(refused) == 60
        assert before - await api.available(api.ana) == paid * 100
        for order in made:
            assert (await api.pay(api.ana, order)).status in (200, 201)
        assert before - await api.available(api.ana) == 6_000


async def _transactions(database: Database) -> int:
    await database.execute("SELECT pg_stat_force_next_flush()")
    count = "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()"
    return int(await database.fetchval(count))


async def test_ten_thousand_waiters_ask_the_database_nothing(fresh_database: Database) -> None:
    """Ten thousand wait for one worker's orders: no query while nothing happens, and each is answered when it does."""
    async with house(fresh_database) as home:
        api = home.api
        order = await api.order()
        shop, id = id_from_text("mer_", api.demo.merchant.id), id_from_text("ord_", order["id"])
        assert shop is not None and id is not None
        row = await orders.find(home.core, shop, order["id"])
        waiters = [asyncio.create_task(orders.settled(home.core, row, 60)) for _ in range(10_000)]
        async with asyncio.timeout(60):
            while home.core.hub.waiting < 10_000:
                await asyncio.sleep(0.05)
        await asyncio.sleep(1.0)  # what they read before they waited is counted by now
        before = await _transactions(fresh_database)
        await asyncio.sleep(2.0)
        idle = await _transactions(fresh_database) - before
        # Statistics of what came before arrive late on a busy machine; the waiters would ask ten thousand times.
        assert idle <= 20, f"{idle} transactions in two seconds in which nothing happened"

        assert (await api.pay(api.ana, order)).status == 201
        async with asyncio.timeout(60):
            settled = await asyncio.gather(*waiters)
        assert {posted.id for posted in settled if posted} == {id}
        assert all(settled)
        assert home.core.hub.waiting == 0


async def test_many_connections_wait_while_others_pay(fresh_database: Database) -> None:
    """Over a thousand HTTP callers wait for their orders; a payment meanwhile is quick, and wakes who waits for it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    count = min(IDLE, (hard - 500) // 3)
    async with house(fresh_database, rate_per_s=1e6, rate_burst=10**6) as home, AsyncExitStack() as stack:
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        api = home.api
        made = await asyncio.gather(*(api.order() for _ in range(10)))
        waiting = [
            asyncio.create_task(api.get(f"/v1/orders/{made[n % 10]['id']}?wait=60", api.shop)) for n in range(count)
        ]
        async with asyncio.timeout(30):
            while home.core.hub.waiting < count:
                await asyncio.sleep(0.05)
        began = asyncio.get_running_loop().time()
        assert (await api.pay(api.ana, made[0])).status == 201
        assert asyncio.get_running_loop().time() - began < 1.0
        async with asyncio.timeout(10):
            told = await asyncio.gather(*waiting[::10])
        assert {said.json["status"] for said in told} == {"paid"}
        assert not any(task.done() for n, task in enumerate(waiting) if n % 10)
        closed = await asyncio.gather(*(api.post(f"/v1/orders/{order['id']}/close", api.shop) for order in made[1:]))
        assert verdicts(closed) == [(200, "")] * 9
        async with asyncio.timeout(20):
            rest = await asyncio.gather(*waiting)
        assert {said.json["status"] for said in rest} == {"paid", "closed"}


@pytest.mark.parametrize("wait", [1])
async def test_a_wait_ends(api: Api, wait: int) -> None:
    """When nothing happens, the answer comes at the end of the wait, with the status as it was."""
    order = await api.order()
    began = asyncio.get_running_loop().time()
    said = await api.get(f"/v1/orders/{order['id']}?wait={wait}", api.shop)
    assert said.json["status"] == "open"
    assert wait <= asyncio.get_running_loop().time() - began < wait + 1


async def test_a_wait_ends_when_the_worker_is_told_to_stop(database: Database) -> None:
    """Whoever waits is answered when the worker drains, not cut off."""
    async with house(database) as home:
        order = await home.api.order()
        waiting = asyncio.create_task(home.api.get(f"/v1/orders/{order['id']}?wait=30", home.api.shop))
        while not home.core.hub.waiting:
            await asyncio.sleep(0.01)
        home.core.hub.close()
        said = await asyncio.wait_for(waiting, 2)
        assert (said.status, said.json["status"]) == (200, "open")


async def test_who_hangs_up_waits_no_more(database: Database) -> None:
    """Waiters and streams of clients that went away are gone at once; a payment they sent is made all the same."""
    async with house(database) as home:
        api = home.api
        order = await api.order()
        port = int(api.demo.base_url.rpartition(":")[2])
        shop, ana = (b"Authorization: Bearer " + key.encode() for key in (api.shop, api.ana))
        wait = get(shop, line=f"GET /v1/orders/{order['id']}?wait=30 HTTP/1.1".encode())
        stream = get(ana, line=b"GET /v1/events/stream HTTP/1.1")
        writers = []
        for request in [wait, stream] * 25:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(request)
            writers.append(writer)
        async with asyncio.timeout(5):
            while home.core.hub.waiting < 50:
                await asyncio.sleep(0.01)
            for writer in writers:
                writer.close()
            while home.core.hub.waiting:
                await asyncio.sleep(0.01)

        body = f'{{"order":"{order["id"]}"}}'.encode()
        lines = b"Content-Type: application/json", b"Content-Length: %d" % len(body)
        payment = post(ana, *lines, body=body).replace(b"/v1/scans", b"/v1/payments")
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(payment)
        await writer.drain()
        writer.close()
        said = await api.get(f"/v1/orders/{order['id']}?wait=5", api.shop)
        assert said.json["status"] == "paid"
