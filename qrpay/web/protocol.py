"""The connection: aiohttp's parser and transport, with one task a connection instead of one a request.

This is the one module that rests on aiohttp's inside (3.14, pinned): it replaces RequestHandler.start, so that
a request costs no task, no writer and no header dictionary of its own; docs/decisions/0004 has the gain.
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

SWEEP_S: Final = 1.0
IDLE_WHILE_DRAINING_S: Final = 1.0
LINGER_S: Final = 2.0

Answer = Callable[["Connection", RawRequestMessage, StreamReader], Awaitable[bool]]
Garbled = Callable[["Connection", bool], None]


class Connection(RequestHandler):
    """One client's connection. Its requests are answered in order, by one task."""

    __slots__ = ("_door", "_head_since", "_idle_since", "_only_reads", "trusted_host")

    def __init__(self, door: "Door", **said: Any) -> None:
        super().__init__(door, **said)
        self._door = door
        self._idle_since = self._head_since = self._loop.time()
        self.trusted_host = ""
        self._only_reads = False

    def data_received(self, data: bytes) -> None:
        """Parse; and note since when a head is under way, so that a slow one can be cut."""
        before = self._request_count
        super().data_received(data)
        if self._request_count != before:
            self._head_since = 0.0
        elif not self._head_since:
            self._head_since = self._loop.time()

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
                message, payload = self._messages.popleft()
                if self._parser is not None:
                    self._parser.message_consumed()
                if self._buffer_paused and len(self._messages) <= self._msg_queue_resume_size:
                    self._resume_reading_if_drained()
                if not isinstance(message, RawRequestMessage):
                    door.garbled(self, isinstance(message.exc, LineTooLong))
                    break
                self._request_in_progress = True
                self._only_reads = message.method == "GET"
                try:
                    keep = await door.answer(self, message, payload)
                finally:
                    self._request_in_progress = False
                    self._head_since = 0.0
                if not keep or not payload.is_eof() or self._upgraded:
                    await self._linger(payload)
                    break
        except (asyncio.CancelledError, ConnectionError):
            self.force_close()
            raise
        finally:
            self._task_handler = None
            if self.transport is not None:
                self.transport.close()

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
        if self._request_in_progress:
            return False
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
