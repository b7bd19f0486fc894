"""The signed code: a payment request as an EMV string that ends in our signature.

Signed is an exact prefix of the text, so no canonical form is needed; what follows it has one fixed form.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from sys import intern
from typing import Final, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from qrpay.codes import emv, offline
from qrpay.codes.problems import code_expired, code_foreign, code_forged, code_malformed
from qrpay.codes.schemes import scheme_of_message
from qrpay.codes.signing import Keyring, Purpose, Signer, Verifier, from_base64url, to_base64url
from qrpay.problem import Refused
from qrpay.values import AMOUNT_MAX, CURRENCIES, CURRENCY_OF_LEDGER, Id, decimal_text, id_from_22, id_to_22, rfc3339

DOMAIN: Final = b"qrpay-code-v1\n"
"""Stands before what is signed, so that this signature can mean nothing else."""
GUID_MAX: Final = 31
"""Characters of our GUID: template 81 holds 99, of which 60 are signature and 8 are heads."""
LIFE_MAX_S: Final = 86_400 + 60
"""A dynamic code lives a day at most; the rest is for clocks that differ."""

T = TypeVar("T")
_KINDS: Final[tuple[tuple[Purpose, Purpose], ...]] = (("static", "code"), ("code", "static"))
_EXPIRY = re.compile(r"[1-9][0-9]{0,10}\Z")


class CodeContent(Struct, frozen=True, gc=False):  # without references that could lead back to it
    """What a code of ours says.

    merchant    who is to be paid
    order       what is paid, once: a dynamic code; None: a static code, paid again and again
    static_code  the static code's own id, by which it can be withdrawn
    certificate  who signed it, when that was no key of ours but a terminal's (offline.py)
    amount      minor units of the currency, 1 to 999,999,999,999; None: the payer enters it
    currency    ISO 4217 letters
    name, city  ASCII, at most 25 and 15 characters; mcc: ISO 18245; country: ISO 3166-1 alpha-2
    store, terminal  the merchant's own names of them, ASCII, at most 25 characters
    expires_at  Unix seconds; from then on it is not paid
    kid         the key that signed it; what `sign_code` is given does not count, the signer's own is written
    """

    merchant: Id
    order: Id | None
    amount: int | None
    currency: str
    name: str
    city: str
    mcc: str
    country: str
    store: str | None = None
    terminal: str | None = None
    expires_at: int = 0
    kid: str = ""
    static_code: Id | None = None
    certificate: offline.Certificate | None = None

    @property
    def static(self) -> bool:
        """Whether it may be paid more than once."""
        return self.order is None

    def expired(self, now: datetime) -> bool:
        """Whether its time is over."""
        return now.timestamp() >= self.expires_at


# Writing -------------------------------------------------------------------------------------------------------


@lru_cache(4096)
def _payee_part(guid: str, content_kind: str, merchant: Id, mcc: str) -> str:
    """What stands before the amount and is the same in all codes of one merchant: made and checked once."""
    assert re.match(r"[0-9]{4}\Z", mcc), f"{mcc!r} is no merchant category"
    account = emv.write("00", guid) + emv.write("01", id_to_22(merchant))
    return f"00020101{content_kind}{emv.write('26', account)}{emv.write('52', mcc)}"


@lru_cache(4096)
def _place_part(country: str, name: str, city: str) -> str:
    assert re.match(r"[A-Z]{2}\Z", country), f"{country!r} is no country"
    _assert_fits(name, 25)
    _assert_fits(city, 15)
    return emv.write("58", country) + emv.write("59", name) + emv.write("60", city)


def write_unsigned(content: CodeContent, kid: str, guid: str) -> str:
    """The part that is signed: from `00` up to, not including, template 81. Values must fit their objects."""
    assert content.amount is None or 1 <= content.amount <= AMOUNT_MAX, "amount out of range"
    for own in (content.store, content.terminal):
        if own is not None:
            _assert_fits(own, 25)
    currency = CURRENCIES[content.currency]
    text = _payee_part(guid, "0212" if content.order else "0211", content.merchant, content.mcc)
    text += f"5303{currency.numeric:03d}"
    if content.amount is not None:
        text += emv.write("54", decimal_text(content.amount, currency.exponent))
    text += _place_part(content.country, content.name, content.city)
    about = emv.write("03", content.store) if content.store else ""
    if own_id := content.order or content.static_code:
        about += "0522" + id_to_22(own_id)
    if content.terminal:
        about += emv.write("07", content.terminal)
    if about:
        text += emv.write("62", about)
    return text + emv.write("80", f"{_signer_part(guid, kid)}{emv.write('02', str(content.expires_at))}")


@lru_cache(16)
def _signer_part(guid: str, kid: str) -> str:
    return emv.write("00", guid) + emv.write("01", kid)


def sign_code(content: CodeContent, signer: Signer, guid: str) -> str:
    """The whole code, signed and closed. An `AssertionError` says that a value does not fit its object."""
    unsigned = write_unsigned(content, signer.kid, guid)
    signature = to_base64url(signer.sign(DOMAIN + unsigned.encode()))
    first, second = _signature_heads(guid)
    text = emv.build(f"{unsigned}{first}{signature[:60]}{second}{signature[60:]}")
    assert len(text) <= emv.TEXT_MAX
    return text


@lru_cache(16)
def _signature_heads(guid: str) -> tuple[str, str]:
    """What stands before the 60 and before the 26 characters of a signature, in templates 81 and 82."""
    owner = emv.write("00", guid)
    first, second = owner + emv.write("01", "x" * 60), owner + emv.write("01", "x" * 26)
    return emv.write("81", first)[:-60], emv.write("82", second)[:-26]


def _assert_fits(text: str, most: int) -> None:
    assert 1 <= len(text) <= most and emv.is_ans(text), f"{text!r} does not fit its EMV object"


# Reading -------------------------------------------------------------------------------------------------------


class SignedText(Struct, frozen=True):
    """A code of ours taken apart, nothing yet believed: its values by path, what was signed, how, and by which key."""

    values: Mapping[str, str]
    signed: bytes
    signature: bytes
    kid: str


def take_apart(text: str, guid: str) -> SignedText:
    """Length, CRC, objects, our GUID, and the one form the end of a code of ours has; no key is looked at.

    Raises `code_malformed`, `code_foreign` (naming the scheme) or `code_forged`.
    """
    message = emv.read_objects(text)
    if not is_ours(message, guid):
        emv.validate(message, strict=False)
        raise code_foreign(scheme=scheme_of_message(message))
    emv.validate(message, strict=True)
    kid, tail = message.find("80", "01"), _tail(guid)
    # Nothing but 81, 82 and the CRC may follow what is signed, in exactly the form we write: anything else
    # in there would be said by nobody.
    at = message.items[-3].start if len(message.items) > 3 else 0
    found = tail.match(text, at)
    if found is None or kid is None or message.find("80", "00") != guid:
        raise code_forged(reason="signature_missing")
    signature = from_base64url(found[1] + found[2])
    if signature is None:
        raise code_forged(reason="signature_spelled_differently")
    return SignedText(_values(message), DOMAIN + text[:at].encode(), signature, kid)


def _values(message: emv.Message) -> Mapping[str, str]:
    """Values by path: `54` the amount, `6205` the order."""
    values = {item.id: item.value for item in message.items}
    values |= {item.id + inner.id: inner.value for item in message.items for inner in item.items}
    # Ours is the one account template there is in what we write, whichever number it bears.
    account = next(item.id for item in message.accounts() if item.items)
    return values | {"2601": values.get(account + "01", "")}


def is_ours(message: emv.Message, guid: str) -> bool:
    """Whether a merchant account of ours stands in it, in whichever case the GUID is written."""
    return any(
        inner.id == "00" and inner.value.lower() == guid.lower()
        for account in message.accounts()
        for inner in account.items
    )


@lru_cache(16)
def _tail(guid: str) -> re.Pattern[str]:
    owner = emv.write("00", guid)
    first, second = len(owner) + 4 + 60, len(owner) + 4 + 26
    pieces = (f"81{first:02d}", owner + "0160", f"82{second:02d}", owner + "0126")
    open_81, own_81, open_82, own_82 = map(re.escape, pieces)
    return re.compile(rf"{open_81}{own_81}([\w-]{{60}}){open_82}{own_82}([\w-]{{26}})6304[0-9A-F]{{4}}\Z", re.ASCII)


def read_code(text: str, keyring: Keyring, guid: str, now: datetime) -> CodeContent:
    """What a code of ours says, once everything about it holds.

    Checked in this order: length, CRC, objects, our GUID, key, signature, life, expiry. Raises `code_malformed`,
    `code_foreign`, `code_forged`, `code_unknown_key`, `code_expired`.
    """
    content, _ = verified(text, keyring, guid, now)
    return alive(content, now)


def verified(text: str, keyring: Keyring, guid: str, now: datetime) -> tuple[CodeContent, datetime]:
    """What `read_code` answers and refuses, the expiry not yet looked at; and until when the key counts."""
    parts = _as_we_write(text, guid) or take_apart(text, guid)
    if "8003" in parts.values:
        return _verified_offline(text, parts, keyring, guid, now)
    verifier = _verifier(parts, keyring, now)
    if not verifier.holds(parts.signature, parts.signed):
        take_apart(text, guid)  # what is malformed is told so first
        raise code_forged(reason="signature_wrong")
    content = _content(parts.values, parts.kid)
    if not content.static and content.expires_at > now.timestamp() + LIFE_MAX_S:
        raise code_malformed(reason="life_too_long", at="80/02")
    return content, verifier.until


def _verifier(parts: SignedText, keyring: Keyring, now: datetime) -> Verifier:
    """The key of a code: one for dynamic codes, or one for static codes, whose life is longer."""
    purpose, other = _KINDS[parts.values.get("01") == "12"]
    try:
        return keyring.verifier(parts.kid, now, purpose)
    except Refused:
        keyring.verifier(parts.kid, now, other)
        raise code_forged(reason="key_of_another_kind") from None  # somebody changed object 01


def _verified_offline(
    text: str, parts: SignedText, keyring: Keyring, guid: str, now: datetime
) -> tuple[CodeContent, datetime]:
    """The same of a code that a terminal signed: first its certificate by our key, then the code by the terminal's."""
    certificate, until = offline.certificate_of(text, parts.values, keyring, guid, now)
    message = offline.DOMAIN + parts.signed[len(DOMAIN) :]
    if not certificate.verifier().holds(parts.signature, message):
        raise code_forged(reason="signature_wrong")
    content = _content(parts.values, parts.kid)
    if content.order is None or content.amount is None or content.amount > certificate.amount_max:
        raise code_malformed(reason="beyond_its_certificate", at="54")
    if content.expires_at > certificate.until:
        raise code_malformed(reason="beyond_its_certificate", at="80/02")
    return replace(content, certificate=certificate), min(until, datetime.fromtimestamp(certificate.until, UTC))


def _as_we_write(text: str, guid: str) -> SignedText | None:
    """A dynamic code in the one form we write, told by a short walk; None for anything else, or anything odd.

    A strict reading costs as much as the signature. It is not needed for what we signed ourselves, since we sign
    only what is well formed; so this reads just enough to check the signature, and whatever fails goes the long way.
    """
    head, end = _frame(guid)
    tail = end.search(text, len(head))
    if tail is None or not text.startswith(head) or not text.isascii() or emv.crc(text[:-4]) != text[-4:]:
        return None
    place = len(head) + 22
    # mcc 52, currency 53 and country 58 have one length each; 54 to 62 say theirs.
    values = {"01": "12", "2601": text[len(head) : place], "52": text[place + 4 : place + 8]}
    values["53"] = text[place + 12 : place + 15]
    place += 15
    stop = tail.start()
    try:
        while place < stop:
            start = place + 4
            object_id = text[place : place + 2]
            place = start + int(text[place + 2 : start])
            if object_id != "62":
                values[object_id] = text[start:place]
                continue
            while start < place:
                inner = start + 4
                inner_id = text[start : start + 2]
                start = inner + int(text[start + 2 : inner])
                values["62" + inner_id] = text[inner:start]
    except ValueError:
        return None
    kid, values["8002"], first, second = tail.groups()
    signature = from_base64url(first + second)
    if place != stop or signature is None or len(text) > emv.TEXT_MAX:
        return None
    return SignedText(values, DOMAIN + text[: tail.end(2)].encode(), signature, kid)


@lru_cache(16)
def _frame(guid: str) -> tuple[str, re.Pattern[str]]:
    """How a dynamic code of ours begins, and how it ends: control data, both pieces of the signature, the CRC."""
    owner = emv.write("00", guid)
    head = f"00020101021226{len(owner) + 26:02d}{owner}0122"
    control = rf"80[0-9]{{2}}{re.escape(owner)}01[0-9]{{2}}([\w-]{{1,12}})0210([1-9][0-9]{{9}})"
    return head, re.compile(control + _tail(guid).pattern, re.ASCII)


def alive(content: CodeContent, now: datetime) -> CodeContent:
    """The content again. Raises `code_expired` when its time is over."""
    if content.expired(now):
        raise code_expired(expired_at=rfc3339(datetime.fromtimestamp(content.expires_at, UTC)))
    return content


def _content(values: Mapping[str, str], kid: str) -> CodeContent:
    """The values of a code whose signature holds; one that does not fit was signed by mistake."""
    find = values.get
    currency = CURRENCY_OF_LEDGER.get(int(_needed(find("53"), "53", str)))
    if currency is None:
        raise code_malformed(reason="unknown_currency", at="53")
    amount_text, expiry = find("54"), find("8002", "")
    amount = emv.minor_units(amount_text, currency.exponent) if amount_text else None
    if amount is not None and amount > AMOUNT_MAX:
        raise code_malformed(reason="amount_too_large", at="54")
    if not _EXPIRY.match(expiry):
        raise code_malformed(reason="bad_value", at="80/02")
    dynamic = find("01") == "12"
    # What all codes of a merchant share is kept once, however many codes are remembered.
    return CodeContent(
        merchant=_needed(find("2601"), "26/01", _merchant),
        order=_needed(find("6205"), "62/05", id_from_22) if dynamic else None,
        amount=amount, currency=currency.code,
        name=intern(find("59", "")), city=intern(find("60", "")), mcc=intern(find("52", "")),
        country=intern(find("58", "")), store=find("6203") and intern(values["6203"]),
        terminal=find("6207") and intern(values["6207"]), expires_at=int(expiry), kid=intern(kid),
        static_code=None if dynamic else id_from_22(find("6205", "")),
    )  # fmt: skip


_merchant = lru_cache(4_096)(id_from_22)


def _needed(text: str | None, at: str, read: Callable[[str], T | None]) -> T:
    value = None if text is None else read(text)
    if value is None:
        raise code_malformed(reason="bad_value", at=at)
    return value


def check_code(text: str) -> str:
    """Six digits of a code's text, `482 913`: read aloud, they tell whether two people see the same code."""
    number = int.from_bytes(hashlib.sha256(b"qrpay-check-v1\n" + text.encode()).digest()[:8], "big") % 1_000_000
    return f"{number // 1000:03d} {number % 1000:03d}"
