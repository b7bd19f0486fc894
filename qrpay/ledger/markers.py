"""Markers: transfers of nothing, which only claim an id, such as an order that is closed for good."""

from typing import Final

from qrpay.ledger.chart import MARKERS, TransferCode
from qrpay.ledger.model import Transfer, TransferFlag
from qrpay.values import Id, id_of

ENDS: Final = (id_of(bytes(15) + b"\x01"), id_of(bytes(15) + b"\x02"))
"""Both ends of every marker. They are no accounts: a marker touches none."""
LEDGER: Final = 1
"""No currency has this number."""


def marker(id: Id, code: TransferCode, about: Id | None = None, *, linked: bool = False) -> Transfer:
    """The transfer that claims this id."""
    assert code in MARKERS
    flags = TransferFlag.LINKED if linked else 0
    return Transfer(id, *ENDS, 0, code, LEDGER, about=about, flags=flags)
