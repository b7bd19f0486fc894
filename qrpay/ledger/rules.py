"""The rules of the ledger: what becomes of a transfer, decided one after another over a book in memory.

Plain and without a database. The oracle keeps such a book for ever; the engine makes a small one of what its
undecided transfers touch. The SQL guards must say the same, which the conformance suite and random runs hold.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final

from msgspec.structs import replace

from qrpay.ledger.caps import (
    bank_day,
    cap_guards,
    count,
    give_back,
    give_back_inflow,
    given_back_by,
    inflow_given_back_by,
    receive,
    received_by,
    resets_at,
    rule_of,
    spent_by,
)
from qrpay.ledger.chart import MARKERS, TransferCode
from qrpay.ledger.counters import Counters
from qrpay.ledger.model import (
    ANY_CLOSED,
    CHANGEABLE,
    COUNTER_MAX,
    NIL,
    Account,
    AccountChange,
    AccountFlag,
    Changed,
    NewAccount,
    Outcome,
    Posted,
    Result,
    Transfer,
)
from qrpay.ledger.soundness import (
    BALANCING,
    BALANCING_CREDIT,
    BALANCING_DEBIT,
    CLOSING,
    CLOSING_CREDIT,
    CLOSING_DEBIT,
    LINKED,
    PENDING,
    POST,
    VOID,
    malformed,
)
from qrpay.values import AMOUNT_MAX, Id, claim

_ANY_CLOSED: Final = int(ANY_CLOSED)
_CLOSED_BY_TRANSFER: Final = int(AccountFlag.CLOSED_BY_TRANSFER)
_TICK: Final = timedelta(microseconds=1)

# What a retry is compared by, in order of precedence; LINKED is not content.
_CONTENT: Final = (
    ("debit", Result.EXISTS_WITH_DIFFERENT_DEBIT_ACCOUNT),
    ("credit", Result.EXISTS_WITH_DIFFERENT_CREDIT_ACCOUNT),
    ("amount", Result.EXISTS_WITH_DIFFERENT_AMOUNT),
    ("code", Result.EXISTS_WITH_DIFFERENT_CODE),
    ("ledger", Result.EXISTS_WITH_DIFFERENT_LEDGER),
    ("about", Result.EXISTS_WITH_DIFFERENT_ABOUT),
    ("reference", Result.EXISTS_WITH_DIFFERENT_REFERENCE),
    ("pending_id", Result.EXISTS_WITH_DIFFERENT_PENDING_ID),
    ("timeout_s", Result.EXISTS_WITH_DIFFERENT_TIMEOUT),
)


def expiry_of_hold(hold: Id) -> Id:
    """The id of the void that ends a hold when its time has run out."""
    return claim("expire", hold)


def expiry_of(hold: Posted) -> Transfer:
    """The void of a hold that ran out of time; everybody who notices posts the same one."""
    return Transfer(expiry_of_hold(hold.id), hold.debit, hold.credit, hold.amount, hold.code, hold.ledger,
                    hold.about, hold.reference, VOID, hold.id)  # fmt: skip


class Book:
    """Accounts and transfers at one moment, and what has been posted to them since.

    accounts     by id
    transfers    by id
    resolutions  the post or void of a hold, by the hold's id
    due          when each open hold runs out; None: never
    counted_on   the bank day in whose counters each open hold stands
    read         the accounts as they were before anything was posted, where somebody has kept them
    posted       what was posted to this book, in order
    """

    def __init__(self) -> None:
        self.accounts: dict[Id, Account] = {}
        self.transfers: dict[Id, Posted] = {}
        self.resolutions: dict[Id, Posted] = {}
        self.due: dict[Id, datetime | None] = {}
        self.counted_on: dict[Id, date] = {}
        self.read: dict[Id, Account] = {}
        self.posted: list[Posted] = []
        self._last = datetime.min.replace(tzinfo=UTC)

    def release_due(self, now: datetime) -> None:
        """Void the holds that ran out of time."""
        for hold in [key for key, due_at in self.due.items() if due_at is not None and due_at <= now]:
            self._apply(expiry_of(self.transfers[hold]), now)

    def post_all(self, transfers: Sequence[Transfer], now: datetime) -> list[Outcome]:
        """Post in order, chains all or nothing; one outcome each."""
        outcomes: list[Outcome] = []
        for start, end in chains(transfers):
            chain = transfers[start:end]
            outcomes += [self._post(chain[0], now)] if end - start == 1 else self._post_chain(chain, now)
        return outcomes

    def _post(self, transfer: Transfer, now: datetime) -> Outcome:
        if transfer.flags & LINKED:
            return Outcome(Result.LINKED_EVENT_CHAIN_OPEN)
        transfer = self._filled(transfer)
        return self._standing(transfer) or self._refusal(transfer, now) or self._apply(self._balanced(transfer), now)

    def _post_chain(self, chain: Sequence[Transfer], now: datetime) -> list[Outcome]:
        failed = [Outcome(Result.LINKED_EVENT_FAILED)] * len(chain)
        if chain[-1].flags & LINKED:
            return [*failed[:-1], Outcome(Result.LINKED_EVENT_CHAIN_OPEN)]
        standing = [self._standing(self._filled(transfer)) for transfer in chain]
        if all(outcome is not None and outcome.result is Result.EXISTS for outcome in standing):
            return [outcome for outcome in standing if outcome is not None]
        broken = [(n, outcome) for n, outcome in enumerate(standing) if outcome is not None]
        if broken:  # one that differs says more than one that stands
            place, outcome = min(broken, key=lambda each: (not each[1].result.differs, each[0]))
            return [*failed[:place], outcome, *failed[place + 1 :]]
        if len({transfer.id for transfer in chain}) < len(chain):
            return failed
        before, due, length = dict(self.accounts), dict(self.due), len(self.posted)
        outcomes: list[Outcome] = []
        for place, transfer in enumerate(map(self._filled, chain)):
            refusal = self._refusal(transfer, now)
            if refusal is not None:
                self.accounts, self.due = before, due
                self._forget(length)
                return [*failed[:place], refusal, *failed[place + 1 :]]
            outcomes.append(self._apply(self._balanced(transfer), now))
        return outcomes

    def _forget(self, length: int) -> None:
        """Take back what a failed chain had posted."""
        for posted in self.posted[length:]:
            del self.transfers[posted.id]
            if posted.pending_id is not None:
                del self.resolutions[posted.pending_id]
        del self.posted[length:]

    def _filled(self, transfer: Transfer) -> Transfer:
        """The transfer with what it leaves out."""
        hold = self.transfers.get(transfer.pending_id) if transfer.pending_id is not None else None
        if hold is None or not transfer.flags & (POST | VOID):
            return transfer if transfer.about is not None else replace(transfer, about=transfer.id)
        return replace(
            transfer,
            debit=hold.debit if transfer.debit == NIL else transfer.debit,
            credit=hold.credit if transfer.credit == NIL else transfer.credit,
            amount=hold.amount if transfer.amount is None else transfer.amount,
            code=transfer.code or hold.code,
            ledger=transfer.ledger or hold.ledger,
            about=transfer.about or hold.about,
            reference=transfer.reference or hold.reference,
        )

    def _standing(self, transfer: Transfer) -> Outcome | None:
        """What stands under this id already."""
        posted = self.transfers.get(transfer.id)
        if posted is None:
            return None
        if (posted.flags ^ transfer.flags) & ~LINKED:
            return Outcome(Result.EXISTS_WITH_DIFFERENT_FLAGS, posted.timestamp)
        for field, result in _CONTENT:
            asked, stands = getattr(transfer, field), getattr(posted, field)
            if field == "amount" and transfer.flags & BALANCING:
                asked = stands if asked is None else min(asked, stands)  # it was the most, and could be less
            if asked != stands:
                return Outcome(result, posted.timestamp)
        return Outcome(Result.EXISTS, posted.timestamp)

    def _refusal(self, transfer: Transfer, now: datetime) -> Outcome | None:
        """Why this new transfer may not be posted, in the order of precedence."""
        result = malformed(transfer)
        if result is None and transfer.flags & (POST | VOID):
            result = self._resolution_refusal(transfer, now)
        elif result is None:
            result = self._accounts_refusal(transfer)
        if result is not None:
            return Outcome(result)
        if transfer.code in MARKERS or transfer.flags & VOID:
            return None
        debit, credit = self.accounts[transfer.debit], self.accounts[transfer.credit]
        result = _flag_refusal(debit, credit)
        if result is not None:
            return Outcome(result)
        if transfer.flags & POST:
            return None  # the hold has passed the guards already
        transfer = self._balanced(transfer)
        if not transfer.amount:  # a closing may move nothing, which no guard forbids
            return None if transfer.flags & CLOSING else Outcome(Result.NOTHING_TO_BALANCE)
        return guard_refusal(self.accounts, transfer, now)

    def _balanced(self, transfer: Transfer) -> Transfer:
        """With the amount that it moves: of a balancing transfer, as much as is there now."""
        if not transfer.flags & BALANCING:
            return transfer
        amount = AMOUNT_MAX if transfer.amount is None else transfer.amount
        if transfer.flags & BALANCING_DEBIT:
            debit = self.accounts[transfer.debit]
            amount = min(amount, debit.credits_posted - debit.debits_posted - debit.debits_pending)
        if transfer.flags & BALANCING_CREDIT:
            credit = self.accounts[transfer.credit]
            amount = min(amount, credit.debits_posted - credit.credits_posted - credit.credits_pending)
        return replace(transfer, amount=max(0, amount))

    def _accounts_refusal(self, transfer: Transfer) -> Result | None:
        if transfer.code in MARKERS:  # its ends need not exist, as it moves nothing
            return Result.ACCOUNTS_MUST_BE_DIFFERENT if transfer.debit == transfer.credit else None
        debit, credit = self.accounts.get(transfer.debit), self.accounts.get(transfer.credit)
        if debit is None:
            return Result.DEBIT_ACCOUNT_NOT_FOUND
        if credit is None:
            return Result.CREDIT_ACCOUNT_NOT_FOUND
        if not debit.ledger == credit.ledger == transfer.ledger:
            return Result.ACCOUNTS_MUST_HAVE_THE_SAME_LEDGER
        if debit.id == credit.id:
            return Result.ACCOUNTS_MUST_BE_DIFFERENT
        if transfer.code == TransferCode.CORRECTION:
            wrong = self.transfers.get(transfer.about) if transfer.about is not None else None
            if wrong is None or wrong.ledger != transfer.ledger or wrong.code in MARKERS:
                return Result.CORRECTED_TRANSFER_NOT_FOUND
        return None

    def _resolution_refusal(self, transfer: Transfer, now: datetime) -> Result | None:
        assert transfer.pending_id is not None, "a resolution without its hold is malformed"
        hold = self.transfers.get(transfer.pending_id)
        if hold is None:
            return Result.PENDING_TRANSFER_NOT_FOUND
        if not hold.flags & PENDING:
            return Result.PENDING_TRANSFER_NOT_PENDING
        same = (hold.debit, hold.credit, hold.code, hold.ledger)
        if (transfer.debit, transfer.credit, transfer.code, transfer.ledger) != same:
            return Result.PENDING_TRANSFER_DIFFERENT
        if transfer.flags & VOID and transfer.amount != hold.amount:
            return Result.PENDING_TRANSFER_DIFFERENT
        resolution = self.resolutions.get(hold.id)
        if resolution is not None:
            if resolution.id == expiry_of_hold(hold.id):
                return Result.PENDING_TRANSFER_EXPIRED
            voided = resolution.flags & VOID
            return Result.PENDING_TRANSFER_ALREADY_VOIDED if voided else Result.PENDING_TRANSFER_ALREADY_POSTED
        due_at = self.due[hold.id]
        if due_at is not None and due_at <= now:
            return Result.PENDING_TRANSFER_EXPIRED
        assert transfer.amount is not None, "the amount was filled in"
        return Result.EXCEEDS_PENDING_AMOUNT if transfer.amount > hold.amount else None

    def _apply(self, transfer: Transfer, now: datetime) -> Outcome:
        assert transfer.amount is not None and transfer.about is not None, "only what is filled in is posted"
        self._last = max(now, self._last + _TICK)
        posted = Posted(transfer.id, transfer.debit, transfer.credit, transfer.amount, transfer.code, transfer.ledger,
                        transfer.about, transfer.reference, transfer.flags, transfer.pending_id, transfer.timeout_s,
                        self._last)  # fmt: skip
        if posted.code not in MARKERS:
            self._move(posted)
            self._count(posted, bank_day(now))
        if closes := closing(posted, self.transfers):
            for account, closed in closes:
                flags = self.accounts[account].flags & ~_CLOSED_BY_TRANSFER | _CLOSED_BY_TRANSFER * closed
                self.accounts[account] = replace(self.accounts[account], flags=flags)
        if posted.flags & PENDING:
            self.due[posted.id] = _due_at(posted)
        elif posted.pending_id is not None:
            self.resolutions[posted.pending_id] = posted
            del self.due[posted.pending_id]
        self.transfers[posted.id] = posted
        self.posted.append(posted)
        return Outcome(Result.CREATED, posted.timestamp)

    def _move(self, posted: Posted) -> None:
        at_once, pending = movement(posted, self.transfers[posted.pending_id].amount if posted.pending_id else 0)
        debit, credit = self.accounts[posted.debit], self.accounts[posted.credit]
        self.accounts[debit.id] = replace(
            debit, debits_posted=debit.debits_posted + at_once, debits_pending=debit.debits_pending + pending
        )
        self.accounts[credit.id] = replace(
            credit, credits_posted=credit.credits_posted + at_once, credits_pending=credit.credits_pending + pending
        )

    def _count(self, posted: Posted, today: date) -> None:
        """For the caps of whoever pays, or paid what is taken back; and of whoever receives."""
        spent = spent_by(posted, self.accounts)
        for account, amount, code_class in spent:
            self.accounts[account] = count(self.accounts[account], amount, code_class, today)
        if spent and posted.flags & PENDING:
            self.counted_on[posted.id] = self.accounts[spent[0][0]].used_on or today
        if back := given_back_by(posted, self.transfers, self.counted_on, self.accounts):
            for account, amount, code_class in back[1]:
                self.accounts[account] = give_back(self.accounts[account], amount, code_class, back[0])
        if received := received_by(posted, self.accounts):
            self.accounts[received[0]] = receive(self.accounts[received[0]], received[1], today)
        if inflow := inflow_given_back_by(posted, self.transfers, self.accounts):
            day, account, amount = inflow
            self.accounts[account] = give_back_inflow(self.accounts[account], amount, day)


def chains(transfers: Sequence[Transfer]) -> Iterator[tuple[int, int]]:
    """Where each chain begins and ends; a transfer that is not linked is a chain of one."""
    start = 0
    for place, transfer in enumerate(transfers, 1):
        if not transfer.flags & LINKED or place == len(transfers):
            yield start, place
            start = place


def closing(posted: Posted, transfers: Mapping[Id, Posted]) -> list[tuple[Id, bool]]:
    """The accounts that a transfer closes (True) or opens again (False), as the void of their closing transfer."""
    if posted.flags & PENDING:
        hold, closes = posted, True
    elif posted.flags & VOID and posted.pending_id is not None:
        hold, closes = transfers[posted.pending_id], False
    else:
        return []
    ends = ((hold.debit, CLOSING_DEBIT), (hold.credit, CLOSING_CREDIT))
    return [(account, closes) for account, flag in ends if hold.flags & flag]


def movement(posted: Posted, held: int) -> tuple[int, int]:
    """What a transfer adds to posted and to pending, in minor units."""
    if posted.flags & PENDING:
        return 0, posted.amount
    if posted.flags & POST:
        return posted.amount, -held
    if posted.flags & VOID:
        return 0, -held
    return posted.amount, 0


def gained(posted: Posted, account: Id, held: int) -> Counters:
    """What a transfer adds to the counters of one of its accounts; `held`: the amount of the hold it resolves, or 0."""
    if posted.code in MARKERS:
        return Counters()
    at_once, pending = movement(posted, held)
    return Counters(pending, at_once, 0, 0) if posted.debit == account else Counters(0, 0, pending, at_once)


def guard_refusal(accounts: Mapping[Id, Account], transfer: Transfer, now: datetime) -> Outcome | None:
    """Whether counters, guards and caps of both accounts allow this amount; with its figures when one does not."""
    amount = transfer.amount or 0
    debit, credit = accounts[transfer.debit], accounts[transfer.credit]
    debits, credits_ = debit.debits_posted + debit.debits_pending, credit.credits_posted + credit.credits_pending
    if debits + amount > COUNTER_MAX:
        return Outcome(Result.OVERFLOWS_DEBITS)
    if credits_ + amount > COUNTER_MAX:
        return Outcome(Result.OVERFLOWS_CREDITS)
    bound = bool(debit.flags & AccountFlag.DEBITS_MUST_NOT_EXCEED_CREDITS)
    owed = bool(credit.flags & AccountFlag.CREDITS_MUST_NOT_EXCEED_DEBITS)
    guards = (
        (Result.EXCEEDS_CREDITS, debit.credits_posted if bound else None, debits),
        (Result.EXCEEDS_DEBITS, credit.debits_posted if owed else None, credits_),
        *cap_guards(accounts, transfer, now),
    )
    met = [(result, limit, so_far) for result, limit, so_far in guards if limit is not None]
    for result, limit, so_far in met:
        if so_far + amount > limit:
            passes = max(0, min(limit - so_far for _, limit, so_far in met))
            rule = rule_of(result)
            again = None if rule is None else resets_at(rule, now)
            return Outcome(result, None, limit, so_far, max(0, limit - so_far), passes, again)
    return None


def same_account(standing: Account, asked: NewAccount) -> Result:
    """What opening an account again says."""
    if (standing.flags ^ asked.flags) & ~int(CHANGEABLE | ANY_CLOSED):
        return Result.EXISTS_WITH_DIFFERENT_FLAGS
    if standing.code != asked.code:
        return Result.EXISTS_WITH_DIFFERENT_CODE
    if standing.ledger != asked.ledger:
        return Result.EXISTS_WITH_DIFFERENT_LEDGER
    return Result.EXISTS


def change_of(change: AccountChange, flags: tuple[int, int] | None) -> Changed:
    """What became of a change: the account's flags before and after it, None when there is no such account."""
    if flags is None:
        return Changed.ACCOUNT_NOT_FOUND
    before, after = flags
    if change.clear & ~change.set & AccountFlag.CLOSED and after & _CLOSED_BY_TRANSFER:
        return Changed.CLOSED_BY_TRANSFER
    return Changed.UNCHANGED if before == after else Changed.CHANGED


def _flag_refusal(debit: Account, credit: Account) -> Result | None:
    if debit.flags & _ANY_CLOSED:
        return Result.DEBIT_ACCOUNT_CLOSED
    if credit.flags & _ANY_CLOSED:
        return Result.CREDIT_ACCOUNT_CLOSED
    if debit.flags & AccountFlag.DEBITS_FROZEN:
        return Result.DEBITS_FROZEN
    if credit.flags & AccountFlag.CREDITS_FROZEN:
        return Result.CREDITS_FROZEN
    return None


def _due_at(hold: Posted) -> datetime | None:
    return hold.timestamp + timedelta(seconds=hold.timeout_s) if hold.timeout_s else None
