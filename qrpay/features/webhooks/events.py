"""What webhooks hear: events become deliveries for the endpoints that want them; the others are not even read."""

from typing import TYPE_CHECKING, Final

from qrpay.background.model import Consumer
from qrpay.features.webhooks import store

if TYPE_CHECKING:
    from qrpay.core import Core
    from qrpay.database.pool import Queries


async def _hear(core: "Core", transaction: "Queries", after: int, until: int) -> None:
    await store.enqueue(transaction, after, until, core.clock())


async def _listens(core: "Core") -> bool:
    return await store.somebody_listens(core.database)


consumers: Final = [Consumer("webhooks", _hear, _listens)]
