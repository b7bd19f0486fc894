"""Strict JSON and queries: what enters is exactly what the Struct says, once, and in clean text.

One parser decides (msgspec); this room adds what it lets pass: a key that stands twice, control, bidi and
zero-width characters, text that is not NFC, nesting without end. A body that is plain ASCII without escapes
and without a repeated key, which is nearly every body, pays for none of the second looks.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote_plus

import msgspec

from qrpay.problem import FieldError, Problem, Refused, duplicate_field, invalid_field, malformed_request, unknown_field
from qrpay.values import text_defect

DEPTH_MAX: Final = 32
_CHEAP_BRACKETS: Final = 64
# Possessive, so that a long text is passed over in one go.
_KEY: Final = re.compile(rb'"((?:[^"\\]++|\\.)*+)"\s*:')
_AT: Final = re.compile(r" - at `(\$[^`]*)`\Z")
_NAMED: Final = re.compile(r"(?:unknown field|required field) `([^`]*)`")
_STEP: Final = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]")
_HALF_PAIR: Final = re.compile(rb"\\u[dD][89a-fA-F]")


def decode(decoder: "msgspec.json.Decoder[Any]", body: bytes) -> Any:
    """The body as its Struct. Refuses with `malformed_request` (400) or, with JSON pointers, a 422."""
    if body.count(b"[") + body.count(b"{") > _CHEAP_BRACKETS and _too_deep(body):
        raise malformed_request(errors=[FieldError("", f"Nested deeper than {DEPTH_MAX}.")])
    try:
        value = decoder.decode(body)
    except msgspec.ValidationError as defect:
        _check_syntax(body)
        raise _refusal(str(defect)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as defect:
        if _HALF_PAIR.search(body):
            raise invalid_field(errors=[FieldError("", "Half of a surrogate pair is no character.")]) from None
        raise malformed_request(errors=[FieldError("", str(defect))]) from None
    if b"\\" in body or b"\x7f" in body or not body.isascii() or (body.count(b":") > 1 and _repeats(body)):
        _second_look(body)
    return value


def _repeats(body: bytes) -> bool:
    keys = _KEY.findall(body)
    return len(keys) != len(set(keys))


def _check_syntax(body: bytes) -> None:
    """What is no JSON is a 400, even when the part before the slip has a wrong field as well."""
    try:
        msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as defect:
        if not _HALF_PAIR.search(body):
            raise malformed_request(errors=[FieldError("", str(defect))]) from None


def query(shape: Any, raw: str) -> Any:
    """The query parameters as their Struct; each once, none unknown."""
    given: dict[str, str] = {}
    for part in raw.split("&") if raw else ():
        name, _, text = part.partition("=")
        try:
            name, text = unquote_plus(name, errors="strict"), unquote_plus(text, errors="strict")
        except UnicodeDecodeError:
            raise invalid_field(errors=[FieldError(name, "Percent-encode UTF-8.")]) from None
        if name in given:
            raise duplicate_field(errors=[FieldError(name, "Give it once.")])
        if defect := text_defect(text) or text_defect(name):
            raise invalid_field(errors=[FieldError(name, defect)])
        given[name] = text
    # Left out is left out: msgspec would read the word null as nothing.
    if nulls := [FieldError(name, "Leave it out instead.") for name, text in given.items() if text.lower() == "null"]:
        raise invalid_field(errors=nulls)
    try:
        return msgspec.convert(given, shape, strict=False)
    except msgspec.ValidationError as defect:
        refusal = _refusal(str(defect))
        raise refusal.problem(errors=[FieldError(e.pointer.lstrip("/"), e.detail) for e in refusal.errors]) from None


def _refusal(message: str) -> Refused:
    """msgspec's sentence as a problem with a JSON pointer (RFC 6901)."""
    at = _AT.search(message)
    detail = message[: at.start()] if at else message
    # A value of a table is told as `[...]`: the place we can name is the table.
    steps = _STEP.findall(at[1].partition("[...]")[0]) if at else []
    pointer = "".join("/" + (name or index) for name, index in steps)
    if named := _NAMED.search(detail):
        pointer = _below(pointer, named[1])
        if "unknown field" in detail:
            return unknown_field(errors=[FieldError(pointer, "This field is not known here.")])
        return invalid_field(errors=[FieldError(pointer, "This field is required.")])
    if not pointer and detail.startswith("Expected `object`"):
        return malformed_request(errors=[FieldError("", "The body must be a JSON object.")])
    return invalid_field(errors=[FieldError(pointer, detail.replace("`", "") + ".")])


def _too_deep(body: bytes) -> bool:
    depth = 0
    for mark in re.findall(rb'"(?:[^"\\]|\\.)*"|[\[\]{}]', body):
        if mark in b"[{":
            depth += 1
            if depth > DEPTH_MAX:
                return True
        elif mark in b"]}":
            depth -= 1
    return False


class _Twice(str):
    """Stands where an object had this name twice."""


def _once(pairs: list[tuple[str, Any]]) -> object:
    table: dict[str, Any] = {}
    for name, value in pairs:
        if name in table:
            return _Twice(name)
        table[name] = value
    return table


def _second_look(body: bytes) -> None:
    found: dict[Problem, list[FieldError]] = {duplicate_field: [], invalid_field: []}
    _look_through(json.loads(body, object_pairs_hook=_once), "", found)
    for problem, errors in found.items():
        if errors:
            raise problem(errors=errors)


def _look_through(value: object, pointer: str, found: dict[Problem, list[FieldError]]) -> None:
    if isinstance(value, _Twice):
        found[duplicate_field].append(FieldError(_below(pointer, value), "This field stands twice."))
    elif isinstance(value, str):
        if defect := text_defect(value):
            found[invalid_field].append(FieldError(pointer, defect))
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            if defect := text_defect(name):
                found[invalid_field].append(FieldError(pointer, defect))
            else:
                _look_through(inner, _below(pointer, name), found)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            _look_through(inner, f"{pointer}/{index}", found)


def _below(pointer: str, name: str) -> str:
    return pointer + "/" + name.replace("~", "~0").replace("/", "~1")
