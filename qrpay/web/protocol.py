"""The connection: aiohttp's parser and transport, with one task a connection instead of one a request.

This is the one module that rests on aiohttp's inside (3.14, pinned): it replaces RequestHandler.start, so that
a request costs no task, no writer and no header dictionary of its own (docs/decisions/0003). A plain request on a
connection that has sent nothing but plain requests takes the lane (`lane.py`, docs/decisions/0009).
It also closes what aiohttp leaves open: a head that never ends, and an idle connection while we drain.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any, Final

from aiohttp import web
from aiohttp.http import RawRequestMessage
from aiohttp.http_exceptions import LineTooLong
from aiohttp.streams import StreamReader
from aiohttp.web_protocol import RequestHandler
from aiohttp.web_server import Server

from qrpay.settings import Settings
from qrpay.web.lane import Head, Lane
from qrpay.web.wire import ParsedRequest, PlainRequest, Request

SWEEP_S: Final = 1.0
IDLE_WHILE_DRAINING_S: Final = 1.0
LINGER_S: Final = 2.0

Answer = Callable[["Connection", Request], Awaitable[bool]]
Garbled = Callable[["Connection", bool], None]


class Connection(RequestHandler):
    """One client's connection. Its requests are answered in order, by one task."""

    __slots__ = ("_door", "_head_since", "_idle_since", "_lane", "_only_reads", "_plain", "trusted_host")

    def __init__(self, door: "Door", **said: Any) -> None:
        super().__init__(door, **said)
        self._door = door
        self._idle_since = self._head_since = self._loop.time()
        self.trusted_host = ""
        self._only_reads = False
        # Where the parser stands between two requests is known only while each was plain and exact: so the lane is
        # closed for good by the first bytes that are not.
        self._lane: Lane | None = Lane()
        self._plain: tuple[Head, bytes] | None = None

    def data_received(self, data: bytes) -> None:
        """Parse; and note since when a head is under way, so that a slow one can be cut."""
        if self._lane is not None and data:
            plain = self._lane.read(data)
            if plain is None:
                self._lane = None
            elif self._waits() and plain[0].headers["Host"] == self.trusted_host:
                self._plain, self._head_since = plain, 0.0
                self._waiter.set_result(None)  # type: ignore[union-attr] # it waits
                return
        before = self._request_count
        super().data_received(data)
        if self._request_count != before:
            self._head_since = 0.0
        elif not self._head_since:
            self._head_since = self._loop.time()

    def _waits(self) -> bool:
        """Whether the last request is answered and nothing else has come."""
        waiter = self._waiter
        return (
            waiter is not None
            and not waiter.done()
            and not self._messages
            and not (self._close or self._force_close or self._upgraded or self._buffer_paused)
        )

    def connection_lost(self, exc: BaseException | None) -> None:
        """Nobody is there to be told: what only reads or waits is given up, what moves money is finished."""
        task = self._task_handler
        super().connection_lost(exc)
        if task is not None and self._request_in_progress and self._only_reads:
            task.cancel()

    def write(self, data: bytes) -> None:
        """Send bytes, unless the client is gone."""
        if self.transport is not None:
            self.transport.write(data)

    async def start(self) -> None:
        """Answer requests until one of us hangs up."""
        door, loop = self._door, self._loop
        try:
            while not self._force_close and not self._close:
                if not self._messages:
                    self._idle_since = loop.time()
                    self._waiter = loop.create_future()
                    try:
                        await self._waiter
                    finally:
                        self._waiter = None
                request = self._next_request()
                if request is None:
                    break
                self._request_in_progress = True
                self._only_reads = request.method == "GET"
                try:
                    keep = await door.answer(self, request)
                finally:
                    self._request_in_progress = False
                    self._head_since = 0.0
                if not keep or not request.complete or self._upgraded:
                    await self._linger(request.payload)
                    break
        except (asyncio.CancelledError, ConnectionError):
            self.force_close()
            raise
        finally:
            self._task_handler = None
            if self.transport is not None:
                self.transport.close()

    def _next_request(self) -> Request | None:
        """What came: from the lane or from the parser; None for what was no HTTP, which is answered here."""
        if self._plain is not None:
            (head, body), self._plain = self._plain, None
            return PlainRequest(self, head, body)
        message, payload = self._messages.popleft()
        if self._parser is not None:
            self._parser.message_consumed()
        if self._buffer_paused and len(self._messages) <= self._msg_queue_resume_size:
            self._resume_reading_if_drained()
        if not isinstance(message, RawRequestMessage):
            self._door.garbled(self, isinstance(message.exc, LineTooLong))
            return None
        return ParsedRequest(self, message, payload)

    async def _linger(self, payload: StreamReader) -> None:
        """Take what the client still sends for a moment: hung up on at once, it would be reset before it reads us."""
        if payload.is_eof() or self.transport is None or not self.transport.can_write_eof():
            return
        self.transport.write_eof()
        with contextlib.suppress(TimeoutError, ValueError, web.PayloadAccessError, web.RequestPayloadError):
            async with asyncio.timeout(LINGER_S):
                while not payload.at_eof():
                    await payload.readany()

    def overdue(self, now: float, settings: Settings, draining: bool) -> bool:
        """Whether this connection has idled, or sent its head, for too long."""
        if self._request_in_progress or self._messages or self._plain is not None:
            return False  # what has come is answered, also in the moment before its task wakes
        idle_s = now - self._idle_since
        if draining and idle_s > IDLE_WHILE_DRAINING_S:
            return True
        return idle_s > settings.idle_s or bool(self._head_since and now - self._head_since > settings.head_s)


class Door(Server):
    """Where connections come in; `answer` serves one request, `garbled` answers what was no HTTP."""

    def __init__(self, settings: Settings, answer: Answer, garbled: Garbled) -> None:
        super().__init__(_unused)
        self.settings = settings
        self.answer = answer
        self.garbled = garbled
        self.draining = False
        self._sweeper = self._loop.call_later(SWEEP_S, self._sweep)

    def __call__(self) -> Connection:
        return Connection(
            self, loop=self._loop, keepalive_timeout=0, access_log=None, auto_decompress=False, max_headers=100
        )

    def _sweep(self) -> None:
        now = self._loop.time()
        for connection in self.connections:
            if isinstance(connection, Connection) and connection.overdue(now, self.settings, self.draining):
                connection.force_close()
        self._sweeper = self._loop.call_later(0.1 if self.draining else SWEEP_S, self._sweep)

    async def drain(self, within_s: float) -> None:
        """Finish what was accepted: each answer from now on says `Connection: close`; the idle are let go last.

        An idle connection is kept for a moment, since its next request may already be on the way here.
        """
        self.draining = True
        self._sweeper.cancel()
        self._sweep()
        until = self._loop.time() + within_s
        while self.connections and self._loop.time() < until:  # noqa: ASYNC110 - connections have no event
            await asyncio.sleep(0.02)
        self._sweeper.cancel()
        for connection in self.connections:
            connection.force_close()


async def _unused(_: object) -> Any:
    raise AssertionError("Connection.start serves every request")
