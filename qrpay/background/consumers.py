"""Consumers: each hears the log once, in order, in batches; what it writes and its cursor commit together."""

import asyncio
from typing import TYPE_CHECKING, Final

from qrpay.background import metrics, store
from qrpay.background.jobs import news_or
from qrpay.background.model import Consumer

if TYPE_CHECKING:
    from qrpay.core import Core

BATCH_MAX: Final = 1_000
LOOK_S: Final = 1.0
"""How long a consumer trusts that nobody rang; the log may have grown under another leader."""


class Listening:
    """One consumer and its place in the log."""

    def __init__(self, core: "Core", consumer: Consumer) -> None:
        self._core = core
        self._consumer = consumer
        self.name = self._cursor = f"consumer {consumer.name}"
        self._lag = metrics.consumer_lag_events.labels(consumer.name)
        self._position: int | None = None
        self.news = asyncio.Event()

    async def run(self) -> None:
        """Hear the log until cancelled; `news` is set when it has grown."""
        while True:
            self.news.clear()
            while await self.step() == BATCH_MAX:
                pass
            await news_or(self.news, LOOK_S)

    async def step(self) -> int:
        """Hear one batch; how many events it held. Raises CursorMovedError when another process hears for it."""
        core = self._core
        if self._position is None:
            self._position = int(await store.position(core.database, self._cursor, "0"))
        events = await store.events_after(core.database, self._position, BATCH_MAX)
        if not events:
            self._lag.set(0)
            return 0
        old, self._position = self._position, None  # read again, should the commit's outcome stay unknown
        async with core.database.transaction() as transaction:
            await store.move(transaction, self._cursor, str(old), str(events[-1].seq))
            await self._consumer.hear(core, transaction, events)
        self._position = events[-1].seq
        self._lag.set(await store.last_seq(core.database) - self._position if len(events) == BATCH_MAX else 0)
        return len(events)
