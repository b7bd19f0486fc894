"""The signed code: what we sign is read back, and whatever else carries our name is refused by its right name."""

from datetime import timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qrpay.codes import emv, signing
from qrpay.codes.payload import DOMAIN, GUID_MAX, CodeContent, read_code, sign_code, take_apart
from qrpay.codes.reader import Reader
from qrpay.codes.signing import Ed25519Signer, Ed25519Verifier, Keyring, from_base64url, new_key, to_base64url
from qrpay.problem import Refused
from qrpay.values import AMOUNT_MAX, CURRENCIES, id_of
from tests.codes.test_emv import MALFORMED, REAL_CODES, WRONG_END, malformed
from tests.codes.world import (
    CODE_KEY,
    GUID,
    NOW,
    ORDER,
    RECEIPT_KEY,
    RFC8032_SECRET,
    RING,
    STATIC_KEY,
    VECTOR,
    VECTOR_SIGNATURE,
    key_of,
    signed,
    with_crc,
)

RFC_RING = Keyring([key_of("k2026a")])


def refusal(text: str, ring: Keyring = RING, guid: str = GUID, later_s: float = 0) -> str:
    """The code of the problem that reading this text ends with."""
    with pytest.raises(Refused) as refused:
        read_code(text, ring, guid, NOW + timedelta(seconds=later_s))
    return refused.value.problem.code


# The vector of the rules ---------------------------------------------------------------------------------------


def test_the_vector_is_taken_apart_byte_by_byte() -> None:
    """341 characters; signed are the first 203 after the domain line; the signature is the one of the rules."""
    parts = take_apart(VECTOR, "example.qr")
    assert len(VECTOR) == 341
    assert parts.signed == DOMAIN + VECTOR[:203].encode()
    assert parts.signature == VECTOR_SIGNATURE
    assert parts.kid == "k2026a"
    assert RFC_RING.verifier("k2026a", NOW, "code").holds(parts.signature, parts.signed)


def test_signing_the_vectors_prefix_gives_the_vector() -> None:
    """Ed25519 is deterministic: the key of RFC 8032 test 1 makes exactly these bytes."""
    signature = Ed25519Signer("k2026a", RFC8032_SECRET).sign(DOMAIN + VECTOR[:203].encode())
    text = to_base64url(signature)
    first, second = emv.write("01", text[:60]), emv.write("01", text[60:])
    owner = emv.write("00", "example.qr")
    assert emv.build(VECTOR[:203] + emv.write("81", owner + first) + emv.write("82", owner + second)) == VECTOR


def test_the_vector_with_another_amount_is_forged() -> None:
    """12.60 instead of 12.50 under a right checksum: the signature no longer holds."""
    forged = with_crc(VECTOR.replace("540512.50", "540512.60"))
    assert forged.endswith("9CB8")
    assert refusal(forged, RFC_RING, "example.qr") == "code_forged"


def test_an_object_after_the_vectors_signature_is_forged() -> None:
    """`6106100000` before the checksum: the signature of the prefix holds, yet nobody signed that object."""
    forged = with_crc(VECTOR[:-8] + "6106100000" + VECTOR[-8:])
    assert forged.endswith("8218")
    assert refusal(forged, RFC_RING, "example.qr") == "code_forged"


# What we write -------------------------------------------------------------------------------------------------


def test_what_is_signed_is_read_back() -> None:
    """A code says to its reader exactly what was put in, and by which key."""
    assert read_code(signed(), RING, GUID, NOW) == msgspec.structs.replace(ORDER, kid=CODE_KEY.kid)


def test_a_static_code_has_no_order_and_may_live_long() -> None:
    """Point of initiation 11, no amount, an expiry years ahead (its key's validity bounds it)."""
    static = msgspec.structs.replace(ORDER, order=None, amount=None, expires_at=ORDER.expires_at + 10**8)
    text = signed(static)
    assert text.startswith("000201010211")
    content = read_code(text, RING, GUID, NOW)
    assert content.static
    assert content == msgspec.structs.replace(static, kid=STATIC_KEY.kid)


def test_any_emv_reader_shows_merchant_amount_and_checksum() -> None:
    """The text is a strictly valid EMV code with the objects api.md promises."""
    message = emv.parse(signed())
    shown = {path: message.find(*path) for path in (("59",), ("54",), ("26", "00"), ("62", "03"), ("62", "07"))}
    assert shown == {
        ("59",): "HAPPY MART", ("54",): "12.50", ("26", "00"): GUID, ("62", "03"): "S1", ("62", "07"): "T01",
    }  # fmt: skip
    assert [item.id for item in message.items][-4:] == ["80", "81", "82", "63"]


def test_the_longest_code_still_fits() -> None:
    """Every field at its limit and the longest GUID that leaves room for 60 characters of signature: within 512."""
    longest = msgspec.structs.replace(
        ORDER, amount=AMOUNT_MAX, name="N" * 25, city="C" * 15, store="S" * 25, terminal="T" * 25
    )
    text = sign_code(longest, Ed25519Signer("k" * 12, RFC8032_SECRET), "g" * GUID_MAX)
    assert len(text) <= emv.TEXT_MAX
    assert read_code(text, Keyring([key_of("k" * 12)]), "g" * GUID_MAX, NOW).name == "N" * 25


@pytest.mark.parametrize(
    "change",
    [
        {"name": "快乐超市"}, {"name": "N" * 26}, {"city": ""}, {"terminal": "T\n"}, {"store": ""}, {"amount": 0},
        {"amount": AMOUNT_MAX + 1}, {"mcc": "54１1"}, {"country": "cn"},
    ],
)  # fmt: skip
def test_values_that_do_not_fit_are_not_signed(change: dict[str, object]) -> None:
    """A value outside its EMV object is a bug of the caller, found before anything is signed."""
    with pytest.raises(AssertionError):
        signed(msgspec.structs.replace(ORDER, **change))


plain = st.characters(min_codepoint=0x20, max_codepoint=0x7E)
optional = st.none() | st.text(plain, min_size=1, max_size=25)
ids = st.binary(min_size=16, max_size=16).map(id_of)
contents = st.builds(
    CodeContent,
    merchant=ids, order=st.none() | ids,
    amount=st.none() | st.integers(1, AMOUNT_MAX), currency=st.sampled_from(sorted(CURRENCIES)),
    name=st.text(plain, min_size=1, max_size=25), city=st.text(plain, min_size=1, max_size=15),
    mcc=st.from_regex(r"[0-9]{4}", fullmatch=True).filter(str.isascii), country=st.sampled_from(["CN", "HK", "SG"]),
    store=optional, terminal=optional, expires_at=st.integers(1, 86_400).map(lambda s: int(NOW.timestamp()) + s),
    kid=st.just(CODE_KEY.kid),
)  # fmt: skip


@given(contents)
@settings(deadline=None)
def test_every_content_survives_the_way_through_a_code(content: CodeContent) -> None:
    """Whatever may be signed is read back equal, in every currency and with or without each optional field."""
    kid = (CODE_KEY if content.order else STATIC_KEY).kid
    assert read_code(signed(content), RING, GUID, NOW) == msgspec.structs.replace(content, kid=kid)


# What others make of it ----------------------------------------------------------------------------------------

CODE = signed()


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_any_change_of_one_character_is_refused(data: st.DataObject) -> None:
    """Replaced, dropped or doubled, with the checksum left or repaired: never read as ours."""
    place = data.draw(st.integers(0, len(CODE) - 1))
    new = data.draw(st.characters(exclude_categories=["Cs"]) | st.sampled_from("0123456789AZaz-_ "))
    kept = data.draw(st.sampled_from([CODE[:place] + new, CODE[:place], CODE[: place + 1] + CODE[place]]))
    changed = kept + CODE[place + 1 :]
    for text in {changed, with_crc(changed)} - {CODE}:
        assert refusal(text) in {"code_malformed", "code_forged", "code_unknown_key", "code_foreign"}


@pytest.mark.parametrize("digit", "0123456789")
def test_every_digit_of_every_place_is_protected(digit: str) -> None:
    """The same without chance: each place set to each digit, checksum repaired."""
    for place in range(len(CODE) - 4):
        changed = with_crc(CODE[:place] + digit + CODE[place + 1 :])
        if changed != CODE:
            refusal(changed)


def other_code() -> str:
    return signed(msgspec.structs.replace(ORDER, amount=1))


def test_signature_pieces_from_elsewhere_are_forged() -> None:
    """Swapped, missing, of another code, padded, or spelled with stray bits: none of it is a signature."""
    unsigned, tail = CODE.split("8177", 1)
    cut = tail.index("8243")
    first, second = "8177" + tail[:cut], tail[cut:-8]
    last = "AQgw"["AQgw".index(second[-1]) ^ 1] if second[-1] in "AQgw" else None
    assert last is not None, "64 bytes end in two spare pairs of bits"
    stray = second[:-1] + chr(ord(second[-1]) + 1)
    other_tail = other_code().split("8177", 1)[1]
    for body in (
        unsigned + second + first,
        unsigned + first,
        unsigned + second,
        unsigned,
        unsigned + "8177" + other_tail[:-8],
        unsigned + first + second[:-1] + last,
        unsigned + first + stray,
        unsigned + first.replace("8177", "8178").replace("0160", "0161=") + second,
        unsigned + first.replace("8177", "8183") + "0202XX" + second,
        unsigned + "6106100000" + first + second,
    ):
        assert refusal(emv.build(body)) == "code_forged", body


def test_a_malleable_signature_is_forged() -> None:
    """S + L verifies in careless libraries; here it does not."""
    order_l = 2**252 + 27742317777372353535851937790883648493
    parts = take_apart(CODE, GUID)
    s = int.from_bytes(parts.signature[32:], "little") + order_l
    twin = to_base64url(parts.signature[:32] + s.to_bytes(32, "little"))
    honest = to_base64url(parts.signature)
    changed = with_crc(CODE.replace(honest[:60], twin[:60]).replace(honest[60:], twin[60:]))
    assert changed != CODE
    assert from_base64url(twin) is not None
    assert refusal(changed) == "code_forged"


def test_a_static_code_cannot_be_made_dynamic() -> None:
    """Object 01 is signed like the rest, so the cap on static codes cannot be dodged."""
    static = signed(msgspec.structs.replace(ORDER, order=None, amount=None))
    assert refusal(with_crc(static.replace("010211", "010212", 1))) == "code_forged"


def test_our_guid_in_other_letters_is_no_way_out() -> None:
    """`ORG.QRPAY` is still our name: the code is forged, not merely foreign."""
    assert refusal(with_crc(CODE.replace("org.qrpay", "ORG.QRPAY"))) == "code_forged"


@pytest.mark.parametrize(("name", "text"), [row[:2] for row in REAL_CODES], ids=[row[0] for row in REAL_CODES])
def test_codes_of_others_are_foreign_and_named(name: str, text: str) -> None:
    """A real code of another scheme is no forgery; the refusal says whose it is."""
    with pytest.raises(Refused) as refused:
        read_code(text, RING, GUID, NOW)
    assert refused.value.problem.code == "code_foreign"
    assert refused.value.figures["scheme"] == ("D15600000000" if name == "EMVCo Annex B" else name)


class Untouchable(Keyring):
    """A ring that no malformed code may make anybody look into."""

    def verifier(self, kid: str, *_: object, **__: object) -> None:  # type: ignore[override]
        raise AssertionError("a key was looked up")


@pytest.mark.parametrize("row", [r[1:4] for r in MALFORMED], ids=[r[0] for r in MALFORMED])
def test_no_key_is_looked_up_for_a_malformed_code(row: tuple[str, str, str]) -> None:
    """M4 to M28 end before any key, whether they bear our GUID or another's."""
    for guid in ("example.qr", GUID):
        assert refusal(malformed(*row), Untouchable(), guid) == "code_malformed"


@pytest.mark.parametrize("row", WRONG_END, ids=[r[0] for r in WRONG_END])
def test_no_key_is_looked_up_under_a_wrong_checksum(row: tuple[str, str, str]) -> None:
    """M1, M2, M3 and M6 likewise."""
    assert refusal(row[1], Untouchable(), "example.qr") == "code_malformed"


# Keys and time -------------------------------------------------------------------------------------------------


def test_a_code_is_read_until_its_last_second() -> None:
    """Payable just before its expiry, expired at it."""
    assert read_code(CODE, RING, GUID, NOW + timedelta(seconds=899.9))
    assert refusal(CODE, later_s=900) == "code_expired"
    assert refusal(CODE, later_s=901) == "code_expired"


def test_a_dynamic_code_may_not_live_longer_than_a_day() -> None:
    """An expiry more than a day and a minute ahead is refused although we signed it."""
    now = int(NOW.timestamp())
    assert read_code(signed(msgspec.structs.replace(ORDER, expires_at=now + 86_460)), RING, GUID, NOW)
    assert refusal(signed(msgspec.structs.replace(ORDER, expires_at=now + 86_461))) == "code_malformed"


def test_an_unknown_revoked_or_outlived_key_does_not_count() -> None:
    """Nor does one whose time has not come, or one made for receipts."""
    revoked = msgspec.structs.replace(CODE_KEY, revoked_at=NOW)
    young = msgspec.structs.replace(CODE_KEY, not_before=NOW + timedelta(seconds=61))
    old = msgspec.structs.replace(CODE_KEY, verify_until=NOW)
    receipt = msgspec.structs.replace(CODE_KEY, purpose="receipt")
    for ring in (Keyring(), Keyring([revoked]), Keyring([young]), Keyring([old]), Keyring([receipt])):
        assert refusal(CODE, ring) == "code_unknown_key"


def test_a_signature_by_another_of_our_keys_is_forged() -> None:
    """The key id is signed too, so a code cannot be moved to another key."""
    other = new_key("code", NOW, timedelta(days=1), timedelta(days=1))
    assert refusal(with_crc(CODE.replace(CODE_KEY.kid, other.kid)), Keyring([CODE_KEY, other])) == "code_forged"


def test_a_signature_holds_only_for_the_purpose_of_its_key() -> None:
    """What the receipts' key signed is no code."""
    assert RECEIPT_KEY.private
    text = sign_code(ORDER, Ed25519Signer(RECEIPT_KEY.kid, RECEIPT_KEY.private), GUID)
    assert refusal(text) == "code_unknown_key"


# Remembering ---------------------------------------------------------------------------------------------------


def test_a_remembered_code_still_expires() -> None:
    """The second look is a look-up, yet the clock is asked each time; verify leaves the expiry to its caller."""
    reader = Reader(RING, GUID)
    first = reader.read(CODE, NOW)
    assert reader.read(CODE, NOW) is first
    late = NOW + timedelta(seconds=901)
    with pytest.raises(Refused) as refused:
        reader.read(CODE, late)
    assert refused.value.figures == {"expired_at": "2026-01-05T08:15:00.000Z"}
    assert reader.verify(CODE, late) is first
    assert first.expired(late)


def test_an_issued_code_is_known_without_verification() -> None:
    """The issuer remembers exactly what any other reader finds, in each of the two kinds."""
    reader = Reader(RING, GUID)
    for content in (ORDER, msgspec.structs.replace(ORDER, order=None, store=None, terminal=None)):
        text = reader.issue(content, NOW)
        assert text == signed(content)
        assert reader.read(text, NOW) == read_code(text, RING, GUID, NOW)
        assert reader.read(text, NOW) is reader.read(text, NOW)
    with pytest.raises(AssertionError):
        reader.issue(msgspec.structs.replace(ORDER, expires_at=ORDER.expires_at + 86_400), NOW)


def test_an_issued_code_of_a_revoked_key_is_forgotten() -> None:
    """Having signed it oneself is no excuse."""
    ring = Keyring([CODE_KEY])
    reader = Reader(ring, GUID)
    text = reader.issue(ORDER, NOW)
    ring.replace([])
    with pytest.raises(Refused):
        reader.verify(text, NOW)


def test_a_revocation_ends_what_was_remembered() -> None:
    """A new set of keys is asked again about every code, a remembered one too."""
    ring = Keyring([CODE_KEY])
    reader = Reader(ring, GUID)
    reader.read(CODE, NOW)
    ring.replace([msgspec.structs.replace(CODE_KEY, revoked_at=NOW)])
    with pytest.raises(Refused) as refused:
        reader.read(CODE, NOW)
    assert refused.value.problem.code == "code_unknown_key"


def test_a_remembered_code_ends_with_its_key() -> None:
    """A key that dies by the clock, without any change of the ring, takes its codes along."""
    ring = Keyring([msgspec.structs.replace(CODE_KEY, verify_until=NOW + timedelta(seconds=5))])
    reader = Reader(ring, GUID)
    reader.verify(CODE, NOW)
    with pytest.raises(Refused):
        reader.verify(CODE, NOW + timedelta(seconds=5))


class CountingVerifier(Ed25519Verifier):
    """Counts how often it is asked."""

    asked = 0

    def holds(self, signature: bytes, message: bytes) -> bool:
        """As its parent."""
        CountingVerifier.asked += 1
        return super().holds(signature, message)


def test_what_is_remembered_is_bounded_and_the_oldest_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """The latest half is kept for sure; what is older is verified anew."""
    monkeypatch.setattr(signing, "Ed25519Verifier", CountingVerifier)
    reader = Reader(Keyring([CODE_KEY]), GUID, remembered=4)
    texts = [signed(msgspec.structs.replace(ORDER, amount=amount)) for amount in (1, 2, 3, 4)]
    seen = [reader.verify(text, NOW) for text in texts]
    CountingVerifier.asked = 0
    assert reader.verify(texts[3], NOW) is seen[3]
    assert reader.verify(texts[2], NOW) is seen[2]
    assert CountingVerifier.asked == 0
    reader.verify(signed(msgspec.structs.replace(ORDER, amount=5)), NOW)
    reader.verify(signed(msgspec.structs.replace(ORDER, amount=6)), NOW)
    CountingVerifier.asked = 0
    again = reader.verify(texts[0], NOW)
    assert again == seen[0] and again is not seen[0]
    assert CountingVerifier.asked == 1


def test_a_refused_code_is_not_remembered() -> None:
    """A forged text is judged anew each time and takes no room."""
    reader = Reader(RING, GUID)
    forged = with_crc(CODE.replace("540512.50", "540512.60"))
    for _ in range(2):
        with pytest.raises(Refused):
            reader.verify(forged, NOW)
