"""What payments announce to their payers."""

from collections.abc import Sequence

import msgspec

from qrpay.background.model import EventSource, NewEvent
from qrpay.core import Core
from qrpay.features.e_accounts import service as e_accounts
from qrpay.features.payments import service
from qrpay.ledger.chart import TransferCode
from qrpay.ledger.model import Posted
from qrpay.values import claim


async def told_to_payers(core: Core, posted: Sequence[Posted]) -> Sequence[NewEvent]:
    """`payment.paid`, with the payment."""
    owners = await e_accounts.owners_of(core, [one.debit for one in posted])
    payments = await service.views(core, posted)
    return [
        NewEvent(
            id=claim("event", one.id, "payment.paid"),
            type="payment.paid",
            receiver=owners[one.debit],
            about=one.id,
            created_at=one.timestamp,
            data=msgspec.Raw(msgspec.json.encode(payments[one.id])),
        )
        for one in posted
        if one.debit in owners and one.id in payments
    ]


events = [EventSource(frozenset({TransferCode.PAYMENT}), told_to_payers)]
