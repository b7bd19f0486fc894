"""What orders announce to their merchants: closed, expired. Told from the transfers that claimed them.

That one is paid is announced by payments, to both sides at once. And what lists of orders hear of all that.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import msgspec
from asyncpg import UniqueViolationError

from qrpay.background.model import Consumer, EventSource, Logged, Noted, Tail
from qrpay.core import Core
from qrpay.features.orders import list_store, looks, store
from qrpay.features.orders.model import Mark
from qrpay.ledger.chart import TransferCode
from qrpay.ledger.model import Posted
from qrpay.values import Id

if TYPE_CHECKING:
    from qrpay.database.pool import Queries

TYPES: Final[Mapping[int, str]] = {
    TransferCode.ORDER_CLOSE: "order.closed",
    TransferCode.ORDER_EXPIRE: "order.expired",
}


async def note_merchants(core: Core, tail: Tail) -> Sequence[Noted]:
    """`order.closed`, `order.expired`. The marker moves no money, so the order itself says whose it is.

    Of an order that its merchant never opened, nobody is told that it ran out: some payer's attempt came to nothing.
    """
    ended = {place: about for place, about in enumerate(tail.abouts) if about and tail.codes[place] in TYPES}
    rows = await store.by_id(core.database, list(ended.values()))
    return [
        (place, TYPES[tail.codes[place]], row.merchant)
        for place, order in ended.items()
        if (row := rows.get(order)) and (row.source is None or tail.codes[place] != TransferCode.ORDER_EXPIRE)
    ]


async def tell_merchants(core: Core, events: Sequence[Logged], posted: Mapping[Id, Posted]) -> Sequence[msgspec.Raw]:
    """Each with the order, as of the transfer that closed it."""
    rows = await store.by_id(core.database, [one.about for one in events])
    orders = await looks.views(core, list(rows.values()), posted, code=False, refunds={})
    told = dict(zip(rows, orders, strict=True))
    return [msgspec.Raw(msgspec.json.encode(told[one.about])) for one in events]


MARKS: Final[Sequence[tuple[str, Mark]]] = (
    ("order.paid", "paid"),
    ("order.closed", "closed"),
    ("order.expired", "expired"),
    ("refund.succeeded", "refunded"),
    ("refund.pending", "refunded"),
)
"""What the log tells of orders, whoever announces it, and the mark it leaves."""


class Marking:
    """Marks orders as the log tells of them.

    That a mark stands already is not expected, so it is not looked for: looking costs as much again. Should somebody
    have written one, the step fails once, and is done with care.
    """

    def __init__(self) -> None:
        self._careful = False

    async def hear(self, _core: Core, transaction: "Queries", after: int, until: int) -> None:
        """See Consumer."""
        if self._careful:
            await list_store.mark_again(transaction, after, until, MARKS)
            self._careful = False
            return
        try:
            await list_store.mark(transaction, after, until, MARKS)
        except UniqueViolationError:
            self._careful = True
            raise


consumers = [Consumer("orders", Marking().hear)]
events = [EventSource(frozenset(map(TransferCode, TYPES)), frozenset(TYPES.values()), note_merchants, tell_merchants)]
