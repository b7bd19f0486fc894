"""Group commit: what many callers ask is gathered while the last batch commits, and sent as one."""

import asyncio
import random
import time
from bisect import bisect_left
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Generic, NamedTuple, TypeVar

import structlog

from qrpay.database.errors import RETRY_AFTER_S, is_transient
from qrpay.problem import Refused, overloaded, unavailable

log = structlog.get_logger()

Item = TypeVar("Item")
Result = TypeVar("Result")

SIZE_BOUNDS: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 8000)
SECONDS_BOUNDS: Final = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
REPLAYS_MAX: Final = 12
PAUSE_S_MIN: Final = 0.01
PAUSE_S_MAX: Final = 1.0
TICKS_PER_DEADLINE: Final = 20
GATHERED: Final = 64
"""Items for which the fixed cost of a batch (200 us of PostgreSQL) is small: so many are worth a batch of their own
beside others."""


class Histogram:
    """Counts of values up to each bound, the last for all above, and their sum: what Prometheus wants."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        """Count one value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value


class BatchStats:
    """What a batcher did, counted once a batch; cheap to read at any time.

    depth     items that wait now              size     items a batch, as a histogram
    refused   calls turned away, queue full    seconds  from send to answer, as a histogram
    expired   calls past their deadline        replays  batches sent again after a transient error
    failed    batches that failed for good
    """

    def __init__(self) -> None:
        self.depth = 0
        self.refused = 0
        self.expired = 0
        self.replays = 0
        self.failed = 0
        self.size = Histogram(SIZE_BOUNDS)
        self.seconds = Histogram(SECONDS_BOUNDS)


class BatchError(RuntimeError):
    """A batch failed for a reason that sending it again does not mend; the cause is kept."""


class _Call(NamedTuple):
    """One caller's wish: its items, where the answer goes, when it was asked, and whether it is a chain."""

    items: Sequence[Any]
    answer: "asyncio.Future[Any]"
    asked: float
    chain: bool


class Batcher(Generic[Item, Result]):
    """Gathers the items of many callers into batches of `send`.

    send        takes items in the order they came and answers one result each, in that order;
                a result that is an exception is raised to its caller
    name        what logs and metrics call it
    size_max    items a batch at most
    in_flight   batches under way at once
    queue_max   items that may wait; beyond it callers are refused with `overloaded`
    deadline_s  seconds until a caller is told `unavailable` (outcome unknown); exact to a twentieth of it
    replayable  whether the same items may be sent again: then transient errors are replayed, and a batch
                that fails for another reason is halved until only the culprit fails

    One item alone is sent at once, without a timer; under load a batch is what came while the last ones committed.
    While others are under way, the next batch leaves when GATHERED items wait, or when a twentieth of the deadline has
    passed: two small batches cost more than one of both, and would wait for each other at a row that both touch.
    """

    def __init__(
        self,
        send: Callable[[Sequence[Item]], Awaitable[Sequence[Result]]],
        *,
        name: str,
        size_max: int = 1000,
        in_flight: int = 2,
        queue_max: int = 20_000,
        deadline_s: float = 10.0,
        replayable: bool = False,
    ) -> None:
        self.name = name
        self.stats = BatchStats()
        self._send = send
        self._size_max = size_max
        self._in_flight = in_flight
        self._queue_max = queue_max
        self._deadline_s = deadline_s
        self._replayable = replayable
        self._queue: deque[_Call] = deque()
        self._slots: list[asyncio.Task[None]] = []
        self._parked: list[asyncio.Future[None]] = []
        self._flying: list[list[_Call]] = [[] for _ in range(in_flight)]
        self._carried = [0] * in_flight
        self._enough = 0  # how many items must wait for the next batch to leave
        self._ticker: asyncio.TimerHandle | None = None
        self._closing = False
        self._loop: asyncio.AbstractEventLoop

    def add(self, item: Item) -> "asyncio.Future[Result]":
        """Await it for the item's result. Raises `overloaded` at once, `unavailable` later; see the class."""
        return self._ask((item,), chain=False)

    def add_many(self, items: Sequence[Item]) -> "asyncio.Future[Sequence[Result]]":
        """Await it for the results of items that stay together in one batch, in order; at most `size_max` of them."""
        if not 0 < len(items) <= self._size_max:
            raise ValueError(f"a chain holds 1 to {self._size_max} items, not {len(items)}")
        return self._ask(items, chain=True)

    async def close(self) -> None:
        """Take no more, and wait for everything asked so far; bounded by the deadline."""
        self._closing = True
        waiting = [call.answer for calls in (self._queue, *self._flying) for call in calls if not call.answer.done()]
        if waiting:
            await asyncio.wait(waiting)
        for slot in self._slots:
            slot.cancel()
        if self._slots:
            await asyncio.wait(self._slots)
        if self._ticker is not None:
            self._ticker.cancel()
            self._ticker = None

    def _ask(self, items: Sequence[Item], *, chain: bool) -> "asyncio.Future[Any]":
        stats = self.stats
        if self._closing or stats.depth + len(items) > self._queue_max:
            stats.refused += 1
            raise overloaded(headers={"Retry-After": str(RETRY_AFTER_S)})
        if not self._slots:
            self._start()
        loop = self._loop
        answer: asyncio.Future[Any] = loop.create_future()
        self._queue.append(_Call(items, answer, loop.time(), chain))
        stats.depth += len(items)
        if self._ticker is None:
            self._ticker = loop.call_later(self._deadline_s / TICKS_PER_DEADLINE, self._tick)
        if self._parked and stats.depth >= self._enough:
            # The slot wakes in the loop's next turn, so it takes all that is asked in this one.
            self._parked.pop().set_result(None)
        return answer

    def _start(self) -> None:
        """Slots live in the loop of the first caller."""
        self._loop = asyncio.get_running_loop()
        self._slots = [
            self._loop.create_task(self._slot(number), name=f"batcher {self.name} {number}")
            for number in range(self._in_flight)
        ]

    async def _slot(self, number: int) -> None:
        """Send one batch after the other; park while there is nothing to send."""
        while True:
            calls = self._take() if self.stats.depth >= self._enough else []
            if not calls:
                parked = self._loop.create_future()
                self._parked.append(parked)
                await parked
                continue
            self._flying[number] = calls
            self._carry(number, sum([len(call.items) for call in calls]))
            outcome = await self._outcome(calls)
            self._flying[number] = []
            self._carry(number, 0)
            if self._queue:
                # Answers are given in the loop's next turn: this slot first sends the next batch,
                # so that the database works while callers are served (a fifth more throughput).
                self._loop.call_soon(_deliver, outcome)
            else:
                _deliver(outcome)

    def _carry(self, number: int, items: int) -> None:
        self._carried[number] = items
        self._enough = GATHERED if any(self._carried) else 0

    def _take(self) -> list[_Call]:
        """The next batch: what waits, up to the bound, whole chains only, without those who left."""
        queue = self._queue
        calls: list[_Call] = []
        room = self._size_max
        while queue and len(queue[0].items) <= room:
            call = queue.popleft()
            self.stats.depth -= len(call.items)
            if not call.answer.done():
                room -= len(call.items)
                calls.append(call)
        return calls

    async def _outcome(self, calls: list[_Call]) -> list[tuple[_Call, Any]]:
        """Each call with its result, or the exception it gets."""
        replays = 0
        while True:
            items = [item for call in calls for item in call.items]
            self.stats.size.observe(len(items))
            began = time.perf_counter()
            try:
                results = await self._send(items)
                assert len(results) == len(items), f"{self.name}: {len(results)} results for {len(items)} items"
            except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to the callers
                if not self._replayable or not is_transient(error):
                    return await self._halved(calls, error)
                replays += 1
                calls = await self._after_pause(calls, error, replays)
                if not calls or replays > REPLAYS_MAX:
                    return [(call, _away(error)) for call in calls]
            else:
                self.stats.seconds.observe(time.perf_counter() - began)
                return _matched(calls, results)

    async def _after_pause(self, calls: list[_Call], error: Exception, replays: int) -> list[_Call]:
        """Who still waits after a jittered back-off, which doubles with each replay."""
        self.stats.replays += 1
        log.warning("batch_replayed", batcher=self.name, calls=len(calls), replay=replays, error=type(error).__name__)
        pause_s = min(PAUSE_S_MAX, PAUSE_S_MIN * 2 ** (replays - 1))
        await asyncio.sleep(pause_s * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
        return [call for call in calls if not call.answer.done()]

    async def _halved(self, calls: list[_Call], error: Exception) -> list[tuple[_Call, Any]]:
        """The batch in two halves, until the culprit stands alone; or the error for all when it may not be resent."""
        if self._replayable and len(calls) > 1 and not isinstance(error, Refused):
            middle = len(calls) // 2
            return [*await self._outcome(calls[:middle]), *await self._outcome(calls[middle:])]
        self.stats.failed += 1
        log.error("batch_failed", batcher=self.name, calls=len(calls), error=type(error).__name__)
        return [(call, _failure(self.name, error)) for call in calls]

    def _tick(self) -> None:
        """Tell those whose deadline has passed, and send what waited long; one timer serves all callers."""
        self._ticker = None
        if self._queue and self._parked:
            self._enough = 0
            self._parked.pop().set_result(None)
        latest = self._loop.time() - self._deadline_s
        busy = False
        for calls in (self._queue, *self._flying):
            for call in calls:
                if call.asked > latest:
                    busy = True
                    break  # the rest was asked later
                if not call.answer.done():
                    self.stats.expired += 1
                    call.answer.set_exception(unavailable(headers={"Retry-After": str(RETRY_AFTER_S)}))
        if busy:
            self._ticker = self._loop.call_later(self._deadline_s / TICKS_PER_DEADLINE, self._tick)


def _matched(calls: list[_Call], results: Sequence[Any]) -> list[tuple[_Call, Any]]:
    """Each call with its share of the results."""
    outcome: list[tuple[_Call, Any]] = []
    place = 0
    for call in calls:
        if call.chain:
            outcome.append((call, results[place : place + len(call.items)]))
        else:
            outcome.append((call, results[place]))
        place += len(call.items)
    return outcome


def _deliver(outcome: list[tuple[_Call, Any]]) -> None:
    for call, result in outcome:
        if call.answer.done():
            continue  # cancelled, or past its deadline
        if isinstance(result, Exception):
            call.answer.set_exception(result)
        else:
            call.answer.set_result(result)


def _away(error: Exception) -> Refused:
    """A refusal of its own for each caller: a shared exception would gather everybody's traceback."""
    refusal = unavailable(headers={"Retry-After": str(RETRY_AFTER_S)})
    refusal.__cause__ = error
    return refusal


def _failure(name: str, error: Exception) -> Exception:
    if is_transient(error):
        return _away(error)
    failure = BatchError(f"{name}: {type(error).__name__}")
    failure.__cause__ = error
    return error if isinstance(error, Refused) else failure
