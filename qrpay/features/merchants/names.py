"""Whether a merchant's name is what it seems (UTS 39 in small: NFC, one script a word, no look-alikes, no floods)."""

import re
import unicodedata
from typing import Final

from qrpay.features.merchants.problems import merchant_name_refused
from qrpay.problem import FieldError
from qrpay.values import text_defect

MARKS_IN_A_ROW_MAX: Final = 2
SYMBOLS_MAX: Final = 2

_EAST_ASIAN: Final = frozenset({"CJK", "HIRAGANA", "KATAKANA", "BOPOMOFO", "HANGUL", "LATIN"})
"""Writings that honestly meet in one word, such as 肯德基KFC (UTS 39, highly restrictive)."""

_LOOKALIKES: Final = dict(
    zip(
        "АВЕЅІЈКМНОРСТУХЬаеѕіјкорсухһԁԛԝӏ" + "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧαικνορυχ",
        "ABESIJKMHOPCTYXbaesijkopcyxhdqwl" + "ABEZHIKMNOPTYXaikvopux",
        strict=True,
    )
)
"""Cyrillic and Greek letters that most typefaces draw like Latin ones."""

_BRANDS: Final = re.compile(
    r"\b(alipay|wechat ?pay|weixin|unionpay|apple ?pay|paypal|visa|mastercard)\b|支付宝|微信支付|云闪付|银联|数字人民币"
)
"""Other payment schemes: a payee that bears their name takes payments meant for them."""


def check_name(name: str, pointer: str = "/name") -> None:
    """Raises `merchant_name_refused` for a name that could deceive (rules.md 9, row 38)."""
    if defect := name_defect(name):
        raise merchant_name_refused(reason=defect, errors=[FieldError(pointer, defect)])


def name_defect(name: str) -> str | None:
    """Why this name may not stand before a payer, as a sentence; None when it may."""
    if defect := text_defect(name):
        return defect
    if name != " ".join(name.split(" ")) or name != name.strip() or "  " in name:
        return "Spaces stand singly, and not at the ends."
    return _character_defect(name) or _word_defect(name) or _brand_defect(name)


def _character_defect(name: str) -> str | None:
    marks = symbols = readable = 0
    for character in name:
        category = unicodedata.category(character)
        marks = marks + 1 if category.startswith("M") else 0
        symbols += category.startswith("S")
        readable += category[0] in "LN"
        if marks > MARKS_IN_A_ROW_MAX or category == "Me":
            return "Too many marks are stacked on one letter."
        if symbols > SYMBOLS_MAX:
            return f"At most {SYMBOLS_MAX} symbols or emoji are allowed."
        if category[0] in "LN" and unicodedata.normalize("NFKC", character) != character:
            return f"Write {unicodedata.normalize('NFKC', character)} for {character}."
        if category == "Nd" and not character.isascii():
            return "Write digits as 0 to 9."
        if category[0] == "C" or category in {"Zl", "Zp"} or (category == "Zs" and character != " "):
            return f"The character U+{ord(character):04X} is not allowed."
    return None if readable else "A name has at least one letter or digit."


def _word_defect(name: str) -> str | None:
    for word in re.findall(r"[^\W\d_]+", name):
        scripts = {_script(character) for character in word if unicodedata.category(character).startswith("L")}
        if len(scripts) > 1 and not scripts <= _EAST_ASIAN:
            return f"The word {word} mixes {' and '.join(sorted(map(str.title, scripts)))} letters."
        if all(character in _LOOKALIKES for character in word):
            return f"The word {word} looks like Latin but is {' '.join(scripts).title()}."
    return None


def _brand_defect(name: str) -> str | None:
    folded = "".join(_LOOKALIKES.get(character, character) for character in name)
    found = _BRANDS.search(unicodedata.normalize("NFKC", folded).casefold())
    return f"{found[0]} is the name of another payment scheme." if found else None


def _script(letter: str) -> str:
    """The first word of a letter's name is its script, for every script that matters here."""
    return unicodedata.name(letter, "UNKNOWN").split()[0].split("-")[0]
