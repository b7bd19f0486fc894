"""Is this payment code genuine? Checked offline, with the key set alone and without qrpay.

    python examples/verify_code.py JWKS_FILE_OR_URL CODE [--guid org.qrpay]

Needs `pip install cryptography`. Ends with 0 when the code may be paid, 1 when not, and says why.
"""

import argparse
import base64
import binascii
import json
import sys
import time
import urllib.request
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
DECIMALS_OF_CURRENCY = {"392": 0, "410": 0, "704": 0, "048": 3, "400": 3, "414": 3, "512": 3}  # all others: 2
LIFE_MAX_S = 86_400 + 60


def main() -> int:
    """Explain the code in the arguments."""
    ask = argparse.ArgumentParser(description="Check a signed payment code offline.")
    ask.add_argument("jwks", help="file or URL of the key set (/.well-known/jwks.json)")
    ask.add_argument("code", help="the text of the QR code")
    ask.add_argument("--guid", default="org.qrpay", help="how the issuer names itself in EMV templates")
    given = ask.parse_args()
    try:
        explain(given.code, load_keys(given.jwks), given.guid)
    except ValueError as refusal:
        print(f"DO NOT PAY: {refusal}")
        return 1
    print("This code is genuine and alive.")
    return 0


def load_keys(place: str) -> dict[tuple[str, str], Ed25519PublicKey]:
    """The keys, by their id and by what they sign: dynamic codes, static ones, and certificates of terminals."""
    if place.startswith(("https://", "http://")):
        with urllib.request.urlopen(place, timeout=10) as answer:
            text = answer.read(1 << 20)
    else:
        text = Path(place).read_bytes()
    return {
        (key["kid"], key["purpose"]): Ed25519PublicKey.from_public_bytes(from_base64url(key["x"]))
        for key in json.loads(text)["keys"]
        if key.get("purpose") in ("code", "static", "terminal")
        and key.get("alg") == "EdDSA"
        and key.get("crv") == "Ed25519"
    }


def explain(code: str, keys: dict[tuple[str, str], Ed25519PublicKey], guid: str) -> None:
    """Print what the code says. A ValueError says why it must not be paid; what it says is printed all the same."""
    if len(code) > 512 or code[-8:-4] != "6304":
        raise ValueError("it is no EMV merchant code")
    if f"{binascii.crc_hqx(code[:-4].encode(), 0xFFFF):04X}" != code[-4:]:
        raise ValueError("its checksum is wrong")
    root = objects(code)
    account = objects(root.get("26", ""))
    about, control = objects(root.get("62", "")), objects(root.get("80", ""))
    if account.get("00") != guid:
        raise ValueError(f"it was not issued by {guid}")

    expires_at, kid = int(control.get("02", "0")), control.get("01", "")
    print(f"Merchant   {root.get('59')}, {root.get('60')} ({public_id('mer_', account.get('01', ''))})")
    dynamic = root.get("01") == "12"
    print(f"Order      {public_id('ord_', about.get('05', '')) if dynamic else 'none: a static code'}")
    print(f"Amount     {root.get('54', 'the payer enters it')} (ISO 4217 {root.get('53')})")
    print(f"Expires    {time.strftime('%Y-%m-%d %H:%M:%S UTC', time.gmtime(expires_at))}")
    print(f"Key        {kid}")
    decimals = DECIMALS_OF_CURRENCY.get(root.get("53", ""), 2)
    if len(root.get("54", "").partition(".")[2]) > decimals:
        raise ValueError("its amount has too many decimals")

    verify(code, root, control, keys, guid)
    print("Signature  holds")
    if time.time() >= expires_at:
        raise ValueError("it has expired")
    if dynamic and expires_at > time.time() + LIFE_MAX_S:
        raise ValueError("it would live longer than a day")


def verify(
    code: str,
    root: dict[str, str],
    control: dict[str, str],
    keys: dict[tuple[str, str], Ed25519PublicKey],
    guid: str,
) -> None:
    """The signature is over everything before template 81; after it only 81, 82 and the checksum may stand."""
    first, second = objects(root.get("81", "")).get("01", ""), objects(root.get("82", "")).get("01", "")
    owner = item("00", guid)
    tail = item("81", owner + item("01", first)) + item("82", owner + item("01", second)) + code[-8:]
    if len(first) != 60 or len(second) != 26 or not code.endswith(tail) or control.get("00") != guid:
        raise ValueError("it is not signed as it stands")
    kid = control.get("01", "")
    message, domain = code.removesuffix(tail).encode(), b"qrpay-code-v1\n"
    if "03" in control:
        key, domain = certified(code, root, control, keys.get((kid, "terminal")), guid), b"qrpay-offline-v1\n"
    else:
        key = keys.get((kid, "code" if root.get("01") == "12" else "static"))
    if key is None:
        raise ValueError("its key is not in the key set (fetch the set again)")
    try:
        key.verify(from_base64url(first + second), domain + message)
    except InvalidSignature:
        raise ValueError("its signature is wrong: it was forged or altered") from None


def certified(
    code: str, root: dict[str, str], control: dict[str, str], ours: Ed25519PublicKey | None, guid: str
) -> Ed25519PublicKey | None:
    """The key of the terminal that signed this code without a network, once the issuer's certificate of it holds."""
    if list(root)[:9] != ["00", "01", "26", "52", "53", "58", "59", "60", "54"] or root["01"] != "12":
        raise ValueError("its objects are out of order")
    rest = [objects(root.get(template, "")) for template in ("83", "84")]
    if any(part and part.get("00") != guid for part in rest):
        raise ValueError("its certificate was not issued by " + guid)
    raw = from_base64url(control["03"] + "".join(part.get("01", "") for part in rest))
    if len(raw) != 102:
        raise ValueError("its certificate is damaged")
    until, most = int.from_bytes(raw[32:36], "big"), int.from_bytes(raw[36:38], "big") * 100
    head = "".join(item(name, root[name]) for name in list(root)[:8])
    terminal = item("07", objects(root.get("62", "")).get("07", ""))
    print(f"Terminal   {terminal[4:]}, which signs by itself until {time.strftime('%Y-%m-%d', time.gmtime(until))}")
    if ours is None:
        return None
    try:
        ours.verify(raw[38:], b"qrpay-terminal-v1\n" + (head + terminal).encode() + raw[:38])
    except InvalidSignature:
        raise ValueError("its certificate is wrong: it was forged or altered") from None
    decimals = DECIMALS_OF_CURRENCY.get(root["53"], 2)
    whole, _, part = root["54"].partition(".")
    if int(whole + part.ljust(decimals, "0")) > most or int(control["02"]) > until:
        raise ValueError("it asks for more, or lives longer, than its terminal may sign")
    return Ed25519PublicKey.from_public_bytes(raw[:32])


def objects(text: str) -> dict[str, str]:
    """EMV objects: two digits of id, two of length, the value."""
    found: dict[str, str] = {}
    while text:
        name, length = text[:2], text[2:4]
        if not (text[:4].isascii() and text[:4].isdigit()) or not 0 < int(length) <= len(text) - 4 or name in found:
            raise ValueError("it is damaged")
        found[name], text = text[4 : 4 + int(length)], text[4 + int(length) :]
    return found


def item(name: str, value: str) -> str:
    """One EMV object."""
    return f"{name}{len(value):02d}{value}"


def from_base64url(text: str) -> bytes:
    """base64url without padding, in its one canonical spelling."""
    raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if base64.urlsafe_b64encode(raw).decode().rstrip("=") != text:
        raise ValueError("it is spelled in two ways")
    return raw


def public_id(prefix: str, short: str) -> str:
    """The id as the API writes it: 26 characters of Crockford base32 over 16 bytes."""
    number = int.from_bytes(from_base64url(short), "big")
    return prefix + "".join(CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))


if __name__ == "__main__":
    sys.exit(main())
