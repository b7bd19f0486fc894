"""The scalars of the house, with their units: amounts, currencies, ids, claims, times, pages of a list."""

import base64
import hashlib
import os
import re
import time
import unicodedata
import uuid
from binascii import a2b_base64
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Final, Generic, TypeVar

import msgspec
from asyncpg.pgproto.pgproto import UUID as FastUUID  # a uuid.UUID made in C: five times quicker to build
from msgspec import Meta, Struct

Id = uuid.UUID
"""A 128-bit id. Its first 48 bits are Unix milliseconds, so that ids near in time are near in every index."""

AMOUNT_MAX: Final = 999_999_999_999
"""The most one transfer may move, in minor units: EMV object 54 holds 13 characters (QRCPS MPM 4.7.7)."""

Amount = Annotated[int, Meta(ge=1, le=AMOUNT_MAX, description="Minor units of the currency (fen for CNY).")]
Reference = Annotated[
    str,
    Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_\-]+\Z", description="The caller's own number."),
]
Text64 = Annotated[str, Meta(min_length=1, max_length=64)]
Text256 = Annotated[str, Meta(min_length=1, max_length=256)]
CurrencyCode = Annotated[str, Meta(pattern=r"^[A-Z]{3}\Z", description="ISO 4217, such as CNY.")]


class Currency(Struct, frozen=True):
    """One currency of ISO 4217: `numeric` is also the number of its ledger; `exponent` its decimals."""

    code: str
    numeric: int
    exponent: int


CURRENCIES: Final = {
    row.code: row
    for row in (
        Currency("CNY", 156, 2), Currency("HKD", 344, 2), Currency("MOP", 446, 2), Currency("TWD", 901, 2),
        Currency("JPY", 392, 0), Currency("KRW", 410, 0), Currency("VND", 704, 0), Currency("USD", 840, 2),
        Currency("EUR", 978, 2), Currency("GBP", 826, 2), Currency("SGD", 702, 2), Currency("THB", 764, 2),
        Currency("IDR", 360, 2), Currency("MYR", 458, 2), Currency("INR", 356, 2), Currency("BRL", 986, 2),
        Currency("KWD", 414, 3), Currency("BHD", 48, 3), Currency("OMR", 512, 3), Currency("JOD", 400, 3),
    )
}  # fmt: skip
TEST_LEDGERS: Final = 10_000
"""A test ledger's number is its currency's and this: no transfer passes from one ledger to another, so money for trying
and money never meet (docs/decisions/0021)."""
CURRENCY_OF_LEDGER: Final = {row.numeric + side: row for side in (0, TEST_LEDGERS) for row in CURRENCIES.values()}


def ledger_of(currency: str, test: bool) -> int:
    """The ledger of a currency (a code of CURRENCIES), or the one for trying."""
    return CURRENCIES[currency].numeric + (TEST_LEDGERS if test else 0)


def decimal_text(amount: int, exponent: int) -> str:
    """Minor units as EMV 54 and people read them: 1250 with two decimals is `12.50`."""
    if exponent == 0:
        return str(amount)
    sign, digits = ("-" if amount < 0 else ""), str(abs(amount)).rjust(exponent + 1, "0")
    return f"{sign}{digits[:-exponent]}.{digits[-exponent:]}"


# Ids -----------------------------------------------------------------------------------------------------------

CROCKFORD: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = [high + low for high in CROCKFORD for low in CROCKFORD]  # ten bits at a time: a tenth of base64's time
_FROM_CROCKFORD = bytes.maketrans(CROCKFORD.encode(), b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
_FROM_URLSAFE = bytes.maketrans(b"-_", b"+/")
_ID_22 = re.compile(r"[A-Za-z0-9_\-]{21}[AQgw]\Z")  # 132 bits hold 128: the last four are zero
_ID_TEXT = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}\Z")


def id_of(raw: bytes) -> Id:
    """The id over these 16 bytes."""
    return FastUUID(raw)


def new_id(now_ms: int | None = None) -> Id:
    """A fresh UUIDv7 (RFC 9562 5.7): 48 bits of Unix milliseconds, then randomness."""
    ms = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    tail = bytearray(os.urandom(10))
    tail[0] = 0x70 | tail[0] & 0x0F
    tail[2] = 0x80 | tail[2] & 0x3F
    return id_of(ms.to_bytes(6, "big") + tail)


def claim(kind: str, about: Id, *parts: object) -> Id:
    """The id of something that may happen at most once: equal inputs give equal ids on any machine.

    It keeps the time prefix of what it is about and hashes the rest, so that neighbours in time stay
    neighbours in the index. `parts` are written with their lengths, so that no two lists read alike.
    """
    text = "".join([f"{len(part)}:{part}" for part in (kind, *map(str, parts))])
    tail = bytearray(hashlib.blake2b(about.bytes + text.encode(), digest_size=10, person=b"qrpay-claim").digest())
    tail[0] = 0x80 | tail[0] & 0x0F  # version 8 (RFC 9562 5.8): made by a hash of our own
    tail[2] = 0x80 | tail[2] & 0x3F
    return id_of(about.bytes[:6] + tail)


def id_text(prefix: str, value: Id) -> str:
    """`ord_` and 26 characters of Crockford base32, as a ULID is written."""
    n, pair = int.from_bytes(value.bytes, "big"), _PAIRS  # value.int would stay with the id, 44 bytes for good
    return (
        f"{prefix}{pair[n >> 120]}{pair[n >> 110 & 1023]}{pair[n >> 100 & 1023]}{pair[n >> 90 & 1023]}"
        f"{pair[n >> 80 & 1023]}{pair[n >> 70 & 1023]}{pair[n >> 60 & 1023]}{pair[n >> 50 & 1023]}"
        f"{pair[n >> 40 & 1023]}{pair[n >> 30 & 1023]}{pair[n >> 20 & 1023]}{pair[n >> 10 & 1023]}{pair[n & 1023]}"
    )


def id_from_text(prefix: str, text: str) -> Id | None:
    """The id behind `ord_…`, read in either case; None when it is none."""
    if len(text) != len(prefix) + 26 or not text.isascii() or not text.lower().startswith(prefix):
        return None
    digits = text[len(prefix) :].upper()
    if not _ID_TEXT.match(digits):
        return None
    return id_of(base64.b32decode(b"AAAAAA" + digits.encode().translate(_FROM_CROCKFORD))[4:])


def id_to_22(value: Id) -> str:
    """16 bytes in base64url: 22 characters, which fit EMV's 25 (a ULID's 26 do not)."""
    return base64.urlsafe_b64encode(value.bytes)[:22].decode()


def id_from_22(text: str) -> Id | None:
    """The id behind 22 characters of base64url; None unless it is the one canonical spelling."""
    if not _ID_22.match(text):
        return None
    return id_of(a2b_base64(text.encode().translate(_FROM_URLSAFE) + b"=="))


def id_time_ms(value: Id) -> int:
    """Unix milliseconds in an id's prefix."""
    return int.from_bytes(value.bytes[:6], "big")


# Texts ---------------------------------------------------------------------------------------------------------

# C0, DEL, C1, zero-width space and BOM, bidi embeddings and isolates (api.md, Manners); the joiners are allowed.
FORBIDDEN_TEXT: Final = re.compile("[\x00-\x1f\x7f-\x9f\u200b\ufeff\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def text_defect(text: str) -> str | None:
    """Why this text may not enter (control, bidi, zero-width, not NFC); None when it may."""
    if found := FORBIDDEN_TEXT.search(text):
        return f"The character U+{ord(found[0]):04X} is not allowed."
    if not unicodedata.is_normalized("NFC", text):
        return "Text must be in Unicode normal form C."
    return None


# Times ---------------------------------------------------------------------------------------------------------

Clock = Callable[[], datetime]
"""What time it is, in UTC: handed in, so that tests own it."""


def utc_now() -> datetime:
    """The machine's clock."""
    return datetime.now(UTC)


def rfc3339(moment: datetime) -> str:
    """RFC 3339 in UTC with milliseconds: `2026-01-05T08:00:00.000Z`."""
    slot = moment.minute + moment.second & 15
    second, text = _SECONDS[slot]
    since = moment - second
    if since.seconds or since.days:
        second = moment.astimezone(UTC).replace(microsecond=0)
        text, since = second.isoformat()[:19], moment - second
        _SECONDS[slot] = second, text
    return f"{text}.{since.microseconds // 1_000:03d}Z"


# The last seconds that were written, and how: most times that are written are of this second or a set time later, and
# this is a third of the cost of writing each out.
_SECONDS = [(datetime.fromtimestamp(0, UTC), "1970-01-01T00:00:00")] * 16


# Lists ---------------------------------------------------------------------------------------------------------

T = TypeVar("T")


class Page(Struct, Generic[T], frozen=True):
    """A page of a list: at most `limit` things, and the cursor of the next page or null."""

    data: Sequence[T]
    next_cursor: str | None = None


def encode(value: object) -> bytes:
    """JSON as every answer writes it."""
    return msgspec.json.encode(value)
