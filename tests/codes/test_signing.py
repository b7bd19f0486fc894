"""Keys: the standards' vectors hold, validity is kept to the second, and bad keys never enter."""

import json
from datetime import datetime, timedelta

import msgspec
import pytest

from qrpay.codes import signing
from qrpay.codes.signing import Ed25519Signer, Ed25519Verifier, Key, Keyring, new_key, public_key_defect
from qrpay.problem import Refused
from tests.codes.world import CODE_KEY, NOW, RECEIPT_KEY, RFC8032_PUBLIC, RFC8032_SECRET, key_of

DAY = timedelta(days=1)

RFC8032 = [
    (
        RFC8032_SECRET.hex(), RFC8032_PUBLIC.hex(), "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
        "d25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c"
        "387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659"
        "4a7c15e9716ed28dc027beceea1ec40a",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("secret", "public", "message", "signature"), RFC8032)
def test_the_vectors_of_rfc_8032_hold(secret: str, public: str, message: str, signature: str) -> None:
    """Signing gives the standard's bytes, checking accepts them, and a changed message is refused."""
    said, made = bytes.fromhex(message), bytes.fromhex(signature)
    assert Ed25519Signer("k", bytes.fromhex(secret)).sign(said) == made
    verifier = Ed25519Verifier("k", bytes.fromhex(public), NOW)
    assert verifier.holds(made, said)
    assert not verifier.holds(made, said + b"x")
    assert not verifier.holds(made[:-1], said)


def test_the_vectors_of_rfc_8037_hold() -> None:
    """The JWK's x, its thumbprint and the JWS of appendix A."""
    assert signing.to_base64url(RFC8032_PUBLIC) == "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    assert signing.thumbprint(RFC8032_PUBLIC) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
    signed = b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc"
    signature = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
    assert signing.to_base64url(Ed25519Signer("k", RFC8032_SECRET).sign(signed)) == signature


@pytest.mark.parametrize("text", ["AA==", "A", "AB", "A+", "A/", "A\n", "Ａ", "AA AA"])
def test_base64url_has_one_spelling(text: str) -> None:
    """Padding, stray bits, the other alphabet, white space: none of them is read."""
    assert signing.from_base64url(text) is None
    assert signing.from_base64url("AA") == b"\0"


def double(point: tuple[int, int]) -> tuple[int, int]:
    """Twice a point of edwards25519, by the addition law of RFC 8032 5.1.4 in affine form."""
    p = 2**255 - 19
    d = -121665 * pow(121666, -1, p) % p
    x, y = point
    t = d * x * x * y * y % p
    return 2 * x * y * pow(1 + t, -1, p) % p, (y * y + x * x) * pow(1 - t, -1, p) % p


def test_all_keys_of_small_order_are_refused() -> None:
    """The five ordinates on the list are exactly those whose point vanishes after three doublings."""
    p = 2**255 - 19
    d = -121665 * pow(121666, -1, p) % p
    for y in signing._SMALL_ORDER_Y:
        square = (y * y - 1) * pow(d * y * y + 1, -1, p) % p
        x = pow(square, (p + 3) // 8, p)
        if x * x % p != square:
            x = x * pow(2, (p - 1) // 4, p) % p
        assert x * x % p == square
        point = (x, y)
        for _ in range(3):
            point = double(point)
        assert point == (0, 1)
        for sign in (0, 1 << 255):
            assert public_key_defect((y | sign).to_bytes(32, "little"))
    assert len(signing._SMALL_ORDER_Y) == 5


def test_a_key_of_small_order_would_accept_forgeries() -> None:
    """Why they are refused: under `01 00 …` one signature holds for any message."""
    trap = b"\x01" + bytes(31)
    careless = Ed25519Verifier("k", trap, NOW)
    assert careless.holds(b"\x01" + bytes(63), b"pay me")
    assert public_key_defect(trap)
    with pytest.raises(AssertionError):
        Keyring([key_of("k", trap, None)])


@pytest.mark.parametrize("public", [bytes(31), b"\xff" * 32, (2**255 - 19 + 3).to_bytes(32, "little")])
def test_keys_in_no_canonical_form_are_refused(public: bytes) -> None:
    """Too short, or an ordinate past the prime."""
    assert public_key_defect(public)
    assert public_key_defect(RFC8032_PUBLIC) is None


def kid_signing(ring: Keyring, now: datetime) -> str:
    return ring.signer("code", now).kid


def test_rotation_hands_over_and_the_old_key_still_counts() -> None:
    """The new key signs from its hour; what the old one signed counts until that has died; both are published."""
    old = new_key("code", NOW - 90 * DAY, 90 * DAY, 2 * DAY)
    young = new_key("code", NOW, 90 * DAY, 2 * DAY)
    ring = Keyring([old, young])
    second = timedelta(seconds=1)
    assert kid_signing(ring, NOW - second) == old.kid
    assert kid_signing(ring, NOW) == young.kid
    assert ring.verifier(old.kid, NOW + 2 * DAY - second, "code").kid == old.kid
    with pytest.raises(Refused):
        ring.verifier(old.kid, NOW + 2 * DAY, "code")
    for moment, kids in (
        (NOW - DAY, {old.kid, young.kid}),
        (NOW + DAY, {old.kid, young.kid}),
        (NOW + 2 * DAY, {young.kid}),
    ):
        assert {key["kid"] for key in json.loads(ring.jwks(moment))["keys"]} == kids


def test_a_revoked_key_is_gone_at_once() -> None:
    """It signs no more, counts no more and is published no more."""
    ring = Keyring([msgspec.structs.replace(CODE_KEY, revoked_at=NOW)])
    with pytest.raises(Refused) as refused:
        ring.signer("code", NOW)
    assert refused.value.problem.code == "unavailable"
    with pytest.raises(Refused) as refused:
        ring.verifier(CODE_KEY.kid, NOW)
    assert refused.value.problem.code == "code_unknown_key"
    assert json.loads(ring.jwks(NOW)) == {"keys": []}


def test_the_public_set_is_what_rfc_8037_says_and_holds_no_secret() -> None:
    """OKP, Ed25519, x, kid, use, alg, and for what; never d."""
    ring = Keyring([key_of("k2026a"), RECEIPT_KEY])
    code, receipt = json.loads(ring.jwks(NOW))["keys"]
    assert code == {
        "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
        "kid": "k2026a", "use": "sig", "alg": "EdDSA", "purpose": "code",
    }  # fmt: skip
    assert receipt["purpose"] == "receipt"


def test_every_change_of_keys_is_a_new_version() -> None:
    """Whoever remembers checks can see that they are out of date; the same keys again are no change."""
    ring = Keyring()
    seen = {ring.version}
    for keys in ([CODE_KEY], [], [CODE_KEY]):
        ring.replace(keys)
        seen.add(ring.version)
    assert len(seen) == 4
    before = ring.version
    ring.replace([CODE_KEY])
    assert ring.version == before


def test_another_box_may_hold_the_private_key() -> None:
    """A key without its private half signs by the signer given beside it, and not at all without one."""
    public_only = msgspec.structs.replace(CODE_KEY, private=None)
    ring = Keyring([public_only])
    with pytest.raises(Refused):
        ring.signer("code", NOW)
    assert CODE_KEY.private
    box = Ed25519Signer(CODE_KEY.kid, CODE_KEY.private)
    ring.replace([public_only], {CODE_KEY.kid: box})
    assert ring.signer("code", NOW) is box


@pytest.mark.parametrize("kid", ["", "k" * 13, "k/../x", "k'--", "k\n"])
def test_odd_key_ids_never_enter(kid: str) -> None:
    """A key id is written into codes and looked up from them: short and plain."""
    with pytest.raises(AssertionError):
        Keyring([key_of(kid)])


def test_a_printed_key_shows_no_secret() -> None:
    """Neither repr nor str of a key, which logs and tracebacks use, holds its private half."""
    key: Key = key_of("k2026a")
    assert RFC8032_SECRET.hex()[:8] not in f"{key!r}{key}"
    assert repr(RFC8032_SECRET)[2:8] not in f"{key!r}{key}"
