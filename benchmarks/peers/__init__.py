"""What qrpay is measured beside: each in its own folder, each as its own process, in the same interleaved run.

echo, for_update and running_balance run on the house's own lock, so that both sides have the same aiohttp and asyncpg.
hordak and tigerbeetle bring a lock each and are installed, when asked for, into `.qrpay/peers/<name>`.
"""

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

import asyncpg
from msgspec import Struct

from benchmarks import servers
from benchmarks.figures import Name
from benchmarks.generator import CREATED, Shift
from benchmarks.peers import tpcb
from benchmarks.servers import Measure, Peer
from qrpay.database.pool import dsn_to

FOLDER: Final = Path(__file__).parent
VENVS: Final = FOLDER.parent.parent / ".qrpay" / "peers"
DATABASE: Final = "peers"
ALWAYS: Final[tuple[Name, ...]] = ("echo", "commit")
BY_DEFAULT: Final[tuple[Name, ...]] = ("for update", "running balance", "tpcb")
ASKED_FOR: Final[tuple[Name, ...]] = ("hordak", "tigerbeetle")
COMMITS: Final = """
CREATE TABLE peer_commits (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, amount bigint NOT NULL)
"""
LINE_MAX: Final = 64_000_000
READY_S_MAX: Final = 120.0
"""Hordak migrates Django's tables first; a TigerBeetle that does not listen is waited for without end by its client."""


class Asked(Struct, frozen=True):
    """Which peers, where a TigerBeetle listens, and the PostgreSQL beside ours."""

    names: Sequence[Name]
    tigerbeetle: str
    owner_dsn: str
    pgbench: Path
    logs: Path


@asynccontextmanager
async def running(asked: Asked) -> AsyncIterator[dict[Name, Peer]]:
    """Start them, each with a database of its own on the same PostgreSQL; they end with the context.

    Without an owner's DSN only those can be started that need no database.
    """
    owner = await asyncpg.connect(asked.owner_dsn) if asked.owner_dsn else None
    started: dict[Name, Peer] = {}
    async with AsyncExitStack() as stack:
        for name in asked.names:
            database = f"{DATABASE}_{name.replace(' ', '_')}"
            if owner is not None:
                await owner.execute(f"CREATE DATABASE {database}")
            dsn = dsn_to(asked.owner_dsn, database) if owner else ""
            started[name] = await stack.enter_async_context(_one(name, dsn, asked))
        yield started
    if owner is not None:
        await owner.close()


@asynccontextmanager
async def _one(name: Name, dsn: str, asked: Asked) -> AsyncIterator[Peer]:
    match name:
        case "echo" | "for update" | "running balance":
            folder = name.replace(" ", "_")
            tables = FOLDER / folder / "tables.sql"
            if tables.exists():
                await _execute(dsn, tables.read_text())
            port = servers.free_port()
            command = ["-m", f"benchmarks.peers.{folder}.server", str(port), *([dsn] if tables.exists() else [])]
            with servers.process(command, port, asked.logs / f"{folder}.log") as process:
                yield Peer(port, process.pid)
        case "commit":
            await _execute(dsn, COMMITS)
            connection = await asyncpg.connect(dsn)
            yield Peer(measure=partial(_commits, connection))
            await connection.close()
        case "tpcb":
            await tpcb.prepare(asked.pgbench, dsn)
            yield Peer(measure=partial(tpcb.measure, asked.pgbench, dsn))
        case "hordak" | "tigerbeetle":
            python = await asyncio.to_thread(installed, name)
            argument = dsn if name == "hordak" else asked.tigerbeetle
            async with _driver(python, FOLDER / name / "driver.py", argument, asked.logs / f"{name}.log") as measure:
                yield Peer(measure=measure)
        case _:
            raise AssertionError(f"{name} is no peer")


@asynccontextmanager
async def beside_ledger(tigerbeetle: str) -> AsyncIterator[Measure | None]:
    """Measures TigerBeetle by itself at a batch size; None without its address."""
    if not tigerbeetle:
        yield None
        return
    python = await asyncio.to_thread(installed, "tigerbeetle")
    with tempfile.NamedTemporaryFile(suffix=".log") as log:
        async with _driver(python, FOLDER / "tigerbeetle" / "driver.py", tigerbeetle, Path(log.name)) as measure:
            yield measure


async def _execute(dsn: str, statements: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute(statements)
    await connection.close()


async def _commits(connection: "asyncpg.Connection[asyncpg.Record]", _callers: int, seconds: float) -> Shift:
    """One row inserted and committed after the other, prepared, from one connection."""
    insert = await connection.prepare("INSERT INTO peer_commits (amount) VALUES ($1)")
    now = time.perf_counter  # a loop's own clock stands still while it works
    latencies: list[float] = []
    until = (began := now()) + seconds
    while began < until:
        await insert.fetch(1)
        latencies.append((ended := now()) - began)
        began = ended
    latencies.sort()
    return Shift(len(latencies), [CREATED] * len(latencies), seconds, len(latencies), latencies, 0.0)


@asynccontextmanager
async def _driver(python: Path, driver: Path, argument: str, log: Path) -> AsyncIterator[Measure]:
    """A peer that is no server: it is told by a line what to measure, and answers by a line of JSON."""
    with log.open("ab") as said:
        process = await asyncio.create_subprocess_exec(
            str(python), str(driver), argument,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=said, limit=LINE_MAX,
        )  # fmt: skip
    assert process.stdin is not None and process.stdout is not None
    asks, answers = process.stdin, process.stdout

    async def answer() -> dict[str, Any]:
        line = await answers.readline()
        if not line:
            raise SystemExit(f"{driver} ended; its log ends:\n{log.read_text(errors='replace')[-2000:]}")
        found: dict[str, Any] = json.loads(line)
        return found

    async def measure(callers: int, seconds: float) -> Shift:
        asks.write(f"{callers} {seconds}\n".encode())
        found = await answer()
        latencies, refused = found["latencies"], int(found.get("refused", 0))
        statuses = [CREATED] * len(latencies) + [422] * refused
        return Shift(
            len(statuses), statuses, found["seconds"], len(latencies), latencies, found["cpu_s"]
        )  # fmt: skip

    try:
        try:
            await asyncio.wait_for(answer(), READY_S_MAX)
        except TimeoutError:
            tail = log.read_text(errors="replace")[-2000:]
            raise SystemExit(
                f"{driver.parent.name} is not ready after {READY_S_MAX:.0f} s; its log ends:\n{tail}"
            ) from None
        yield measure
    finally:
        asks.close()
        try:
            await asyncio.wait_for(process.wait(), 10)
        except TimeoutError:
            process.kill()
            await process.wait()


def installed(name: str) -> Path:
    """The Python of the peer's own venv, made from its own lock when it is asked for the first time."""
    folder = FOLDER / name
    home = VENVS / name
    python, ready = home / "bin" / "python", home / ".ready"
    if ready.exists():
        return python
    print(f"installing {name} into {home} (once)", flush=True)
    subprocess.run([sys.executable, "-m", "venv", "--clear", "--without-pip", str(home)], check=True)
    (wheel,) = (FOLDER.parent.parent / "tools").glob("pip-*.whl")
    pip = [sys.executable, str(wheel / "pip"), "--python", str(python), "install", "-qq", "--require-hashes"]
    pip += ["--disable-pip-version-check", "--no-input"]
    if (build := folder / "build.lock").exists():
        # What the index has as source only is built with these, and with nothing from elsewhere.
        subprocess.run([*pip, "--only-binary", ":all:", "-r", str(build)], check=True)
        pip.append("--no-build-isolation")
    else:
        pip += ["--only-binary", ":all:"]
    subprocess.run([*pip, "-r", str(folder / "requirements.lock")], check=True)
    ready.touch()
    return python
