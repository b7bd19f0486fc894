"""What refunds announce: `refund.succeeded` or `refund.pending` to the merchant, `payment.refunded` to the payer."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from qrpay.background.model import EventSource, Logged, Noted, Tail
from qrpay.core import Core
from qrpay.features.e_accounts import service as e_accounts
from qrpay.features.merchants import service as merchants
from qrpay.features.refunds import held, looks, service
from qrpay.features.refunds.model import RefundRow
from qrpay.ledger.chart import PAYMENTS, TransferCode
from qrpay.ledger.model import Posted
from qrpay.values import Id

SUCCEEDED: Final = "refund.succeeded"
PENDING: Final = "refund.pending"
PAYER_REFUNDED: Final = "payment.refunded"
CODES: Final = frozenset({TransferCode.REFUND, TransferCode.REFUND_RELEASE})


async def note_both(core: Core, tail: Tail) -> Sequence[Noted]:
    """Both sides of each refund that reached its payer; the merchant alone of one that was set aside."""
    places = [place for place, code in enumerate(tail.codes) if code in CODES]
    released = {tail.debits[place] for place in places if tail.codes[place] == TransferCode.REFUND_RELEASE}
    owners = await merchants.owners_of(core, {tail.debits[place] for place in places} - released)
    owners |= await held.owners_of(core, released)
    holders = await e_accounts.holders_of(core, {tail.credits[place] for place in places})
    noted: list[Noted] = []
    for place in places:
        holder = holders.get(tail.credits[place])
        if merchant := owners.get(tail.debits[place]):
            noted.append((place, PENDING if holder is None else SUCCEEDED, merchant))
        if holder is not None:
            noted.append((place, PAYER_REFUNDED, holder.customer))
    return noted


async def tell_both(core: Core, events: Sequence[Logged], posted: Mapping[Id, Posted]) -> Sequence[msgspec.Raw]:
    """The refund for the merchant, what came back for the payer, as of this transfer: what came later does not show."""
    orders = list({one.about for one in events})
    rows = await service.rows_of(core, orders)
    payments = await core.ledger.about_many(orders, sorted(PAYMENTS))
    said = []
    for one in events:
        moved = posted[one.transfer] if one.transfer is not None else None
        row = None if moved is None else rows.get((one.about, moved.reference))
        payment = payments.get(one.about)
        if moved is None or row is None or not payment:
            said.append(msgspec.Raw(b"null"))  # a transfer that no refund of this house has made
        else:
            said.append(msgspec.Raw(await _told(core, one.type, row, payment[0], moved)))
    return said


async def _told(core: Core, type_: str, row: RefundRow, payment: Posted, moved: Posted) -> bytes:
    reached = None if type_ == PENDING else moved
    if type_ == PAYER_REFUNDED:
        return msgspec.json.encode(await looks.payer_view(core, row, moved, reached))
    return msgspec.json.encode(looks.refund_view(row, payment, moved, reached))


events = [EventSource(CODES, frozenset({SUCCEEDED, PENDING, PAYER_REFUNDED}), note_both, tell_both)]
