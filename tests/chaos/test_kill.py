"""kill -9 in the middle of load: no acknowledged payment is lost or doubled, and a retry hears the same answer."""

import asyncio
import itertools
import os
import signal
import socket
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import psutil
import pytest
from msgspec.structs import replace
from rich.console import Console

from qrpay.checks import run_checks
from qrpay.demo import WIDE, Demo, seeded, served
from qrpay.settings import Settings
from qrpay.shell import HouseShell
from tests.conftest import BINARIES

pytestmark = pytest.mark.xdist_group("chaos")

CALLERS = 16
RETRY_S = 20.0


class Load:
    """Wallets that pay as long as they are told to; each sends the same request again until it is answered."""

    def __init__(self, demo: Demo, http: aiohttp.ClientSession) -> None:
        self.demo = demo
        self.http = http
        self.paid: dict[str, dict[str, Any]] = {}
        self.amounts: list[int] = []
        self.retries = 0
        self.stop = asyncio.Event()

    async def run(self, for_s: float) -> None:
        """Pay for so long with all callers."""
        asyncio.get_running_loop().call_later(for_s, self.stop.set)
        await asyncio.gather(*(self._caller(number) for number in range(CALLERS)))

    async def _caller(self, number: int) -> None:
        customer = self.demo.customers[number % len(self.demo.customers)]
        for turn in itertools.count():
            if self.stop.is_set():
                return
            amount = 1 + (number * 7 + turn) % 50
            ask = {"reference": f"K-{number}-{turn}-{time.time_ns()}", "amount": amount, "currency": "CNY"}
            _, order = await self.until_answered("/v1/orders", self.demo.merchant.secret_key, ask)
            body = {"scanned": order["code"]["payload"]}
            status, payment = await self.until_answered("/v1/payments", customer.access_token, body)
            assert status in (200, 201), payment
            self.paid[order["id"]] = {"token": customer.access_token, "body": body, "payment": payment}
            self.amounts.append(amount)

    async def until_answered(self, path: str, key: str, body: object) -> tuple[int, dict[str, Any]]:
        """Send until there is an answer that is final: anything but a lost connection, 429 or 5xx."""
        until = time.monotonic() + RETRY_S
        while True:
            try:
                async with self.http.post(path, json=body, headers={"Authorization": f"Bearer {key}"}) as answer:
                    said = await answer.json(content_type=None)
                    if answer.status < 500 and answer.status != 429:
                        return answer.status, said
            except (aiohttp.ClientError, TimeoutError, OSError):
                pass
            assert time.monotonic() < until, f"{path} was not answered within {RETRY_S:.0f} s"
            self.retries += 1
            await asyncio.sleep(0.05)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A server of its own, with the embedded PostgreSQL, two web workers, and quick to notice a dead database."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    home, binaries = str(tmp_path_factory.mktemp("chaos")), str(BINARIES or "")
    yield Settings(home=home, port=port, workers=2, postgres_bin=binaries, **WIDE)


@pytest.fixture(scope="module")
async def server(settings: Settings) -> AsyncIterator[tuple[asyncio.subprocess.Process, Demo]]:
    """The server and its world."""
    async with served(settings, Console(quiet=True)) as process:
        demo = await asyncio.to_thread(seeded, settings)
        await all_serve(demo, settings.workers)
        yield process, demo


async def all_serve(demo: Demo, workers: int) -> None:
    """Return once each worker answers: who kills one that is still starting sees the start given up, not a replacement.

    Request ids begin with ten characters of their worker's own.
    """
    seen: set[str] = set()
    async with asyncio.timeout(RETRY_S), aiohttp.ClientSession(demo.base_url) as http:
        while len(seen) < workers:
            async with http.get("/healthz", headers={"Connection": "close"}) as answer:
                seen.add(answer.headers["X-Request-Id"][:10])
            await asyncio.sleep(0.01)


def workers_of(pid: int) -> list[psutil.Process]:
    """The web workers of a supervisor."""
    return [child for child in psutil.Process(pid).children() if "web" in child.cmdline()]


def postmaster_of(settings: Settings) -> int:
    return int((Path(settings.home) / "data" / "postmaster.pid").read_text().split()[0])


async def spent(http: aiohttp.ClientSession, demo: Demo) -> int:
    """What both customers have paid, all in all."""
    total = 0
    for customer in demo.customers:
        headers = {"Authorization": f"Bearer {customer.access_token}"}
        async with http.get(f"/v1/accounts/{customer.account}", headers=headers) as answer:
            total += 5_000_000 - (await answer.json())["balance"]["posted"]
    return total


async def settle(load: Load, settings: Settings, spent_before: int) -> None:
    """Whatever was killed: every acknowledged payment stands once, a retry hears the same, the books balance."""
    assert await spent(load.http, load.demo) - spent_before == sum(load.amounts)
    for order, said in list(load.paid.items())[-300:]:
        status, again = await load.until_answered("/v1/payments", said["token"], said["body"])
        assert (status, again) == (200, said["payment"]), f"{order} has another answer now"
    async with load.http.get("/v1/ledger/conservation") as answer:
        assert (await answer.json())["balanced"]
    assert await asyncio.to_thread(HouseShell(replace(settings)), run_checks), "qrpay check names what is broken"


async def test_a_worker_is_killed_under_load(
    settings: Settings, server: tuple[asyncio.subprocess.Process, Demo]
) -> None:
    """kill -9 of one web worker after the other: each is replaced, and nothing is lost or doubled."""
    process, demo = server
    async with aiohttp.ClientSession(demo.base_url) as http:
        before = await spent(http, demo)
        load = Load(demo, http)
        running = asyncio.create_task(load.run(6.0))
        killed: set[int] = set()
        for _ in range(2):
            await asyncio.sleep(1.5)
            victim = next(child for child in workers_of(process.pid) if child.pid not in killed)
            killed.add(victim.pid)
            victim.kill()
        await running
        assert len(load.paid) > 50, "there was hardly any load"
        assert load.retries > 0, "nobody noticed, so nothing was tested"
        await settle(load, settings, before)
        assert not killed & {child.pid for child in workers_of(process.pid)}
        assert len(workers_of(process.pid)) == 2


async def test_a_worker_is_killed_while_clerks_give_back(
    settings: Settings, server: tuple[asyncio.subprocess.Process, Demo]
) -> None:
    """Sixteen clerks want more back of four orders than was paid, all at once, and a worker is killed.

    Every order gives back what was acknowledged, to the fen and at most what was paid; a repeat hears the same.
    """
    process, demo = server
    async with aiohttp.ClientSession(demo.base_url) as http:
        load = Load(demo, http)
        shop, ana = demo.merchant.secret_key, demo.customers[0].access_token
        orders = []
        for n in range(4):
            ask = {"reference": f"G-{n}-{time.time_ns()}", "amount": 2_000, "currency": "CNY"}
            _, order = await load.until_answered("/v1/orders", shop, ask)
            assert (await load.until_answered("/v1/payments", ana, {"order": order["id"]}))[0] == 201
            orders.append(order["id"])
        said: dict[tuple[str, str], tuple[int, dict[str, Any]]] = {}

        async def clerk(number: int) -> None:
            for turn in range(12):
                order = orders[(number + turn) % 4]
                reference = f"F-{number}-{turn}-{time.time_ns()}"
                ask = {"reference": reference, "amount": 1 + (number * 31 + turn * 17) % 90}
                said[order, reference] = await load.until_answered(f"/v1/orders/{order}/refunds", shop, ask)

        running = [asyncio.create_task(clerk(number)) for number in range(CALLERS)]
        while len(said) < CALLERS:
            await asyncio.sleep(0.01)
        busiest = max(workers_of(process.pid), key=lambda worker: len(worker.net_connections()))
        busiest.kill()  # another may be new, with nobody on it yet
        await asyncio.gather(*running)
        assert load.retries > 0, "nobody noticed, so nothing was tested"
        assert {status for status, _ in said.values()} == {201, 409}
        for order in orders:
            given = {key[1]: one for key, (status, one) in said.items() if key[0] == order and status == 201}
            async with http.get(f"/v1/orders/{order}", headers={"Authorization": f"Bearer {shop}"}) as answer:
                told = (await answer.json())["refunded_amount"]
            assert told == sum(one["amount"] for one in given.values()) <= 2_000
            for reference, one in list(given.items())[:5]:
                ask = {"reference": reference, "amount": one["amount"]}
                assert await load.until_answered(f"/v1/orders/{order}/refunds", shop, ask) == (201, one)
        assert await asyncio.to_thread(HouseShell(replace(settings)), run_checks), "qrpay check names what is broken"


async def test_postgresql_is_killed_under_load(
    settings: Settings, server: tuple[asyncio.subprocess.Process, Demo]
) -> None:
    """kill -9 of the postmaster, twice: it recovers from its log, and nothing acknowledged is lost or doubled."""
    _, demo = server
    async with aiohttp.ClientSession(demo.base_url) as http:
        before = await spent(http, demo)
        load = Load(demo, http)
        running = asyncio.create_task(load.run(60.0))
        for _ in range(2):
            await asyncio.sleep(2.0)
            answered = len(load.paid)
            killed = postmaster_of(settings)
            os.kill(killed, signal.SIGKILL)
            await asyncio.sleep(0.5)  # who was answered before it died has been counted by then
            async with asyncio.timeout(20):  # payments must go on once the database is back
                while len(load.paid) <= answered + CALLERS:
                    await asyncio.sleep(0.05)
            assert postmaster_of(settings) != killed
        # Mostly no caller has to send anything again: the batcher replays the same ids by itself.
        load.stop.set()
        await running
        await settle(load, settings, before)
