"""A short way in for the plainest request there is: complete, alone in its segment, with usual headers only.

Most requests of a till, a wallet or a load tester look like this, and on one connection their heads are mostly equal
to the letter. Whatever is unusual in any way (another method, a header not listed here, a header twice, chunks, a
body still under way, a second request behind it) is None here and goes through aiohttp's parser as if this room did
not exist; so it can only be strict, never lenient. docs/decisions/0009 says what it gains.
"""

import re
from collections.abc import Mapping
from typing import Final

from msgspec import Struct

HEAD_MAX: Final = 4_096
LISTED: Final[Mapping[bytes, str]] = {
    name.lower().encode(): name
    for name in (
        "Host", "Authorization", "Content-Type", "Content-Length", "Connection", "Accept", "Accept-Encoding",
        "Accept-Language", "User-Agent", "Idempotency-Key", "Cache-Control", "Pragma",
    )
}  # fmt: skip
_LINE: Final = re.compile(rb"(GET|POST) (/[!-\"$-~]*) HTTP/1\.1")
_VALUE: Final = re.compile(rb"[!-~](?:[ -~]*[!-~])?")
_LENGTH: Final = re.compile(rb"0|[1-9][0-9]{0,6}")
_LENGTH_LINE: Final = re.compile(rb"(?i)\r\ncontent-length: ([0-9]+)(?=\r\n|\Z)")


class Head(Struct, frozen=True):
    """A request's first line and headers, by their canonical names."""

    method: str
    target: str
    headers: Mapping[str, str]


class Lane:
    """Reads plain requests of one connection. A head equal to the last one, but for the digits of its length, is
    known by comparing: its headers then say the last length, and only the body counts.
    """

    __slots__ = ("_after", "_before", "_head")

    def __init__(self) -> None:
        self._before = self._after = b""
        self._head: Head | None = None

    def read(self, data: bytes) -> tuple[Head, bytes] | None:
        """The head and the body, when these bytes are exactly one plain request."""
        end = data.find(b"\r\n\r\n", 0, HEAD_MAX)
        if end < 0:
            return None
        body = data[end + 4 :]
        before, after = self._before, self._after
        length = data[len(before) : end - len(after)]
        if (
            not before
            or not data.startswith(before)
            or not data.endswith(after, 0, end)
            or not _LENGTH.fullmatch(length)
        ):
            length = self._learn(data[:end])
        return (self._head, body) if self._head is not None and int(length) == len(body) else None

    def _learn(self, head: bytes) -> bytes:
        """Take a head apart, and what stands around the digits of its length; the digits (`0` without a body)."""
        self._head = parsed(head)
        named = _LENGTH_LINE.search(head)
        if self._head is None or named is None:
            self._before = self._after = b""
            return b"0"
        self._before, self._after = head[: named.start(1)], head[named.end(1) :]
        return named[1]


def parsed(head: bytes) -> Head | None:
    """A plain head taken apart; None when anything about it is not plain."""
    first, *lines = head.split(b"\r\n")
    line = _LINE.fullmatch(first)
    if line is None:
        return None
    headers: dict[str, str] = {}
    for text in lines:
        name, colon, value = text.partition(b": ")
        listed = LISTED.get(name.lower())
        if not colon or listed is None or listed in headers or not _VALUE.fullmatch(value):
            return None
        headers[listed] = value.decode("ascii")
    method, length = line[1].decode(), headers.get("Content-Length")
    if "Host" not in headers or headers.get("Connection", "keep-alive").lower() != "keep-alive":
        return None
    if (length is None) != (method == "GET") or (length is not None and not _LENGTH.fullmatch(length.encode())):
        return None
    return Head(method, line[2].decode("ascii"), headers)
