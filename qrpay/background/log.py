"""The log writer: tails the ledger and the outbox, and appends who is told of what, in commit order."""

import asyncio
import heapq
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from operator import itemgetter
from typing import TYPE_CHECKING, Final

from qrpay.background import metrics, store
from qrpay.background.model import EventSource, Noted, Tail
from qrpay.values import Id

if TYPE_CHECKING:
    from qrpay.core import Core

CURSOR: Final = "event log"
BATCH_MAX: Final = 1_000
"""Transfers a step, and so about half a span: whoever looks for one event unfolds the span it is in."""
OUTBOX_MAX: Final = 10_000
"""Events of the outbox a batch; far more than a batch of transfers, so that the two stay side by side."""
PAUSE_S: Final = 0.05
"""Between two looks at the ledger, busy or idle: fewer, larger steps cost less, but a till waits for the next."""
LAG_S: Final = 1.0
"""How often it is asked whether a running transaction holds something back."""


class LogWriter:
    """Appends what happened to the event log, batch by batch. Only the leader runs one; a second one is fenced off."""

    def __init__(self, core: "Core", sources: Sequence[EventSource], ring: Callable[[int], None]) -> None:
        """`ring` is called with the log's last number whenever it has grown."""
        self._core = core
        self._sources = sources
        self._ring = ring
        self._place: store.Place | None = None

    async def run(self) -> None:
        """Follow the ledger until cancelled."""
        loop = asyncio.get_running_loop()
        look_at = 0.0
        while True:
            read = await self.step()
            if read >= BATCH_MAX:
                continue
            if not read and loop.time() >= look_at:
                # Nothing to read is not yet nothing that waits.
                metrics.event_lag_s.set(await store.held_back_s(self._core.database))
                look_at = loop.time() + LAG_S
            await asyncio.sleep(PAUSE_S)

    async def step(self) -> int:
        """Move one batch; how many transfers and announced events were read. Raises CursorMovedError."""
        # Held to index scans: with millions unread, the planner would otherwise sort them all for each batch.
        database = self._core.database.ledger
        if self._place is None:
            self._place = store.Place.of(await store.position(database, CURSOR, ""))
        since = self._place
        unread = await store.unread(database, since, BATCH_MAX)
        announced = await self._announced(unread) if unread.waiting else ()
        read = len(unread.tail.codes) + len(announced)
        if not read:
            return 0
        events = in_order(await self._noted(unread.tail), unread.times, announced)
        self._place = None  # read again from the table, should the commit's outcome stay unknown
        last = await store.append(database, CURSOR, since, unread.until, events, [row.place for row in announced])
        self._place = unread.until
        oldest = min([row.at for row in announced] + ([unread.oldest] if unread.oldest else []))
        metrics.event_lag_s.set(max(0.0, (self._core.clock() - oldest).total_seconds()))
        if events.kinds:
            metrics.events_total.inc(len(events.kinds))
            self._ring(last)
        return read

    async def _announced(self, unread: store.Unread) -> Sequence[store.Announced]:
        """The outbox as it stood when the tail was read: whatever a writer had seen when it wrote, we have seen too."""
        # Behind a full tail are more transfers: what was announced after its last one waits for those.
        until = unread.until.xid if len(unread.tail.codes) >= BATCH_MAX else None
        return await store.announced(self._core.database.ledger, unread.bound, until, OUTBOX_MAX)

    async def _noted(self, tail: Tail) -> Sequence[Noted]:
        codes = set(tail.codes)
        noted = [await source.note(self._core, tail) for source in self._sources if not codes.isdisjoint(source.codes)]
        if len(noted) == 1:
            return noted[0]
        return sorted((one for each in noted for one in each), key=itemgetter(0))


Row = tuple[datetime, str, Id, int | None, Id | None, datetime | None, str | None]
"""When it happened by the database's clock, and an event's columns."""


def in_order(noted: Sequence[Noted], times: Sequence[datetime], announced: Sequence[store.Announced]) -> store.Columns:
    """One list: what the ledger tells keeps the ledger's order, and announcements are merged into it by time."""
    if not announced:
        types, kinds = _kinds([type_ for _, type_, _ in noted])
        return store.Columns(types, kinds, [receiver for _, _, receiver in noted], [place + 1 for place, _, _ in noted])
    moved: Iterable[Row] = ((times[at], type_, receiver, at + 1, None, None, None) for at, type_, receiver in noted)
    said: Iterable[Row] = (
        (row.at, row.type, row.receiver, None, row.about, row.created_at, row.data) for row in announced
    )
    merged = heapq.merge(moved, said, key=itemgetter(0))
    _, names, receivers, places, abouts, created, data = zip(*merged, strict=True)
    return store.Columns(*_kinds(names), receivers, places, abouts, created, data)


def _kinds(names: Sequence[str]) -> tuple[Sequence[str], Sequence[int]]:
    """The types that occur, each once, and which of them each is, from 1 on."""
    types = list(set(names))
    kind_of = {type_: kind for kind, type_ in enumerate(types, 1)}
    return types, [kind_of[name] for name in names]
