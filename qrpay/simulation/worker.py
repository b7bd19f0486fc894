"""A worker in this process: a whole house over its own line to PostgreSQL, that can be killed in the middle."""

import asyncio
import traceback
from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextvars import ContextVar
from typing import Any, Final, TypeVar
from weakref import WeakSet

from msgspec.structs import replace

from qrpay.app import features, open_core, run_background
from qrpay.core import Core
from qrpay.database.errors import MAYBE_AWAY, DatabaseAway, DatabaseUnusableError
from qrpay.settings import Settings
from qrpay.simulation.clock import WorldClock
from qrpay.simulation.proxy import Proxy

T = TypeVar("T")

_OWNER: ContextVar["Life | None"] = ContextVar("owner", default=None)
CANNOT_START: Final = (DatabaseUnusableError, DatabaseAway, *MAYBE_AWAY)
"""What a worker ends of when the database is away, or goes away under its start."""
OPEN_S_MAX: Final = 30.0
PAUSE_S: Final = 0.05


class Life:
    """The tasks of one worker between its start and its death."""

    def __init__(self) -> None:
        self.tasks: WeakSet[asyncio.Task[Any]] = WeakSet()


def tracked(loop: asyncio.AbstractEventLoop, coro: Coroutine[Any, Any, T] | Generator[Any, None, T],
            **more: Any) -> "asyncio.Task[T]":  # fmt: skip
    """A task that its worker's death takes along; the loop's task factory."""
    task: asyncio.Task[T] = asyncio.Task(coro, loop=loop, **more)
    if life := _OWNER.get():
        life.tasks.add(task)
    return task


class WorkerKilled(Exception):
    """The worker died before it answered: the caller does not know what became of the call."""


class Worker:
    """One worker. `settings` name the database; what it says to PostgreSQL goes through `proxy`.

    crashed  is told of what no worker may end of
    """

    def __init__(
        self, number: int, settings: Settings, clock: WorldClock, proxy: Proxy, crashed: Callable[[str], None]
    ) -> None:
        self.number = number
        self.proxy = proxy
        self.killed = 0
        self._settings = settings
        self._clock = clock
        self._crashed = crashed
        self._life = Life()
        self._core: Core | None = None
        self._up = asyncio.Event()
        self._stop = asyncio.Event()
        self._running: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Come up, now or as soon as the database is there."""
        self._life = Life()
        token = _OWNER.set(self._life)
        try:
            self._stop = asyncio.Event()
            self._running = asyncio.create_task(self._run(), name=f"worker {self.number}")
        finally:
            _OWNER.reset(token)

    async def up(self) -> None:
        """Wait until it takes calls."""
        async with asyncio.timeout(OPEN_S_MAX):
            await self._up.wait()

    async def kill(self) -> None:
        """Die at once: the lines are cut, then nothing of it runs any more."""
        self.killed += 1
        self._up.clear()
        core, self._core = self._core, None
        self.proxy.cut()
        await self._bury(core)

    async def close(self) -> None:
        """Come to rest in good order."""
        self._stop.set()
        if self._running is not None:
            await asyncio.wait([self._running], timeout=15.0)
        self._up.clear()
        core, self._core = self._core, None
        await self._bury(core)

    async def ask(self, work: Callable[[Core], Awaitable[T]]) -> T:
        """Let the worker do this. Raises WorkerKilled when it dies meanwhile."""
        await self.up()
        core = self._core
        assert core is not None, "a worker that is up has a core"
        token = _OWNER.set(self._life)
        try:
            task = asyncio.ensure_future(work(core))
        finally:
            _OWNER.reset(token)
        await asyncio.wait([task])
        if task.cancelled():
            raise WorkerKilled
        return task.result()

    async def _run(self) -> None:
        """Be the supervisor: whatever a worker ended of, another one starts."""
        while not self._stop.is_set():
            working = asyncio.create_task(self._work())
            await asyncio.wait([working])
            self._up.clear()
            error = working.exception()
            if error is not None and not isinstance(error, CANNOT_START):
                self._crashed(f"worker {self.number} ended: {''.join(traceback.format_exception(error))}")
            await asyncio.sleep(PAUSE_S)

    async def _work(self) -> None:
        # The sweeps are called by the plan, at its own moments; the log and its readers run as they always do.
        house = [replace(feature, jobs=()) for feature in features()]
        async with open_core(self._settings, self._clock) as core:
            self._core = core
            self._up.set()
            await run_background(core, house, self._stop)

    async def _bury(self, core: Core | None) -> None:
        for _ in range(3):  # what is cancelled may start something as it ends
            left = [task for task in self._life.tasks if not task.done()]
            for task in left:
                task.cancel()
            if left:
                await asyncio.wait(left, timeout=5.0)
        for task in self._life.tasks:
            if task.done() and not task.cancelled():
                task.exception()  # nobody is left who could hear it
        if core is not None:
            core.database._pool.terminate()  # nothing of a dead process may linger
