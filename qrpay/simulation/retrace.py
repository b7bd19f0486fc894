"""Goes once more over what was posted, in the order of each account, by the rules that the oracle goes by.

A transfer's timestamp says its place in the order of both its accounts; what time it was when it was decided is known
from the clock that its callers saw. Where that could be two days of the bank, both are followed.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from qrpay.ledger.caps import bank_day
from qrpay.ledger.chart import MARKERS
from qrpay.ledger.model import Account, Posted, Result, Transfer
from qrpay.ledger.rules import Book, expiry_of_hold
from qrpay.ledger.soundness import PENDING
from qrpay.values import Id


class State(Struct, frozen=True):
    """An account after some of its transfers.

    options  as it may stand: one, unless midnight fell into a call
    open     holds on it that are neither posted nor voided
    """

    options: tuple[Account, ...]
    open: frozenset[Id]


class Line(Struct):
    """An account's history: its transfers in order, and how it stood after each; `states[0]` is the beginning."""

    states: list[State]
    transfers: list[Posted]


class Retrace(Book):
    """A book that follows an engine."""

    def __init__(self, opening: dict[Id, Account]) -> None:
        super().__init__()
        self.accounts = dict(opening)
        self.lines = {id: Line([State((account,), frozenset())], []) for id, account in opening.items()}
        self.holds: dict[Id, datetime | None] = {}  # every hold there was, and when it ran out
        self._places: dict[tuple[Id, Id], int] = {}

    def standing(self, transfer: Transfer) -> Result:
        """What a retry of this transfer would be told in the end; LINKED_EVENT_FAILED when nothing bears its id."""
        outcome = self._standing(self._filled(transfer))
        return Result.LINKED_EVENT_FAILED if outcome is None else outcome.result

    def place_of(self, account: Id, transfer: Id) -> int | None:
        """The how-manieth of an account's transfers this is, from 1 on; None when it is none of them."""
        return self._places.get((account, transfer))

    def follow(self, posted: Posted, clocks: Sequence[datetime]) -> str | None:
        """Apply a transfer that stands; why the rules would not have let it, if so.

        clocks  every time it may have been when it was decided, in order
        """
        transfer = as_transfer(posted)
        expiry = posted.pending_id is not None and posted.id == expiry_of_hold(posted.pending_id)
        due = self.due.get(posted.pending_id) if posted.pending_id is not None else None
        if expiry and (due is None or due > max(posted.timestamp, clocks[-1])):
            return f"a hold was given back before its time, which was {due}"
        refusal, payers, paid = None, [], None
        options = self._options(posted)
        payee = self.accounts.get(posted.credit)
        # No decision was made later than what it bears as its time.
        days = {bank_day(moment): moment for moment in reversed(clocks) if moment <= posted.timestamp}
        for payer in options:
            for now in days.values():
                self._set(payer, payee)
                if posted.pending_id is not None and posted.pending_id in self.transfers:
                    if posted.pending_id in self.resolutions:
                        return "its hold was resolved before"
                    self.due[posted.pending_id] = due
                found = None if expiry else self._refusal(transfer, now)
                if found is not None:
                    refusal = found
                    continue
                self._apply(transfer, now)
                if posted.pending_id is not None:
                    del self.resolutions[posted.pending_id]
                payers.append(self.accounts.get(posted.debit))
                paid = self.accounts.get(posted.credit)
        if not payers:
            self._set(options[0], payee)
            if refusal is None:
                return "it bears a time before any that it was asked at"
            return f"the rules say {refusal.result.name.lower()} (limit {refusal.limit}, used {refusal.used})"
        self._set(payers[0], paid)
        self._keep(posted, payers)
        return None

    def force(self, posted: Posted, clocks: Sequence[datetime]) -> None:
        """Apply it whatever the rules say, so that one violation is not told as many."""
        if posted.pending_id is not None:
            if posted.pending_id not in self.transfers:
                return
            self.due.setdefault(posted.pending_id, None)
        if posted.code not in MARKERS and not {posted.debit, posted.credit} <= self.accounts.keys():
            return
        self._apply(as_transfer(posted), clocks[-1])
        self._keep(posted, [self.accounts.get(posted.debit)])

    def _options(self, posted: Posted) -> Sequence[Account | None]:
        """How the payer may stand before this transfer."""
        line = self.lines.get(posted.debit)
        return [None] if line is None or posted.code in MARKERS else line.states[-1].options

    def _set(self, payer: Account | None, payee: Account | None) -> None:
        for account in (payer, payee):
            if account is not None:
                self.accounts[account.id] = account

    def _keep(self, posted: Posted, payers: Sequence[Account | None]) -> None:
        """Under its own timestamp, which decides when a hold is due."""
        self.transfers[posted.id] = posted
        if posted.flags & PENDING:
            timeout = timedelta(seconds=posted.timeout_s)
            self.due[posted.id] = self.holds[posted.id] = posted.timestamp + timeout if posted.timeout_s else None
        elif posted.pending_id is not None:
            self.resolutions[posted.pending_id] = posted
            self.due.pop(posted.pending_id, None)
        if posted.code in MARKERS:
            return
        payee = self.accounts[posted.credit]
        for id in (posted.debit, posted.credit):
            if (line := self.lines.get(id)) is None:
                continue
            if id == posted.debit:
                options = tuple(dict.fromkeys(payer for payer in payers if payer is not None))
            else:  # what it may have spent does not change
                options = tuple(
                    replace(one, credits_posted=payee.credits_posted, credits_pending=payee.credits_pending,
                            flags=payee.flags)
                    for one in line.states[-1].options
                )  # fmt: skip
            still = line.states[-1].open
            still = still | {posted.id} if posted.flags & PENDING else still - {posted.pending_id}
            line.states.append(State(options, still))
            line.transfers.append(posted)
            self._places[id, posted.id] = len(line.transfers)


def as_transfer(posted: Posted) -> Transfer:
    """The transfer that was asked for."""
    return Transfer(
        posted.id, posted.debit, posted.credit, posted.amount, posted.code, posted.ledger, posted.about,
        posted.reference, posted.flags, posted.pending_id, posted.timeout_s,
    )  # fmt: skip
