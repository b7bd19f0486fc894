"""`qrpay sim --served`: the same questions and the same verdict, over HTTP, to a real `qrpay serve` that is killed."""

import asyncio
import os
import shutil
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import aiohttp
import asyncpg
import msgspec
import psutil
from msgspec import Struct
from msgspec.structs import replace
from rich.console import Console

from qrpay.app import open_core
from qrpay.database.embedded import postmaster_of
from qrpay.demo import TOKEN_S, WIDE, served
from qrpay.features.e_accounts import service as e_accounts
from qrpay.folders import private_folder
from qrpay.settings import Settings
from qrpay.shell import database
from qrpay.simulation.clients import Clients
from qrpay.simulation.clock import WorldClock
from qrpay.simulation.faults import Faults
from qrpay.simulation.history import Answer, History
from qrpay.simulation.plan import CUSTOMERS, Call, Fault, FaultKind, Plan, Verb, drawn
from qrpay.simulation.play import Player
from qrpay.simulation.stage import STATEMENTS, People, Stage, people_of

VERBS: Final[dict[Verb, int]] = {"pay": 30, "close": 5, "close_unseen": 1, "scan": 10, "read": 8}
KILLS: Final[tuple[FaultKind, ...]] = ("worker_killed", "postgres_killed")
WORKERS: Final = 2
ROUND_S: Final = 1.0
ANSWER_S_MAX: Final = 8.0
LIFE_S: Final = 3_600
"""Orders live longer than a history, so that none runs out after the books were read."""
OPEN_AS: Final = {429: "overloaded", 502: "unavailable", 503: "unavailable", 504: "unavailable"}


class World(Struct, frozen=True):
    """The people of a served house, the keys of its shops and the tokens of its wallets, and the superuser's DSN."""

    people: People
    keys: Sequence[str]
    tokens: Sequence[str]
    dsn: str


class RealClock(WorldClock):
    """This machine's clock, read whenever somebody begins or ends: the server reads the same."""

    def __init__(self) -> None:
        super().__init__(datetime.now(UTC))

    @property
    def place(self) -> int:
        """Where the reading of this moment stands."""
        self.readings.append(datetime.now(UTC))
        return len(self.readings) - 1

    def move(self, by_s: float) -> None:
        """It goes on by itself, and is read."""
        self.readings.append(datetime.now(UTC))


class Callers(Clients):
    """Ask over HTTP what the clients ask in the process, and hear it in the same words."""

    def __init__(self, world: World, http: aiohttp.ClientSession) -> None:
        super().__init__(world.people)
        self._world = world
        self._http = http

    async def hear(self, call: Call) -> Answer:
        """One call; `lost` when the connection ended without an answer."""
        verbs: dict[str, Callable[[Call], Awaitable[Answer]]] = {
            "pay": self._pays, "scan": self._scans, "read": self._reads, "close": self._closes,
            "close_unseen": self._closes,
        }  # fmt: skip
        try:
            return await verbs[call.verb](call)
        except (aiohttp.ClientError, OSError, TimeoutError):
            return Answer("lost")

    async def _pays(self, call: Call) -> Answer:
        payload = self.known.codes.get(call.thing)
        if payload is None:
            order = msgspec.to_builtins(self.order(call)) | {"expires_in": LIFE_S}
            opened, _, said = await self._request("POST", "/v1/orders", self._key(call), order)
            if said is None:
                return opened
            payload = self.known.codes.setdefault(call.thing, said["code"]["payload"])
        answer, status, said = await self._request(
            "POST", "/v1/payments", self._world.tokens[call.payer], {"scanned": payload}
        )
        return answer if said is None else replace(answer, word="paid", figures={"made": status == 201})

    async def _scans(self, call: Call) -> Answer:
        number = call.thing // 2
        digits = self.known.digits.get(number)
        if digits is None:
            token = self._world.tokens[number % CUSTOMERS]
            made, _, said = await self._request("POST", "/v1/payment-codes", token, {})
            if said is None:
                return made
            digits = self.known.digits.setdefault(number, said["digits"])
            self.known.ends.setdefault(number, datetime.fromisoformat(said["expires_at"]))
        order = self.order(call)
        report = {"scanned": digits, "reference": order.reference, "amount": order.amount, "currency": order.currency}
        answer, _, said = await self._request("POST", "/v1/callbacks/scan", self._key(call), report)
        # Its order is not what a repeated payment is compared by.
        return answer if said is None else Answer(said["status"], seen=said["payment"])

    async def _reads(self, call: Call) -> Answer:
        path = f"/v1/orders/ref:{self.order(call).reference}"
        answer, _, said = await self._request("GET", path, self._key(call), None)
        return answer if said is None else Answer(said["status"], seen=said["payment"])

    async def _closes(self, call: Call) -> Answer:
        path = f"/v1/orders/ref:{self.order(call).reference}/close"
        answer, _, said = await self._request("POST", path, self._key(call), {})
        return answer if said is None else Answer(said["status"])

    def _key(self, call: Call) -> str:
        return self._world.keys[call.thing % len(self._world.keys)]

    async def _request(
        self, method: str, path: str, key: str, body: dict[str, Any] | None
    ) -> tuple[Answer, int, dict[str, Any] | None]:
        """The answer, its status, and what it says when it is no refusal."""
        headers = {"Authorization": f"Bearer {key}"}
        async with self._http.request(method, path, headers=headers, json=body) as answer:
            text = await answer.read()
        if answer.status in OPEN_AS:
            return Answer(OPEN_AS[answer.status]), answer.status, None
        said: dict[str, Any] = msgspec.json.decode(text)
        if answer.status >= 400:
            return Answer(said["code"], said), answer.status, None
        return Answer("", body=text), answer.status, said


class Kills(Faults):
    """kill -9 of a worker process or of the postmaster; the supervisor brings both back."""

    def __init__(self, stage: Stage, dsn: str, clock: WorldClock, server: int, home: Path) -> None:
        super().__init__(stage, dsn, [], clock)
        self._server = server
        self._home = home

    def inject(self, fault: Fault) -> None:
        """At once."""
        self.injected[fault.kind] += 1
        if fault.kind == "postgres_killed":
            ours = postmaster_of(
                self._home.resolve() / "data"
            )  # None while it is down: the number may be anybody's by now
            pids = [] if ours is None else [ours]
        else:
            pids = [child.pid for child in psutil.Process(self._server).children() if "web" in child.cmdline()]
        if pids:
            with suppress(ProcessLookupError):
                os.kill(pids[fault.worker % len(pids)], signal.SIGKILL)
                self.bite(fault.kind)


class ServedPlayer(Player):
    """Plays a plan against the server's port."""

    clock: RealClock

    def __init__(self, stage: Stage, plan: Plan, world: World, callers: Callers, server: int, home: Path) -> None:
        super().__init__(stage, plan, world.dsn)
        self.clock = RealClock()
        self.clients = callers
        self.faults = Kills(stage, world.dsn, self.clock, server, home)
        self._callers = callers

    async def _hire(self, stack: AsyncExitStack, number: int) -> None:
        """Its workers are the server's."""

    async def _pause(self) -> None:
        await asyncio.sleep(ROUND_S)

    async def _answer(self, call: Call) -> Answer:
        return await self._callers.hear(call)

    async def _come_to_rest(self) -> None:
        await super()._come_to_rest()
        self.clock.move(0)


def served_plan(seed: int, seconds: int, clients: int) -> Plan:
    """A plan of so many rounds, a real second each. Something is killed in most of the rounds in the middle."""
    plan = drawn(seed, seconds / 5, clients, KILLS, VERBS)
    rounds = [replace(one, pause_s=1, faults=[] if n == 0 else one.faults) for n, one in enumerate(plan.rounds)]
    return replace(plan, rounds=rounds[:seconds])


async def played_over_http(settings: Settings, plan: Plan, console: Console) -> History:
    """The history of a plan on a `qrpay serve` of its own, under `home`/sim-served, which starts and ends here."""
    async with _house(settings, console) as (server, here):
        world = await asyncio.to_thread(_world, here)
        stage = Stage(here.folder, here, world.dsn, None)
        stage.people = world.people
        timeout = aiohttp.ClientTimeout(total=ANSWER_S_MAX)
        async with aiohttp.ClientSession(here.url, timeout=timeout) as http:
            player = ServedPlayer(stage, plan, world, Callers(world, http), server.pid, here.folder)
            return await player.play(lambda _done, _of: None)


@asynccontextmanager
async def _house(settings: Settings, console: Console) -> AsyncIterator[tuple[asyncio.subprocess.Process, Settings]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = settings.folder / "sim-served"
    shutil.rmtree(folder, ignore_errors=True)  # what an earlier history left: its events would be told too often
    private_folder(folder)
    here = replace(settings, home=str(folder), port=port, workers=WORKERS, database_url="", migration_url="", **WIDE)
    async with served(here, console) as server:
        yield server, here


def _world(settings: Settings) -> World:
    """The people of a new house."""

    async def work(at: Settings) -> World:
        async with open_core(at) as core:
            people, keys = await people_of(core, core.clock())
            tokens = [await e_accounts.issue_token(core, one.id, one.account, TOKEN_S) for one in people.wallets]
        connection = await asyncpg.connect(at.migration_url, timeout=5.0)
        try:
            await connection.execute(STATEMENTS.witness.text)
        finally:
            await connection.close()
        return World(people, keys, tokens, at.migration_url)

    with database(settings) as with_database:
        return asyncio.run(work(with_database))
