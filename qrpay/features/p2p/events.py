"""What transfers between customers announce: `transfer.received` to whom money came, `transfer.sent` to its sender."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from qrpay.background.model import EventSource, Logged, Noted, Tail
from qrpay.core import Core
from qrpay.features.e_accounts import service as e_accounts
from qrpay.features.e_accounts.model import Holder
from qrpay.ledger.chart import TransferCode
from qrpay.ledger.model import Posted
from qrpay.values import CURRENCY_OF_LEDGER, Id, id_text, rfc3339

RECEIVED: Final = "transfer.received"
SENT: Final = "transfer.sent"
RETURNED: Final = "transfer.returned"
CODES: Final = frozenset({TransferCode.P2P, TransferCode.P2P_RELEASE, TransferCode.P2P_RETURN})


async def note(core: Core, tail: Tail) -> Sequence[Noted]:
    """Both sides of each transfer; accounts that hold money for somebody are nobody's."""
    places = [place for place, code in enumerate(tail.codes) if code in CODES]
    if not places:
        return []
    sides = {side for place in places for side in (tail.debits[place], tail.credits[place])}
    holders = await e_accounts.holders_of(core, sides)
    noted: list[Noted] = []
    for place in places:
        if sender := holders.get(tail.debits[place]):
            noted.append((place, SENT, sender.customer))
        if receiver := holders.get(tail.credits[place]):
            back = tail.codes[place] == TransferCode.P2P_RETURN
            noted.append((place, RETURNED if back else RECEIVED, receiver.customer))
    return noted


async def tell(core: Core, events: Sequence[Logged], posted: Mapping[Id, Posted]) -> Sequence[msgspec.Raw]:
    """The transfer: amount, currency, note, and the other one's masked name."""
    moved = [None if one.transfer is None else posted[one.transfer] for one in events]
    sides = {side for one in moved if one is not None for side in (one.debit, one.credit)}
    holders = await e_accounts.holders_of(core, sides)
    return [
        msgspec.Raw(b"null" if one is None else msgspec.json.encode(_told(event.type, one, holders)))
        for event, one in zip(events, moved, strict=True)
    ]


def _told(type_: str, moved: Posted, holders: Mapping[Id, Holder]) -> dict[str, object]:
    other = holders.get(moved.credit if type_ == SENT else moved.debit)
    transfer = moved.id if moved.code == TransferCode.P2P else moved.about
    return {
        "id": id_text("tra_", transfer), "amount": moved.amount, "currency": CURRENCY_OF_LEDGER[moved.ledger].code,
        "counterparty": other.name if other else None, "note": moved.reference or None, "at": rfc3339(moved.timestamp),
    }  # fmt: skip


events: Final = [EventSource(CODES, frozenset({RECEIVED, SENT, RETURNED}), note, tell)]
