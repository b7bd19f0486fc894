"""The digits a customer shows at a till: ours, and how to tell those of others (rules of each scheme, public)."""

import re
import secrets
from typing import Final

DIGITS: Final = 20
"""An even length: Code 128 set C packs digits in pairs."""
RANDOM_DIGITS: Final = 17
"""56.5 bits: at a million live codes, 100 guesses a second hit once in thirty years."""

# First match wins; ours comes last, and its prefix must lie outside those above (see `prefix_is_free`).
_SCHEMES: Final = (
    ("WeChat Pay", re.compile(r"1[0-5][0-9]{16}\Z")),
    ("Alipay", re.compile(r"(?:(?:2[5-9]|30)[0-9]{14,22}|fp[0-9A-Za-z]{33})\Z")),
    ("UnionPay", re.compile(r"62[0-9]{17}\Z")),
)


def scheme_of(digits: str) -> str | None:
    """Whose one-time payment code this is, of those that are not ours; None when no rule fits."""
    return next((name for name, pattern in _SCHEMES if pattern.match(digits)), None)


def prefix_is_free(prefix: str) -> bool:
    """Whether two digits may start our codes: not 10-15 (WeChat Pay), 25-30 (Alipay), 62 (UnionPay), 01 (GS1)."""
    return (
        re.match(r"[0-9]{2}\Z", prefix) is not None
        and scheme_of(prefix + "0" * 18) is None
        and not "10" <= prefix <= "15"
        and prefix not in ("01", "62")
    )


def new_digits(prefix: str) -> str:
    """A fresh payment code: prefix, 17 random digits, Luhn. The caller stores it; a clash is possible but rare."""
    body = f"{prefix}{secrets.randbelow(10**RANDOM_DIGITS):0{RANDOM_DIGITS}d}"
    return body + luhn_digit(body)


def is_ours(digits: str, prefix: str) -> bool:
    """Whether a text is a payment code of ours by its form: length, prefix, ASCII digits, Luhn."""
    return (
        len(digits) == DIGITS
        and digits.startswith(prefix)
        and re.match(r"[0-9]+\Z", digits) is not None
        and luhn_digit(digits[:-1]) == digits[-1]
    )


def luhn_digit(body: str) -> str:
    """The check digit of ISO/IEC 7812-1 over these digits. It catches slips of the hand, not guesses."""
    total = 0
    for place, digit in enumerate(reversed(body)):
        value = int(digit) * (2 - place % 2)
        total += value - 9 if value > 9 else value
    return str(-total % 10)
