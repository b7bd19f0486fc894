"""A batch as the database takes it: columns of transfers, and sums per account, sorted by account.

asyncpg looks at every element of every array, so a column that says nothing is sent as null: nine columns of
twenty-two remain of a batch of plain payments.
"""

from collections.abc import Sequence
from datetime import date
from operator import attrgetter
from typing import Any, Final

from qrpay.ledger import caps
from qrpay.ledger.caps import given_back_by, inflow_given_back_by, received_by, spent_by
from qrpay.ledger.chart import CODE_CLASS, MARKERS, RECEIVES, SPENDS, TransferCode
from qrpay.ledger.model import ANY_CLOSED, TIMEOUT_MAX_S, Account, AccountFlag, Posted, Transfer
from qrpay.ledger.rules import Book, chains, closing, movement
from qrpay.ledger.soundness import (
    BALANCING_CREDIT,
    BALANCING_DEBIT,
    LEDGER_MAX,
    LINKED,
    PENDING,
    POST,
    VOID,
    is_storable,
)
from qrpay.values import AMOUNT_MAX, Id

_SPENDS: Final = sorted(int(code) for code in SPENDS)
_CLASSES: Final = [int(CODE_CLASS.get(TransferCode(code), 0)) for code in _SPENDS]
_CLASS_OF: Final = dict(zip(_SPENDS, _CLASSES, strict=True))
_CLOSED_BY_TRANSFER: Final = int(AccountFlag.CLOSED_BY_TRANSFER)
_PAYS: Final = int(ANY_CLOSED | AccountFlag.DEBITS_FROZEN)
_RECEIVES: Final = int(ANY_CLOSED | AccountFlag.CREDITS_FROZEN)
_ORDINARY: Final = frozenset(TransferCode) - {TransferCode.CORRECTION} - RECEIVES
"""Kinds whose guards the posting functions know; the others are decided by the rules (decision 0010)."""
_FREE_FLAGS: Final = frozenset(range((LINKED | PENDING | POST | VOID) + 1))
_FREE_CODES: Final = _ORDINARY | {0}  # a post or void may leave its code out
_flags_of: Final = attrgetter("flags")
_code_of: Final = attrgetter("code")
_PLAIN: Final = _ORDINARY - MARKERS
_NOTHING: Final[tuple[tuple[int, ...], ...]] = ((),) * 14

# The places of an account's sums, as ledger_post takes them after the account's id; those of the classes A to D of
# codes follow on _SPENT.
_SIDES, _DEBITS, _DEBITS_PENDING, _CREDITS, _CREDITS_PENDING, _SPENT = range(1, 7)
_NEED_D, _NEED_C, _RISE = range(11, 14)


def of_any_order(transfers: Sequence[Transfer]) -> list[Any] | None:
    """The arguments of ledger_post for clean transfers and holds; None when one account is used in two ledgers.

    An account needs what leaves it in the whole batch, and counts on nothing that comes in.
    """
    sums: dict[Id, list[int]] = {}
    chained = False
    for transfer in transfers:
        amount, ledger, flags = transfer.amount, transfer.ledger, transfer.flags
        if flags & LINKED:
            chained = True
        if not amount:
            continue  # a marker touches no account
        try:
            payer = sums[transfer.debit]
        except KeyError:
            payer = sums[transfer.debit] = [0, 0, 0, 0, 0, 0, 0, 0, 0, ledger]
        try:
            payee = sums[transfer.credit]
        except KeyError:
            payee = sums[transfer.credit] = [0, 0, 0, 0, 0, 0, 0, 0, 0, ledger]
        if payer[9] != ledger or payee[9] != ledger:
            return None
        pending = flags & PENDING  # 0 or 2: the sums of what is pending stand two places after the others
        payer[pending] += amount
        payee[1 + pending] += amount
        code_class = _CLASS_OF.get(transfer.code)
        if code_class is not None:
            payer[4] += amount
            if code_class:
                payer[4 + code_class] += amount
    order = sorted(sums)
    debits, credits_, debits_pending, credits_pending, spent, *by_class, ledgers = _turned(sums, order, 10)
    two_phase = any(debits_pending)
    the_ledger = ledgers[0] if ledgers and ledgers.count(ledgers[0]) == len(ledgers) else None
    return [
        order,
        None if the_ledger else ledgers,
        None,
        debits,
        debits_pending if two_phase else None,
        credits_,
        credits_pending if two_phase else None,
        spent,
        *(amounts if any(amounts) else None for amounts in by_class),
        *(None, None, None),
        *_transfers(transfers, the_ledger, two_phase=two_phase),
        [start + 1 for start, end in chains(transfers) for _ in range(start, end)] if chained else None,
        _SPENDS,
        _CLASSES,
        the_ledger,
        two_phase,
        None,
        *_range(transfers),
    ]


def in_any_order(transfers: Sequence[Transfer]) -> bool:
    """Whether the clean ones of them may be posted before the others are decided.

    Posts and voids only free what others may use, so whoever passes before them passes after them too; not so what
    balances, closes, corrects or is inflow. Two passes without a line of Python: batches of thousands come here.
    """
    return _FREE_FLAGS.issuperset(map(_flags_of, transfers)) and _FREE_CODES.issuperset(map(_code_of, transfers))


def is_plain(transfer: Transfer) -> bool:
    """Whether it just moves money between two accounts: no hold, no part of a chain, about itself, no reference."""
    return (
        not transfer.flags
        and transfer.amount is not None
        and 0 < transfer.amount <= AMOUNT_MAX
        and transfer.code in _PLAIN
        and transfer.debit != transfer.credit
        and 0 < transfer.ledger <= LEDGER_MAX
        and transfer.about in (None, transfer.id)
        and not transfer.reference
        and transfer.pending_id is None
        and not transfer.timeout_s
    )


def of_one(transfer: Transfer) -> list[Any]:
    """The arguments of ledger_post_one for a plain transfer."""
    amount, code = transfer.amount, transfer.code
    code_class = _CLASS_OF.get(code)
    spent = 0 if code_class is None else amount
    return [transfer.id, transfer.debit, transfer.credit, amount, code, transfer.ledger, spent, code_class or 0]


def of_decided(book: Book, today: date) -> list[Any]:
    """The arguments of ledger_post for what was posted to this book, in this order.

    today  the bank day on which it was decided

    An account needs as much as it lacked at its lowest on the way, and room for its highest.
    """
    posted = book.posted
    sums: dict[Id, list[int]] = {}
    closes: dict[Id, bool] = {}
    exact: set[Id] = set()
    for transfer in posted:
        if transfer.code in MARKERS:
            continue
        held = book.transfers[transfer.pending_id].amount if transfer.pending_id else 0
        at_once, pending = movement(transfer, held)
        payer = sums.setdefault(transfer.debit, [transfer.ledger] + [0] * 13)
        payee = sums.setdefault(transfer.credit, [transfer.ledger] + [0] * 13)
        payer[_DEBITS] += at_once
        payer[_DEBITS_PENDING] += pending
        payee[_CREDITS] += at_once
        payee[_CREDITS_PENDING] += pending
        if transfer.flags & VOID:
            closes |= closing(transfer, book.transfers)
            continue  # it only gives back, and works on closed and frozen accounts too
        # Whom this batch has opened again before is closed until it is written, and need not be open.
        payer[_SIDES] |= _PAYS & ~(_CLOSED_BY_TRANSFER * (transfer.debit in closes))
        payee[_SIDES] |= _RECEIVES & ~(_CLOSED_BY_TRANSFER * (transfer.credit in closes))
        payer[_NEED_D] = max(payer[_NEED_D], payer[_DEBITS] + payer[_DEBITS_PENDING] - payer[_CREDITS])
        payee[_NEED_C] = max(payee[_NEED_C], payee[_CREDITS] + payee[_CREDITS_PENDING] - payee[_DEBITS])
        payee[_RISE] = max(payee[_RISE], payee[_CREDITS] + payee[_CREDITS_PENDING] - payee[_DEBITS])
        closes |= closing(transfer, book.transfers)
        exact |= {transfer.debit} if transfer.flags & BALANCING_DEBIT else set()
        exact |= {transfer.credit} if transfer.flags & BALANCING_CREDIT else set()
    counted, received = _counted(book, sums), _received(book, sums)
    order = sorted(sums)
    besides = _besides(book, closes, exact, counted, received, today)
    two_phase = besides is not None or any(transfer.flags & ~LINKED for transfer in posted)
    transfers = _transfers(posted, None, two_phase=two_phase)
    columns = _turned(sums, order, 14)
    return [order, *columns, *transfers, None, _SPENDS, _CLASSES, None, two_phase, besides, *_range(posted)]


def _counted(book: Book, sums: dict[Id, list[int]]) -> set[Id]:
    """Adds up what was spent where; answers the accounts that got something back, whose counters are then written
    as they were decided, and not added to."""
    counted: set[Id] = set()
    for transfer in book.posted:
        if transfer.code in MARKERS:
            continue
        for account, amount, code_class in spent_by(transfer, book.accounts):
            row = sums.setdefault(account, [transfer.ledger] + [0] * 13)
            row[_SPENT] += amount
            if code_class:
                row[_SPENT + code_class] += amount
        if back := given_back_by(transfer, book.transfers, book.counted_on, book.accounts):
            counted |= {account for account, _, _ in back[1]}
    for account in counted:
        row = sums.setdefault(account, [book.accounts[account].ledger] + [0] * 13)
        row[_SPENT : _SPENT + 5] = [0] * 5
    return counted


def _received(book: Book, sums: dict[Id, list[int]]) -> set[Id]:
    """The accounts whose inflow was counted or taken back: written as it was decided."""
    received: set[Id] = set()
    for transfer in book.posted:
        if transfer.code in MARKERS:
            continue
        if into := received_by(transfer, book.accounts):
            received.add(into[0])
        if back := inflow_given_back_by(transfer, book.transfers, book.accounts):
            received.add(back[1])
    for account in received:
        sums.setdefault(account, [book.accounts[account].ledger] + [0] * 13)
    return received


def _besides(
    book: Book, closes: dict[Id, bool], exact: set[Id], counted: set[Id], received: set[Id], today: date
) -> dict[str, Any] | None:
    """What few batches do besides: close accounts or open them again, count on exact balances, give back caps, count
    inflow."""
    if not closes and not exact and not counted and not received:
        return None
    accounts = [book.accounts[account] for account in exact]
    return {
        "closed": [str(account) for account, closed in closes.items() if closed],
        "opened": [str(account) for account, closed in closes.items() if not closed],
        "exact": [
            {
                "id": str(account.id),
                "payable": account.credits_posted - account.debits_posted - account.debits_pending,
                "receivable": account.debits_posted - account.credits_posted - account.credits_pending,
            }
            for account in accounts
        ],
        "counted": _as_decided(book, counted, caps.COLUMNS),
        "received": _as_decided(book, received, caps.INFLOW_COLUMNS) or None,
        "today": today.isoformat() if counted or received else None,
    }


def _as_decided(book: Book, accounts: set[Id], columns: Sequence[str]) -> list[dict[str, Any]]:
    """What the decision saw of these accounts, and what it made of it."""
    return [
        {
            "id": str(account),
            "before": _caps_of(book.read[account], columns),
            "after": _caps_of(book.accounts[account], columns),
        }
        for account in accounts
    ]


def _caps_of(account: Account, columns: Sequence[str]) -> dict[str, Any]:
    """Limits and counters, as the columns of the account's row."""
    said = {name: getattr(account, name) for name in columns}
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in said.items()}


def _turned(sums: dict[Id, list[int]], order: Sequence[Id], width: int) -> Sequence[Sequence[int]]:
    """Rows to columns. Rows are locked in the order of their ids everywhere, so that none wait in a circle."""
    return list(zip(*[sums[account] for account in order], strict=True)) if order else _NOTHING[:width]


def _range(rows: Sequence[Transfer | Posted]) -> tuple[Id, Id]:
    """The least and the greatest of their ids."""
    ids = [row.id for row in rows]
    return min(ids), max(ids)


def _transfers(rows: Sequence[Transfer | Posted], the_ledger: int | None, *, two_phase: bool) -> list[Any]:
    """The columns of transfers, from their ids to their time-outs."""
    size = len(rows)
    ledgers = [row.ledger for row in rows]
    abouts = [row.about for row in rows]
    references = [row.reference for row in rows]
    kinds = [int(row.flags) for row in rows]  # an IntFlag can be iterated, which asyncpg takes for an array
    return [
        [row.id for row in rows],
        [row.debit for row in rows],
        [row.credit for row in rows],
        [row.amount for row in rows],
        [row.code for row in rows],
        None if the_ledger and ledgers.count(the_ledger) == size else ledgers,
        None if abouts.count(None) == size else abouts,
        None if references.count("") == size else references,
        None if kinds.count(0) == size else kinds,
        [row.pending_id for row in rows] if two_phase else None,
        [row.timeout_s for row in rows] if two_phase else None,
    ]


def candidates(batch: Sequence[Transfer]) -> list[int] | None:
    """The places of transfers that may be posted in any order; None for all of them, [] for none.

    Posts and voids depend on their hold, and what is malformed is refused; both are decided later. When a chain
    holds such a one, or one id comes twice, order matters beyond a suspect account: then all are decided in order.
    """
    ids = {transfer.id for transfer in batch}
    if len(ids) < len(batch):
        return []
    places = []
    chained = False
    for place, transfer in enumerate(batch):
        amount, linked = transfer.amount, transfer.flags & LINKED
        if (
            transfer.flags | LINKED | PENDING == LINKED | PENDING
            and amount is not None
            and 0 <= amount <= AMOUNT_MAX
            and transfer.code in _ORDINARY
            and (amount == 0) is (transfer.code in MARKERS)
            and (amount or not transfer.flags & PENDING)
            and transfer.pending_id is None
            and (not transfer.timeout_s or (transfer.flags & PENDING and 0 < transfer.timeout_s <= TIMEOUT_MAX_S))
            and transfer.debit != transfer.credit
            and 0 < transfer.ledger <= LEDGER_MAX
            and (not transfer.reference or is_storable(transfer.reference))
        ):
            places.append(place)
        elif chained or linked or transfer.pending_id in ids:
            return []
        chained = bool(linked)
    return None if len(places) == len(batch) else places
