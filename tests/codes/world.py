"""What the tests of codes share: a moment, keys made for it, one order, and the vector of the rules."""

from datetime import UTC, datetime, timedelta

from qrpay.codes import emv
from qrpay.codes.payload import CodeContent, sign_code
from qrpay.codes.signing import Key, Keyring, new_key
from qrpay.values import id_of

NOW = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
GUID = "org.qrpay"
RFC8032_SECRET = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
RFC8032_PUBLIC = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")

VECTOR = (
    "00020101021226530010example.qr0109M100000010222AZRvK2Y9cQm3n0TtWq1xYg520454115303156540512.505802CN"
    "5910HAPPY MART6007BEIJING62330522AZRvK2Y9cQm3n0TtWq1xYg0703T0180380010example.qr0106k2026a02101767600300"
    "81780010example.qr0160z7zPmeVbzXbbd2iPmeoU-7-humzHMMYoURnJmsQ0gZITrUXZyxLZwlFCjqUZ"
    "82440010example.qr0126Y6AuYZyAggmKX1Kzln7SkVZqDw63047C13"
)
VECTOR_SIGNATURE = bytes.fromhex(
    "cfbccf99e55bcd76db77688f99ea14fbbfa1ba6cc730c6285119c99ac434819213ad45d9cb12d9c251428ea51963a02e"
    "619c8082098a5f52b3967ed291566a0f"
)

CODE_KEY = new_key("code", NOW - timedelta(days=1), timedelta(days=90), timedelta(days=2))
RECEIPT_KEY = new_key("receipt", NOW - timedelta(days=1), timedelta(days=90), timedelta(days=3650))
STATIC_KEY = new_key("static", NOW - timedelta(days=1), timedelta(days=90), timedelta(days=1830))
TERMINAL_KEY = new_key("terminal", NOW - timedelta(days=1), timedelta(days=90), timedelta(days=8))
RING = Keyring([CODE_KEY, RECEIPT_KEY, STATIC_KEY, TERMINAL_KEY])

ORDER = CodeContent(
    merchant=id_of(bytes(range(16))), order=id_of(bytes(range(16, 32))), amount=1250, currency="CNY",
    name="HAPPY MART", city="BEIJING", mcc="5411", country="CN", store="S1", terminal="T01",
    expires_at=int(NOW.timestamp()) + 900,
)  # fmt: skip


def key_of(kid: str, public: bytes = RFC8032_PUBLIC, private: bytes | None = RFC8032_SECRET) -> Key:
    """A key for codes with the pair of RFC 8032 test 1, valid around NOW."""
    day = timedelta(days=1)
    return Key(kid, "code", "EdDSA", public, private, NOW - day, NOW + 90 * day, NOW + 92 * day)


def signed(content: CodeContent = ORDER) -> str:
    """This content as a code, signed by the ring's key."""
    return sign_code(content, RING.signer("code" if content.order else "static", NOW), GUID)


def with_crc(text: str) -> str:
    """The same text with its last four characters made right: what a forger does too."""
    return text[:-4] + emv.crc(text[:-4])
