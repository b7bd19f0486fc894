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
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate
from random import Random
from typing import Final, cast
from urllib.parse import urlsplit

from msgspec import Struct

CREATED: Final = 201
OK: Final = 200
HUNG_S_MAX: Final = 30.0
RECONNECT_S: Final = 0.05
CONNECTS_AT_ONCE: Final = 200
_HEAD_END: Final = b"\r\n\r\n"
_LENGTH: Final = b"Content-Length: "


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

    asked      how many requests were sent: the first so many of those given
    statuses   status of each of these requests; 0: no answer came
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
        return {str(status): count for status, count in sorted(Counter(self.statuses).items())}

    def percentile(self, share: float) -> float:
        """The latency that this share of the good answers kept, in milliseconds."""
        return percentile(self.latencies, share) * 1_000

    @property
    def busy(self) -> float:
        """The share of a core that the generator used: near 1, it is the bottleneck."""
        return self.cpu_s / self.seconds


def percentile(ordered: Sequence[float], share: float) -> float:
    """The smallest value that at least this share does not pass; NaN of nothing."""
    if not ordered:
        return float("nan")
    return ordered[max(0, -int(-share * len(ordered) // 1) - 1)]


def moments(rate: float, seconds: float, random: Random) -> list[float]:
    """When requests are due, in seconds from the start: independent callers, so that gaps are exponential."""
    due = accumulate(random.expovariate(rate) for _ in range(round(rate * seconds)))
    return [moment for moment in due if moment < seconds]


class _Loop:
    """The requests that are left, and what was answered. This one is closed: whoever is free asks at once."""

    keeps_late = False

    def __init__(self, requests: Sequence[bytes], until: float, good: Iterable[int], *, bodies: bool) -> None:
        self.requests = requests
        self.until = until
        self.good = frozenset(good)
        self.next = 0
        self.ended = until
        self.statuses = [0] * len(requests)
        self.bodies = [b""] * len(requests) if bodies else None
        self.latencies: list[float] = []
        self.within = 0
        self.last_good = time.perf_counter()
        self.gap_s = 0.0
        self.active = 0
        self.connect: Callable[[], None] | None = None
        self.done = asyncio.get_running_loop().create_future()

    def take(self, caller: "_Caller", now: float) -> int:
        """The place of the caller's next request; -1 when it has none, now or for good."""
        place = self.next
        if now >= self.until or self.done.done():
            return self.leave(caller)
        if place == len(self.requests):
            self.ended = min(self.ended, now)
            return self.leave(caller)
        self.next = place + 1
        caller.began = now
        return place

    def answered(self, place: int, status: int, began: float, now: float) -> None:
        self.statuses[place] = status
        if status in self.good:
            if now <= self.ended:
                self.within += 1
                self.latencies.append(now - began)
            elif self.keeps_late:
                self.latencies.append(now - began)
            if now - self.last_good > self.gap_s:
                self.gap_s = min(now, self.ended) - self.last_good
            self.last_good = now

    def leave(self, caller: "_Caller") -> int:
        caller.loop = None
        self.active -= 1
        if not self.active and not self.done.done():
            self.done.set_result(None)
        return -1


class _OpenLoop(_Loop):
    """Each request has its moment. A caller without one waits here; a request without a caller waits, and counts."""

    keeps_late = True  # what was due in time counts, however late its answer: the slowest must not be left out

    def __init__(self, requests: Sequence[bytes], due: Sequence[float], until: float, good: Iterable[int]) -> None:
        super().__init__(requests, until, good, bodies=False)
        self.due = due
        self.idle: list[_Caller] = []
        self.late: list[float] = []
        self.timer: asyncio.TimerHandle | None = None

    def take(self, caller: "_Caller", now: float) -> int:
        place = self.next
        if place == len(self.due) or self.done.done():
            return self.leave(caller)
        due = self.due[place]
        if due > now:
            self.idle.append(caller)
            if self.timer is None:
                self.timer = asyncio.get_running_loop().call_later(due - now, self._tick)
            return -1
        self.next = place + 1
        caller.began = due
        self.late.append(now - due)
        return place

    def _tick(self) -> None:
        self.timer = None
        waiting, self.idle = self.idle, []
        now = time.perf_counter()
        for place, caller in enumerate(waiting):
            # One look is enough once nothing is due: the rest waits on.
            if self.next < len(self.due) and self.due[self.next] > now:
                self.idle += waiting[place:]
                break
            caller.fire(now)
        if self.idle and self.timer is None and self.next < len(self.due):
            self.timer = asyncio.get_running_loop().call_later(max(0.0, self.due[self.next] - now), self._tick)
        if self.next == len(self.due):
            waiting, self.idle = self.idle, []
            for caller in waiting:
                self.leave(caller)


class _Caller(asyncio.Protocol):
    """One keep-alive connection with one request under way at a time."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport
        self.loop: _Loop | None = None
        self.place = -1
        self.began = 0.0
        self.rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def fire(self, now: float) -> None:
        loop = self.loop
        assert loop is not None
        self.place = place = loop.take(self, now)
        if place >= 0:
            self.transport.write(loop.requests[place])

    def data_received(self, data: bytes) -> None:
        if self.rest:
            data, self.rest = self.rest + data, b""
        head = data.find(_HEAD_END)
        length = data.find(_LENGTH, 0, head)
        if length < 0 <= head:
            length = data.lower().find(_LENGTH.lower(), 0, head)
            assert length >= 0, f"an answer without a length cannot be measured: {data[:head]!r}"
        if head < 0 or len(data) < head + 4 + int(data[length + 16 : data.find(b"\r", length)]):
            self.rest = data
            return
        loop = self.loop
        assert loop is not None and self.place >= 0, "an answer nobody asked for"
        now = time.perf_counter()
        if loop.bodies is not None:
            loop.bodies[self.place] = data[head + 4 :]
        loop.answered(self.place, int(data[9:12]), self.began, now)
        self.place = -1
        self.fire(now)

    def connection_lost(self, exc: Exception | None) -> None:
        loop, self.loop = self.loop, None
        if loop is None:
            return
        if loop.connect is not None and not loop.done.done():
            loop.connect()  # its place is kept for whoever comes instead
        else:
            loop.leave(self)


async def _connections(address: Address, count: int) -> list[_Caller]:
    event_loop = asyncio.get_running_loop()
    secure = ssl.create_default_context() if address.tls else None
    gate = asyncio.Semaphore(CONNECTS_AT_ONCE)

    async def one() -> _Caller:
        async with gate:
            _, caller = await event_loop.create_connection(_Caller, address.host, address.port, ssl=secure)
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
) -> Shift:
    """Send these requests, each at most once, from so many callers for so long; then wait for the last answers.

    patient: whoever loses the connection opens another and goes on with the next request.
    """
    protocols = await _connections(address, callers)
    gc.collect()
    gc.disable()
    cpu, began = time.process_time(), time.perf_counter()
    loop = _Loop(requests, began + seconds, good, bodies=bodies)
    if patient:
        _reconnecting(loop, address, protocols)
    await _work(loop, protocols, seconds)
    return _shift(loop, protocols, cpu, began)


async def run_open(
    address: Address,
    requests: Sequence[bytes],
    due: Sequence[float],
    *,
    connections: int,
    seconds: float,
    good: Iterable[int] = (CREATED,),
) -> Shift:
    """Send each request when it is due (seconds from the start) or as soon afterwards as a connection is free."""
    assert len(requests) >= len(due)
    protocols = await _connections(address, connections)
    gc.collect()
    gc.disable()
    cpu, began = time.process_time(), time.perf_counter()
    loop = _OpenLoop(requests[: len(due)], [began + moment for moment in due], began + seconds, good)
    await _work(loop, protocols, seconds)
    shift = _shift(loop, protocols, cpu, began)
    shift.late = sorted(loop.late)
    return shift


async def _work(loop: _Loop, protocols: Sequence[_Caller], seconds: float) -> None:
    loop.active = len(protocols)
    for protocol in protocols:
        protocol.loop = loop
    for protocol in protocols:
        protocol.fire(time.perf_counter())
    await asyncio.wait([loop.done], timeout=seconds + HUNG_S_MAX)


def _reconnecting(loop: _Loop, address: Address, protocols: list[_Caller]) -> None:
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
        loop.leave(_Caller())

    def connect() -> None:
        task = asyncio.create_task(again())
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    loop.connect = connect


def _shift(loop: _Loop, protocols: Sequence[_Caller], cpu: float, began: float) -> Shift:
    cpu_s = time.process_time() - cpu
    gc.enable()
    for protocol in protocols:
        protocol.transport.close()
    loop.latencies.sort()
    return Shift(
        loop.next, loop.statuses[: loop.next], loop.ended - began, loop.within, loop.latencies, cpu_s,
        () if loop.bodies is None else loop.bodies[: loop.next],
        gap_s=max(loop.gap_s, loop.ended - loop.last_good),
    )  # fmt: skip
