"""Metrics of a web worker: it counts in plain numbers, and once a second what they grew by goes to Prometheus."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol

from qrpay.database.batcher import SECONDS_BOUNDS, SIZE_BOUNDS, BatchStats
from qrpay.database.batcher import Histogram as PlainHistogram
from qrpay.measures import Counter, Gauge, Histogram, render

if TYPE_CHECKING:
    from qrpay.hub import Hub
    from qrpay.web.routes import Route

FLUSH_S: Final = 1.0
RENDERED_S: Final = 1.0
"""A rendering is good for this long, so that whoever asks too often costs nothing."""

requests_total: Final = Counter(
    "qrpay_requests_total", "Requests answered, by route (its template) and status.", ["method", "route", "status"]
)
refusals_total: Final = Counter("qrpay_refusals_total", "Refusals, by problem code.", ["code"])
queue_depth: Final = Gauge(
    "qrpay_queue_depth", "Items that wait for a batch.", ["batcher"], multiprocess_mode="livesum"
)
batch_size: Final = Histogram("qrpay_batch_size", "Items a batch.", ["batcher"], buckets=SIZE_BOUNDS)
batch_seconds: Final = Histogram(
    "qrpay_commit_seconds", "From sending a batch to its commit.", ["batcher"], buckets=SECONDS_BOUNDS
)
batch_troubles_total: Final = Counter(
    "qrpay_batch_troubles_total",
    "Calls refused (queue full) or expired (past the deadline); batches replayed or failed.",
    ["batcher", "trouble"],
)
waiters: Final = Gauge("qrpay_waiters", "Requests and streams that wait for news.", multiprocess_mode="livesum")
loop_lag_seconds: Final = Gauge(
    "qrpay_loop_lag_seconds",
    "How late the slowest worker's event loop woke up in its last second.",
    multiprocess_mode="livemax",
)


class Counting(Protocol):
    """A route and how often it gave which status."""

    @property
    def route(self) -> "Route": ...
    @property
    def counts(self) -> Mapping[int, int]: ...


class Answering(Protocol):
    """What is measured of a dispatcher: plain numbers that only grow."""

    @property
    def served(self) -> Sequence[Counting]: ...
    @property
    def unrouted(self) -> Mapping[int, int]: ...
    @property
    def refusals(self) -> Mapping[str, int]: ...


class Tally:
    """Carries a plain number that grows over into a counter, with the labels bound once."""

    def __init__(self, counter: Counter) -> None:
        self._counter = counter
        self._bound: dict[tuple[str, ...], Counter] = {}
        self._carried: dict[tuple[str, ...], int] = {}

    def carry(self, count: int, *labels: str) -> None:
        """The number under these labels stands at `count` now."""
        carried = self._carried.get(labels, 0)
        if count == carried:
            return
        if labels not in self._bound:
            self._bound[labels] = self._counter.labels(*labels)
        self._bound[labels].inc(count - carried)
        self._carried[labels] = count


class HistogramTally:
    """The same for a histogram."""

    def __init__(self, histogram: Histogram) -> None:
        self._histogram = histogram
        self._carried = [0] * (len(histogram._upper_bounds))
        self._sum = 0.0

    def carry(self, plain: PlainHistogram) -> None:
        """The plain histogram, of the same bounds, stands so now."""
        if plain.counts == self._carried:
            return
        # A histogram takes single values only, and a batch every millisecond would cost a thousand calls a second.
        for bucket, count, carried in zip(self._histogram._buckets, plain.counts, self._carried, strict=True):
            if count != carried:
                bucket.inc(count - carried)
        self._histogram._sum.inc(plain.sum - self._sum)
        self._carried = list(plain.counts)
        self._sum = plain.sum


class BatchTally:
    """All that is measured of one batcher."""

    def __init__(self, name: str, stats: BatchStats) -> None:
        self._name, self._stats = name, stats
        self._depth = queue_depth.labels(name)
        self._size = HistogramTally(batch_size.labels(name))
        self._seconds = HistogramTally(batch_seconds.labels(name))
        self._troubles = Tally(batch_troubles_total)

    def carry(self) -> None:
        """Carry over what was counted since last time."""
        stats = self._stats
        self._depth.set(stats.depth)
        self._size.carry(stats.size)
        self._seconds.carry(stats.seconds)
        for trouble in ("refused", "expired", "replays", "failed"):
            self._troubles.carry(getattr(stats, trouble), self._name, trouble)


class Meter:
    """Carries a worker's plain numbers over, each second while it runs and once more at its end.

    It is a context: `async with Meter(dispatcher, core.hub, lambda: core.queues) as meter`; `await meter.render()` is
    what `GET /metrics` answers.
    """

    def __init__(self, answering: Answering, hub: "Hub[Any]", batchers: Callable[[], Mapping[str, BatchStats]]) -> None:
        self._answering = answering
        self._hub = hub
        self._batchers = batchers
        self._tallies: dict[str, BatchTally] = {}
        self._requests = Tally(requests_total)
        self._refusals = Tally(refusals_total)
        self._task: asyncio.Task[None] | None = None
        self._rendered = (b"", float("-inf"))

    async def __aenter__(self) -> "Meter":
        self._task = asyncio.create_task(self._run(), name="meter")
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.wait([self._task])
        if not self._task.cancelled():
            self._task.result()  # a meter that broke is a bug, and says so
        self.carry()

    def carry(self) -> None:
        """Carry over what was counted since last time."""
        for served in self._answering.served:
            for status, count in served.counts.items():
                self._requests.carry(count, served.route.method, served.route.path, str(status))
        for status, count in self._answering.unrouted.items():
            self._requests.carry(count, "", "", str(status))
        for code, count in self._answering.refusals.items():
            self._refusals.carry(count, code)
        for name, stats in self._batchers().items():
            if name not in self._tallies:
                self._tallies[name] = BatchTally(name, stats)
            self._tallies[name].carry()
        waiters.set(self._hub.waiting)

    async def render(self) -> bytes:
        """The metrics of all workers, at most RENDERED_S old; another worker's part at most FLUSH_S older."""
        now = asyncio.get_running_loop().time()
        if now - self._rendered[1] >= RENDERED_S:
            self.carry()
            self._rendered = (b"", now)  # whoever asks meanwhile is answered by the same rendering
            self._rendered = (render(), now)
        return self._rendered[0]

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + FLUSH_S
            await asyncio.sleep(FLUSH_S)
            loop_lag_seconds.set(max(0.0, loop.time() - due))
            self.carry()
