"""How payments went, measured: when each was asked, how long it waited, in which batch it was committed.

Three readings of the clock and an entry in a table for each payment, of so many a second; the rest is done once a
batch, and written once a second, beside everything else. Under a load that is higher some payments are not measured, so
measuring costs less the more there is to do. Traces decide nothing: what cannot be written is dropped, and logged.

`batch_traces.stamps` holds readings of `perf_counter_ns` in 64 bits: when the batch was sent, then for each transfer
when its request came, was understood, and was asked for. What lies between them is reckoned when somebody reads it.
"""

import asyncio
import time
from array import array
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import structlog
from msgspec import Struct

from qrpay.database.errors import DatabaseAway
from qrpay.database.statements import Statements
from qrpay.ledger.model import Outcome, Result, Transfer
from qrpay.problem import Refused
from qrpay.values import Id, new_id

if TYPE_CHECKING:
    from qrpay.database.pool import Queries

STATEMENTS: Final = Statements.load(Path(__file__).with_name("traces.sql"))
log = structlog.get_logger()

FLUSH_S: Final = 1.0
PENDING_MAX: Final = 4_000
"""Batches that wait to be written; what comes beyond is not kept."""
STAMPS_MAX: Final = 50_000
_CREATED: Final = Result.CREATED


class Trace(Struct, frozen=True):
    """How one payment went. Times in microseconds.

    worker, number   the process that posted it, and which of its batches it was in
    size             transfers in that batch
    sent_at          when the batch was sent, by that process's clock
    arrived_us       how long before that the request had come: its head and body were there
    decoded_us       … it was known who asks for what: caller, limits, JSON
    asked_us         … the code was verified, the rules held, and it was put in the queue
    took_us          from sending until the batch was known to be committed
    """

    worker: Id
    number: int
    size: int
    sent_at: datetime
    arrived_us: int
    decoded_us: int
    asked_us: int
    took_us: int


Said = TypeVar("Said", bound=Outcome | None)
_Kept = tuple[int, datetime, int, datetime, int, bytes, bytes]


class Traces:
    """What one process measures of its batches.

    per_s  how many payments a second it measures at most; 0, as it begins: none
    """

    def __init__(self, database: "Queries") -> None:
        self._database = database
        self._worker = new_id()
        self._number = 0
        self._stamps: dict[Id, tuple[int, int, int]] = {}
        self._pending: list[_Kept] = []
        self._timer: asyncio.TimerHandle | None = None
        self._flushing: asyncio.Task[None] | None = None
        self._left = self.per_s = 0

    def measure(self, per_s: int) -> None:
        """Measure so many payments a second from now on."""
        self._left = self.per_s = per_s

    def begin(self) -> int:
        """Now, by the clock of traces, when the request that has come is measured; 0 when it is not."""
        if self._left <= 0:
            return 0
        self._left -= 1
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_S, self._tick)
        return time.perf_counter_ns()

    def stamp(self, transfer: Id, began_ns: int, decoded_ns: int) -> None:
        """Say when a transfer's request came and was understood; it is asked for now."""
        self._stamps[transfer] = began_ns, decoded_ns, time.perf_counter_ns()

    def watched(
        self, post: "Callable[[Sequence[Transfer]], Awaitable[list[Said]]]"
    ) -> "Callable[[Sequence[Transfer]], Awaitable[list[Said]]]":
        """Post as it does, and keep what was measured of those that were stamped."""

        async def send(batch: Sequence[Transfer]) -> list[Said]:
            self._number += 1
            number, sent_ns = self._number, time.perf_counter_ns()
            outcomes = await post(batch)
            if self._stamps:
                self._note(batch, outcomes, number, sent_ns)
            return outcomes

        return send

    def _note(self, batch: Sequence[Transfer], outcomes: "Sequence[Outcome | None]", number: int, sent_ns: int) -> None:
        took_us = (time.perf_counter_ns() - sent_ns) // 1_000
        pop, base = self._stamps.pop, None
        ids: list[bytes] = []
        stamps = [sent_ns]
        for transfer, outcome in zip(batch, outcomes, strict=True):
            if outcome is None or (said := pop(transfer.id, None)) is None or outcome.result is not _CREATED:
                continue  # it is decided in another batch, nobody asked, or nothing was posted
            base = base or outcome.timestamp
            ids.append(transfer.id.bytes)
            stamps += said
        if base is None or len(self._pending) >= PENDING_MAX:
            return
        if len(self._stamps) > STAMPS_MAX:
            self._stamps.clear()  # of those whose batch failed
        sent_at = datetime.fromtimestamp(time.time() - took_us / 1e6, UTC)
        self._pending.append((number, base, len(batch), sent_at, took_us, b"".join(ids), array("q", stamps).tobytes()))

    def _tick(self) -> None:
        self._timer = None
        self._left = self.per_s
        self._flushing = asyncio.create_task(self.flush())

    async def flush(self) -> None:
        """Write what was measured."""
        pending, self._pending = self._pending, []
        if not pending:
            return
        try:
            await self._database.execute(STATEMENTS.keep_traces, self._worker, *map(list, zip(*pending, strict=True)))
        except (DatabaseAway, Refused) as error:
            log.warning("traces_dropped", batches=len(pending), error=type(error).__name__)

    async def close(self) -> None:
        """Write the last ones."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._flushing is not None:
            await self._flushing
        await self.flush()


async def trace_of(queries: "Queries", transfer: Id, timestamp: datetime) -> Trace | None:
    """How a payment went; None when it is not kept, any more or at all."""
    for row in await queries.fetch(STATEMENTS.traces_around, timestamp, transfer.bytes):
        worker, number, size, sent_at, took_us, ids, stamps = row
        for place in range(len(ids) // 16):
            if ids[16 * place : 16 * place + 16] == transfer.bytes:
                sent_ns, *readings = [*array("q", stamps)]
                arrived_us, decoded_us, asked_us = [(sent_ns - n) // 1_000 for n in readings[3 * place : 3 * place + 3]]
                return Trace(worker, number, size, sent_at, arrived_us, decoded_us, asked_us, took_us)
    return None


async def forget(queries: "Queries", before: datetime, limit: int = 2_000) -> int:
    """Remove the oldest traces; how many batches that were."""
    tag = await queries.execute(STATEMENTS.forget_traces, before, limit)
    return int(tag.rpartition(" ")[2])
