"""What orders announce to their merchants: closed, expired. Built from the transfers that claimed them.

That one is paid is announced by payments, to both sides at once.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from qrpay.background.model import EventSource, NewEvent
from qrpay.core import Core
from qrpay.features.orders import service, store
from qrpay.ledger.chart import TransferCode
from qrpay.ledger.model import Posted
from qrpay.values import claim

TYPES: Final = {
    TransferCode.ORDER_CLOSE: "order.closed",
    TransferCode.ORDER_EXPIRE: "order.expired",
}


async def told_to_merchants(core: Core, posted: Sequence[Posted]) -> Sequence[NewEvent]:
    """`order.closed`, `order.expired`, each with the order as it stands, in the ledger's order."""
    rows = await store.by_id(core.database, [one.id for one in posted])
    known = [one for one in posted if one.id in rows]
    orders = await service.views(core, [rows[one.id] for one in known], {one.id: one for one in known}, code=False)
    return [
        NewEvent(
            id=claim("event", one.id, TYPES[TransferCode(one.code)]),
            type=TYPES[TransferCode(one.code)],
            receiver=rows[one.id].merchant,
            about=one.id,
            created_at=one.timestamp,
            data=msgspec.Raw(msgspec.json.encode(order)),
        )
        for one, order in zip(known, orders, strict=True)
    ]


events = [EventSource(frozenset(TYPES), told_to_merchants)]
