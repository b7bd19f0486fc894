"""Consumers: each hears the log once, in order, in spans; what it writes and its cursor commit together."""

import asyncio
import time
from typing import TYPE_CHECKING, Final

from qrpay.background import metrics, store
from qrpay.background.jobs import news_or
from qrpay.background.model import Consumer

if TYPE_CHECKING:
    from qrpay.core import Core

BATCH_MAX: Final = 2_000
LOOK_S: Final = 1.0
"""How long a consumer trusts that nobody rang; the log may have grown under another leader."""
WRITE_S: Final = 1.0
"""How often the cursor is written while nobody listens."""


class Listening:
    """One consumer and its place in the log."""

    def __init__(self, core: "Core", consumer: Consumer) -> None:
        self._core = core
        self._consumer = consumer
        self.name = self._cursor = f"consumer {consumer.name}"
        self._lag = metrics.consumer_lag_events.labels(consumer.name)
        self._position: int | None = None
        self._written = 0  # where the table says it stands: behind, after spans for which nobody listened
        self._write_at = 0.0
        self._last = 0
        self._news = asyncio.Event()

    def ring(self, last: int) -> None:
        """The log reaches to this number now."""
        self._last = last
        self._news.set()

    async def run(self) -> None:
        """Hear the log until cancelled."""
        while True:
            self._news.clear()
            while await self.step() == BATCH_MAX:
                pass
            await news_or(self._news, LOOK_S)

    async def step(self) -> int:
        """Hear one span; how many events it held. Raises CursorMovedError when another process hears for it."""
        core = self._core
        if self._position is None:
            self._position = self._written = int(await store.position(core.database, self._cursor, "0"))
        old = self._position
        if self._last <= old:  # nobody rang: look for what another leader wrote
            self._last = await store.last_seq(core.database)
        until = min(self._last, old + BATCH_MAX)
        self._lag.set(max(0, self._last - until))
        if until <= old:
            return 0
        if await self._may_pass():
            self._position = until
            return until - old
        self._position = None  # read again, should the commit's outcome stay unknown
        async with core.database.transaction() as transaction:
            await store.move(transaction, self._cursor, str(self._written), str(until))
            await self._consumer.hear(core, transaction, old, until)
        self._position = self._written = until
        self._write_at = time.monotonic() + WRITE_S
        return until - old

    async def _may_pass(self) -> bool:
        """Whether nobody listens, and the cursor was written a moment ago."""
        listens = self._consumer.listens
        return listens is not None and time.monotonic() < self._write_at and not await listens(self._core)
