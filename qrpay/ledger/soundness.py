"""What a transfer may look like by itself, before anybody looks at accounts: flags that go together, ranges, texts."""

import re
from typing import Final

from qrpay.ledger.chart import MARKERS, TransferCode
from qrpay.ledger.model import REFERENCE_MAX, TIMEOUT_MAX_S, Result, Transfer, TransferFlag
from qrpay.values import AMOUNT_MAX

LINKED: Final = int(TransferFlag.LINKED)
PENDING: Final = int(TransferFlag.PENDING)
POST: Final = int(TransferFlag.POST_PENDING)
VOID: Final = int(TransferFlag.VOID_PENDING)
BALANCING_DEBIT: Final = int(TransferFlag.BALANCING_DEBIT)
BALANCING_CREDIT: Final = int(TransferFlag.BALANCING_CREDIT)
BALANCING: Final = BALANCING_DEBIT | BALANCING_CREDIT
CLOSING_DEBIT: Final = int(TransferFlag.CLOSING_DEBIT)
CLOSING_CREDIT: Final = int(TransferFlag.CLOSING_CREDIT)
CLOSING: Final = CLOSING_DEBIT | CLOSING_CREDIT
CODE_MAX: Final = 2**15 - 1
LEDGER_MAX: Final = 2**31 - 1
"""The largest numbers that the columns of a code and of a ledger hold."""
_FIRST: Final = frozenset({0, PENDING, POST, VOID})
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def malformed(transfer: Transfer) -> Result | None:
    """What is wrong with a transfer by itself."""
    kind = transfer.flags & ~LINKED
    resolves = bool(kind & (POST | VOID))
    if not _amount_is_sound(transfer, kind):
        return Result.AMOUNT_MALFORMED
    if not (0 if resolves else 1) <= transfer.code <= CODE_MAX:
        return Result.CODE_MALFORMED
    if not (0 if resolves else 1) <= transfer.ledger <= LEDGER_MAX:
        return Result.LEDGER_MALFORMED
    if not is_storable(transfer.reference):
        return Result.REFERENCE_MALFORMED
    if not _kind_is_sound(kind) or (kind and transfer.code in MARKERS):
        return Result.FLAGS_MALFORMED
    if not 0 <= transfer.timeout_s <= TIMEOUT_MAX_S or (transfer.timeout_s and not kind & PENDING):
        return Result.TIMEOUT_MALFORMED
    if (transfer.pending_id is not None) != resolves or transfer.pending_id == transfer.id:
        return Result.PENDING_ID_MALFORMED
    if transfer.code == TransferCode.CORRECTION and not resolves and transfer.about in (None, transfer.id):
        return Result.ABOUT_MALFORMED
    return None


def is_storable(reference: str) -> bool:
    """Whether the database keeps this text: short enough, without NUL and halves of characters."""
    return len(reference) <= REFERENCE_MAX and "\0" not in reference and not _SURROGATE.search(reference)


def _amount_is_sound(transfer: Transfer, kind: int) -> bool:
    if transfer.amount is None:
        return bool(kind & (POST | VOID | BALANCING))
    if transfer.code in MARKERS:
        return transfer.amount == 0
    return (0 if kind & (CLOSING | VOID) else 1) <= transfer.amount <= AMOUNT_MAX


def _kind_is_sound(kind: int) -> bool:
    """One of moving, holding, posting and voiding; only the first two balance, and only a hold closes."""
    first = kind & (PENDING | POST | VOID)
    if kind & ~(PENDING | POST | VOID | BALANCING | CLOSING) or first not in _FIRST:
        return False
    return kind == first if first & (POST | VOID) else bool(first) or not kind & CLOSING
