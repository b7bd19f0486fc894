"""A house that may call loopback, a shop, and a receiver that is up."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from qrpay.codes.signing import new_key
from qrpay.core import Core
from qrpay.database.pool import Database
from qrpay.ledger.engine import Engine
from tests.background.world import Shop, open_shop
from tests.features.conftest import HandClock, core_over
from tests.features.served import Served, served
from tests.features.webhooks.world import Receiver, web_only


@pytest.fixture
async def bank(fresh_database: Database, clock: HandClock) -> AsyncIterator[Core]:
    """A house that may call loopback."""
    core = core_over(fresh_database, clock, webhook_loopback=True, webhook_timeout_s=30)
    core.keyring.replace([new_key("webhook", clock() - timedelta(hours=1), timedelta(days=9), timedelta(days=9))])
    yield core
    assert isinstance(core.ledger, Engine)
    await core.ledger.close()


@pytest.fixture
async def shop(bank: Core) -> Shop:
    """A shop whose payments will be told."""
    return await open_shop(bank)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """A receiver that is up."""
    made = Receiver()
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def house(bank: Core) -> AsyncIterator[Served]:
    """The API."""
    async with served(bank, [web_only]) as running:
        yield running
