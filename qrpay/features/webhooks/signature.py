"""Signatures of Standard Webhooks: `v1` with the endpoint's secret, `v1a` with our published Ed25519 key."""

import hashlib
import hmac
import os
from base64 import b64encode
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from qrpay.codes.signing import Signer

SECRET_BYTES: Final = 32  # the standard asks for 24 to 64


def new_secret() -> bytes:
    """A fresh secret."""
    return os.urandom(SECRET_BYTES)


def secret_text(secret: bytes) -> str:
    """`whsec_` and base64, as libraries of Standard Webhooks read it."""
    return "whsec_" + b64encode(secret).decode()


def signatures(secret: bytes, signer: "Signer", message_id: str, timestamp: int, body: bytes) -> str:
    """The header `webhook-signature` over `id.timestamp.body`; `timestamp` is Unix seconds of this attempt."""
    by_key = signer.sign(_signed(message_id, timestamp, body))
    return f"{by_secret(secret, message_id, timestamp, body)} v1a,{b64encode(by_key).decode()}"


def by_secret(secret: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    """The `v1` signature alone."""
    made = hmac.digest(secret, _signed(message_id, timestamp, body), hashlib.sha256)
    return f"v1,{b64encode(made).decode()}"


def _signed(message_id: str, timestamp: int, body: bytes) -> bytes:
    return f"{message_id}.{timestamp}.".encode() + body
