"""What travels when lists are compared: a line, digests of buckets of lines, and what differs."""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from qrpay.codes.signing import from_base64url, to_base64url
from qrpay.values import CurrencyCode

Kind = Literal["payment", "refund"]
LineStatus = Annotated[str, Meta(min_length=1, max_length=16, pattern=r"^[a-z_]+\Z")]
What = Literal["missing_here", "missing_there", "amount_differs", "currency_differs", "status_differs"]

PLACE_BITS: Final = 24
"""A line's place is the first bits of the SHA-256 over `kind|reference`."""
DIGEST_BYTES: Final = 16
BUCKETS_MAX: Final = 2_048
"""Buckets of one question: their digests fit a body of 64 KiB."""
LINES_MAX: Final = 2_000
"""Lines of one question."""
SETTLED: Final[dict[Kind, str]] = {"payment": "paid", "refund": "succeeded"}

Bits = Annotated[int, Meta(ge=0, le=PLACE_BITS)]
Bucket = Annotated[int, Meta(ge=0, lt=1 << PLACE_BITS)]
Digest = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_\-]{21}[AQgw]\Z")]


class Line(Struct, frozen=True):
    """A payment or refund as one side has it in its books.

    reference  the merchant's own: of the order, or of the refund
    amount     minor units of `currency`
    status     of a payment `paid`; of a refund `succeeded`, or `pending` while it waits for its payer's account
    """

    kind: Kind
    reference: Annotated[str, Meta(min_length=1, max_length=64)]
    amount: Annotated[int, Meta(ge=0, le=10**15)]
    currency: CurrencyCode
    status: LineStatus


def place_of(kind: str, reference: str) -> int:
    """Where a line stands, 0 to 2^24 - 1: alike on both sides, whatever else of it differs."""
    return int.from_bytes(hashlib.sha256(f"{kind}|{reference}".encode()).digest()[:3], "big")


def mark_of(kind: str, reference: str, amount: int, currency: str, status: str) -> int:
    """The first 16 bytes of the SHA-256 over `kind|reference|amount|currency|status`."""
    text = f"{kind}|{reference}|{amount}|{currency}|{status}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:DIGEST_BYTES], "big")


def digest_text(mark: int) -> str:
    """The digest of a bucket as it travels: the marks of its lines, taken together by XOR, in base64url.

    No side has a line twice (references are unique), so that the same digest means the same lines, in any order.
    """
    return to_base64url(mark.to_bytes(DIGEST_BYTES, "big"))


def mark_in(text: Digest) -> int:
    """The same read back."""
    raw = from_base64url(text)
    assert raw is not None, "its form was checked when it entered"
    return int.from_bytes(raw, "big")


def together(marks: Iterable[int]) -> int:
    """The digest of lines."""
    mark = 0
    for one in marks:
        mark ^= one
    return mark


class Span(Struct, frozen=True, forbid_unknown_fields=True, rename={"from_": "from"}):
    """Of which account and business days, both included; at most 31."""

    from_: date
    to: date
    currency: CurrencyCode | None = None


class NewReconciliation(Span, frozen=True, forbid_unknown_fields=True, rename={"from_": "from"}, kw_only=True):
    """The digests of a merchant's own list.

    bits     a line is in the bucket that the first `bits` bits of its place name, so there are 2^bits of them
    buckets  which ones the digests are of; left out: all, from 0 on
    digests  theirs, 16 bytes in base64url; of an empty bucket 22 times A
    """

    bits: Bits
    digests: Annotated[list[Digest], Meta(min_length=1, max_length=BUCKETS_MAX)]
    buckets: Annotated[list[Bucket], Meta(min_length=1, max_length=BUCKETS_MAX)] | None = None


class DifferingBucket(Struct, frozen=True):
    """A bucket whose lines are not the same on both sides; `lines`: how many we have in it."""

    bucket: int
    lines: int


class Reconciliation(Struct, frozen=True):
    """What came of comparing digests. `lines`: how many lines we have in the buckets asked for."""

    lines: int
    differing: Sequence[DifferingBucket]


class NewComparison(Span, frozen=True, forbid_unknown_fields=True, rename={"from_": "from"}, kw_only=True):
    """All of a merchant's own lines in some buckets."""

    bits: Bits
    buckets: Annotated[list[Bucket], Meta(min_length=1, max_length=BUCKETS_MAX)]
    lines: Annotated[list[Line], Meta(max_length=LINES_MAX)]


class Difference(Struct, frozen=True):
    """A line that is not the same on both sides. `here`: as we have it; `there`: as the merchant has it."""

    what: What
    kind: Kind
    reference: str
    here: Line | None
    there: Line | None


class Comparison(Struct, frozen=True):
    """The lines that differ, by kind and reference; all others of those buckets are the same."""

    differences: Sequence[Difference]


def difference(here: Line | None, there: Line | None) -> Difference | None:
    """What differs between two lines of one kind and reference; None: nothing does."""
    one = here or there
    if one is None or here == there:
        return None
    if here is None:
        what: What = "missing_here"
    elif there is None:
        what = "missing_there"
    elif here.currency != there.currency:
        what = "currency_differs"
    else:
        what = "amount_differs" if here.amount != there.amount else "status_differs"
    return Difference(what, one.kind, one.reference, here, there)
