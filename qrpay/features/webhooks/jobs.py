"""The sender: takes what is due from the queue, sends many at once, and writes down what came of it."""

import asyncio
from typing import TYPE_CHECKING, Final

import structlog
from msgspec import Struct

from qrpay.background import metrics
from qrpay.background.jobs import news_or
from qrpay.background.model import Event, Job
from qrpay.database.errors import DatabaseAway
from qrpay.features.webhooks import service
from qrpay.features.webhooks.address import Gate
from qrpay.features.webhooks.channel import Receivers
from qrpay.features.webhooks.model import Attempt, Due
from qrpay.features.webhooks.service import Patience
from qrpay.values import Id

if TYPE_CHECKING:
    from qrpay.core import Core

log = structlog.get_logger()

CHANNEL: Final = "qrpay_webhooks"
DRAIN_S: Final = 5.0
"""When told to stop, deliveries in flight may still end for so long; what does not end is sent again later."""


class Pace(Struct, frozen=True):
    """Deliveries in flight in all, and to one endpoint; and seconds after which retries are looked for."""

    all: int = 256
    each: int = 16
    look_s: float = 1.0


class Sender:
    """Sends what is due until it is cancelled."""

    def __init__(self, core: "Core", gate: Gate, pace: Pace, patience: Patience) -> None:
        self._core = core
        self._gate = gate
        self._pace = pace
        self._patience = patience
        self._in_flight: dict[tuple[Id, int], asyncio.Task[tuple[Due, Attempt]]] = {}
        self._wake = asyncio.Event()

    async def run(self) -> None:
        """Send until cancelled; then let what is in flight end."""
        await self._core.database.listen(CHANNEL, lambda _payload: self._wake.set(), self._wake.set)
        self._receivers = Receivers(
            self._gate, timeout_s=self._core.settings.webhook_timeout_s, connections=self._pace.all
        )
        try:
            while True:
                self._wake.clear()
                try:
                    await self.turn()
                except DatabaseAway:
                    log.warning("webhooks_database_away")
                    await asyncio.sleep(self._pace.look_s)
                await news_or(self._wake, self._pace.look_s)
        finally:
            await self._drain()

    async def turn(self) -> None:
        """Write down what ended, then start what is due and may start."""
        await self._record()
        free = self._pace.all - len(self._in_flight)
        if free <= 0:
            return
        ready = await service.due(self._core, each=self._pace.each, limit=free, in_flight=list(self._in_flight))
        for due, event in ready:
            task = self._in_flight[due.endpoint, due.seq] = asyncio.create_task(self._send(due, event))
            task.add_done_callback(lambda _task: self._wake.set())

    async def _send(self, due: Due, event: Event) -> tuple[Due, Attempt]:
        headers, body = service.message(self._core, due, event)
        attempt = await self._receivers.send(due.url, headers, body)
        result = "delivered" if attempt.delivered else str(attempt.status or "no_answer")
        metrics.webhook_deliveries_total.labels(result).inc()
        metrics.webhook_seconds.observe(attempt.ms / 1_000)
        return due, attempt

    async def _record(self) -> None:
        # They leave the table of what is in flight only once they are written: until then none is sent twice.
        ended = [task.result() for task in self._in_flight.values() if task.done() and not task.cancelled()]
        if ended:
            await service.record(self._core, ended, self._patience)
            for due, _ in ended:
                del self._in_flight[due.endpoint, due.seq]

    async def _drain(self) -> None:
        running = list(self._in_flight.values())
        if running:
            await asyncio.wait(running, timeout=DRAIN_S)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await self._receivers.close()
        await self._record()


async def _send_all(core: "Core") -> int:
    await Sender(core, Gate(core.settings), Pace(), Patience()).run()
    return 0


# A job that goes on until it is cancelled: the background starts it, and starts it again should it fail.
jobs: Final = [Job("webhooks sender", 1.0, _send_all), Job("webhooks catching up", 0.5, service.catch_up)]
