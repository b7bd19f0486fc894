"""What is between generator and server: requests that are left, and callers with one connection each."""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final, cast

NOT_SENT: Final = -1
"""Instead of a status: this request was never sent. (0: it was sent, and no answer came.)"""
RECONNECT_S: Final = 0.05
"""How long a patient caller waits after a lost connection or a 5xx."""
_HEAD_END: Final = b"\r\n\r\n"
_LENGTH: Final = b"Content-Length: "
Watch = Callable[[int], None]
Follow = Callable[[int, int, bytes, float], bytes | None]
"""Hears place, status, body and latency of each answer, and gives the request that follows from it; its place is the
next free one behind the requests that were given."""


class Loop:
    """The requests that are left, and what was answered. This one is closed: whoever is free asks at once.

    dealt: to so many callers; caller n sends the n-th request and each that stands so many places later. 0: whoever is
    free takes the next.
    """

    keeps_late = False

    def __init__(
        self, requests: Sequence[bytes], until: float, good: Iterable[int], *, bodies: bool, dealt: int = 0
    ) -> None:
        self.requests = requests
        self.dealt = dealt
        self.until = until
        self.good = frozenset(good)
        self.next = 0
        self.ended = until
        self.statuses = [NOT_SENT] * len(requests)
        self.bodies = [b""] * len(requests) if bodies else None
        self.latencies: list[float] = []
        self.within = 0
        self.last_good = time.perf_counter()
        self.gap_s = 0.0
        self.active = 0
        self.connect: Callable[[], None] | None = None
        self.follow: Follow | None = None
        self.done = asyncio.get_running_loop().create_future()

    def take(self, caller: "Caller", now: float) -> int:
        """The place of the caller's next request; -1 when it has none, now or for good."""
        place = caller.turn if self.dealt else self.next
        if now >= self.until or self.done.done():
            return self.leave(caller)
        if place >= len(self.requests):
            self.ended = min(self.ended, now)
            return self.leave(caller)
        self.next = max(self.next, place + 1)
        self.statuses[place] = 0
        caller.turn = place + self.dealt
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

    def followed(self, caller: "Caller", status: int, body: bytes, now: float) -> bool:
        """Whether this answer leads to another request, which its caller then sends at once."""
        assert self.follow is not None
        more = self.follow(caller.place, status, body, now - caller.began)
        if more is None or self.done.done():
            return False
        caller.place, caller.began = len(self.statuses), now
        self.statuses.append(0)
        caller.transport.write(more)
        return True

    def leave(self, caller: "Caller") -> int:
        caller.loop = None
        self.active -= 1
        if not self.active and not self.done.done():
            self.done.set_result(None)
        return -1


class OpenLoop(Loop):
    """Each request has its moment. A caller without one waits here; a request without a caller waits, and counts."""

    keeps_late = True  # what was due in time counts, however late its answer: the slowest must not be left out

    def __init__(self, requests: Sequence[bytes], due: Sequence[float], until: float, good: Iterable[int]) -> None:
        super().__init__(requests, until, good, bodies=False)
        self.due = due
        self.idle: list[Caller] = []
        self.late: list[float] = []
        self.timer: asyncio.TimerHandle | None = None

    def take(self, caller: "Caller", now: float) -> int:
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
        self.statuses[place] = 0
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


class Caller(asyncio.Protocol):
    """One keep-alive connection with one request under way at a time."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport
        self.loop: Loop | None = None
        self.turn = 0
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
        now, status = time.perf_counter(), int(data[9:12])
        if loop.bodies is not None:
            loop.bodies[self.place] = data[head + 4 :]
        loop.answered(self.place, status, self.began, now)
        if loop.follow is not None and loop.followed(self, status, data[head + 4 :], now):
            return
        self.place = -1
        if status >= 500 and loop.connect is not None:
            asyncio.get_running_loop().call_later(RECONNECT_S, self._again)
        else:
            self.fire(now)

    def _again(self) -> None:
        if self.loop is not None:
            self.fire(time.perf_counter())

    def connection_lost(self, exc: Exception | None) -> None:
        loop, self.loop = self.loop, None
        if loop is None:
            return
        if loop.connect is not None and not loop.done.done():
            loop.connect()  # its place is kept for whoever comes instead
        else:
            loop.leave(self)
