"""What the bank states about a merchant's file, signed (JWS): whose, of which day or month, its digest and sums."""

from datetime import datetime
from typing import Final

import msgspec
from msgspec import Struct

from qrpay.codes import jws
from qrpay.codes.problems import code_forged, code_malformed
from qrpay.codes.signing import Keyring, Signer, from_base64url

TYPE: Final = "qrpay-statement+jwt"


class SignedStatement(Struct, frozen=True):
    """What stands in a signature of a file. It says no time of its own, so the same file has the same signature.

    iss      who says so: the service's name
    sub      the merchant's id; name: what it is called
    period   the business date (`2026-11-24`) or the month (`2026-11`)
    file     the file's name; sha256: its digest in hex; bytes: its length
    opening  minor units of `currency`, the balance when the period began; credits and debits: what came in and went
             out; closing = opening + credits - debits
    """

    iss: str
    sub: str
    name: str
    period: str
    currency: str
    file: str
    sha256: str
    bytes: int
    opening: int
    credits: int
    debits: int
    closing: int


_decode = msgspec.json.Decoder(SignedStatement).decode


def sign_statement(claims: SignedStatement, signer: Signer) -> str:
    """The statement as text, about 600 characters."""
    return jws.signed(TYPE, claims, signer)


def verify_statement(text: str, keyring: Keyring, now: datetime) -> SignedStatement:
    """What a statement says, once its signature holds. Raises `code_malformed`, `code_unknown_key`, `code_forged`."""
    header = jws.header_of(text, TYPE)
    if header is None:
        raise code_malformed(reason="not_a_statement", at="header")
    verifier = keyring.verifier(header.kid, now, "statement")
    signed, _, signature_text = text.rpartition(".")
    signature = from_base64url(signature_text)
    if header.alg != verifier.alg or signature is None or not verifier.holds(signature, signed.encode()):
        raise code_forged(reason="signature_wrong")
    try:
        return _decode(from_base64url(signed.partition(".")[2]) or b"")
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise code_malformed(reason="bad_value", at="claims") from None
