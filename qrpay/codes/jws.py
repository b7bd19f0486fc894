"""Compact JWS (RFC 7515, 8037) as we sign and believe it: three header members, one kind of statement to a key."""

from typing import Final

import msgspec
from msgspec import Struct

from qrpay.codes.signing import KID, Signer, from_base64url, to_base64url

TEXT_MAX: Final = 2048
"""Characters of one, at most."""


class Header(Struct, frozen=True, forbid_unknown_fields=True):
    """Three members and no others: jku, jwk, x5u and crit are refused unread (RFC 8725 3.10)."""

    alg: str
    kid: str
    typ: str


_decode_header = msgspec.json.Decoder(Header).decode


def signed(typ: str, claims: Struct, signer: Signer) -> str:
    """The claims as text with their signature."""
    header = msgspec.json.encode(Header(signer.alg, signer.kid, typ))
    text = f"{to_base64url(header)}.{to_base64url(msgspec.json.encode(claims))}"
    return f"{text}.{to_base64url(signer.sign(text.encode()))}"


def header_of(text: str, typ: str) -> Header | None:
    """Its header, when it says of itself that it is of this type; nothing is checked."""
    parts = text.split(".") if len(text) <= TEXT_MAX and text.isascii() else []
    raw = from_base64url(parts[0]) if len(parts) == 3 else None
    if raw is None:
        return None
    try:
        header = _decode_header(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return header if header.typ == typ and KID.match(header.kid) else None
