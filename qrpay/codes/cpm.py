"""EMV QRCPS Consumer-Presented Mode v1.1: read far enough to say what it is and whose. Never charged here."""

import binascii
from base64 import b64decode
from collections.abc import Iterator
from typing import Final, NoReturn

from msgspec import Struct

from qrpay.codes.problems import code_malformed
from qrpay.codes.schemes import scheme_of_guid

START: Final = "hQVDUFY"
"""How every such text begins: tag 85, five bytes, `CPV` (5.1.1)."""
TEXT_MAX: Final = 512
_TEMPLATES: Final = frozenset({"61", "62", "63", "64"})


class Tlv(Struct, frozen=True):
    """One BER-TLV object (EMV Book 3 Annex B): tag in upper-case hexadecimal, value, and the objects inside."""

    tag: str
    value: bytes
    items: tuple["Tlv", ...] = ()

    def find(self, tag: str) -> bytes | None:
        """The value of the first object inside with this tag."""
        return next((item.value for item in self.items if item.tag == tag), None)


class ConsumerCode(Struct, frozen=True):
    """A consumer-presented code: its objects, the AIDs it offers in order, and the scheme's name."""

    items: tuple[Tlv, ...]
    aids: tuple[str, ...]
    scheme: str


def parse(text: str) -> ConsumerCode:
    """The objects of a consumer-presented code. Raises `code_malformed`."""
    if len(text) > TEXT_MAX:
        _refuse("too_long", "")
    try:
        raw = b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        _refuse("not_base64", "")
    items = tuple(_objects(raw, "", set()))
    if not items or items[0].tag != "85" or items[0].value != b"CPV01":
        _refuse("format_indicator_not_first", "85")
    applications = [item for item in items if item.tag == "61"]
    if not applications:
        _refuse("missing", "61")
    aids = []
    for application in applications:
        aid = application.find("4F")
        if aid is None or not 5 <= len(aid) <= 16:
            _refuse("missing", "61/4F")
        aids.append(aid.hex().upper())
    _refuse_twice(items)
    scheme = next((name for aid in aids if (name := scheme_of_guid(aid))), "EMV consumer-presented")
    return ConsumerCode(items, tuple(aids), scheme)


def _refuse(reason: str, at: str) -> NoReturn:
    raise code_malformed(reason=reason, at=at)


def _refuse_twice(items: tuple[Tlv, ...]) -> None:
    """An object may not stand both in the application chosen and in what all of them share (5.1.10)."""
    shared = {inner.tag for item in items if item.tag == "62" for inner in item.items}
    for item in items:
        if item.tag == "61" and (both := shared & {inner.tag for inner in item.items}):
            _refuse("duplicate_id", min(both))


def _objects(raw: bytes, path: str, seen: set[str]) -> Iterator[Tlv]:
    at = 0
    while at < len(raw):
        start = at
        at += 1
        if raw[start] & 0x1F == 0x1F:  # the tag goes on in the next byte
            while at < len(raw) and raw[at] & 0x80:
                at += 1
            at += 1
        tag = raw[start:at].hex().upper()
        length, at = _length(raw, at, path + tag)
        if at + length > len(raw):
            _refuse("value_too_long", path + tag)
        if tag in seen and tag not in _TEMPLATES:
            _refuse("duplicate_id", path + tag)
        seen.add(tag)
        value = raw[at : at + length]
        yield Tlv(tag, value, tuple(_objects(value, f"{path}{tag}/", set())) if tag in _TEMPLATES else ())
        at += length


def _length(raw: bytes, at: int, path: str) -> tuple[int, int]:
    """A BER length and where the value starts: one byte, or 81 and one, or 82 and two."""
    more = raw[at] - 0x80 if at < len(raw) and raw[at] > 0x80 else 0
    if at >= len(raw) or raw[at] == 0x80 or more > 2 or at + more >= len(raw):
        _refuse("bad_length", path)
    if more == 0:
        return raw[at], at + 1
    return int.from_bytes(raw[at + 1 : at + 1 + more], "big"), at + 1 + more
