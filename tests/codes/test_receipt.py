"""Receipts: signed statements that hold offline, and no way around the key set."""

import json
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives import hashes, hmac

from qrpay.codes.jws import TEXT_MAX
from qrpay.codes.receipt import Receipt, sign_receipt, verify_receipt
from qrpay.codes.signing import Keyring, to_base64url
from qrpay.problem import Refused
from tests.codes.world import CODE_KEY, NOW, RECEIPT_KEY, RING

RECEIPT = Receipt(
    iss="https://pay.example", sub="mer_01J00000000000000000000000", order="ord_01J00000000000000000000001",
    reference="R-1001", amount=1250, currency="CNY", paid_at="2026-01-05T07:59:30.000Z", payer="张*",
    refunded_amount=0, iat=int(NOW.timestamp()),
)  # fmt: skip
TEXT = sign_receipt(RECEIPT, RING.signer("receipt", NOW))


def refusal(text: str, ring: Keyring = RING) -> str:
    with pytest.raises(Refused) as refused:
        verify_receipt(text, ring, NOW)
    return refused.value.problem.code


def forged(header: dict[str, Any], signature: bytes = bytes(64), claims: bytes | None = None) -> str:
    """A token with a header of the forger's choice."""
    parts = (json.dumps(header).encode(), claims or msgspec.json.encode(RECEIPT), signature)
    return ".".join(map(to_base64url, parts))


def signed_with(header: dict[str, Any], claims: bytes) -> str:
    """A token that our own key signed over any header and claims."""
    body = forged(header, claims=claims).rpartition(".")[0]
    return f"{body}.{to_base64url(RING.signer('receipt', NOW).sign(body.encode()))}"


HEADER = {"alg": "EdDSA", "kid": RECEIPT_KEY.kid, "typ": "qrpay-receipt+jwt"}


def test_a_receipt_is_read_back() -> None:
    """Every claim comes back, the Chinese one too, and the text is short enough for a QR code."""
    assert verify_receipt(TEXT, RING, NOW) == RECEIPT
    assert json.loads(bytes(json.dumps(HEADER), "ascii")) == HEADER
    assert len(TEXT) < 700


def test_a_receipt_without_a_reference_is_read_back() -> None:
    """What people pay each other has no merchant's number."""
    receipt = msgspec.structs.replace(RECEIPT, reference=None)
    assert verify_receipt(sign_receipt(receipt, RING.signer("receipt", NOW)), RING, NOW) == receipt


def test_any_change_of_one_character_is_refused() -> None:
    """Each character of header, claims and signature counts."""
    for place in range(len(TEXT)):
        refusal(TEXT[:place] + ("A" if TEXT[place] != "A" else "B") + TEXT[place + 1 :])


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"alg": "none"}, "code_forged"),
        ({"alg": "HS256"}, "code_forged"),
        ({"alg": "eddsa"}, "code_forged"),
        ({"jku": "https://evil.example/jwks"}, "code_malformed"),
        ({"jwk": {"kty": "OKP"}}, "code_malformed"),
        ({"x5u": "https://evil.example/x"}, "code_malformed"),
        ({"crit": ["exp"]}, "code_malformed"),
        ({"typ": "JWT"}, "code_malformed"),
        ({"kid": "unknown"}, "code_unknown_key"),
        ({"kid": "../../etc/passwd"}, "code_malformed"),
        ({"kid": "' OR 1=1"}, "code_malformed"),
        ({"kid": CODE_KEY.kid}, "code_unknown_key"),
    ],
)
def test_the_header_decides_nothing(change: dict[str, Any], expected: str) -> None:
    """No algorithm, key or extension of the token's own choice is taken, even under a signature of ours."""
    header = HEADER | change
    assert refusal(forged(header)) == expected
    assert refusal(forged(header, b"")) == expected
    assert refusal(signed_with(header, msgspec.json.encode(RECEIPT))) == expected


def test_a_mac_with_the_public_key_proves_nothing() -> None:
    """The classic confusion: HS256 keyed with the public key everybody has."""
    body = forged(HEADER | {"alg": "HS256"}).rpartition(".")[0]
    mac = hmac.HMAC(RECEIPT_KEY.public, hashes.SHA256())
    mac.update(body.encode())
    assert refusal(f"{body}.{to_base64url(mac.finalize())}") == "code_forged"


@pytest.mark.parametrize(
    "text", ["", "..", "a.b", TEXT + ".x", TEXT + "=", TEXT.replace(".", " ."), "你.好.啊", TEXT + "\n"]
)
def test_what_is_no_compact_jws_is_refused(text: str) -> None:
    """Missing parts, padding, white space, other letters."""
    assert refusal(text) in {"code_malformed", "code_forged"}


def test_size_and_depth_are_bounded() -> None:
    """Neither a long text nor deep nesting reaches anything but a refusal."""
    assert refusal(TEXT + "A" * TEXT_MAX) == "code_malformed"
    deep = b'{"alg":' + b"[" * 1000
    assert refusal(to_base64url(deep) + "..") == "code_malformed"
    assert refusal(signed_with(HEADER, b'{"x":' + b"[" * 1000 + b"]" * 200)) == "code_malformed"


def test_claims_that_do_not_fit_are_refused_even_when_signed() -> None:
    """Signed by mistake is still no receipt."""
    assert refusal(signed_with(HEADER, b'{"iss": 1}')) == "code_malformed"
    assert refusal(signed_with(HEADER, b"\xff")) == "code_malformed"


def test_a_receipt_from_the_future_is_refused() -> None:
    """A minute's difference of clocks is allowed, more is not."""
    later = msgspec.structs.replace(RECEIPT, iat=RECEIPT.iat + 61)
    assert refusal(sign_receipt(later, RING.signer("receipt", NOW))) == "code_malformed"
    near = msgspec.structs.replace(RECEIPT, iat=RECEIPT.iat + 60)
    assert verify_receipt(sign_receipt(near, RING.signer("receipt", NOW)), RING, NOW) == near


def test_a_receipt_outlives_the_signing_time_of_its_key() -> None:
    """Years later it still proves the payment, until its key's validity ends or it is revoked."""
    assert verify_receipt(TEXT, RING, NOW + timedelta(days=3000)) == RECEIPT
    assert refusal(TEXT, Keyring([msgspec.structs.replace(RECEIPT_KEY, revoked_at=NOW)])) == "code_unknown_key"
