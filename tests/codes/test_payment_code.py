"""Payment codes as digits: ours are random and checked, those of others are named."""

import pytest

from qrpay.codes import payment_code


def test_luhn_holds_as_in_the_rules() -> None:
    """Two numbers that hold, one that does not."""
    assert payment_code.is_ours("88012345678901234564", "88")
    assert payment_code.luhn_digit("88999999999999999") == "0"
    assert not payment_code.is_ours("88012345678901234565", "88")


def test_new_codes_are_ours_and_differ() -> None:
    """Twenty digits with our prefix; a thousand of them are all different, and every digit of the middle moves."""
    codes = {payment_code.new_digits("88") for _ in range(1000)}
    assert len(codes) == 1000
    assert all(payment_code.is_ours(code, "88") and payment_code.scheme_of(code) is None for code in codes)
    assert all(len({code[place] for code in codes}) == 10 for place in range(2, 20))


@pytest.mark.parametrize(
    ("digits", "scheme"),
    [
        ("101234567890123456", "WeChat Pay"),
        ("159999999999999999", "WeChat Pay"),
        ("2512345678901234", "Alipay"),
        ("301234567890123456789012", "Alipay"),
        ("fp" + "a1" * 16 + "Z", "Alipay"),
        ("6212345678901234567", "UnionPay"),
        ("16123456789012345678", None),
        ("1012345678901234567", None),
        ("251234567890123", None),
        ("3012345678901234567890123", None),
        ("62123456789012345678", None),
        ("101234567890123456\n", None),
        ("１０1234567890123456", None),
        ("", None),
    ],
)
def test_codes_of_others_are_named(digits: str, scheme: str | None) -> None:
    """WeChat Pay, Alipay and UnionPay by prefix and length; one digit more or less is nobody's."""
    assert payment_code.scheme_of(digits) == scheme


@pytest.mark.parametrize(
    "digits",
    ["8801234567890123456", "880123456789012345640", "88012345678901234564\n", "8801234567890123456x",
     "８８012345678901234564", "88０12345678901234564", "89012345678901234564", ""],
)  # fmt: skip
def test_near_misses_are_not_ours(digits: str) -> None:
    """Wrong length, letters, full-width digits, another prefix, a trailing newline."""
    assert not payment_code.is_ours(digits, "88")


@pytest.mark.parametrize(
    ("prefix", "free"),
    [("88", True), ("16", True), ("24", True), ("31", True), ("10", False), ("15", False), ("25", False), ("30", False),
     ("62", False), ("01", False), ("8", False), ("888", False), ("８8", False)],
)  # fmt: skip
def test_a_prefix_must_not_be_another_schemes(prefix: str, free: bool) -> None:
    """Configuration cannot make our codes look like WeChat Pay's, Alipay's, UnionPay's or a retail product's."""
    assert payment_code.prefix_is_free(prefix) is free
