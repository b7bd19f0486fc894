"""The feed: what is new in the log reaches whoever waits in this process. One query, however many wait."""

import asyncio
from typing import TYPE_CHECKING, Final

from qrpay.background.jobs import guarded
from qrpay.background.store import events_at, last_seq, next_span
from qrpay.background.telling import told

if TYPE_CHECKING:
    from qrpay.core import Core

CHANNEL: Final = "qrpay_events"
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
        self._cuts = 0
        self._cuts_mended = 0

    async def start(self) -> "asyncio.Task[None]":
        """Listen, and follow in a task of its own until that is cancelled."""
        await self._core.database.listen(CHANNEL, self._heard, self._again)
        await self._find_end()
        self._seen = self._last
        task = asyncio.create_task(guarded("event feed", self._run), name="event feed")
        _RUNNING.add(task)
        task.add_done_callback(_RUNNING.discard)
        return task

    def _heard(self, payload: str) -> None:
        self._last = max(self._last, int(payload))
        self._news.set()

    def _again(self) -> None:
        self._cuts += 1
        self._news.set()

    async def _run(self) -> None:
        if self._cuts == self._cuts_mended and self._seen >= self._last:  # else the round before this one failed
            await self._news.wait()
        self._news.clear()
        if self._cuts != self._cuts_mended:
            await self._find_end()
        await self._step()

    async def _find_end(self) -> None:
        """How far the log reaches: what was told while nobody listened is found by number."""
        cuts = self._cuts  # one more cut while we ask must be looked after as well
        self._last = max(self._last, await last_seq(self._core.database))
        self._cuts_mended = cuts

    async def _step(self) -> None:
        hub, last = self._core.hub, self._last
        if not hub.waiting or last - self._seen > BEHIND_MAX:
            # Nobody waits: the busiest hour costs this process no query. Who comes later reads the state first.
            hub.wake_all()
            self._seen = max(self._seen, last)
            return
        while self._seen < last:
            span = await next_span(self._core.database, self._seen)
            if span is None:
                self._seen = last  # a failover may have lost what was told
                return
            end, receivers, abouts = span
            for about in abouts:
                hub.wake(about)
            begin = end - len(receivers) + 1
            seqs = [seq for seq, receiver in enumerate(receivers, begin) if seq > self._seen and hub.listens(receiver)]
            if seqs:
                for event in await told(self._core, await events_at(self._core.database, seqs)):
                    hub.publish(event.receiver, event)
            self._seen = end


async def start(core: "Core") -> None:
    """Start the feed of this process."""
    await Feed(core).start()
