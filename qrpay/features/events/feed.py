"""The feed: what is new in the log reaches whoever waits in this process. One query, however many wait."""

import asyncio
from typing import TYPE_CHECKING, Final

from qrpay.background.jobs import guarded
from qrpay.background.store import events_after, last_seq

if TYPE_CHECKING:
    from qrpay.core import Core

CHANNEL: Final = "qrpay_events"
PAGE: Final = 1_000
BEHIND_MAX: Final = 10_000
"""Events we may have missed before everybody who waits is told to look again instead."""

_RUNNING: Final[set[asyncio.Task[None]]] = set()


class Feed:
    """Follows the log and tells the hub."""

    def __init__(self, core: "Core") -> None:
        self._core = core
        self._news = asyncio.Event()
        self._seen = 0
        self._last = 0
        self._cut = True

    async def start(self) -> "asyncio.Task[None]":
        """Listen, and follow in a task of its own until that is cancelled."""
        await self._core.database.listen(CHANNEL, self._heard, self._again)
        await self._find_end()
        task = asyncio.create_task(guarded("event feed", self._run), name="event feed")
        _RUNNING.add(task)
        task.add_done_callback(_RUNNING.discard)
        return task

    def _heard(self, payload: str) -> None:
        self._last = max(self._last, int(payload))
        self._news.set()

    def _again(self) -> None:
        self._cut = True
        self._news.set()

    async def _run(self) -> None:
        if not self._cut and self._seen >= self._last:  # else the round before this one failed
            await self._news.wait()
        self._news.clear()
        if self._cut:
            await self._find_end()
        await self._step()

    async def _find_end(self) -> None:
        """How far the log reaches: what was told while nobody listened is found by number."""
        last = await last_seq(self._core.database)
        if not self._seen:
            self._seen = last
        self._last = max(self._last, last)
        self._cut = False

    async def _step(self) -> None:
        hub, last = self._core.hub, self._last
        if not hub.waiting or last - self._seen > BEHIND_MAX:
            # Nobody waits: the busiest hour costs this process no query. Who comes later reads the state first.
            hub.wake_all()
            self._seen = max(self._seen, last)
            return
        while self._seen < last:
            events = await events_after(self._core.database, self._seen, PAGE)
            if not events:
                self._seen = last  # a failover may have lost what was told
                return
            for event in events:
                hub.wake(event.about)
                hub.publish(event.receiver, event)
            self._seen = events[-1].seq


async def start(core: "Core") -> None:
    """Start the feed of this process."""
    await Feed(core).start()
