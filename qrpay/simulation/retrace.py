"""Goes once more over what was posted, in the order of each account, by the rules that the oracle goes by.

A transfer's timestamp says its place in the order of both its accounts; what time it was when it was decided is known
from the clock that its callers saw. Where that could be two days of the bank, both are followed.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from itertools import product

from msgspec import Struct
from msgspec.structs import replace

from qrpay.ledger.caps import bank_day, count, give_back, given_back_by, is_stale
from qrpay.ledger.chart import MARKERS, RESTORES, SPENDS, TransferCode
from qrpay.ledger.counters import Counters
from qrpay.ledger.model import Account, Entry, Posted, Result, Transfer
from qrpay.ledger.rules import Book, expiry_of_hold
from qrpay.ledger.soundness import BALANCING, PENDING, POST, VOID
from qrpay.simulation.changes import after_change
from qrpay.simulation.evidence import as_asked
from qrpay.simulation.history import Change
from qrpay.values import Id


class State(Struct, frozen=True):
    """An account after some of its transfers and changes.

    options  as it may stand: one, unless midnight fell into a call
    open     holds on it that are neither posted nor voided
    """

    options: tuple[Account, ...]
    open: frozenset[Id]


class Line(Struct):
    """An account's history: its transfers and changes in order, and how it stood after each; first: the beginning."""

    states: list[State]
    entries: list[Posted | Change]

    @property
    def transfers(self) -> list[Posted]:
        """The transfers alone."""
        return [entry for entry in self.entries if isinstance(entry, Posted)]


class Retrace(Book):
    """A book that follows an engine."""

    def __init__(self, opening: dict[Id, Account]) -> None:
        super().__init__()
        self.accounts = dict(opening)
        self.lines = {id: Line([State((account,), frozenset())], []) for id, account in opening.items()}
        self.holds: dict[Id, datetime | None] = {}  # every hold there was, and when it ran out
        self.days: dict[Id, set[date]] = {}  # on which bank days each hold may count
        self._places: dict[tuple[Id, Id], int] = {}

    def standing(self, transfer: Transfer) -> Result:
        """What a retry of this transfer would be told in the end; LINKED_EVENT_FAILED when nothing bears its id."""
        outcome = self._standing(self._filled(transfer))
        return Result.LINKED_EVENT_FAILED if outcome is None else outcome.result

    def place_of(self, account: Id, transfer: Id) -> int | None:
        """The how-manieth of an account's entries this is, from 1 on; None when it is none of them."""
        return self._places.get((account, transfer))

    def follow(
        self, posted: Posted, clocks: Sequence[datetime], asked: Sequence[Transfer], ahead: Iterable[date] = ()
    ) -> str | None:
        """Apply a transfer that stands; why the rules would not have let it, if so.

        clocks  every time it may have been when it was decided, in order
        asked   what was asked for under its id: a balancing transfer moved as much of that as was there
        ahead   bank days that the clock had shown by then; see moved_on
        """
        transfer = as_asked(posted)
        expiry = posted.pending_id is not None and posted.id == expiry_of_hold(posted.pending_id)
        due = self.due.get(posted.pending_id) if posted.pending_id is not None else None
        if expiry and (due is None or due > max(posted.timestamp, clocks[-1])):
            return f"a hold was given back before its time, which was {due}"
        refusal, payers, paid = None, [], None
        options = self._options(posted)
        payee = self.accounts.get(posted.credit)
        # No decision was made later than what it bears as its time.
        days = {bank_day(moment): moment for moment in reversed(clocks) if moment <= posted.timestamp}
        for payer, now, counted in self._cases(options, days.values(), self._counted(posted), ahead):
            self._set(payer, payee)
            if posted.pending_id is not None and counted is not None:
                self.counted_on[posted.pending_id] = counted
            if posted.pending_id is not None and posted.pending_id in self.transfers:
                if posted.pending_id in self.resolutions:
                    return "its hold was resolved before"
                self.due[posted.pending_id] = due
            found = None if expiry else self._objection(transfer, now, asked)
            if found is not None:
                refusal = found
                continue
            self._apply(transfer, now)
            if posted.pending_id is not None:
                del self.resolutions[posted.pending_id]
            if posted.id in self.counted_on:
                self.days.setdefault(posted.id, set()).add(self.counted_on[posted.id])
            payers.append(self.accounts.get(posted.debit))
            paid = self.accounts.get(posted.credit)
        if not payers:
            self._set(options[0], payee)
            return refusal or "it bears a time before any that it was asked at"
        self._set(payers[0], paid)
        self._keep(posted, payers)
        return None

    @staticmethod
    def _cases(
        options: Sequence[Account | None],
        clocks: Iterable[datetime],
        counted: Iterable[date | None],
        ahead: Iterable[date],
    ) -> Iterator[tuple[Account | None, datetime, date | None]]:
        """How the payer may stand, what time it may be, and on which day the hold that is resolved may count."""
        for payer, now, day in product(options, list(clocks), list(counted)):
            for counting in [None] if payer is None else moved_on(payer, ahead, bank_day(now)):
                yield counting, now, day

    def force(self, posted: Posted, clocks: Sequence[datetime]) -> None:
        """Apply it whatever the rules say, so that one violation is not told as many."""
        if posted.pending_id is not None:
            if posted.pending_id not in self.transfers:
                return
            self.due.setdefault(posted.pending_id, None)
        if posted.code not in MARKERS and not {posted.debit, posted.credit} <= self.accounts.keys():
            return
        self._apply(as_asked(posted), clocks[-1])
        self._keep(posted, [self.accounts.get(posted.debit)])

    def change(self, change: Change) -> str | None:
        """Apply a change of an account's flags or limits; what it shows that the replay does not, if so."""
        line = self.lines[change.account]
        state = line.states[-1]
        options = tuple(dict.fromkeys(after_change(account, change) for account in state.options))
        self.accounts[change.account] = after_change(self.accounts[change.account], change)
        line.states.append(State(options, state.open))
        line.entries.append(change)
        if any(account.flags != change.flags for account in options):
            return f"account {change.account} has the flags {change.flags}, replayed {[a.flags for a in options]}"
        return None

    def counters_at(self, account: Id, at: datetime, place: int) -> Counters:
        """What an account's transfers recorded up to a moment add up to, of its first entries."""
        line = self.lines[account]
        while place > 0 and (isinstance(entry := line.entries[place - 1], Change) or entry.timestamp > at):
            place -= 1
        return counters_of(line.states[place].options[0])

    def misread(self, account: Id, lines: Sequence[Entry], end: int) -> str | None:
        """What is wrong with the newest lines of a statement, if an account has had so many entries; None: nothing."""
        line = self.lines[account]
        newest = [(place, entry) for place, entry in enumerate(line.entries[:end], 1) if isinstance(entry, Posted)]
        for (place, posted), said in zip(reversed(newest), lines, strict=False):
            if said.transfer != posted:
                return f"there stands {said.transfer.id}, not {posted.id}"
            if said.after != counters_of(line.states[place].options[0]):
                return f"after {posted.id} it says {said.after}, replayed {counters_of(line.states[place].options[0])}"
            if said.effective_at != self._effective(posted):
                return f"{posted.id} is effective {said.effective_at}, replayed {self._effective(posted)}"
        if any(said.transfer.id in self.transfers for said in lines[len(newest) :]):
            return "it goes on with what is newer"
        return None

    def _effective(self, posted: Posted) -> datetime:
        if posted.pending_id is not None and posted.id == expiry_of_hold(posted.pending_id):
            due = self.holds.get(posted.pending_id)
            return posted.timestamp if due is None else min(posted.timestamp, due)
        wrong = self.transfers.get(posted.about) if posted.code == TransferCode.CORRECTION else None
        return posted.timestamp if wrong is None else min(posted.timestamp, wrong.timestamp)

    def _counted(self, posted: Posted) -> Iterable[date | None]:
        """The bank days on which the hold that is resolved may count."""
        return (None,) if posted.pending_id is None else self.days.get(posted.pending_id, (None,))

    def _objection(self, transfer: Transfer, now: datetime, asked: Sequence[Transfer]) -> str | None:
        """Why the rules would not post this now."""
        refusal = self._refusal(transfer, now)
        if refusal is not None:
            return f"the rules say {refusal.result.name.lower()} (limit {refusal.limit}, used {refusal.used})"
        payer = self.accounts.get(transfer.debit)
        spends = transfer.code in SPENDS and not transfer.flags & (POST | VOID)
        if payer is not None and spends and is_stale(payer, bank_day(now)):
            return f"the payer's limits were to be looked up anew on {payer.limits_until}"
        there = [self._balanced(replace(transfer, amount=one.amount)).amount for one in asked]
        if transfer.flags & BALANCING and transfer.amount not in there:
            return f"it moved {transfer.amount}, but {there} was there"
        return None

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
                options = self._given_back(posted, options)
            still = line.states[-1].open
            still = still | {posted.id} if posted.flags & PENDING else still - {posted.pending_id}
            line.states.append(State(options, still))
            line.entries.append(posted)
            self._places[id, posted.id] = len(line.entries)

    def _given_back(self, posted: Posted, options: tuple[Account, ...]) -> tuple[Account, ...]:
        """The payee of a correction, who gets back what he had used of his caps."""
        back = (
            given_back_by(posted, self.transfers, self.counted_on, self.accounts) if posted.code in RESTORES else None
        )
        if back is None:
            return options
        day, counts = back
        for _, amount, code_class in counts:
            options = tuple(give_back(one, amount, code_class, day) for one in options)
        return options


def moved_on(account: Account, ahead: Iterable[date], today: date) -> Iterator[Account]:
    """How an account may count when the clock was set back over midnight: as it did, or for a later day that it showed.

    What is refused is taken out of the counters again, but the day that it would have counted for stays.
    """
    yield account
    for day in ahead:
        if day > today and (account.used_on is None or account.used_on < day):
            yield count(account, 0, 0, day)


def counters_of(account: Account) -> Counters:
    """Its four sums."""
    return Counters(account.debits_pending, account.debits_posted, account.credits_pending, account.credits_posted)
