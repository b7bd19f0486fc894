"""What accounts and ledgers add up to, and whether money is conserved."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from qrpay.values import Id


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


class LedgerTotal(Struct, frozen=True):
    """Both sides of one ledger (currency): money is conserved when they are equal, posted and pending."""

    ledger: int
    debits_posted: int
    credits_posted: int
    debits_pending: int
    credits_pending: int

    @property
    def balanced(self) -> bool:
        """Whether what is debited is credited."""
        return self.debits_posted == self.credits_posted and self.debits_pending == self.credits_pending


class Discrepancy(Struct, frozen=True):
    """An account whose counters are not the sums of its transfers: somebody wrote past the ledger.

    ledger  0 when the account's row is gone
    excess  what its counters show too much (below zero: too little), in minor units
    """

    account: Id
    ledger: int
    found_at: datetime
    excess: Counters


class Conservation(Struct, frozen=True):
    """The money light.

    balanced       in every ledger both sides are equal, and no account is known to differ from its transfers
    position       how many transfers of the log are sealed, and so under `root`
    root           the hash over all of them, 32 bytes; equal roots at one position mean equal books
    discrepancies  the accounts that differ
    """

    balanced: bool
    position: int
    root: bytes
    ledgers: Sequence[LedgerTotal]
    discrepancies: Sequence[Discrepancy] = ()
