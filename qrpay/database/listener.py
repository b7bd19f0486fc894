"""LISTEN on a connection of its own, which comes back by itself."""

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

import asyncpg
import structlog

from qrpay.database.errors import MAYBE_AWAY, is_away
from qrpay.database.hosts import connect

log = structlog.get_logger()

HEARTBEAT_S: Final = 15.0
"""A peer that vanished without a word is noticed by asking it something this often."""
PAUSE_S_MAX: Final = 2.0

Heard = Callable[[str], None]


class Listener:
    """One connection that listens on any number of channels."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._callbacks: dict[str, list[Heard]] = {}
        self._hooks: list[Callable[[], None]] = []
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None
        self._task: asyncio.Task[None] | None = None
        self._listening: asyncio.Future[None] | None = None

    async def listen(self, channel: str, callback: Heard, on_reconnect: Callable[[], None] | None = None) -> None:
        """Add a channel; returns once it is listened to, or at once while the database is away."""
        self._callbacks.setdefault(channel, []).append(callback)
        if on_reconnect is not None:
            self._hooks.append(on_reconnect)
        if self._task is None:
            self._listening = asyncio.get_running_loop().create_future()
            self._task = asyncio.create_task(self._run(), name="database listener")
            await self._listening
        elif self._connection is not None and len(self._callbacks[channel]) == 1:
            await self._connection.add_listener(channel, self._heard)

    async def close(self) -> None:
        """Stop listening."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None

    def _heard(self, _connection: Any, _pid: int, channel: str, payload: object) -> None:
        for callback in self._callbacks.get(channel, ()):
            callback(str(payload))

    async def _run(self) -> None:
        pause_s, first = 0.05, True
        while True:
            try:
                connection = await connect(
                    self._dsn, timeout=5.0, command_timeout=5.0, server_settings={"application_name": "qrpay listener"}
                )
                try:
                    await self._serve(connection, first)
                finally:
                    self._connection = None
                    connection.terminate()
                pause_s = 0.05
            except (*MAYBE_AWAY, asyncpg.PostgresError) as error:
                # Whatever a connection ended of, another one listens: nobody would notice that this task had died.
                word = "database_listener_away" if is_away(error) else "database_listener_refused"
                log.warning(word, error=f"{type(error).__name__}: {error}")
            first = False
            self._started()
            await asyncio.sleep(pause_s * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
            pause_s = min(PAUSE_S_MAX, pause_s * 2)

    async def _serve(self, connection: "asyncpg.Connection[asyncpg.Record]", first: bool) -> None:
        """Listen until the connection is lost."""
        lost = asyncio.Event()
        connection.add_termination_listener(lambda _connection: lost.set())
        for channel in list(self._callbacks):
            await connection.add_listener(channel, self._heard)
        self._connection = connection
        self._started()
        if not first:
            for hook in self._hooks:
                hook()
        while not lost.is_set():
            # Not by wait_for: in Python 3.11 it swallows a cancellation that comes together with the event.
            with suppress(TimeoutError):
                async with asyncio.timeout(HEARTBEAT_S):
                    await lost.wait()
                break
            await connection.execute("SELECT 1")

    def _started(self) -> None:
        if self._listening is not None and not self._listening.done():
            self._listening.set_result(None)
