"""EMV QRCPS Merchant-Presented Mode v1.1: text to a checked tree of objects, and back.

Strict for what we write and for whatever carries our GUID; lenient, in five named places, for codes of others.
"""

import re
from binascii import crc_hqx
from collections.abc import Callable, Iterator
from typing import Final, NoReturn

from msgspec import Struct

from qrpay.codes.problems import code_malformed
from qrpay.values import CURRENCY_OF_LEDGER

TEXT_MAX: Final = 512
"""Characters of a whole code (4.1)."""

_TWO_DIGITS: Final = tuple(f"{number:02d}" for number in range(100))
# Looked up instead of converted: int() would also take a full-width digit, a sign or a space (4.3).
_NUMBER: Final = {text: number for number, text in enumerate(_TWO_DIGITS)}


class Item(Struct, frozen=True):
    """One data object: its two-digit id, its value, the objects inside a template, and where its id starts."""

    id: str
    value: str
    items: tuple["Item", ...]
    start: int


class Message(Struct, frozen=True):
    """A whole code: the text and its root objects in the order they stand in."""

    text: str
    items: tuple[Item, ...]

    def find(self, *path: str) -> str | None:
        """The value at these ids, such as `("62", "05")`; None when it is not there."""
        items, value = self.items, None
        for step in path:
            for item in items:
                if item.id == step:
                    items, value = item.items, item.value
                    break
            else:
                return None
        return value

    def accounts(self) -> Iterator[Item]:
        """The merchant account objects (02 to 51)."""
        return (item for item in self.items if "02" <= item.id <= "51")


def is_ans(text: str) -> bool:
    """Whether every character is of the EMV common set, U+0020 to U+007E (Book 4 Annex B)."""
    return text.isascii() and text.isprintable()


def crc(text: str) -> str:
    """Four hexadecimal digits over everything before them, `6304` included (4.7.3)."""
    return f"{crc_hqx(text.encode(), 0xFFFF):04X}"


# Writing -------------------------------------------------------------------------------------------------------


def write(object_id: str, value: str) -> str:
    """One data object. The value has 1 to 99 characters, not bytes (4.3)."""
    assert 1 <= len(value) <= 99, f"object {object_id} holds {len(value)} characters"
    return f"{object_id}{_TWO_DIGITS[len(value)]}{value}"


def build(body: str) -> str:
    """The whole code over its root objects as written by `write`, from `00` on: adds the CRC object."""
    text = body + "6304"
    return text + crc(text)


# Reading -------------------------------------------------------------------------------------------------------


def parse(text: str, strict: bool = True) -> Message:
    """The objects of a code, all of them checked.

    Lenient (`strict=False`) lets pass, in codes of others: 52, 59 or 60 missing, a longer city, a CRC in lower
    case, an object 80-99 that is no template. Raises `code_malformed` with `reason` and `at`.
    """
    message = read_objects(text)
    validate(message, strict)
    return message


def read_objects(text: str) -> Message:
    """Length, CRC and the tree of objects; `validate` looks at what they mean. Raises `code_malformed`."""
    if len(text) > TEXT_MAX:
        _refuse("too_long", "")
    if text[-8:-4] != "6304":
        _refuse("crc_missing", "63")
    try:
        expected = crc(text[:-4])
    except UnicodeEncodeError:
        _refuse("not_unicode", "")
    if text[-4:].upper() != expected:
        _refuse("crc_wrong", "63")
    items = tuple(_with_inner(item) for item in _objects(text, ""))
    if items[0].id != "00":
        _refuse("format_indicator_not_first", "00")
    if items[-1].id != "63":
        _refuse("crc_not_last", "63")
    return Message(text, items)


def _refuse(reason: str, at: str) -> NoReturn:
    raise code_malformed(reason=reason, at=at)


def _objects(text: str, path: str) -> list[Item]:
    """The objects side by side in a text; every id once (4.3.1.2)."""
    found: list[Item] = []
    seen: set[str] = set()
    at, end = 0, len(text)
    while at < end:
        value_at = at + 4
        object_id, length = text[at : at + 2], _NUMBER.get(text[at + 2 : value_at])
        if length is None or object_id not in _NUMBER:
            _refuse("not_an_object", path or "root")
        after = value_at + length
        if length == 0:
            _refuse("length_zero", path + object_id)
        if after > end:
            _refuse("value_too_long", path + object_id)
        if object_id in seen:
            _refuse("duplicate_id", path + object_id)
        seen.add(object_id)
        found.append(Item(object_id, text[value_at:after], (), at))
        at = after
    return found


def _with_inner(item: Item) -> Item:
    """The root object with the objects inside it, where it is a template (Table 3.6)."""
    if "26" <= item.id <= "51" or item.id == "64":
        inner = tuple(_objects(item.value, item.id + "/"))
    elif item.id == "62":
        inner = tuple(
            Item(each.id, each.value, tuple(_objects(each.value, f"62/{each.id}/")), each.start)
            if each.id >= "50"
            else each
            for each in _objects(item.value, "62/")
        )
    elif "80" <= item.id <= "99":
        # Whether it must be a template depends on whose code it is, which is not known yet: validate decides.
        inner = tuple(_objects(item.value, item.id + "/")) if _looks_like_template(item.value) else ()
    else:
        return item
    return Item(item.id, item.value, inner, item.start)


def _looks_like_template(value: str) -> bool:
    return value[:2] == "00" and 0 < _NUMBER.get(value[2:4], 0) <= len(value) - 4


# Meaning -------------------------------------------------------------------------------------------------------

_AMOUNT = re.compile(r"[0-9]+(?:\.([0-9]*))?\Z")


def _text(length_max: int) -> Callable[[str], bool]:
    return lambda value: len(value) <= length_max and is_ans(value)


def _matches(pattern: str) -> Callable[[str], bool]:
    compiled = re.compile(pattern + r"\Z")
    return lambda value: compiled.match(value) is not None


def _is_amount(value: str) -> bool:
    """Digits and at most one point, never zero (4.7.7): `98.73`, `98`, `98.`; not `98,73`, `3 705`, `1e3`."""
    return len(value) <= 13 and _AMOUNT.match(value) is not None and value.strip("0.") != ""


_ROOT: Final[dict[str, Callable[[str], bool]]] = {
    "00": _matches("01"),
    "01": _matches("1[12]"),
    **{f"{number:02d}": is_ans for number in range(2, 26)},
    "52": _matches("[0-9]{4}"),
    "53": _matches("[0-9]{3}"),
    "54": _is_amount,
    "55": _matches("0[123]"),
    "56": _is_amount,
    "57": _matches(r"(?![0.]+\Z)[0-9]{1,2}(?:\.[0-9]{1,2})?"),
    "58": _matches("[A-Z]{2}"),
    "59": _text(25),
    "60": _text(15),
    "61": _text(10),
    "63": _matches("[0-9A-F]{4}"),
}
_ADDITIONAL: Final[dict[str, Callable[[str], bool]]] = {
    **{f"{number:02d}": _text(25) for number in range(1, 9)},
    "09": _matches(r"(?!.*(.).*\1)[AME]{1,3}"),
}
_LANGUAGE: Final[dict[str, Callable[[str], bool]]] = {
    "00": _matches("[A-Za-z]{2}"),
    "01": lambda value: len(value) <= 25,
    "02": lambda value: len(value) <= 15,
}
_ROOT_OF_OTHERS: Final = _ROOT | {
    "60": is_ans,  # a Pix code in use has a city of 16 characters
    "63": lambda value: True,  # the CRC itself was compared already; its case may be lower
}


def validate(message: Message, strict: bool) -> None:
    """Every object of a tree against Table 3.6 and its clauses. Raises `code_malformed`."""
    values = {item.id: item.value for item in message.items}
    rules = _ROOT if strict else _ROOT_OF_OTHERS
    for item in message.items:
        may = rules.get(item.id)
        if may is not None and not may(item.value):
            _refuse("bad_value", item.id)
        if item.id == "62":
            _validate_additional(item)
        elif item.id == "64":
            _validate_fields(item.items, _LANGUAGE, "64/")
            if not {"00", "01"} <= {each.id for each in item.items}:
                _refuse("missing", "64")
        elif "26" <= item.id <= "51" or (item.id >= "80" and (strict or item.items)):
            _validate_guid(item.items, item.id, ans="26" <= item.id <= "51")
    for needed in ("53", "58", *(("52", "59", "60") if strict else ())):
        if needed not in values:
            _refuse("missing", needed)
    if not any(True for _ in message.accounts()):
        _refuse("missing", "26")
    for fee, indicator in (("56", "02"), ("57", "03")):
        if (fee in values) != (values.get("55") == indicator):
            _refuse("tip_and_fee_disagree", fee)
    _validate_decimals(values)


def _validate_fields(items: tuple[Item, ...], rules: dict[str, Callable[[str], bool]], path: str) -> None:
    for item in items:
        may = rules.get(item.id)
        if may is not None and not may(item.value):
            _refuse("bad_value", path + item.id)


def _validate_additional(additional: Item) -> None:
    _validate_fields(additional.items, _ADDITIONAL, "62/")
    for item in additional.items:
        if item.id >= "50":
            _validate_guid(item.items, f"62/{item.id}", ans=False)


def _validate_guid(items: tuple[Item, ...], path: str, ans: bool) -> None:
    """A template says first of all whose it is (4.7.11, 4.11)."""
    guid = next((item.value for item in items if item.id == "00"), None)
    if guid is None:
        _refuse("guid_missing", path)
    if len(guid) > 32 or not is_ans(guid):
        _refuse("bad_value", path + "/00")
    if ans and not all(is_ans(item.value) for item in items):
        _refuse("bad_value", path)


def _validate_decimals(values: dict[str, str]) -> None:
    """No more decimals than the currency has (4.7.7); of a currency we do not know, any number."""
    currency = CURRENCY_OF_LEDGER.get(int(values["53"]))
    for object_id in ("54", "56"):
        found = _AMOUNT.match(values.get(object_id, ""))
        if currency and found and len(found[1] or "") > currency.exponent:
            _refuse("too_many_decimals", object_id)


def minor_units(text: str, exponent: int) -> int:
    """An amount as object 54 writes it, in minor units: `12.5` with two decimals is 1250."""
    whole, _, part = text.partition(".")
    return int(whole + part.ljust(exponent, "0"))
