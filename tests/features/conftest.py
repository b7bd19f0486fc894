"""The house for tests of features: real database, real ledger, time in the test's own hands."""

import os
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest

from qrpay.codes.reader import Reader
from qrpay.codes.signing import Keyring
from qrpay.core import Core
from qrpay.database.pool import Database
from qrpay.hub import Hub
from qrpay.ledger.engine import Engine
from qrpay.settings import Settings
from qrpay.values import utc_now
from qrpay.vault import Vault

MASTER = os.urandom(32)
"""One master key for all tests of a process: they share a database."""


class HandClock:
    """The machine's time, until a test moves it."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def __call__(self) -> datetime:
        return utc_now() + self.ahead

    def move(self, **by: float) -> None:
        """Let time pass, as `timedelta` says it: `move(seconds=61)`."""
        self.ahead += timedelta(**by)


def core_over(database: Database, clock: HandClock, **settings: object) -> Core:
    """A house over this database, as another process would build it."""
    keyring, chosen = Keyring(), Settings(**settings)  # type: ignore[arg-type] # a test names settings as it likes
    return Core(
        settings=chosen,
        clock=clock,
        database=database,
        ledger=Engine(database, queue_max=chosen.queue_max),
        keyring=keyring,
        reader=Reader(keyring, chosen.code_guid),
        vault=Vault(MASTER),
        hub=Hub(),
    )


@pytest.fixture
def clock() -> HandClock:
    """Time in the test's own hands."""
    return HandClock()


@pytest.fixture
async def core(database: Database, clock: HandClock) -> AsyncIterator[Core]:
    """A house over the worker's database. Its ledger goes by the server's clock."""
    built = core_over(database, clock)
    yield built
    await built.ledger.close()


@pytest.fixture
async def fresh_core(fresh_database: Database, clock: HandClock) -> AsyncIterator[Core]:
    """A house over a database that is this test's alone."""
    built = core_over(fresh_database, clock)
    yield built
    await built.ledger.close()
