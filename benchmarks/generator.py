"""The load generator: a closed loop of callers on raw connections, which send bytes that were made beforehand.

A caller sends its next request once the last one is answered. Nothing is built, parsed or printed in the measured
time beyond the status line and the length of each answer.
"""

import asyncio
import gc
import time
from collections import Counter
from collections.abc import Sequence
from typing import Final, cast

from msgspec import Struct

CREATED: Final = 201
HUNG_S_MAX: Final = 30.0
_HEAD_END: Final = b"\r\n\r\n"
_LENGTH: Final = b"Content-Length: "


class Shift(Struct):
    """What came of one cell.

    asked      how many requests were sent: the first so many of those given
    statuses   status of each of these requests; 0: no answer came
    seconds    the measured time; it ends early when the requests ran out
    within     answers with status 201 within the measured time
    latencies  of those, in seconds, sorted
    cpu_s      processor time of this generator
    """

    asked: int
    statuses: Sequence[int]
    seconds: float
    within: int
    latencies: Sequence[float]
    cpu_s: float

    @property
    def rate(self) -> float:
        """201s a second."""
        return self.within / self.seconds

    @property
    def counts(self) -> dict[str, int]:
        """How many answers had which status."""
        return {str(status): count for status, count in sorted(Counter(self.statuses).items())}

    def percentile(self, share: float) -> float:
        """The latency that this share of the payments kept, in milliseconds."""
        if not self.latencies:
            return float("nan")
        return self.latencies[min(len(self.latencies) - 1, int(share * len(self.latencies)))] * 1_000

    @property
    def busy(self) -> float:
        """The share of a core that the generator used: near 1, it is the bottleneck."""
        return self.cpu_s / self.seconds


class _Loop:
    """The requests that are left, and what was answered."""

    def __init__(self, requests: Sequence[bytes], until: float) -> None:
        self.requests = requests
        self.until = until
        self.next = 0
        self.ended = until
        self.statuses = [0] * len(requests)
        self.latencies: list[float] = []
        self.active = 0
        self.done = asyncio.get_running_loop().create_future()

    def take(self, now: float) -> int:
        """The place of the next request; -1 when the time or the requests have run out."""
        place = self.next
        if now >= self.until or self.done.done():
            return -1
        if place == len(self.requests):
            self.ended = min(self.ended, now)
            return -1
        self.next = place + 1
        return place

    def answered(self, place: int, status: int, began: float, now: float) -> None:
        self.statuses[place] = status
        if status == CREATED and now <= self.ended:
            self.latencies.append(now - began)

    def leave(self) -> None:
        self.active -= 1
        if not self.active and not self.done.done():
            self.done.set_result(None)


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
        self.place = place = loop.take(now)
        if place < 0:
            self.loop = None
            loop.leave()
            return
        self.began = now
        self.transport.write(loop.requests[place])

    def data_received(self, data: bytes) -> None:
        if self.rest:
            data, self.rest = self.rest + data, b""
        head = data.find(_HEAD_END)
        length = data.find(_LENGTH, 0, head)
        if head < 0 or len(data) < head + 4 + int(data[length + 16 : data.find(b"\r", length)]):
            self.rest = data
            return
        loop = self.loop
        assert loop is not None, "an answer nobody asked for"
        now = time.perf_counter()
        loop.answered(self.place, int(data[9:12]), self.began, now)
        self.fire(now)

    def connection_lost(self, exc: Exception | None) -> None:
        loop, self.loop = self.loop, None
        if loop is not None:
            loop.leave()


async def run(port: int, requests: Sequence[bytes], *, callers: int, seconds: float) -> Shift:
    """Send these requests, each at most once, from so many callers for so long; then wait for the last answers."""
    event_loop = asyncio.get_running_loop()
    protocols: list[_Caller] = []
    for _ in range(callers):
        _, protocol = await event_loop.create_connection(_Caller, "127.0.0.1", port)
        protocols.append(protocol)
    gc.collect()
    gc.disable()
    cpu, began = time.process_time(), time.perf_counter()
    loop = _Loop(requests, began + seconds)
    loop.active = callers
    for protocol in protocols:
        protocol.loop = loop
    for protocol in protocols:
        protocol.fire(time.perf_counter())
    await asyncio.wait([loop.done], timeout=seconds + HUNG_S_MAX)
    cpu_s = time.process_time() - cpu
    gc.enable()
    for protocol in protocols:
        protocol.transport.close()
    loop.latencies.sort()
    return Shift(loop.next, loop.statuses[: loop.next], loop.ended - began, len(loop.latencies), loop.latencies, cpu_s)
