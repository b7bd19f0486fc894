"""Did the bank really give us this file? A statement's file checked offline, with the key set alone, without qrpay.

    python examples/verify_statement.py JWKS_FILE_OR_URL FILE [SIGNATURE_FILE]

SIGNATURE_FILE is FILE.jws when left out. Needs `pip install cryptography`. Ends with 0 when the file is the bank's,
byte for byte, 1 when not, and says why.
"""

import argparse
import base64
import hashlib
import json
import sys
import urllib.request
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

DECIMALS = {"JPY": 0, "KRW": 0, "VND": 0, "KWD": 3, "BHD": 3, "OMR": 3, "JOD": 3}


def main() -> int:
    """Explain the file in the arguments."""
    ask = argparse.ArgumentParser(description="Check a signed statement offline.")
    ask.add_argument("jwks", help="file or URL of the key set (/.well-known/jwks.json)")
    ask.add_argument("file", type=Path, help="the statement's file, as it came")
    ask.add_argument("signature", type=Path, nargs="?", help="its signature; the file's name and .jws when left out")
    given = ask.parse_args()
    signature = given.signature or given.file.with_name(given.file.name + ".jws")
    try:
        claims = verify(signature.read_text(encoding="ascii").strip(), load_keys(given.jwks))
        with given.file.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest != claims["sha256"]:
            raise ValueError("the bank has signed another file: this one was altered")
    except (OSError, ValueError, KeyError) as refusal:
        print(f"NOT PROVED: {refusal}")
        return 1
    print(f"Issuer     {claims['iss']}")
    print(f"Merchant   {claims['name']} ({claims['sub']})")
    print(f"File       {claims['file']} of {claims['period']}, {claims['bytes']} bytes")
    for name in ("opening", "credits", "debits", "closing"):
        print(f"{name.title():10} {money(claims[name], claims['currency'])}")
    print("The signature holds: this is the bank's file, byte for byte.")
    return 0


def money(minor: int, currency: str) -> str:
    """Minor units as people read them."""
    decimals = DECIMALS.get(currency, 2)
    return f"{minor / 10**decimals:,.{decimals}f} {currency}"


def load_keys(place: str) -> dict[str, Ed25519PublicKey]:
    """The keys that sign statements, by their id."""
    if place.startswith(("https://", "http://")):
        with urllib.request.urlopen(place, timeout=10) as answer:
            text = answer.read(1 << 20)
    else:
        text = Path(place).read_bytes()
    return {
        key["kid"]: Ed25519PublicKey.from_public_bytes(from_base64url(key["x"]))
        for key in json.loads(text)["keys"]
        if key.get("purpose") == "statement" and key.get("alg") == "EdDSA" and key.get("crv") == "Ed25519"
    }


def verify(statement: str, keys: dict[str, Ed25519PublicKey]) -> dict[str, Any]:
    """The claims. The key set says which algorithm counts; the statement's header only names the key."""
    parts = statement.split(".")
    if len(statement) > 2048 or len(parts) != 3:
        raise ValueError("its signature is no compact JWS")
    header = json.loads(from_base64url(parts[0]))
    if (
        not isinstance(header, dict)
        or set(header) != {"alg", "kid", "typ"}
        or header["typ"] != "qrpay-statement+jwt"
        or header["alg"] != "EdDSA"
    ):
        raise ValueError("its signature is no statement")
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
