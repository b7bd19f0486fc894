"""A code that a terminal signed: read like any other, refused by its right name when anything about it is not so."""

from datetime import timedelta

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from qrpay.codes import emv, offline
from qrpay.codes.offline import Certificate
from qrpay.codes.payload import read_code
from qrpay.codes.reader import Reader
from qrpay.codes.signing import Ed25519Signer, Keyring, from_base64url, to_base64url
from qrpay.problem import Refused
from qrpay.values import id_of
from tests.codes.world import CODE_KEY, GUID, NOW, RING, STATIC_KEY, TERMINAL_KEY, with_crc

MERCHANT, ORDER = id_of(bytes(range(16))), id_of(bytes(range(16, 32)))
PAIR = Ed25519PrivateKey.generate()
TILL = Ed25519Signer("till", PAIR.private_bytes_raw())
PUBLIC = PAIR.public_key().public_bytes_raw()
UNTIL = int(NOW.timestamp()) + 86_400
EXPIRES = int(NOW.timestamp()) + 300
NAME, CITY = "A SHOP WITH A LONG NAME !", "WULUMUQI CITY X"


def head(terminal: str = "T01", guid: str = GUID) -> str:
    return offline.head_of(guid, MERCHANT, "5411", "CNY", "CN", NAME, CITY, terminal=terminal)


def certificate(terminal: str = "T01", public: bytes = PUBLIC, guid: str = GUID, until: int = UNTIL) -> str:
    signer = RING.signer("terminal", NOW)
    return offline.certify(head(terminal, guid), terminal, Certificate(public, until, 50_000), signer)


def code(
    amount: int = 1250, *, terminal: str = "T01", signer: Ed25519Signer = TILL, guid: str = GUID, **more: str
) -> str:
    return offline.write_code(
        more.get("head", head(terminal, guid)), terminal, more.get("certificate", certificate(terminal, guid=guid)),
        TERMINAL_KEY.kid, signer, guid,
        order=ORDER, amount=amount, currency="CNY", expires_at=int(more.get("expires_at", EXPIRES)),
    )  # fmt: skip


def refusal(text: str, ring: Keyring = RING, later_s: float = 0) -> tuple[str, str | None]:
    with pytest.raises(Refused) as refused:
        read_code(text, ring, GUID, NOW + timedelta(seconds=later_s))
    return refused.value.problem.code, refused.value.figures.get("reason")


def test_a_code_of_a_terminal_says_what_a_code_of_ours_says() -> None:
    """Merchant, order, amount and terminal; and who signed it. Any EMV reader finds it well formed."""
    text = code()
    content = read_code(text, RING, GUID, NOW)
    assert (content.merchant, content.order, content.amount, content.terminal) == (MERCHANT, ORDER, 1250, "T01")
    assert content.certificate == Certificate(PUBLIC, UNTIL, 50_000)
    assert not content.static
    assert emv.parse(text).find("59") == content.name
    assert Reader(RING, GUID).read(text, NOW) == content


@pytest.mark.parametrize(("guid", "terminal"), [(GUID, "TILL-0001"), ("example.qr", "T1")])
def test_the_longest_fits_512_characters(guid: str, terminal: str) -> None:
    """Whatever is long, the shop's name gives way, and never below eight characters."""
    text = code(50_000, terminal=terminal, guid=guid)
    assert len(text) <= emv.TEXT_MAX
    content = read_code(text, RING, guid, NOW)
    assert NAME.startswith(content.name)
    assert len(content.name) >= offline.NAME_MIN


def test_what_was_changed_or_signed_by_another_is_refused() -> None:
    """Each forgery, checksum repaired, by its exact name."""
    other = Ed25519PrivateKey.generate()
    stranger = Ed25519Signer("x", other.private_bytes_raw())
    text = code()
    raw = from_base64url(certificate())
    assert raw is not None
    own = to_base64url(other.public_key().public_bytes_raw() + raw[32:])
    longer = to_base64url(raw[:32] + (UNTIL + 1).to_bytes(4, "big") + raw[36:])
    wrong, certified = ("code_forged", "signature_wrong"), ("code_forged", "certificate_wrong")
    assert refusal(with_crc(text.replace("540512.50", "540512.60"))) == wrong
    assert refusal(code(signer=stranger)) == wrong
    assert refusal(code(signer=stranger, certificate=own)) == certified
    assert refusal(code(certificate=longer)) == certified
    assert refusal(code(head=head().replace("52045411", "52045812"))) == certified
    assert refusal(code(certificate=certificate("T02"))) == certified
    assert refusal(with_crc(text.replace("010212", "010211", 1))) == ("code_malformed", "objects_out_of_order")
    assert refusal(with_crc(text.replace("0703T01", "0703T02"))) == certified


def test_a_certificate_bounds_what_its_terminal_may_ask() -> None:
    """Amount and time; and the whole ends with the certificate, or when our key is revoked."""
    assert refusal(code(50_001)) == ("code_malformed", "beyond_its_certificate")
    assert refusal(code(expires_at=str(UNTIL + 1))) == ("code_malformed", "beyond_its_certificate")
    assert refusal(code(), later_s=300)[0] == "code_expired"
    revoked = Keyring([msgspec.structs.replace(TERMINAL_KEY, revoked_at=NOW)])
    assert refusal(code(), revoked)[0] == "code_unknown_key"


def test_no_other_key_of_ours_certifies() -> None:
    """A certificate counts by a key for certificates alone."""
    for key in (CODE_KEY, STATIC_KEY):
        assert key.private
        made = offline.certify(head(), "T01", Certificate(PUBLIC, UNTIL, 50_000), Ed25519Signer(key.kid, key.private))
        text = offline.write_code(
            head(), "T01", made, key.kid, TILL, GUID, order=ORDER, amount=1, currency="CNY", expires_at=EXPIRES
        )
        assert refusal(text)[0] == "code_unknown_key"
