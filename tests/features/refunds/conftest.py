"""A caller of the demo's server."""

from collections.abc import AsyncIterator

import pytest

from qrpay.demo import Demo
from tests.web.world import Api, calling


@pytest.fixture
async def api(demo: Demo) -> AsyncIterator[Api]:
    """A client of the running server."""
    async with calling(demo) as client:
        yield client
