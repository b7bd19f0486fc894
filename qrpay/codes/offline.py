"""Codes that a terminal signs itself, while it has no network: its certificate, carried inside the code.

The text begins with a head that is the same in all codes of a terminal, from `00` to `60`, and goes on with what
differs: `54` the amount, `62` the order, `80` control data, the rest of the certificate, the signature in 81 and 82.

    certificate  102 bytes: the terminal's public key (32), until when it signs (4, Unix seconds), the most that one of
                 its codes may ask (2, hundreds of minor units), and our signature (64); in base64url 136 characters, of
                 which as many as fit stand in `80/03`, the rest in `83/01` and, beside a long GUID, `84/01`
    we sign      `qrpay-terminal-v1\\n`, the head, object `07` (which terminal), and the first 38 bytes
    it signs     `qrpay-offline-v1\\n` and the text from `00` up to the id of template 81, as in all our codes

So whoever has our public keys checks such a code offline like any other. A GUID of more than 9 characters leaves little
room, and one of more than 11 none (docs/decisions/0023).
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from msgspec import Struct

from qrpay.codes import emv
from qrpay.codes.problems import code_forged, code_malformed
from qrpay.codes.signing import (
    Ed25519Verifier,
    Keyring,
    Signer,
    from_base64url,
    public_key_defect,
    thumbprint,
    to_base64url,
)
from qrpay.values import AMOUNT_MAX, CURRENCIES, Id, decimal_text, id_to_22

DOMAIN: Final = b"qrpay-offline-v1\n"
CERTIFICATE_DOMAIN: Final = b"qrpay-terminal-v1\n"
UNIT: Final = 100
"""Minor units that the limit of one code is counted in."""
AMOUNT_MAX_OF_A_CODE: Final = 65_535 * UNIT
NAME_MIN: Final = 8
"""Characters of the shop's name that are always left, where the whole does not fit; CITY_MIN: of its city."""
CITY_MIN: Final = 3
_STATEMENT: Final = 38
_WHOLE: Final = _STATEMENT + 64
_ORDER_OF_OBJECTS: Final = ("00", "01", "26", "52", "53", "58", "59", "60", "54", "62", "80", "83")
_HEAD_OBJECTS: Final = 8


class Certificate(Struct, frozen=True, gc=False):
    """What we say of a terminal's key.

    public      its 32 bytes
    until       Unix seconds: no code of it lives longer
    amount_max  minor units that one of its codes may ask, at most
    """

    public: bytes
    until: int
    amount_max: int

    @property
    def kid(self) -> str:
        """A name of the terminal's key: 10 characters of its thumbprint."""
        return thumbprint(self.public)[:10]

    def verifier(self) -> Ed25519Verifier:
        """Checks what the terminal signed."""
        return Ed25519Verifier(self.kid, self.public, datetime.fromtimestamp(self.until, UTC))

    def statement(self) -> bytes:
        """The 38 bytes that we sign."""
        return self.public + self.until.to_bytes(4, "big") + (self.amount_max // UNIT).to_bytes(2, "big")


# Writing -------------------------------------------------------------------------------------------------------


def head_of(
    guid: str, merchant: Id, mcc: str, currency: str, country: str, name: str, city: str, *, terminal: str
) -> str:
    """What all codes of a terminal share; name and city are shortened, so that the longest has 512 characters."""
    account = emv.write("26", emv.write("00", guid) + emv.write("01", id_to_22(merchant)))
    before = f"000201010212{account}{emv.write('52', mcc)}5303{CURRENCIES[currency].numeric:03d}"
    before += emv.write("58", country)
    longest = len(decimal_text(AMOUNT_MAX_OF_A_CODE, CURRENCIES[currency].exponent))
    after = (
        emv.write("54", "1" * longest)
        + emv.write("62", _about(merchant, terminal))
        + "".join(_control(guid, "k" * 10, 2**31, "c" * 136))
    )
    signature = 128 + 2 * (len(guid) - len("org.qrpay")) + 8
    room = emv.TEXT_MAX - len(before) - len(after) - signature - 8  # for name and city, of which the name goes first
    city = city[: max(CITY_MIN, min(len(city), room - NAME_MIN))].rstrip()
    assert room - len(city) >= NAME_MIN, "our GUID and the terminal's code leave no room for the shop's name"
    return before + emv.write("59", name[: room - len(city)].rstrip()) + emv.write("60", city)


def certify(head: str, terminal: str, certificate: Certificate, signer: Signer) -> str:
    """The certificate as text: 136 characters that the terminal puts into its codes."""
    assert certificate.amount_max <= AMOUNT_MAX_OF_A_CODE
    assert public_key_defect(certificate.public) is None
    signature = signer.sign(_certified(head, terminal, certificate.statement()))
    return to_base64url(certificate.statement() + signature)


def write_code(  # what a terminal does; ours does it in JavaScript, so this is for other terminals, and for tests
    head: str, terminal: str, certificate: str, kid: str, signer: Signer, guid: str, *,
    order: Id, amount: int, currency: str, expires_at: int,
) -> str:  # fmt: skip
    """A code that a terminal issues: `kid` is our key that certified it, `signer` the terminal's own."""
    assert 1 <= amount <= AMOUNT_MAX
    text = head + emv.write("54", decimal_text(amount, CURRENCIES[currency].exponent))
    text += emv.write("62", _about(order, terminal)) + "".join(_control(guid, kid, expires_at, certificate))
    signature = to_base64url(signer.sign(DOMAIN + text.encode()))
    owner = emv.write("00", guid)
    text += emv.write("81", owner + emv.write("01", signature[:60]))
    text += emv.write("82", owner + emv.write("01", signature[60:]))
    return emv.build(text)


def _about(order: Id, terminal: str) -> str:
    return emv.write("05", id_to_22(order)) + emv.write("07", terminal)


def _control(guid: str, kid: str, expires_at: int, certificate: str) -> list[str]:
    """Template 80, filled up with the certificate, and the templates that hold the rest of it."""
    owner = emv.write("00", guid)
    control = owner + emv.write("01", kid) + emv.write("02", str(expires_at))
    first = 99 - len(control) - 4
    made = [emv.write("80", control + emv.write("03", certificate[:first]))]
    rest, size = certificate[first:], 99 - len(owner) - 4
    for number in range(83, 85):
        if rest:
            made.append(emv.write(str(number), owner + emv.write("01", rest[:size])))
            rest = rest[size:]
    assert not rest
    return made


def _certified(head: str, terminal: str, statement: bytes) -> bytes:
    return CERTIFICATE_DOMAIN + head.encode() + emv.write("07", terminal).encode() + statement


# Reading -------------------------------------------------------------------------------------------------------


def certificate_of(
    text: str, values: Mapping[str, str], keyring: Keyring, guid: str, now: datetime
) -> tuple[Certificate, datetime]:
    """The certificate that a code carries, once our signature under it holds; and until when our key counts.

    values  of the code, by path. Raises `code_malformed`, `code_unknown_key`, `code_forged`.
    """
    message = emv.read_objects(text)
    objects = [item.id for item in message.items]
    more = ("84",) if "84" in objects else ()
    if tuple(objects) != (*_ORDER_OF_OBJECTS, *more, "81", "82", "63") or values.get("01") != "12":
        raise code_malformed(reason="objects_out_of_order", at="")
    if any(values.get(f"{number}00", guid) != guid for number in ("80", "83", "84")):
        raise code_forged(reason="certificate_of_another_scheme")
    raw = from_base64url("".join(values.get(at, "") for at in ("8003", "8301", "8401")))
    if raw is None or len(raw) != _WHOLE or not values.get("6207"):
        raise code_malformed(reason="bad_value", at="80/03")
    certificate = Certificate(
        raw[:32], int.from_bytes(raw[32:36], "big"), int.from_bytes(raw[36:_STATEMENT], "big") * UNIT
    )
    verifier = keyring.verifier(values.get("8001", ""), now, "terminal")
    head = text[: message.items[_HEAD_OBJECTS].start]
    if not verifier.holds(raw[_STATEMENT:], _certified(head, values["6207"], raw[:_STATEMENT])):
        raise code_forged(reason="certificate_wrong")
    return certificate, verifier.until
