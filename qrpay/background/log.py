"""The log writer: tails the ledger and the outbox, lets features build events, and appends them in commit order."""

import asyncio
import heapq
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

from qrpay.background import metrics, store
from qrpay.background.model import EventSource, NewEvent
from qrpay.ledger.model import Posted

if TYPE_CHECKING:
    from qrpay.core import Core

CURSOR: Final = "event log"
BATCH_MAX: Final = 1_000
OUTBOX_MAX: Final = 10_000
"""Events of the outbox a batch; far more than a batch of transfers, so that the two stay side by side."""
BUSY_S: Final = 0.02
IDLE_S: Final = 0.1
"""How often the ledger is asked while something happened within the last second, and otherwise."""
LAG_S: Final = 1.0
"""How often it is asked whether a running transaction holds something back."""


class LogWriter:
    """Appends what happened to the event log, batch by batch. Only the leader runs one; a second one is fenced off."""

    def __init__(self, core: "Core", sources: Sequence[EventSource], ring: Callable[[], None]) -> None:
        """`ring` is called whenever the log has grown."""
        self._core = core
        self._sources = sources
        self._ring = ring
        self._cursor: str | None = None

    async def run(self) -> None:
        """Follow the ledger until cancelled."""
        loop = asyncio.get_running_loop()
        busy_until = look_at = 0.0
        while True:
            read = await self.step()
            if read >= BATCH_MAX:
                continue
            now = loop.time()
            if read:
                busy_until = now + 1.0
            elif now >= look_at:
                # Nothing to read is not yet nothing that waits.
                metrics.event_lag_s.set(await store.held_back_s(self._core.database))
                look_at = now + LAG_S
            await asyncio.sleep(BUSY_S if now < busy_until else IDLE_S)

    async def step(self) -> int:
        """Move one batch; how many transfers and announced events were read. Raises CursorMovedError."""
        if self._cursor is None:
            self._cursor = await store.position(self._core.database, CURSOR, "")
        # One snapshot for both: whatever a writer had seen when it wrote, we have seen when we read it.
        async with self._core.database.transaction() as look:
            await look.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            transfers, cursor = await self._core.ledger.tail(self._cursor, BATCH_MAX, look)
            # Behind a full batch are more transfers: what was announced after its last one waits for those.
            until = cursor.partition(".")[0] if len(transfers) >= BATCH_MAX else None
            announced = await store.announced(look, until, OUTBOX_MAX)
        if not transfers and not announced:
            return 0
        built = [await source.build(self._core, batch) for source, batch in self._shared_out(transfers)]
        events = in_order([*built, [row.event for row in announced]], announced)
        await self._append(events, announced, cursor)
        seen = [posted.timestamp for posted in transfers] + [row.at for row in announced]
        metrics.event_lag_s.set(max(0.0, (self._core.clock() - min(seen)).total_seconds()))
        return len(transfers) + len(announced)

    def _shared_out(self, transfers: Sequence[Posted]) -> Iterable[tuple[EventSource, Sequence[Posted]]]:
        for source in self._sources:
            batch = [posted for posted in transfers if posted.code in source.codes]
            if batch:
                yield source, batch

    async def _append(self, events: Sequence[NewEvent], announced: Sequence[store.Announced], cursor: str) -> None:
        assert self._cursor is not None
        old, self._cursor = self._cursor, None  # read again from the table, should the commit's outcome stay unknown
        async with self._core.database.transaction() as transaction:
            await store.move(transaction, CURSOR, old, cursor)
            appended = await store.append(transaction, events, [row.place for row in announced])
        self._cursor = cursor
        metrics.events_total.inc(appended.written)
        if appended.written:
            self._ring()


def in_order(streams: Sequence[Sequence[NewEvent]], announced: Sequence[store.Announced]) -> Sequence[NewEvent]:
    """Several sources' events as one list: each keeps its own order, and they are merged by time. Each id stands once.

    Announced events count from when they were written by the database's clock, as transfers do.
    """
    written: dict[int, datetime] = {id(row.event): row.at for row in announced}
    merged = heapq.merge(*streams, key=lambda event: written.get(id(event), event.created_at))
    return list({event.id: event for event in merged}.values())
