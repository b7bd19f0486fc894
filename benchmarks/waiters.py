"""Ten thousand tills that wait for their order to be paid: what each costs, and how soon it hears."""

import asyncio
import time
from collections.abc import Sequence
from typing import Final, cast

from benchmarks import generator
from benchmarks.figures import Waiters
from benchmarks.generator import CONNECTS_AT_ONCE, CREATED, HUNG_S_MAX, Address, percentile
from benchmarks.portions import PORTION, PREPARERS
from benchmarks.scenarios import Bench
from benchmarks.servers import House
from benchmarks.town import Due

WAIT_S: Final = 60
PAID: Final = 500
QUIET_S: Final = 2.0
SETTLE_S: Final = 0.5


class _Waiter(asyncio.Protocol):
    """One connection with one question."""

    def __init__(self, question: bytes) -> None:
        self.question = question
        self.transport: asyncio.Transport
        self.answer = b""
        self.answered_at = 0.0
        self.lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.transport.write(self.question)

    def data_received(self, data: bytes) -> None:
        self.answered_at = time.perf_counter()
        self.answer += data

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True


async def wait_for_news(bench: Bench, house: House, count: int) -> Waiters:
    """Open `count` orders, let a till wait for each, look at the cost, pay some, and see who hears."""
    dues: list[Due] = []
    while len(dues) < count:
        dues += await bench.maker.issue(bench.maker.town.payees(min(PORTION, count - len(dues)), spread=True))
    await asyncio.to_thread(house.settle)
    secrets = {shop.id: shop.secret_key for shop in bench.maker.town.shops}
    before = house.rss_bytes()
    questions = [bench.maker.town.get(f"/v1/orders/{due.order}?wait={WAIT_S}", secrets[due.merchant]) for due in dues]
    waiting = await _all(house.address, questions)
    await asyncio.sleep(SETTLE_S)
    bytes_each = (house.rss_bytes() - before) / count
    cpu, own = house.cpu(), house.used()
    await asyncio.sleep(QUIET_S)
    used = house.cpu().since(cpu)
    idle = (used.background + used.database + house.used() - own) / QUIET_S
    chosen = dues[:: max(1, count // PAID)][:PAID]
    heard = dict(zip((due.order for due in dues), waiting, strict=True))
    paid_at, rate = await _pay(bench, chosen)
    late = time.perf_counter() + 5.0
    while time.perf_counter() < late and not all(heard[order].answer for order in paid_at):
        await asyncio.sleep(0.05)
    news = sorted(max(0.0, heard[order].answered_at - at) for order, at in paid_at.items() if heard[order].answer)
    told = sum(b'"status":"paid"' in heard[order].answer for order in paid_at)
    failed = sum(waiter.lost and not waiter.answer for waiter in waiting)
    for waiter in waiting:
        waiter.transport.close()
    await asyncio.sleep(SETTLE_S)
    return Waiters(
        count, bytes_each, idle, told, failed + len(paid_at) - told,
        percentile(news, 0.5) * 1e3, percentile(news, 0.99) * 1e3, rate,
    )  # fmt: skip


async def _all(address: Address, questions: Sequence[bytes]) -> list[_Waiter]:
    loop = asyncio.get_running_loop()
    gate = asyncio.Semaphore(CONNECTS_AT_ONCE)

    async def one(question: bytes) -> _Waiter:
        async with gate:
            _, waiter = await loop.create_connection(lambda: _Waiter(question), address.host, address.port)
            return waiter

    return list(await asyncio.gather(*(one(question) for question in questions)))


async def _pay(bench: Bench, dues: Sequence[Due]) -> tuple[dict[str, float], float]:
    """Pay these, and when each payer had the answer."""
    portion = bench.maker.payments(dues)
    at: dict[str, float] = {}

    def answered(place: int, status: int, _body: bytes, _seconds: float) -> None:
        if status == CREATED:
            at[dues[place].order] = time.perf_counter()

    shift = await generator.run(bench.address, portion.requests, callers=PREPARERS, seconds=HUNG_S_MAX, follow=answered)
    await bench.enter("issued", portion, shift)
    return at, shift.rate
