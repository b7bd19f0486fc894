"""What webhooks hear: every event, which becomes a delivery for each endpoint that wants it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from qrpay.background.model import Consumer, Event
from qrpay.features.webhooks import store

if TYPE_CHECKING:
    from qrpay.core import Core
    from qrpay.database.pool import Queries


async def _hear(core: "Core", transaction: "Queries", events: Sequence[Event]) -> None:
    await store.enqueue(transaction, events, core.clock())


consumers: Final = [Consumer("webhooks", _hear)]
