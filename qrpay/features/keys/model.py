"""How long a key signs and counts, and a key as it is kept."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final, get_args

from msgspec import Struct

from qrpay.codes.signing import CLOCK_SKEW, Purpose

PURPOSES: Final[tuple[Purpose, ...]] = get_args(Purpose)

SIGN_FOR: Final = timedelta(days=365)
"""A key signs for a year at most (rules.md 4.4); a rotation ends it sooner."""

ROTATE_BEFORE: Final = timedelta(days=30)
"""A key that nobody rotated is rotated by the clock this long before it would fall silent."""

VERIFY_FOR: Final[Mapping[Purpose, timedelta]] = {
    "code": timedelta(days=1) + CLOCK_SKEW,  # the longest life of an order
    "static": timedelta(days=5 * 366),  # the print life of a static code (rules.md 4.4)
    "terminal": timedelta(days=8),  # the longest life of a terminal's certificate, and a day for clocks that are wrong
    "receipt": timedelta(days=3_653),  # ten years, as long as the transaction's record is kept (rules.md 3.7)
    "statement": timedelta(days=3_653),  # the same: accountants keep statements as long as the books
    "webhook": timedelta(days=7),  # a delivery is signed anew at each attempt; a receiver may queue it
}
"""How long a key still verifies after it signed last: the longest life of what it signed."""


class SealedKey(Struct, frozen=True):
    """A row of signing_keys; `private` is sealed with the master key and this key's id."""

    kid: str
    purpose: Purpose
    alg: str
    public: bytes
    private: bytes
    not_before: datetime
    sign_until: datetime
    verify_until: datetime
    revoked_at: datetime | None

    def may_sign(self, now: datetime) -> bool:
        """Whether it signs now or will."""
        return now < self.sign_until and self.revoked_at is None

    def state(self, now: datetime) -> str:
        """`revoked`, `published` (not yet signing), `signing`, `verifying` (signs no more) or `dead`."""
        if self.revoked_at is not None and self.revoked_at <= now:
            return "revoked"
        if now >= self.verify_until:
            return "dead"
        if now < self.not_before:
            return "published"
        return "signing" if now < self.sign_until else "verifying"
