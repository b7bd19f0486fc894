"""Ledgers to play against: the oracle, and the engine on this worker's database with a clock that tests move."""

from collections.abc import AsyncIterator

import pytest

from qrpay.database.pool import Database
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
