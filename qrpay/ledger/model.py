"""Accounts, transfers and results: the vocabulary of the ledger (after TigerBeetle's, design.md)."""

from collections.abc import Sequence
from datetime import date, datetime
from enum import IntEnum, IntFlag
from typing import Final, Protocol

from msgspec import Struct

from qrpay.ledger.chart import TransferCode
from qrpay.ledger.counters import Conservation, Counters
from qrpay.ledger.limits import CapBook
from qrpay.values import Id, claim, id_of

COUNTER_MAX: Final = 2**63 - 1
TIMEOUT_MAX_S: Final = 400 * 86_400
REFERENCE_MAX: Final = 128
"""Characters of a transfer's reference, at most."""
CHANGES_MAX: Final = 1_000
"""Accounts that one call may change, at most."""


class AccountFlag(IntFlag):
    """What an account may not do."""

    DEBITS_MUST_NOT_EXCEED_CREDITS = 1
    CREDITS_MUST_NOT_EXCEED_DEBITS = 2
    DEBITS_FROZEN = 4
    CREDITS_FROZEN = 8
    CLOSED = 16  # by change_accounts
    CLOSED_BY_TRANSFER = 32  # as long as its closing transfer is pending


CHANGEABLE: Final = AccountFlag.DEBITS_FROZEN | AccountFlag.CREDITS_FROZEN | AccountFlag.CLOSED
"""What change_accounts may set and clear; guards stand for the life of an account."""
FROZEN: Final = AccountFlag.DEBITS_FROZEN | AccountFlag.CREDITS_FROZEN
ANY_CLOSED: Final = AccountFlag.CLOSED | AccountFlag.CLOSED_BY_TRANSFER


class TransferFlag(IntFlag):
    """How a transfer is posted."""

    LINKED = 1  # stands or falls with the next one of the same call
    PENDING = 2  # reserves; posted or voided later
    POST_PENDING = 4
    VOID_PENDING = 8
    BALANCING_DEBIT = 16  # at most what the debit account has left: credits_posted - debits, posted and pending
    BALANCING_CREDIT = 32  # at most what the credit account still owes: debits_posted - credits, posted and pending
    CLOSING_DEBIT = 64  # closes the debit account until this hold is voided
    CLOSING_CREDIT = 128


class NewAccount(Struct, frozen=True):
    """An account to be opened. `ledger` is a currency's number (ISO 4217), or that of a unit of the bank (chart.py)."""

    id: Id
    ledger: int
    code: int
    flags: int = 0
    day_limit: int | None = None  # most it may spend in a bank day, minor units; None: no cap
    year_limit: int | None = None  # the same for a bank year
    balance_limit: int | None = None  # most it may hold at any moment
    cap_class: int = 0  # whose caps it follows (chart.py), where it has none of its own; 0: nobody's


NEVER_LOOKED_UP: Final = date(2000, 1, 1)
"""The `limits_until` of an account whose limits are still to be looked up."""


class Account(Struct, frozen=True):
    """An account as it stands: four counters, and what its caps have used, all in minor units.

    used_on       the bank day that day_used and code_…_used count; its year is the one that year_used counts
    limits_until  from this bank day on the limits are to be looked up anew; None: a new cap will say
    inflow_on     the same as used_on, of inflow_day_used and inflow_year_used; those are None until something came in
    day_group     the account where day and year are counted, code_group: where codes are; None: here
    """

    id: Id
    ledger: int
    code: int
    flags: int
    debits_pending: int
    debits_posted: int
    credits_pending: int
    credits_posted: int
    day_limit: int | None
    year_limit: int | None
    balance_limit: int | None
    used_on: date | None
    day_used: int
    year_used: int
    created_at: datetime
    cap_class: int = 0
    limits_until: date | None = None
    code_a_limit: int | None = None
    code_b_limit: int | None = None
    code_c_limit: int | None = None
    code_d_limit: int | None = None
    code_a_used: int | None = None
    code_b_used: int | None = None
    code_c_used: int | None = None
    code_d_used: int | None = None
    day_group: Id | None = None
    code_group: Id | None = None
    inflow_day_limit: int | None = None
    inflow_year_limit: int | None = None
    inflow_on: date | None = None
    inflow_day_used: int | None = None
    inflow_year_used: int | None = None


class AccountChange(Struct, frozen=True):
    """Freeze, unfreeze, close or reopen an account; who asked, and why, is the feature's story.

    set, clear  account flags, of CHANGEABLE; what is in both is set
    """

    id: Id
    set: int = 0
    clear: int = 0

    @classmethod
    def frozen(cls, id: Id, *, credits_too: bool) -> "AccountChange":
        """No debits (只收不付), or neither debits nor credits (不收不付)."""
        if credits_too:
            return cls(id, int(FROZEN))
        return cls(id, int(AccountFlag.DEBITS_FROZEN), int(AccountFlag.CREDITS_FROZEN))

    @classmethod
    def unfrozen(cls, id: Id) -> "AccountChange":
        """Debits and credits, as before the freeze."""
        return cls(id, clear=int(FROZEN))

    @classmethod
    def closed(cls, id: Id) -> "AccountChange":
        """No transfer any more, but for voids and expiries of its holds; whatever it holds stays in it."""
        return cls(id, int(AccountFlag.CLOSED))

    @classmethod
    def reopened(cls, id: Id) -> "AccountChange":
        """Undo `closed`. What a closing transfer has closed, its void opens."""
        return cls(id, clear=int(AccountFlag.CLOSED))


class Changed(IntEnum):
    """What became of a change of an account."""

    CHANGED = 0
    UNCHANGED = 1  # it stood so already
    ACCOUNT_NOT_FOUND = 2
    CLOSED_BY_TRANSFER = 3  # still closed, by a closing transfer: void that


NIL: Final = id_of(bytes(16))
"""An account left out, where a post or a void inherits it."""


class Transfer(Struct, frozen=True):
    """A movement to be posted. `about` is the business thing it belongs to; its own id when left out.

    amount  minor units; of a balancing transfer the most that it may move, None: whatever is there

    A post or a void inherits from its hold what it leaves out: accounts NIL, amount None (all of the hold),
    code and ledger 0, about None, reference "".
    """

    id: Id
    debit: Id
    credit: Id
    amount: int | None
    code: int
    ledger: int
    about: Id | None = None
    reference: str = ""
    flags: int = 0
    pending_id: Id | None = None
    timeout_s: int = 0

    @classmethod
    def of_hold(cls, id: Id, hold: Id, *, void: bool = False, amount: int | None = None) -> "Transfer":
        """Post a hold (all of it, or `amount` minor units), or void it; everything else is inherited."""
        flags = TransferFlag.VOID_PENDING if void else TransferFlag.POST_PENDING
        return cls(id, NIL, NIL, amount, 0, 0, flags=flags, pending_id=hold)

    @classmethod
    def of_correction(cls, wrong: "Posted", number: int = 1, amount: int | None = None) -> "Transfer":
        """Give back what a transfer moved wrongly, all of it or `amount`: the other way, and named by `about`.

        number  of this correction of that transfer, from 1 on: two clerks who correct it at once claim one id
        """
        return cls(
            claim("correction", wrong.id, number),
            debit=wrong.credit,
            credit=wrong.debit,
            amount=wrong.amount if amount is None else amount,
            code=TransferCode.CORRECTION,
            ledger=wrong.ledger,
            about=wrong.id,
        )


class Posted(Struct, frozen=True):
    """A transfer as it stands in the ledger, for ever."""

    id: Id
    debit: Id
    credit: Id
    amount: int
    code: int
    ledger: int
    about: Id
    reference: str
    flags: int
    pending_id: Id | None
    timeout_s: int
    timestamp: datetime


class Result(IntEnum):
    """What became of a transfer: it stands, or why not; docs/reference/ledger.md says more of each.

    Whoever deserves several gets the smallest of them, apart from CREATED (nothing else applies) and from EXISTS
    (a chain that failed says so first). A failed transfer leaves no trace.
    """

    CREATED = 0
    EXISTS = 1
    LINKED_EVENT_CHAIN_OPEN = 2
    LINKED_EVENT_FAILED = 3
    EXISTS_WITH_DIFFERENT_FLAGS = 10
    EXISTS_WITH_DIFFERENT_DEBIT_ACCOUNT = 11
    EXISTS_WITH_DIFFERENT_CREDIT_ACCOUNT = 12
    EXISTS_WITH_DIFFERENT_AMOUNT = 13
    EXISTS_WITH_DIFFERENT_CODE = 14
    EXISTS_WITH_DIFFERENT_LEDGER = 15
    EXISTS_WITH_DIFFERENT_ABOUT = 16
    EXISTS_WITH_DIFFERENT_REFERENCE = 17
    EXISTS_WITH_DIFFERENT_PENDING_ID = 18
    EXISTS_WITH_DIFFERENT_TIMEOUT = 19
    AMOUNT_MALFORMED = 30  # negative, above the limit, or zero where only a marker or a closing may be zero
    CODE_MALFORMED = 31
    LEDGER_MALFORMED = 32
    REFERENCE_MALFORMED = 33
    FLAGS_MALFORMED = 34
    TIMEOUT_MALFORMED = 35
    PENDING_ID_MALFORMED = 36
    ABOUT_MALFORMED = 37  # a correction of nothing, or of itself
    PENDING_TRANSFER_NOT_FOUND = 40
    PENDING_TRANSFER_NOT_PENDING = 41
    PENDING_TRANSFER_DIFFERENT = 42
    PENDING_TRANSFER_ALREADY_POSTED = 43
    PENDING_TRANSFER_ALREADY_VOIDED = 44
    PENDING_TRANSFER_EXPIRED = 45
    EXCEEDS_PENDING_AMOUNT = 46
    DEBIT_ACCOUNT_NOT_FOUND = 50
    CREDIT_ACCOUNT_NOT_FOUND = 51
    ACCOUNTS_MUST_HAVE_THE_SAME_LEDGER = 52
    ACCOUNTS_MUST_BE_DIFFERENT = 53
    CORRECTED_TRANSFER_NOT_FOUND = 54
    DEBIT_ACCOUNT_CLOSED = 60
    CREDIT_ACCOUNT_CLOSED = 61
    DEBITS_FROZEN = 62
    CREDITS_FROZEN = 63
    NOTHING_TO_BALANCE = 65  # a balancing transfer found nothing to move
    OVERFLOWS_DEBITS = 70
    OVERFLOWS_CREDITS = 71
    EXCEEDS_CREDITS = 80  # the payer has too little
    EXCEEDS_DEBITS = 81
    EXCEEDS_CAP_DAY = 90
    EXCEEDS_CAP_YEAR = 91
    EXCEEDS_CAP_BALANCE = 92
    EXCEEDS_CAP_CODE_A = 93  # the day's cap of payments by codes of this class (rules.md 3.1)
    EXCEEDS_CAP_CODE_B = 94
    EXCEEDS_CAP_CODE_C = 95
    EXCEEDS_CAP_CODE_D = 96
    EXCEEDS_CAP_INFLOW_DAY = 97  # what may come in from accounts that are not bound, or as cash (rules.md 3.3)
    EXCEEDS_CAP_INFLOW_YEAR = 98

    @property
    def stands(self) -> bool:
        """Whether the transfer is in the ledger, exactly as asked."""
        return self <= Result.EXISTS

    @property
    def differs(self) -> bool:
        """Whether another transfer bears this id."""
        return Result.EXISTS_WITH_DIFFERENT_FLAGS <= self <= Result.EXISTS_WITH_DIFFERENT_TIMEOUT


class Outcome(Struct, frozen=True):
    """A result and its figures.

    timestamp  of the first posting, when the transfer stands
    limit, used, left  of the guard that said no, in minor units, when one did
    passes             the amount that all guards would let pass now, when one said no
    resets_at          when the cap that said no begins to count anew
    """

    result: Result
    timestamp: datetime | None = None
    limit: int | None = None
    used: int | None = None
    left: int | None = None
    passes: int | None = None
    resets_at: datetime | None = None


class Entry(Struct, frozen=True):
    """A line of an account's statement: a transfer seen from that account.

    cursor        names its place
    after         the account's counters once it was posted
    effective_at  when it belongs: for a hold that ran out, when it was due; for a correction, when what it corrects was
                  recorded; else when it was recorded itself, which is the transfer's timestamp
    gap           whether older lines follow that are not attached: this is not the end
    """

    transfer: Posted
    cursor: str
    after: Counters
    effective_at: datetime
    gap: bool = False


class Ledger(CapBook, Protocol):
    """What the house may ask of the ledger. The engine (PostgreSQL) and the oracle (plain Python) both answer."""

    async def post(self, transfer: Transfer) -> Outcome:
        """Post one transfer. Safe to repeat: its id is claimed once."""
        ...

    async def post_chain(self, transfers: Sequence[Transfer]) -> Sequence[Outcome]:
        """Post transfers in this order within one batch; LINKED ones stand or fall together."""
        ...

    async def create_accounts(self, accounts: Sequence[NewAccount]) -> Sequence[Result]:
        """Open accounts; one that is there already answers EXISTS, or what differs."""
        ...

    async def change_accounts(self, changes: Sequence[AccountChange]) -> Sequence[Changed]:
        """Freeze, unfreeze, close, reopen: in this order, at most CHANGES_MAX, each for itself. Safe to repeat.

        A payment that races with it is decided before or after it, never half; what was posted before stays.
        """
        ...

    async def lookup_accounts(self, ids: Sequence[Id]) -> dict[Id, Account]: ...

    async def lookup_transfers(self, ids: Sequence[Id]) -> dict[Id, Posted]: ...

    async def about(self, about: Id, code: int) -> Sequence[Posted]:
        """All transfers of one kind about one thing, oldest first."""
        ...

    async def about_many(self, abouts: Sequence[Id], codes: Sequence[int]) -> dict[Id, list[Posted]]:
        """All transfers of these kinds about each of these things, oldest first; what has none is left out."""
        ...

    async def entries(self, account: Id, *, limit: int, before: str | None = None) -> Sequence[Entry]:
        """The account's statement, newest first, by cursor, with its balance after each line."""
        ...

    async def balance_at(self, account: Id, at: datetime) -> Counters | None:
        """An account's counters as recorded up to a moment, that moment included; None for an unknown account.

        For a moment that has passed the answer never changes. It goes by recorded times: a hold that ran out counts
        until its void was recorded, at most some seconds later.
        """
        ...

    async def conservation(self) -> Conservation:
        """Whether money is conserved, by looking at what has changed since it was last asked."""
        ...

    async def tail(self, cursor: str, limit: int) -> tuple[Sequence[Posted], str]:
        """What was posted after `cursor` ("" for the beginning), in commit order without gaps, and the next cursor."""
        ...

    async def release_due_holds(self, limit: int = 1_000) -> int:
        """Void holds that ran out of time, at most `limit`; how many there were."""
        ...
