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
READY_S_MAX: Final = 60.0
MARGIN_S: Final = 5.0
"""What a worker gets beyond `drain_s` before it is ended by force, here and by the supervisor."""


class NotReady(RuntimeError):  # noqa: N818 - as it is said to a person
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
        """Tell the supervisor that this worker serves: its keys are loaded, its database answers, it accepts."""
        if self._line is not None:
            self._line.sendall(READY)

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

    async def ready(self) -> None:
        """Return once it says so. Raises NotReady when it ends before, or takes longer than READY_S_MAX."""
        said = b""
        with suppress(TimeoutError, OSError):
            async with asyncio.timeout(READY_S_MAX):
                said = await asyncio.get_running_loop().sock_recv(self.line, 64)
        if not said:
            self.send(signal.SIGKILL)
            status = await asyncio.shield(self.exit)
            raise NotReady(f"{self.name} did not get ready (status {status}): see what it said above")

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
