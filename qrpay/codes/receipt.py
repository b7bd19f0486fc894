"""The receipt: a compact JWS (RFC 7515, 8037) that says a payment stands, checked offline with the public set."""

from datetime import datetime
from typing import Final

import msgspec
from msgspec import Struct

from qrpay.codes import jws
from qrpay.codes.problems import code_forged, code_malformed
from qrpay.codes.signing import CLOCK_SKEW, Keyring, Signer, from_base64url

TYPE: Final = "qrpay-receipt+jwt"


class Receipt(Struct, frozen=True):
    """What a receipt says.

    iss              who says so: the service's address
    sub              the payee's id; order: the order's id; reference: the merchant's own number of it
    amount           minor units of `currency` (ISO 4217 letters); refunded_amount: of it, given back so far
    paid_at          RFC 3339; payer: masked
    iat              Unix seconds: when this statement was made
    """

    iss: str
    sub: str
    order: str
    reference: str | None
    amount: int
    currency: str
    paid_at: str
    payer: str
    refunded_amount: int
    iat: int


_decode_receipt = msgspec.json.Decoder(Receipt).decode


def sign_receipt(claims: Receipt, signer: Signer) -> str:
    """The receipt as text, about 600 characters."""
    return jws.signed(TYPE, claims, signer)


def is_receipt(text: str) -> bool:
    """Whether a text says of itself that it is a receipt of ours; nothing is checked."""
    return jws.header_of(text, TYPE) is not None


def verify_receipt(text: str, keyring: Keyring, now: datetime) -> Receipt:
    """What a receipt says, once its signature holds.

    The algorithm is the key's, never the token's (RFC 8725 3.1). Raises `code_malformed`, `code_unknown_key`,
    `code_forged`.
    """
    header = jws.header_of(text, TYPE)
    if header is None:
        raise code_malformed(reason="not_a_receipt", at="header")
    verifier = keyring.verifier(header.kid, now, "receipt")
    signed, _, signature_text = text.rpartition(".")
    signature = from_base64url(signature_text)
    if header.alg != verifier.alg or signature is None or not verifier.holds(signature, signed.encode()):
        raise code_forged(reason="signature_wrong")
    try:
        receipt = _decode_receipt(from_base64url(signed.partition(".")[2]) or b"")
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise code_malformed(reason="bad_value", at="claims") from None
    if receipt.iat > (now + CLOCK_SKEW).timestamp():
        raise code_malformed(reason="issued_in_the_future", at="iat")
    return receipt
