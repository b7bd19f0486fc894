"""Ledgers to play against: the oracle, and the engine on this worker's database with a clock that tests move."""

from collections.abc import AsyncIterator, Sequence

import pytest

from qrpay.database.pool import Database
from qrpay.ledger.audit import broken
from qrpay.ledger.engine import Engine
from tests.ledger.statement import Time


@pytest.fixture
def time() -> Time:
    """A clock that stands still until it is moved."""
    return Time()


@pytest.fixture
async def engine(database: Database) -> AsyncIterator[Engine]:
    """An engine by the server's clock."""
    opened = Engine(database)
    yield opened
    await opened.close()


@pytest.fixture
async def timed_engine(database: Database, time: Time) -> AsyncIterator[Engine]:
    """An engine by the test's clock."""
    opened = Engine(database, clock=time)
    yield opened
    await opened.close()


@pytest.fixture
async def engines(fresh_dsn: str) -> AsyncIterator[Sequence[Engine]]:
    """Three workers' engines, each with connections of its own, on a database of this test's alone, whose books are in
    order afterwards."""
    databases = [await Database.open(fresh_dsn, role="qrpay_app", ledger_connections=3) for _ in range(3)]
    opened = [Engine(database) for database in databases]
    yield opened
    assert await broken(databases[0]) == {}
    for engine, database in zip(opened, databases, strict=True):
        await engine.close()
        await database.close()
