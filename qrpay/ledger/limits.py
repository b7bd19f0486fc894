"""A cap as somebody sets it: whose, of what kind, how much, from which day on."""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

from msgspec import Struct

from qrpay.values import Id

Progress = Callable[[int], None]


class CapKind(StrEnum):
    """What a cap limits, in order of precedence of the refusals; the values are stored and on the wire."""

    DAY = "day"  # spending in a bank day
    YEAR = "year"  # spending in a bank year
    BALANCE = "balance"  # what an account may hold at any moment
    CODE_A = "code_a"  # spending in a bank day by codes of a class (rules.md 3.1)
    CODE_B = "code_b"
    CODE_C = "code_c"
    CODE_D = "code_d"
    INFLOW_DAY = "inflow_day"  # what comes in in a bank day from accounts that are not bound, or as cash (rules.md 3.3)
    INFLOW_YEAR = "inflow_year"


class NewCap(Struct, frozen=True):
    """A cap to be set: of one account, or of all accounts of a class in a ledger. It is never changed, only followed.

    amount        minor units; None: no cap
    effective_on  the bank day from which it holds, today or later
    inherits      the account follows its class again (amount None)
    set_by        who, 1 to 128 characters; source: why, such as the order of a regulator, at most 256
    """

    ledger: int
    kind: CapKind
    amount: int | None
    effective_on: date
    set_by: str
    source: str = ""
    cap_class: int | None = None
    account: Id | None = None
    inherits: bool = False


class Cap(NewCap, frozen=True):
    """A cap that was set, and when."""

    id: int = 0
    set_at: datetime | None = None


class SharedCaps(Struct, frozen=True):
    """Accounts of one person in one ledger that count together (rules.md 3.1, 3.3).

    accounts    all of them, 2 to 100, each with the id under which its day and year are counted together with the other
                accounts of its class; None: it is the only one of its class
    code_group  the id under which the codes of all are counted
    """

    accounts: Sequence[tuple[Id, Id | None]]
    code_group: Id


class Use(Struct, frozen=True):
    """One cap: minor units, and when it begins to count anew (None: never, a cap of the balance)."""

    limit: int
    used: int
    resets_at: datetime | None

    @property
    def left(self) -> int:
        """What would still pass, at least 0: a cap may have been lowered below what is used."""
        return max(0, self.limit - self.used)


class CapUse(Struct, frozen=True):
    """What an account's caps say at one moment, by kind; kinds without a cap are left out.

    shared  whether other accounts of the same person count too
    """

    caps: dict[CapKind, Use]
    shared: bool = False


class CapBook(Protocol):
    """The part of a ledger that keeps the caps."""

    async def set_cap(self, cap: NewCap, progress: Progress | None = None) -> bool:
        """Set a cap from a bank day on; accounts of a class follow when it returns. False: no such account.

        progress  is told how many more accounts have been looked at

        Raises ValueError when the day is past.
        """
        ...

    async def caps(self, *, ledger: int, account: Id | None = None) -> Sequence[Cap]:
        """All caps that were ever set in a ledger for classes, or for this account, in the order they were set."""
        ...

    async def share_caps(self, shared: SharedCaps) -> None:
        """Count what these accounts spend together from now on, with what they have used already. Safe to repeat."""
        ...

    async def cap_use(self, accounts: Sequence[Id], at: datetime | None = None) -> dict[Id, CapUse]:
        """What the caps of these accounts say at a moment, now or later; accounts that do not exist are left out."""
        ...
