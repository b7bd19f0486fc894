"""The offline checkers of examples/, run as a stranger would: by themselves, with a key set in a file."""

import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from qrpay.codes.payload import sign_code
from qrpay.codes.receipt import sign_receipt
from qrpay.codes.signing import Keyring
from qrpay.values import id_text, utc_now
from tests.codes import test_offline
from tests.codes.test_offline import certificate
from tests.codes.test_receipt import RECEIPT
from tests.codes.world import CODE_KEY, GUID, ORDER, RECEIPT_KEY, STATIC_KEY, TERMINAL_KEY, with_crc

EXAMPLES = Path(__file__).parents[2] / "examples"
YEAR_9999 = utc_now().replace(year=9999)
KEYS = (CODE_KEY, RECEIPT_KEY, STATIC_KEY, TERMINAL_KEY)
RING = Keyring([msgspec.structs.replace(key, sign_until=YEAR_9999, verify_until=YEAR_9999) for key in KEYS])


@pytest.fixture
def jwks(tmp_path: Path) -> Path:
    """The public set as a file."""
    place = tmp_path / "jwks.json"
    place.write_bytes(RING.jwks(utc_now()))
    return place


def run(script: str, *arguments: object) -> tuple[int, str]:
    """Exit status and output of an example, which sees neither this repository nor its environment."""
    done = subprocess.run(
        [sys.executable, "-I", EXAMPLES / script, *map(str, arguments)],
        capture_output=True, text=True, timeout=30, check=False, encoding="utf-8",
    )  # fmt: skip
    assert done.stderr == ""
    return done.returncode, done.stdout


def code(life_s: int) -> str:
    content = msgspec.structs.replace(ORDER, expires_at=int(time.time()) + life_s)
    return sign_code(content, RING.signer("code", utc_now()), GUID)


def test_a_stranger_can_check_a_code(jwks: Path) -> None:
    """Merchant, order, amount and expiry are explained, and the signature holds."""
    status, said = run("verify_code.py", jwks, code(900))
    assert status == 0
    assert ORDER.order
    for part in (
        "HAPPY MART, BEIJING",
        id_text("mer_", ORDER.merchant),
        id_text("ord_", ORDER.order),
        "12.50",
        "genuine",
    ):
        assert part in said


def test_a_stranger_sees_a_forged_code(jwks: Path) -> None:
    """Another amount, an object after the signature, an expired code, an unknown key, another issuer: do not pay."""
    good = code(900)
    for bad, reason in (
        (with_crc(good.replace("540512.50", "540510.00")), "signature is wrong"),
        (with_crc(good[:-8] + "6106100000" + good[-8:]), "not signed as it stands"),
        (with_crc(good.replace(CODE_KEY.kid, "k2026a9999")), "not in the key set"),
        (good.replace("12.50", "12.60"), "checksum"),
        (code(-1), "expired"),
        (code(2 * 86_400), "longer than a day"),
        ("hello", "no EMV"),
    ):
        status, said = run("verify_code.py", jwks, bad)
        assert (status, "DO NOT PAY" in said, reason in said) == (1, True, True), said
    status, said = run("verify_code.py", jwks, good, "--guid", "example.qr")
    assert (status, "not issued by example.qr" in said) == (1, True)


def test_a_stranger_can_check_a_receipt(jwks: Path) -> None:
    """What was paid, to whom, when; one changed character and it proves nothing."""
    text = sign_receipt(RECEIPT, RING.signer("receipt", utc_now()))
    status, said = run("verify_receipt.py", jwks, text)
    assert (status, RECEIPT.order in said, "1250 minor units of CNY" in said) == (0, True, True)
    status, said = run("verify_receipt.py", jwks, text[:-3] + ("AAA" if text[-3:] != "AAA" else "BBB"))
    assert (status, "NOT PROVED" in said) == (1, True)


def test_a_stranger_can_check_static_and_offline_codes(jwks: Path) -> None:
    """A printed code by its own kind of key; a terminal's code by the certificate inside it, and not without."""
    static = msgspec.structs.replace(
        ORDER, order=None, amount=None, static_code=ORDER.order, expires_at=int(time.time()) + 10**8
    )
    status, said = run("verify_code.py", jwks, sign_code(static, RING.signer("static", utc_now()), GUID))
    assert (status, "a static code" in said) == (0, True), said
    wrong = sign_code(static, RING.signer("code", utc_now()), GUID)
    assert run("verify_code.py", jwks, wrong)[0] == 1
    now = int(time.time())
    made = certificate(until=now + 3_600)
    good = test_offline.code(certificate=made, expires_at=str(now + 300))
    status, said = run("verify_code.py", jwks, good)
    assert (status, "Terminal   T01" in said, "genuine" in said) == (0, True, True), said
    for bad, reason in (
        (with_crc(good.replace("540512.50", "540512.60")), "signature is wrong"),
        (
            test_offline.code(certificate=certificate("T02", until=now + 3_600), expires_at=str(now + 300)),
            "certificate",
        ),
        (test_offline.code(60_000, certificate=made, expires_at=str(now + 300)), "asks for more"),
    ):
        status, said = run("verify_code.py", jwks, bad)
        assert (status, reason in said) == (1, True), said
