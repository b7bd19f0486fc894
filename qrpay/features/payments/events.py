"""What payments announce: `order.paid` to the merchant, with the order; `payment.paid` to the payer."""

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from qrpay.background.model import EventSource, NewEvent
from qrpay.core import Core
from qrpay.features.e_accounts import service as e_accounts
from qrpay.features.e_accounts.model import Holder
from qrpay.features.orders import service as orders
from qrpay.features.orders import store as order_store
from qrpay.features.orders.model import Order, OrderRow
from qrpay.features.payments import service
from qrpay.features.payments.model import Payment
from qrpay.ledger.chart import TransferCode
from qrpay.ledger.model import Posted
from qrpay.values import Id, claim

Told = tuple[Posted, OrderRow, Order, Payment]


async def told_to_both(core: Core, posted: Sequence[Posted]) -> Sequence[NewEvent]:
    """Both sides of each payment, in the ledger's order. Orders and payers are read once for the batch."""
    rows = await order_store.by_id(core.database, [one.id for one in posted])
    known = [one for one in posted if one.id in rows]
    holders = await e_accounts.holders_of(core, {one.debit for one in known})
    seen = await orders.views(core, [rows[one.id] for one in known], {one.id: one for one in known}, code=False)
    payments = await service.views(core, known, rows)
    told = [(one, rows[one.id], order, payments[one.id]) for one, order in zip(known, seen, strict=True)]
    return list(_events(told, holders))


def _events(told: Sequence[Told], holders: Mapping[Id, Holder]) -> Iterator[NewEvent]:
    encode = msgspec.json.encode
    for one, row, order, payment in told:
        id, at = one.id, one.timestamp
        yield NewEvent(
            claim("order.paid", id), "order.paid", row.merchant, id, at, msgspec.Raw(encode(order))
        )  # fmt: skip
        if holder := holders.get(one.debit):
            yield NewEvent(
                claim("payment.paid", id), "payment.paid", holder.customer, id, at, msgspec.Raw(encode(payment))
            )  # fmt: skip


events = [EventSource(frozenset({TransferCode.PAYMENT}), told_to_both)]
