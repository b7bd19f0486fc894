"""The line between a worker and its supervisor: the worker says `ready` on it, and ends when the supervisor does."""

import asyncio
import os
import signal
import socket
import threading
import time
from contextlib import suppress
from typing import Final

import structlog

log = structlog.get_logger()

READY: Final = b"ready\n"
BEAT: Final = b"."
BEAT_S: Final = 1.0
READY_S_MAX: Final = 60.0
LAST_WORDS_S: Final = 1.0
HUNG_S: Final = 30.0
"""An event loop that has not turned for so long answers nobody: whoever waits has long given up."""
MARGIN_S: Final = 5.0
"""What a worker gets beyond `drain_s` before it is ended by force, here and by the supervisor."""


class NotReady(RuntimeError):
    """A worker did not come up; the message says which."""


class Lifeline:
    """Made first thing by a worker, before its event loop.

    fd       a stream socket that the supervisor holds at the other end; None for a worker started by hand
    drain_s  seconds this worker takes to finish what it accepted

    The kernel closes the other end whatever becomes of the supervisor, also after kill -9. Then this process gets
    SIGTERM, as if the supervisor had sent it, and is ended by force when it does not drain in time. A thread waits
    for that, so that a worker whose loop hangs is no orphan either.
    """

    def __init__(self, fd: int | None, drain_s: float) -> None:
        self._line = None if fd is None else socket.socket(fileno=fd)
        if self._line is not None:
            self._line.set_inheritable(False)
            threading.Thread(target=self._watch, args=(self._line, drain_s), name="lifeline", daemon=True).start()

    def ready(self) -> None:
        """Tell the supervisor that this worker serves: its keys are loaded, its database answers, it accepts.

        Called in the worker's event loop, which from then on beats each BEAT_S.
        """
        if self._line is not None:
            self._line.sendall(READY)
            self._beat(self._line)

    def _beat(self, line: socket.socket) -> None:
        with suppress(OSError):  # full while the supervisor is frozen, reset when it is gone
            line.send(BEAT, socket.MSG_DONTWAIT)
        asyncio.get_running_loop().call_later(BEAT_S, self._beat, line)

    @staticmethod
    def _watch(line: socket.socket, drain_s: float) -> None:
        try:
            while line.recv(64):
                pass  # the supervisor says nothing; only the end counts
        except OSError:
            pass  # a reset is an end as well
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(drain_s + MARGIN_S)
        os._exit(1)


class Child:
    """A worker as its supervisor sees it: the process, and the other end of its line."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, line: socket.socket) -> None:
        self.name = name
        self.process = process
        self.line = line
        self.began = time.monotonic()
        self.exit = asyncio.ensure_future(process.wait())
        self._watching: asyncio.Task[None] | None = None

    async def ready(self) -> None:
        """Return once it says so. Raises NotReady when it ends before, or takes longer than READY_S_MAX."""
        said = b""
        with suppress(TimeoutError, OSError):
            async with asyncio.timeout(READY_S_MAX):
                said = await asyncio.get_running_loop().sock_recv(self.line, 64)
        if not said:
            # A line that closed is mostly a worker on its way out: its own status says more than ours would.
            await asyncio.wait([self.exit], timeout=LAST_WORDS_S)
            self.send(signal.SIGKILL)
            status = await asyncio.shield(self.exit)
            raise NotReady(f"{self.name} did not get ready (status {status}): see what it said above")
        self._watching = asyncio.create_task(self._watch())

    async def retire(self, drain_s: float) -> None:
        """Let it finish what it accepted; by force when that takes longer than it may."""
        self.send(signal.SIGTERM)
        await asyncio.wait([self.exit], timeout=drain_s + MARGIN_S)
        if not self.exit.done():
            log.error("worker_killed", worker=self.name, reason="it did not drain in time")
            self.send(signal.SIGKILL)
            await asyncio.shield(self.exit)

    def send(self, number: signal.Signals) -> None:
        """Send it a signal, when it still lives."""
        with suppress(ProcessLookupError):
            self.process.send_signal(number)

    def bury(self) -> None:
        """Let go of what belongs to it, once it has ended."""
        if self._watching is not None:
            self._watching.cancel()
        self.line.close()

    async def _watch(self) -> None:
        """End it by force when its event loop hangs: nothing acknowledged is lost, and a new one answers."""
        while await self._beats():
            pass
        await asyncio.wait([self.exit], timeout=1.0)  # it may have ended, and its line a moment before
        if not self.exit.done():
            log.error("worker_hung", worker=self.name, for_s=HUNG_S)
            self.send(signal.SIGKILL)

    async def _beats(self) -> bool:
        """Whether it gave a sign of life within HUNG_S."""
        try:
            async with asyncio.timeout(HUNG_S):
                return bool(await asyncio.get_running_loop().sock_recv(self.line, 4096))
        except (TimeoutError, OSError):
            pass
        with suppress(OSError):  # it may have been us who were frozen: then its beats lie here
            return bool(self.line.recv(4096))
        return False
