"""Accounts, transfers and results: the vocabulary of the ledger (after TigerBeetle's, design.md)."""

from collections.abc import Sequence
from datetime import date, datetime
from enum import IntEnum, IntFlag
from typing import Final, Protocol

from msgspec import Struct

from qrpay.values import Id, id_of

COUNTER_MAX: Final = 2**63 - 1
TIMEOUT_MAX_S: Final = 400 * 86_400


class AccountFlag(IntFlag):
    """What an account may not do."""

    DEBITS_MUST_NOT_EXCEED_CREDITS = 1
    CREDITS_MUST_NOT_EXCEED_DEBITS = 2
    DEBITS_FROZEN = 4
    CREDITS_FROZEN = 8
    CLOSED = 16


class TransferFlag(IntFlag):
    """How a transfer is posted."""

    LINKED = 1  # stands or falls with the next one of the same call
    PENDING = 2  # reserves; posted or voided later
    POST_PENDING = 4
    VOID_PENDING = 8


class NewAccount(Struct, frozen=True):
    """An account to be opened. `ledger` is the numeric currency (ISO 4217)."""

    id: Id
    ledger: int
    code: int
    flags: int = 0
    day_limit: int | None = None  # most it may spend in a bank day, minor units; None: no cap
    year_limit: int | None = None  # the same for a bank year
    balance_limit: int | None = None  # most it may hold at any moment


class Account(Struct, frozen=True):
    """An account as it stands: four counters, and what its caps have used, all in minor units."""

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
    used_on: date | None  # the bank day that day_used counts; its year is the one that year_used counts
    day_used: int
    year_used: int
    created_at: datetime


NIL: Final = id_of(bytes(16))
"""An account left out, where a post or a void inherits it."""


class Transfer(Struct, frozen=True):
    """A movement to be posted. `about` is the business thing it belongs to; its own id when left out.

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
    """What became of a transfer, in order of precedence. A failed transfer leaves no trace."""

    CREATED = 0
    EXISTS = 1
    LINKED_EVENT_FAILED = 2
    LINKED_EVENT_CHAIN_OPEN = 3
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
    AMOUNT_MALFORMED = 30  # negative, above the limit, or zero where only a marker may be zero
    FLAGS_MALFORMED = 31
    TIMEOUT_MALFORMED = 32
    PENDING_ID_MALFORMED = 33
    DEBIT_ACCOUNT_NOT_FOUND = 40
    CREDIT_ACCOUNT_NOT_FOUND = 41
    ACCOUNTS_MUST_BE_DIFFERENT = 42
    ACCOUNTS_MUST_HAVE_THE_SAME_LEDGER = 43
    PENDING_TRANSFER_NOT_FOUND = 50
    PENDING_TRANSFER_NOT_PENDING = 51
    PENDING_TRANSFER_DIFFERENT = 52
    PENDING_TRANSFER_ALREADY_POSTED = 53
    PENDING_TRANSFER_ALREADY_VOIDED = 54
    PENDING_TRANSFER_EXPIRED = 55
    EXCEEDS_PENDING_AMOUNT = 56
    DEBIT_ACCOUNT_CLOSED = 60
    CREDIT_ACCOUNT_CLOSED = 61
    DEBITS_FROZEN = 62
    CREDITS_FROZEN = 63
    OVERFLOWS_DEBITS = 70
    OVERFLOWS_CREDITS = 71
    EXCEEDS_CREDITS = 80  # the payer has too little
    EXCEEDS_DEBITS = 81
    EXCEEDS_CAP_DAY = 90
    EXCEEDS_CAP_YEAR = 91
    EXCEEDS_CAP_BALANCE = 92

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
    """

    result: Result
    timestamp: datetime | None = None
    limit: int | None = None
    used: int | None = None
    left: int | None = None


class Counters(Struct, frozen=True):
    """The four sums of an account, or what a transfer adds to them, in minor units."""

    debits_pending: int = 0
    debits_posted: int = 0
    credits_pending: int = 0
    credits_posted: int = 0

    @property
    def balance(self) -> int:
        """Credits minus debits, as of an account that the bank owes."""
        return self.credits_posted - self.debits_posted

    def plus(self, other: "Counters") -> "Counters":
        """The sums of both."""
        return Counters(
            self.debits_pending + other.debits_pending,
            self.debits_posted + other.debits_posted,
            self.credits_pending + other.credits_pending,
            self.credits_posted + other.credits_posted,
        )

    def minus(self, other: "Counters") -> "Counters":
        """What is left without the other."""
        return Counters(
            self.debits_pending - other.debits_pending,
            self.debits_posted - other.debits_posted,
            self.credits_pending - other.credits_pending,
            self.credits_posted - other.credits_posted,
        )


class Entry(Struct, frozen=True):
    """A line of an account's statement: a transfer seen from that account.

    cursor        names its place
    after         the account's counters once it was posted
    effective_at  when it belongs: for a hold that ran out, when it was due; for a correction, when what it corrects was
                  recorded; else when it was recorded itself, which is the transfer's timestamp
    """

    transfer: Posted
    cursor: str
    after: Counters
    effective_at: datetime


class LedgerTotal(Struct, frozen=True):
    """Both sides of one ledger (currency): money is conserved when they are equal, posted and pending."""

    ledger: int
    accounts: int
    debits_posted: int
    credits_posted: int
    debits_pending: int
    credits_pending: int


class Conservation(Struct, frozen=True):
    """The money light."""

    balanced: bool
    ledgers: Sequence[LedgerTotal]


class Ledger(Protocol):
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

    async def lookup_accounts(self, ids: Sequence[Id]) -> dict[Id, Account]: ...

    async def lookup_transfers(self, ids: Sequence[Id]) -> dict[Id, Posted]: ...

    async def about(self, about: Id, code: int) -> Sequence[Posted]:
        """All transfers of one kind about one thing, oldest first."""
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

    async def conservation(self) -> Conservation: ...

    async def tail(self, cursor: str, limit: int) -> tuple[Sequence[Posted], str]:
        """What was posted after `cursor` ("" for the beginning), in commit order without gaps, and the next cursor."""
        ...

    async def release_due_holds(self, limit: int = 1_000) -> int:
        """Void holds that ran out of time, at most `limit`; how many there were."""
        ...
