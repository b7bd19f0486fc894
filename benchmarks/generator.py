"""The load generator: raw connections that send bytes which were made beforehand, in a closed or in an open loop.

Closed: so many callers, each sends its next request once the last one is answered. Open: requests are due at moments
drawn beforehand, whatever the server does, and a latency counts from the moment at which a request was due, not from
when a connection was free to send it; so a stall is felt by everybody who would have come meanwhile (what hides it is
called coordinated omission). Nothing is built, parsed or printed in the measured time beyond the status line and the
length of each answer.
"""

import asyncio
import gc
import ssl
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import accumulate
from random import Random
from typing import Final
from urllib.parse import urlsplit

from msgspec import Struct

from benchmarks.loops import NOT_SENT, RECONNECT_S, Caller, Follow, Loop, OpenLoop, Watch

CREATED: Final = 201
OK: Final = 200
HUNG_S_MAX: Final = 30.0
WATCH_S: Final = 0.5
CONNECTS_AT_ONCE: Final = 200


class Address(Struct, frozen=True):
    """Where the requests go."""

    host: str
    port: int
    tls: bool = False

    @classmethod
    def of(cls, url: str) -> "Address":
        """Of `http://host:port` or `https://host`."""
        parts = urlsplit(url)
        assert parts.scheme in ("http", "https") and parts.hostname, f"{url} is no address: write http://host:port"
        tls = parts.scheme == "https"
        return cls(parts.hostname, parts.port or (443 if tls else 80), tls)

    @property
    def name(self) -> str:
        """As the Host line says it."""
        return f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """As a client writes it."""
        return f"http{'s' * self.tls}://{self.name}"


class Shift(Struct):
    """What came of one cell.

    asked      of those given, how many requests had their turn
    statuses   status of each of these; 0: no answer came; NOT_SENT: the caller that it was dealt to did not come so far
    seconds    the measured time; it ends early when the requests ran out
    within     good answers within the measured time
    latencies  of those, in seconds, sorted; in an open loop from the moment at which the request was due
    cpu_s      processor time of this generator
    bodies     the bodies of the answers, by request, when they were asked for
    late       open loop: how much later than due each request was sent, in seconds, sorted
    gap_s      the longest time without a good answer
    """

    asked: int
    statuses: Sequence[int]
    seconds: float
    within: int
    latencies: Sequence[float]
    cpu_s: float
    bodies: Sequence[bytes] = ()
    late: Sequence[float] = ()
    gap_s: float = 0.0

    @classmethod
    def together(cls, shifts: Sequence["Shift"]) -> "Shift":
        """Several portions of one cell as one: only the time in which one of them ran counts."""
        return cls(
            sum(shift.asked for shift in shifts),
            [status for shift in shifts for status in shift.statuses],
            sum(shift.seconds for shift in shifts),
            sum(shift.within for shift in shifts),
            sorted(latency for shift in shifts for latency in shift.latencies),
            sum(shift.cpu_s for shift in shifts),
            gap_s=max(shift.gap_s for shift in shifts),
        )

    @property
    def rate(self) -> float:
        """Good answers a second."""
        return self.within / self.seconds

    @property
    def counts(self) -> dict[str, int]:
        """How many answers had which status."""
        counted = Counter(self.statuses)
        return {str(status): count for status, count in sorted(counted.items()) if status != NOT_SENT}

    def percentile(self, share: float) -> float:
        """The latency that this share of the good answers kept, in milliseconds."""
        return percentile(self.latencies, share) * 1_000

    @property
    def busy(self) -> float:
        """The share of a core that the generator used: near 1, it is the bottleneck."""
        return self.cpu_s / self.seconds


def percentile(ordered: Sequence[float], share: float) -> float:
    """The smallest value that at least this share does not pass; 0 of nothing."""
    if not ordered:
        return 0.0  # JSON has no NaN
    return ordered[max(0, -int(-share * len(ordered) // 1) - 1)]


def moments(rate: float, seconds: float, random: Random) -> list[float]:
    """When requests are due, in seconds from the start: independent callers, so that gaps are exponential."""
    due = accumulate(random.expovariate(rate) for _ in range(round(rate * seconds)))
    return [moment for moment in due if moment < seconds]


async def _connections(address: Address, count: int) -> list[Caller]:
    event_loop = asyncio.get_running_loop()
    secure = ssl.create_default_context() if address.tls else None
    gate = asyncio.Semaphore(CONNECTS_AT_ONCE)

    async def one() -> Caller:
        async with gate:
            _, caller = await event_loop.create_connection(Caller, address.host, address.port, ssl=secure)
            return caller

    return list(await asyncio.gather(*(one() for _ in range(count))))


async def run(
    address: Address,
    requests: Sequence[bytes],
    *,
    callers: int,
    seconds: float,
    good: Iterable[int] = (CREATED,),
    bodies: bool = False,
    patient: bool = False,
    dealt: bool = False,
    follow: Follow | None = None,
    watched: Watch | None = None,
) -> Shift:
    """Send these requests, each at most once, from so many callers for so long; then wait for the last answers.

    dealt: each caller sends its own share of the requests, so that one connection is one wallet's.
    patient: whoever loses the connection opens another and goes on with the next request.
    watched: hears twice a second how many good answers there were so far; it costs what it costs.
    """
    protocols = await _connections(address, callers)
    gc.collect()
    gc.disable()
    cpu, began = time.process_time(), time.perf_counter()
    loop = Loop(requests, began + seconds, good, bodies=bodies, dealt=callers if dealt else 0)
    loop.follow = follow
    if patient:
        _reconnecting(loop, address, protocols)
    await _work(loop, protocols, seconds, watched)
    return _shift(loop, protocols, cpu, began)


async def run_open(
    address: Address,
    requests: Sequence[bytes],
    due: Sequence[float],
    *,
    connections: int,
    seconds: float,
    good: Iterable[int] = (CREATED,),
    follow: Follow | None = None,
    watched: Watch | None = None,
) -> Shift:
    """Send each request when it is due (seconds from the start) or as soon afterwards as a connection is free."""
    assert len(requests) >= len(due)
    protocols = await _connections(address, connections)
    gc.collect()
    gc.disable()
    cpu, began = time.process_time(), time.perf_counter()
    loop = OpenLoop(requests[: len(due)], [began + moment for moment in due], began + seconds, good)
    loop.follow = follow
    await _work(loop, protocols, seconds, watched)
    shift = _shift(loop, protocols, cpu, began)
    shift.late = sorted(loop.late)
    return shift


async def _work(loop: Loop, protocols: Sequence[Caller], seconds: float, watched: Watch | None) -> None:
    loop.active = len(protocols)
    for turn, protocol in enumerate(protocols):
        protocol.loop, protocol.turn = loop, turn
    for protocol in protocols:
        protocol.fire(time.perf_counter())
    until = time.perf_counter() + seconds + HUNG_S_MAX
    while watched is not None and not loop.done.done() and time.perf_counter() < until:
        await asyncio.wait([loop.done], timeout=WATCH_S)
        watched(loop.within)
    await asyncio.wait([loop.done], timeout=until - time.perf_counter())


def _reconnecting(loop: Loop, address: Address, protocols: list[Caller]) -> None:
    """Let whoever loses a connection come again, until the time is over."""
    tasks: set[asyncio.Task[None]] = set()

    async def again() -> None:
        while time.perf_counter() < loop.until:
            await asyncio.sleep(RECONNECT_S)
            try:
                (caller,) = await _connections(address, 1)
            except OSError:
                continue
            protocols.append(caller)
            caller.loop = loop
            caller.fire(time.perf_counter())
            return
        loop.leave(Caller())

    def connect() -> None:
        task = asyncio.create_task(again())
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    loop.connect = connect


def _shift(loop: Loop, protocols: Sequence[Caller], cpu: float, began: float) -> Shift:
    cpu_s = time.process_time() - cpu
    gc.enable()
    for protocol in protocols:
        protocol.transport.close()
    loop.latencies.sort()
    # What followed from an answer has its place behind the requests that were given.
    statuses = loop.statuses if loop.follow else loop.statuses[: loop.next]
    return Shift(
        loop.next, statuses, loop.ended - began, loop.within, loop.latencies, cpu_s,
        () if loop.bodies is None else loop.bodies[: loop.next],
        gap_s=max(loop.gap_s, loop.ended - loop.last_good),
    )  # fmt: skip
