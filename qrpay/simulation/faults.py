"""Faults, as the plan orders them, on real parts: lines, processes, transactions and the clock."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import asyncpg

from qrpay.database.errors import MAYBE_AWAY
from qrpay.database.statements import Statements
from qrpay.simulation.clock import WorldClock
from qrpay.simulation.plan import Fault
from qrpay.simulation.proxy import Trap
from qrpay.simulation.stage import Stage
from qrpay.simulation.worker import Worker

STATEMENTS: Final = Statements.load(Path(__file__).with_name("store.sql"))
LEDGER_LINE: Final = "qrpay ledger"
DEADLOCK_S: Final = 0.1
STALLED_S: Final = 1.5
STATISTICS_S: Final = 1.1
"""After so long a backend has told the server's statistics of its deadlock."""


class Faults:
    """Breaks things. `injected` counts what was ordered, `bitten` what was felt: a cut that met a statement, a kill."""

    def __init__(self, stage: Stage, dsn: str, workers: Sequence[Worker], clock: WorldClock) -> None:
        self.injected: Counter[str] = Counter()
        self.bitten: Counter[str] = Counter()
        self._stage = stage
        self._dsn = dsn
        self._workers = workers
        self._clock = clock
        self._filling = 0
        self._running: set[asyncio.Task[None]] = set()

    def bite(self, kind: str) -> None:
        """A trap met a statement."""
        self.bitten[kind] += 1

    def turned_away(self) -> None:
        """A caller met a full queue."""
        self.bitten["queue_full"] += self._filling > 0
        self._filling = max(0, self._filling - 1)

    def inject(self, fault: Fault) -> None:
        """Begin this fault; it goes on beside the round's calls."""
        self.injected[fault.kind] += 1
        worker = self._workers[fault.worker]
        match fault.kind:
            case "cut_unsent" | "cut_before_commit" | "cut_after_commit" | "stalled_commit" | "stalled_answer":
                worker.proxy.set(Trap(fault.kind, LEDGER_LINE, fault.after, fault.for_ms))
            case "queue_full":
                for _ in range(4):  # both lines of the batcher, and what comes after them
                    worker.proxy.set(Trap("stalled_commit", LEDGER_LINE, 0, 150, told=False))
                self._filling += 1
            case "clock_jump":
                self._clock.move(fault.by_s)
                self.bite(fault.kind)
            case "worker_killed":
                self._begin(self._kill_worker(worker, fault))
            case "postgres_killed":
                self._begin(self._kill_postgres(fault))
            case "stalled_transaction":
                self._begin(self._stalled(fault))
            case "locked_account":
                self._begin(self._locked(fault))
            case "deadlock":
                self._begin(self._deadlock(fault))

    async def settle(self) -> None:
        """Wait until everything that was broken is whole again."""
        for worker in self._workers:
            worker.proxy.disarm()
        while self._running:
            await asyncio.wait(set(self._running))

    def _begin(self, work: "asyncio.coroutines.Coroutine[None, None, None]") -> None:  # type: ignore[name-defined] # see typing
        task = asyncio.get_running_loop().create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _kill_worker(self, worker: Worker, fault: Fault) -> None:
        await asyncio.sleep(fault.for_ms / 10_000)
        await worker.kill()
        self.bite(fault.kind)
        worker.start()

    async def _kill_postgres(self, fault: Fault) -> None:
        await asyncio.sleep(fault.for_ms / 10_000)
        if await self._stage.kill_postgres():
            self.bite(fault.kind)

    async def _stalled(self, fault: Fault) -> None:
        """A transaction that has a number and does not end: the log must not pass by what commits around it."""
        await self._beside(fault, [(STATEMENTS.hold_xid.text, ())], STALLED_S)

    async def _locked(self, fault: Fault) -> None:
        """Somebody holds an account's row for a while."""
        lock = STATEMENTS.lock_account.text
        await self._beside(fault, [(lock, (self._stage.people.customer(fault.account),))], fault.for_ms / 1_000)

    async def _beside(self, fault: Fault, statements: Sequence[tuple[str, tuple[object, ...]]], for_s: float) -> None:
        with suppress(*MAYBE_AWAY, asyncpg.PostgresError):
            connection = await asyncpg.connect(self._dsn, timeout=5.0)
            try:
                async with connection.transaction():
                    for text, args in statements:
                        await connection.execute(text, *args)
                    self.bite(fault.kind)
                    await asyncio.sleep(for_s)
            finally:
                connection.terminate()

    async def _deadlock(self, fault: Fault) -> None:
        """Lock accounts in the order that no batch takes, until PostgreSQL breaks the circle, whoever it ends."""
        people = self._stage.people
        highest_first = sorted((people.customer(n) for n in range(8)), reverse=True)
        with suppress(*MAYBE_AWAY, asyncpg.PostgresError):
            connection = await asyncpg.connect(self._dsn, timeout=5.0)
            try:
                before = await connection.fetchval(STATEMENTS.deadlocks.text)
                try:
                    async with connection.transaction():
                        for account in highest_first:
                            await connection.execute(STATEMENTS.lock_account.text, account)
                            await asyncio.sleep(DEADLOCK_S / len(highest_first))
                except asyncpg.DeadlockDetectedError:
                    self.bite(fault.kind)  # it was us whom PostgreSQL ended
                    return
                await connection.execute("SELECT pg_stat_clear_snapshot()")
                await asyncio.sleep(STATISTICS_S)
                self.bitten[fault.kind] += min(1, await connection.fetchval(STATEMENTS.deadlocks.text) - before)
            finally:
                connection.terminate()
