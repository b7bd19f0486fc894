"""Plays a plan: round by round, calls and faults at once, until everybody has an answer; then reads the books."""

import asyncio
import gc
import time
import traceback
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import AsyncExitStack, suppress
from datetime import datetime, timedelta
from typing import Any, Final

import asyncpg
from msgspec.structs import replace

from qrpay.app import features
from qrpay.database.errors import MAYBE_AWAY
from qrpay.database.migrator import APPLICATION
from qrpay.database.pool import Database, Row, dsn_as
from qrpay.ledger import audit
from qrpay.ledger.engine import Engine
from qrpay.ledger.model import Account, Entry
from qrpay.simulation.clients import Clients
from qrpay.simulation.clock import WorldClock
from qrpay.simulation.faults import STATEMENTS, Faults
from qrpay.simulation.history import Answer, Asked, Books, Change, Event, History, Kept, Order, Settled
from qrpay.simulation.plan import WORKERS, Call, Plan
from qrpay.simulation.proxy import Proxy
from qrpay.simulation.stage import CNY, Stage
from qrpay.simulation.worker import Worker, WorkerKilled, tracked
from qrpay.values import Id, id_of

ROUND_S: Final = 0.2
"""Real time a round waits for its answers; who takes longer is still under way in the next one."""
LOOK_EVERY: Final = 10
"""Rounds between two looks at the invariants while everything moves."""
ANSWER_S_MAX: Final = 40.0
LOG_S_MAX: Final = 30.0
TOLD: Final = "accounts_know_the_caps_of_their_class"
PAGE: Final = 7
"""Lines of a page, when a statement is read to its end."""
MOMENTS: Final = 6
"""Transfers of each account whose moment is asked for its balance."""
TICK: Final = timedelta(microseconds=1)
Progress = Callable[[int, int], None]


class Player:
    """One history in the making."""

    def __init__(self, stage: Stage, plan: Plan, dsn: str) -> None:
        self.plan = plan
        self.clock = WorldClock(datetime.fromisoformat(plan.start))
        self.clients = Clients(stage.people)
        self.asked: list[Asked] = []
        self.crashes: list[str] = []
        self.broken: dict[str, int] = {}
        self._stage = stage
        self._dsn = dsn
        self._moment = 0
        self._looks = 0
        self._again: list[Call] = []
        self._running: set[asyncio.Task[None]] = set()
        self._workers: list[Worker] = []
        self.faults = Faults(stage, dsn, self._workers, self.clock)

    async def play(self, progress: Progress) -> History:
        """All of it. What is left open in the end is left open in the history too."""
        asyncio.get_running_loop().set_task_factory(tracked)
        began = time.monotonic()
        opening, before = await self._accounts(), set(await self._xids())
        async with AsyncExitStack() as stack:
            for number in range(WORKERS):
                await self._hire(stack, number)
            for worker in self._workers:
                await worker.up()  # what breaks, breaks a house that is in use
            late: list[tuple[int, Call]] = []
            for number, one in enumerate(self.plan.rounds):
                self.clock.move(one.pause_s)
                late += [(number + call.delay, call) for call in one.calls if call.delay]
                calls = self._retries() + [call for call in one.calls if not call.delay]
                calls += [call for due, call in late if due == number]
                half = len(calls) // 2
                self._begin(calls[:half])
                await asyncio.sleep(0.001)
                for fault in one.faults:
                    self.faults.inject(fault)
                self._begin(calls[half:])
                await self._pause()
                if number % LOOK_EVERY == LOOK_EVERY - 1:
                    await self._look()
                progress(number + 1, len(self.plan.rounds))
            self._begin([call for due, call in late if due >= len(self.plan.rounds)])
            await self._come_to_rest()
        await self._look()
        return History(
            plan=self.plan, people=self._stage.people, code_ends=self.clients.known.ends,
            readings=self.clock.readings, asked=self.asked, books=await self._books(opening, before),
            injected=dict(self.faults.injected), bitten=dict(self.faults.bitten),
            real_s=time.monotonic() - began, looks=self._looks, crashes=self.crashes,
        )  # fmt: skip

    async def _pause(self) -> None:
        """Until everybody has an answer, or some have to wait for the next round."""
        if self._running:
            await asyncio.wait(set(self._running), timeout=ROUND_S)

    async def _hire(self, stack: AsyncExitStack, number: int) -> None:
        folder = self._stage.folder / f"line{number}"
        proxy = Proxy(folder, self._stage.socket, self.faults.bite)
        await proxy.open()
        stack.push_async_callback(proxy.close)
        dsn = self._dsn.replace(str(self._stage.socket), str(folder))
        settings = replace(self._stage.settings, database_url=dsn_as(dsn, APPLICATION), migration_url="")
        worker = Worker(number, settings, self.clock, proxy, self.crashes.append)
        worker.start()
        stack.push_async_callback(worker.close)
        self._workers.append(worker)

    # Asking ----------------------------------------------------------------------------------------------------

    def _retries(self) -> list[Call]:
        """Who has no answer asks again, at whichever worker comes next."""
        again, self._again = self._again, []
        return again

    def _begin(self, calls: Sequence[Call]) -> None:
        for call in calls:
            self._go(self._one(call))
            if call.twice:
                self._go(self._one(replace(call, worker=call.worker + 1)))

    def _go(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _one(self, call: Call) -> None:
        claims = self.clients.transfers(call) or []
        asked = Asked(call, self._next(), self.clock.place, claims, began_at=time.time())
        self.asked.append(asked)
        answer = await self._answer(call)
        asked.answer, asked.ended, asked.until = answer, self._next(), self.clock.place
        asked.heard = not call.lost
        if not answer.open:  # a backend may go on with what nobody waits for any more
            asked.ended_at = time.time()
        if answer.word == "overloaded":
            self.faults.turned_away()
        if answer.open or not asked.heard:
            self._again.append(replace(call, worker=call.worker + 1, lost=False, twice=False))

    async def _answer(self, call: Call) -> Answer:
        worker = self._workers[call.worker % WORKERS]
        try:
            return await worker.ask(lambda core: self.clients.ask(core, call))
        except (WorkerKilled, TimeoutError):
            return Answer("lost")
        except Exception:  # noqa: BLE001 - an answer that no caller should ever read; the history tells it
            self.crashes.append(f"call {call.number} ({call.verb}): {traceback.format_exc()}")
            return Answer("crashed")

    def _next(self) -> int:
        self._moment += 1
        return self._moment

    async def _come_to_rest(self) -> None:
        """Nothing breaks any more: everybody gets an answer, and the log is read to its end."""
        await self.faults.settle()
        until = time.monotonic() + ANSWER_S_MAX
        while (self._running or self._again) and time.monotonic() < until:
            self._begin(self._retries())
            if self._running:
                await asyncio.wait(set(self._running), timeout=1.0)
            if self._again:
                await asyncio.sleep(0.2)
        until = time.monotonic() + LOG_S_MAX
        while time.monotonic() < until:
            with suppress(*MAYBE_AWAY, asyncpg.PostgresError):
                if await self._ask_server(STATEMENTS.logged_up_to.text):
                    return
            await asyncio.sleep(0.05)

    # Looking ---------------------------------------------------------------------------------------------------

    async def _ask_server(self, text: str) -> Any:
        connection = await asyncpg.connect(self._dsn, timeout=5.0)
        try:
            return await connection.fetchval(text)
        finally:
            connection.terminate()

    async def _look(self) -> None:
        """Whether the invariants hold at this moment; a server that is away is asked another time."""
        with suppress(*MAYBE_AWAY, asyncpg.PostgresError):
            connection = await asyncpg.connect(self._dsn, timeout=5.0)
            try:
                for check in [*audit.CHECKS, *(c for f in features() for c in f.checks)]:
                    if check.name == TOLD:
                        continue  # it goes by the server's clock, not by ours; the judge looks itself
                    pieces = await connection.fetch(check.pieces) if check.pieces else [()]
                    if rows := [row for piece in pieces for row in await connection.fetch(check.text, *piece)]:
                        self.broken[check.name] = len(rows)
                self._looks += 1
            finally:
                connection.terminate()

    async def _accounts(self) -> dict[Id, Account]:
        database = await Database.open(self._dsn, size=2, ledger_connections=1)
        try:
            ids = [row["id"] for row in await database.fetch(STATEMENTS.accounts)]
            return dict(await Engine(database).lookup_accounts(ids))
        finally:
            await database.close()

    async def _xids(self) -> dict[Id, int]:
        connection = await asyncpg.connect(self._dsn, timeout=5.0)
        try:
            return {id_of(row["id"].bytes): row["xid"] for row in await connection.fetch(STATEMENTS.transfers.text)}
        finally:
            connection.terminate()

    async def _books(self, opening: dict[Id, Account], before: set[Id]) -> Books:
        xids = {id: xid for id, xid in (await self._xids()).items() if id not in before}
        database = await Database.open(self._dsn, size=2, ledger_connections=1)
        try:
            posted = await Engine(database).lookup_transfers(list(xids))
            kept = sorted(
                (Kept(one, xids[id]) for id, one in posted.items()), key=lambda k: (k.posted.timestamp, k.posted.id)
            )
            events = [Event(*row) for row in await database.fetch(STATEMENTS.events)]
            owners = {row["id"]: row["owner"] for row in await database.fetch(STATEMENTS.owners)}
            orders = [Order(*row) for row in await database.fetch(STATEMENTS.orders)]
            settlements = [Settled(*row) for row in await database.fetch(STATEMENTS.settlements)]
            changes = [_change(row) for row in await database.fetch(STATEMENTS.changes)]
            engine = Engine(database)
            caps = [cap for id in opening for cap in await engine.caps(ledger=opening[id].ledger, account=id)]
            caps += await engine.caps(ledger=CNY)
            statements = {id: await _statement(engine, id) for id in opening}
            balances = [(id, at, await engine.balance_at(id, at)) for id, at in _moments(opening, kept)]
        finally:
            await database.close()
        return Books(opening, await self._accounts(), kept, events, dict(self.broken), owners, orders, changes, caps,
                     statements, balances, settlements)  # fmt: skip


def _change(row: Row) -> Change:
    number, account, at, made_at, flags, limits, until, caps = row
    return Change(number, account, at, made_at, flags, tuple(limits), until, tuple(caps))


async def _statement(engine: Engine, account: Id) -> Sequence[Entry]:
    """All of an account's statement, read page by page."""
    lines: list[Entry] = []
    while page := await engine.entries(account, limit=PAGE, before=lines[-1].cursor if lines else None):
        lines += page
    return lines


def _moments(opening: Iterable[Id], kept: Sequence[Kept]) -> Iterator[tuple[Id, datetime]]:
    """Moments to ask for balances at: when something was recorded on an account, and just before."""
    for id in opening:
        own = [one.posted.timestamp for one in kept if id in (one.posted.debit, one.posted.credit)]
        for at in own[:: max(1, len(own) // MOMENTS)]:
            yield from ((id, at - TICK), (id, at))


async def played(stage: Stage, plan: Plan, progress: Progress = lambda _done, _of: None) -> History:
    """The history of a plan, in a database of its own."""
    async with stage.database() as dsn:
        history = await Player(stage, plan, dsn).play(progress)
    gc.collect()  # what the dead workers left unfinished ends here, and not in the middle of something else
    return history
