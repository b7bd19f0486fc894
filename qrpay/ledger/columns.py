"""A batch as the database takes it: columns of transfers, and sums per account, sorted by account."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from qrpay.ledger.chart import MARKERS, SPENDS
from qrpay.ledger.model import AccountFlag, Posted, Transfer
from qrpay.ledger.rules import LINKED, PENDING, VOID, chains, movement
from qrpay.values import Id

SPENDING_CODES: Final = sorted(int(code) for code in SPENDS)
_TWO_PHASE: Final = ~LINKED
_PAYS: Final = int(AccountFlag.CLOSED | AccountFlag.DEBITS_FROZEN)
_RECEIVES: Final = int(AccountFlag.CLOSED | AccountFlag.CREDITS_FROZEN)
_NOTHING: Final[tuple[tuple[int, ...], ...]] = ((),) * 10

# The places of an account's sums, as ledger_post takes them after the account's id.
_LEDGER, _SIDES, _DEBITS, _DEBITS_PENDING, _CREDITS, _CREDITS_PENDING, _SPENT, _NEED_D, _NEED_C, _RISE = range(10)


def of_any_order(transfers: Sequence[Transfer]) -> list[Any] | None:
    """The arguments of ledger_post for clean transfers and holds; None when an account is used in two ledgers.

    An account needs what leaves it in the whole batch, and counts on nothing that comes in.
    """
    sums: dict[Id, list[int]] = {}
    for transfer in transfers:
        amount = transfer.amount
        if not amount:
            continue  # a marker touches no account
        debit, credit, ledger = transfer.debit, transfer.credit, transfer.ledger
        try:
            payer = sums[debit]
        except KeyError:
            payer = sums[debit] = [ledger, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        try:
            payee = sums[credit]
        except KeyError:
            payee = sums[credit] = [ledger, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        if payer[0] != ledger or payee[0] != ledger:
            return None
        payer[1] |= _PAYS
        payer[7] += amount
        payee[1] |= _RECEIVES
        payee[8] += amount
        payee[9] += amount
        if transfer.flags & PENDING:
            payer[3] += amount
            payee[5] += amount
        else:
            payer[2] += amount
            payee[4] += amount
        if transfer.code in SPENDS:
            payer[6] += amount
    return [*_accounts(sums), *_transfers(transfers)]


def of_decided(posted: Sequence[Posted], held: dict[Id, int]) -> list[Any]:
    """The arguments of ledger_post for transfers that were decided in this order.

    held  the amounts of the holds that they resolve, by the hold's id

    An account needs as much as it lacked at its lowest on the way, and room for its highest.
    """
    sums: dict[Id, list[int]] = {}
    for transfer in posted:
        if transfer.code in MARKERS:
            continue
        at_once, pending, spent = movement(transfer, held[transfer.pending_id] if transfer.pending_id else 0)
        payer = sums.setdefault(transfer.debit, [transfer.ledger] + [0] * 9)
        payee = sums.setdefault(transfer.credit, [transfer.ledger] + [0] * 9)
        payer[_DEBITS] += at_once
        payer[_DEBITS_PENDING] += pending
        payer[_SPENT] += spent
        payee[_CREDITS] += at_once
        payee[_CREDITS_PENDING] += pending
        if transfer.flags & VOID:
            continue  # it only gives back, and works on closed and frozen accounts too
        payer[_SIDES] |= _PAYS
        payee[_SIDES] |= _RECEIVES
        payer[_NEED_D] = max(payer[_NEED_D], payer[_DEBITS] + payer[_DEBITS_PENDING] - payer[_CREDITS])
        payee[_NEED_C] = max(payee[_NEED_C], payee[_CREDITS] + payee[_CREDITS_PENDING] - payee[_DEBITS])
        payee[_RISE] = max(payee[_RISE], payee[_CREDITS] + payee[_CREDITS_PENDING] - payee[_DEBITS])
    return [*_accounts(sums), *_transfers(posted)]


def _accounts(sums: dict[Id, list[int]]) -> list[Any]:
    """Rows are locked in the order of their ids: in one order everywhere, so that no two batches wait in a circle."""
    order = sorted(sums)
    return [order, *(zip(*[sums[account] for account in order], strict=True) if order else _NOTHING)]


def _transfers(rows: Sequence[Transfer | Posted]) -> list[Any]:
    return [
        [row.id for row in rows],
        [row.debit for row in rows],
        [row.credit for row in rows],
        [row.amount for row in rows],
        [row.code for row in rows],
        [row.ledger for row in rows],
        [row.about or row.id for row in rows],
        [row.reference for row in rows],
        [int(row.flags) for row in rows],  # an IntFlag can be iterated, which asyncpg takes for an array
        [row.pending_id for row in rows],
        [row.timeout_s for row in rows],
    ]


def chain_of_each(transfers: Sequence[Transfer]) -> list[int] | None:
    """The place of the first of its chain for each transfer, from 1; None when nothing is linked."""
    if not any(transfer.flags & LINKED for transfer in transfers):
        return None
    return [start + 1 for start, end in chains(transfers) for _ in range(start, end)]


def has_holds(transfers: Iterable[Transfer | Posted]) -> bool:
    """Whether there are holds, posts or voids among them."""
    return any(transfer.flags & _TWO_PHASE for transfer in transfers)
