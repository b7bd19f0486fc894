"""EMV consumer-presented codes: EMVCo's examples are read, broken ones refused."""

from base64 import b64decode, b64encode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qrpay.codes import cpm
from qrpay.codes.problems import code_malformed
from qrpay.problem import Refused

C1 = "hQVDUFYwMWEaTwegAAAAVVVVVw8SNFZ4kBI0WNGRIgESNF8="
C2 = (
    "hQVDUFYwMWETTwegAAAAVVVVUAhQcm9kdWN0MWETTwegAAAAZmZmUAhQcm9kdWN0MmJJWggSNFZ4kBI0WF8gDkNBUkRIT0xERVIvRU1WXy0I"
    "cnVlc2RlZW5kIZ8QBwYBCgMAAACfJghYT9OF+iNLzJ82AgABnzcEbVjvEw=="
)
CUT_INSIDE = b64decode(C1)[:8] + b"\x19" + b64decode(C1)[9:-1]  # template 61 shortened with its 57


def refusal(text: str) -> dict[str, object]:
    with pytest.raises(Refused) as refused:
        cpm.parse(text)
    assert refused.value.problem is code_malformed
    return dict(refused.value.figures)


def test_emvcos_first_example_is_read() -> None:
    """One application with track 2."""
    code = cpm.parse(C1)
    assert code.aids == ("A0000000555555",)
    assert code.items[0].value == b"CPV01"
    assert (code.items[1].find("57") or b"").hex().upper() == "1234567890123458D191220112345F"
    assert code.scheme == "EMV consumer-presented"


def test_emvcos_second_example_is_read() -> None:
    """Two applications that share a common template, two-byte tags among it."""
    code = cpm.parse(C2)
    assert code.aids == ("A0000000555555", "A0000000666666")
    assert [item.find("50") for item in code.items if item.tag == "61"] == [b"Product1", b"Product2"]
    common = code.items[-1]
    assert common.find("5F20") == b"CARDHOLDER/EMV"
    assert (common.find("64") or b"").hex().endswith("9f36020001" + "9f37046d58ef13")


def test_a_known_application_is_named() -> None:
    """An AID of UnionPay in the same frame."""
    raw = b64decode(C1).replace(bytes.fromhex("A0000000555555"), bytes.fromhex("A0000003330101"))
    assert cpm.parse(b64encode(raw).decode()).scheme == "UnionPay"


@pytest.mark.parametrize(
    ("text", "figures"),
    [
        ("hQVDUFYwMQ==", {"reason": "missing", "at": "61"}),
        (b64encode(b64decode(C1)[:-1]).decode(), {"reason": "value_too_long", "at": "61"}),
        (b64encode(CUT_INSIDE).decode(), {"reason": "value_too_long", "at": "61/57"}),
        (C1.replace("=", ""), {"reason": "not_base64", "at": ""}),
        (C1 + "\n", {"reason": "not_base64", "at": ""}),
        ("hQVDUFYwMmEaTwegAAAAVVVVVw8SNFZ4kBI0WNGRIgESNF8=", {"reason": "format_indicator_not_first", "at": "85"}),
        (b64encode(b64decode(C1) + bytes.fromhex("5A00" "5A00")).decode(), {"reason": "duplicate_id", "at": "5A"}),
        (b64encode(b64decode(C1) + bytes.fromhex("6202" "5700")).decode(), {"reason": "duplicate_id", "at": "57"}),
        (b64encode(b64decode(C1) + bytes.fromhex("5A80")).decode(), {"reason": "bad_length", "at": "5A"}),
        ("A" * 513, {"reason": "too_long", "at": ""}),
    ],
)  # fmt: skip
def test_broken_ones_are_refused(text: str, figures: dict[str, object]) -> None:
    """No application, an overrun, no base64, another version, an object twice, an indefinite length."""
    assert refusal(text) == figures


@given(st.binary(max_size=384))
@settings(deadline=None)
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    """No bytes make the reader fail otherwise than by a refusal."""
    try:
        cpm.parse(b64encode(bytes.fromhex("8505") + b"CPV01" + raw).decode())
    except Refused as refused:
        assert refused.problem is code_malformed
