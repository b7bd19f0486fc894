"""What payments announce: `order.paid` to the merchant, with the order; `payment.paid` to the payer."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from qrpay.background.model import EventSource, Logged, Noted, Tail
from qrpay.core import Core
from qrpay.features.e_accounts import service as e_accounts
from qrpay.features.merchants import service as merchants
from qrpay.features.orders import looks
from qrpay.features.orders import store as order_store
from qrpay.features.payments import service
from qrpay.ledger.chart import PAYMENTS
from qrpay.ledger.model import Posted
from qrpay.values import Id

PAID: Final = "order.paid"
PAYER_PAID: Final = "payment.paid"


async def note_both(core: Core, tail: Tail) -> Sequence[Noted]:
    """Both sides of each payment. Whose the accounts are is remembered: in the steady state nothing is read."""
    debits, credits = tail.debits, tail.credits
    payments = [place for place, code in enumerate(tail.codes) if code in PAYMENTS]
    owners = await merchants.owners_of(core, {credits[place] for place in payments})
    holders = await e_accounts.holders_of(core, {debits[place] for place in payments})
    customers = {account: holder.customer for account, holder in holders.items()}
    noted: list[Noted] = []
    for place in payments:
        if merchant := owners.get(credits[place]):
            noted.append((place, PAID, merchant))
        if customer := customers.get(debits[place]):
            noted.append((place, PAYER_PAID, customer))
    return noted


async def tell_both(core: Core, events: Sequence[Logged], posted: Mapping[Id, Posted]) -> Sequence[msgspec.Raw]:
    """The order for the merchant, the payment for its payer, as of this transfer: what came later does not show."""
    rows = await order_store.by_id(core.database, list({one.about for one in events}))
    paid = [rows[one.about] for one in events if one.type == PAID and one.about in rows]
    orders = await looks.views(core, paid, posted, code=False, refunds={})
    seen = {row.id: order for row, order in zip(paid, orders, strict=True)}
    payers = [posted[one.about] for one in events if one.type == PAYER_PAID]
    payments = await service.views(core, payers, rows, refunds={})
    encode = msgspec.json.encode  # null for a payment without an order, which no service of this house makes
    return [msgspec.Raw(encode((seen if one.type == PAID else payments).get(one.about))) for one in events]


events = [
    EventSource(PAYMENTS, frozenset({PAID, PAYER_PAID}), note_both, tell_both),
]
