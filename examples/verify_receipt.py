"""Was this order really paid? A receipt checked offline, with the key set alone and without qrpay.

    python examples/verify_receipt.py JWKS_FILE_OR_URL RECEIPT

Needs `pip install cryptography`. Ends with 0 when the receipt is genuine, 1 when not, and says why. A receipt says
how things stood when it was made (`iat`): what was refunded later is not in it.
"""

import argparse
import base64
import json
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def main() -> int:
    """Explain the receipt in the arguments."""
    ask = argparse.ArgumentParser(description="Check a signed receipt offline.")
    ask.add_argument("jwks", help="file or URL of the key set (/.well-known/jwks.json)")
    ask.add_argument("receipt", help="the text of the receipt or of its QR code")
    given = ask.parse_args()
    try:
        claims = verify(given.receipt, load_keys(given.jwks))
    except ValueError as refusal:
        print(f"NOT PROVED: {refusal}")
        return 1
    print(f"Issuer     {claims['iss']}")
    print(f"Payee      {claims['sub']}")
    print(f"Order      {claims['order']} (reference {claims['reference']})")
    print(f"Amount     {claims['amount']} minor units of {claims['currency']}, {claims['refunded_amount']} refunded")
    print(f"Paid       {claims['paid_at']} by {claims['payer']}")
    print(f"Stated     {time.strftime('%Y-%m-%d %H:%M:%S UTC', time.gmtime(claims['iat']))}")
    print("The signature holds: this payment stands.")
    return 0


def load_keys(place: str) -> dict[str, Ed25519PublicKey]:
    """The keys that sign receipts, by their id."""
    if place.startswith(("https://", "http://")):
        with urllib.request.urlopen(place, timeout=10) as answer:
            text = answer.read(1 << 20)
    else:
        text = Path(place).read_bytes()
    return {
        key["kid"]: Ed25519PublicKey.from_public_bytes(from_base64url(key["x"]))
        for key in json.loads(text)["keys"]
        if key.get("purpose") == "receipt" and key.get("alg") == "EdDSA" and key.get("crv") == "Ed25519"
    }


def verify(receipt: str, keys: dict[str, Ed25519PublicKey]) -> dict[str, Any]:
    """The claims. The key set says which algorithm counts; the receipt's header only names the key."""
    parts = receipt.split(".")
    if len(receipt) > 2048 or len(parts) != 3:
        raise ValueError("it is no compact JWS")
    header = json.loads(from_base64url(parts[0]))
    if (
        not isinstance(header, dict)
        or set(header) != {"alg", "kid", "typ"}
        or header["typ"] != "qrpay-receipt+jwt"
        or header["alg"] != "EdDSA"
    ):
        raise ValueError("it is no receipt")
    key = keys.get(header["kid"])
    if key is None:
        raise ValueError("its key is not in the key set (fetch the set again)")
    try:
        key.verify(from_base64url(parts[2]), f"{parts[0]}.{parts[1]}".encode())
    except InvalidSignature:
        raise ValueError("its signature is wrong: it was forged or altered") from None
    claims: dict[str, Any] = json.loads(from_base64url(parts[1]))
    return claims


def from_base64url(text: str) -> bytes:
    """base64url without padding, in its one canonical spelling."""
    raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if base64.urlsafe_b64encode(raw).decode().rstrip("=") != text:
        raise ValueError("it is spelled in two ways")
    return raw


if __name__ == "__main__":
    sys.exit(main())
