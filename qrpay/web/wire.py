"""One request as it came and one response as it goes: no more objects than a payment needs."""

import asyncio
import zlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from email.utils import formatdate
from http import HTTPStatus
from time import monotonic, time
from typing import TYPE_CHECKING, Final

from aiohttp import web
from aiohttp.http import HttpVersion11, RawRequestMessage, StreamWriter
from aiohttp.streams import EMPTY_PAYLOAD, StreamReader
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from qrpay.problem import FieldError, body_too_large, malformed_request, request_timeout, unsupported_media_type
from qrpay.web.lane import Head

if TYPE_CHECKING:
    from qrpay.web.protocol import Connection

REASONS: Final = {status.value: status.phrase for status in HTTPStatus} | {413: "Content Too Large"}
JSON: Final = "application/json"
SAFETY: Final = "X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n"
CSP: Final = "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n"


class Request(ABC):
    """What was asked. The body is read when somebody asks for it.

    headers   by name; complete: whether all of it has arrived; last: whether the client wants to hang up after it
    began_ns  when it was found what it asks for, on a route that is measured (ledger/traces.py); 0: it is not
    """

    __slots__ = ("_connection", "began_ns", "headers", "id", "last", "method", "path", "query")
    headers: "Mapping[str, str]"
    plain = False
    """Whether it came by the lane, where its first line and its Host were looked at."""

    def __init__(self, connection: "Connection", method: str, target: str, last: bool) -> None:
        self._connection = connection
        self.began_ns = 0
        self.id = ""
        self.last = last
        self.method = method
        self.path, _, self.query = target.partition("?")

    @property
    def peer(self) -> str:
        """The address that called."""
        peername = self._connection.peername
        return str(peername[0]) if isinstance(peername, tuple) else "local"

    @property
    @abstractmethod
    def complete(self) -> bool:
        """Whether all of it has arrived."""

    @property
    @abstractmethod
    def payload(self) -> StreamReader:
        """What is still to come."""

    @abstractmethod
    async def body(self, limit: int, timeout_s: float) -> bytes:
        """All of the body, at most `limit` bytes, unpacked when it came gzipped."""

    @abstractmethod
    def message(self) -> RawRequestMessage:
        """Its head as aiohttp knows it."""

    def stream(self) -> web.BaseRequest:
        """The same request as aiohttp knows it, for an answer that is written bit by bit."""
        connection = self._connection
        loop = asyncio.get_running_loop()
        task = asyncio.current_task()
        assert task is not None
        return web.BaseRequest(self.message(), self.payload, connection, StreamWriter(connection, loop), task, loop)


class PlainRequest(Request):
    """A request that came by the lane: complete, and looked at."""

    __slots__ = ("_body", "_head")
    plain = True
    complete = True

    def __init__(self, connection: "Connection", head: Head, body: bytes) -> None:
        super().__init__(connection, head.method, head.target, last=False)
        self.headers = head.headers
        self._head = head
        self._body = body

    @property
    def payload(self) -> StreamReader:
        return EMPTY_PAYLOAD

    async def body(self, limit: int, timeout_s: float) -> bytes:
        if len(self._body) > limit:
            raise body_too_large(limit=limit)
        return self._body

    def message(self) -> RawRequestMessage:
        head, headers = self._head, CIMultiDict(self._head.headers)
        if "Content-Length" in headers:  # the lane compares heads without it
            headers["Content-Length"] = str(len(self._body))
        raw = tuple((name.encode(), value.encode()) for name, value in headers.items())
        url = URL.build(path=self.path, query_string=self.query, encoded=True)
        return RawRequestMessage(
            head.method, head.target, HttpVersion11, CIMultiDictProxy(headers), raw, False, None, False, False, url
        )


class ParsedRequest(Request):
    """A request that aiohttp's parser took apart."""

    __slots__ = ("_message", "_payload")

    def __init__(self, connection: "Connection", message: RawRequestMessage, payload: StreamReader) -> None:
        super().__init__(connection, message.method, message.path, last=message.should_close)
        self.headers = message.headers
        self._message = message
        self._payload = payload

    @property
    def complete(self) -> bool:
        return self._payload.is_eof()

    @property
    def payload(self) -> StreamReader:
        return self._payload

    def message(self) -> RawRequestMessage:
        return self._message

    async def body(self, limit: int, timeout_s: float) -> bytes:
        payload = self._payload
        announced = self.headers.get("Content-Length")
        if announced is not None and int(announced) > limit:
            raise body_too_large(limit=limit)
        if not payload.is_eof():
            raw = await self._rest(payload, limit, timeout_s)
        elif payload.exception() is None:
            raw = payload.read_nowait(-1)
        else:
            raise malformed_request(errors=[FieldError("", "The body is not framed correctly.")])
        if len(raw) > limit:
            raise body_too_large(limit=limit)
        if coding := self.headers.get("Content-Encoding"):
            return unpacked(raw, coding, limit)
        return raw

    async def _rest(self, payload: StreamReader, limit: int, timeout_s: float) -> bytes:
        if self.headers.get("Expect", "").lower() == "100-continue":
            self._connection.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        parts, size, until = [], 0, monotonic() + timeout_s
        try:
            while not payload.at_eof():
                part = await asyncio.wait_for(payload.readany(), until - monotonic())
                parts.append(part)
                size += len(part)
                if size > limit:
                    raise body_too_large(limit=limit)
        except TimeoutError:
            raise request_timeout() from None
        except (web.PayloadAccessError, web.RequestPayloadError, ValueError) as defect:
            raise malformed_request(errors=[FieldError("", "The body is not framed correctly.")]) from defect
        return b"".join(parts)


def unpacked(raw: bytes, coding: str, limit: int) -> bytes:
    """A gzip or deflate body, never growing past the limit (a bomb is cut while it unpacks)."""
    window = {"gzip": 31, "x-gzip": 31, "deflate": 15}.get(coding.strip().lower())
    if window is None:
        raise unsupported_media_type(errors=[FieldError("Content-Encoding", "Send gzip, or no encoding.")])
    machine = zlib.decompressobj(window)
    try:
        plain = machine.decompress(raw, limit + 1)
    except zlib.error:
        raise malformed_request(errors=[FieldError("", f"The body is no {coding}.")]) from None
    if len(plain) > limit:
        raise body_too_large(limit=limit)
    if not machine.eof:
        raise malformed_request(errors=[FieldError("", f"The {coding} body is cut short.")])
    return plain


class _Date:
    """The Date header's line, made once a second (RFC 9110 6.6.1)."""

    def __init__(self) -> None:
        self.second, self.line = 0, ""

    def now(self) -> str:
        second = int(time())
        if second != self.second:
            self.second, self.line = second, f"Date: {formatdate(second, usegmt=True)}\r\n"
        return self.line


DATE: Final = _Date()


class _Heads:
    """What answers of one status and media type have in common, up to the length of their body; made once a second."""

    def __init__(self) -> None:
        self.second = 0
        self.made: dict[tuple[int, str, bool], bytes] = {}

    def now(self, status: int, media_type: str, close: bool) -> bytes:
        second = int(time())
        if second != self.second:
            self.second = second
            self.made.clear()
        key = status, media_type, close
        found = self.made.get(key)
        if found is None:
            connection = "close" if close else "keep-alive"
            found = self.made[key] = (
                f"HTTP/1.1 {status} {REASONS.get(status, '')}\r\n{DATE.now()}{SAFETY}{CSP}Connection: {connection}\r\n"
                f"Content-Type: {media_type}\r\nContent-Length: "
            ).encode("latin-1")
        return found


HEADS: Final = _Heads()


def response(
    status: int,
    body: bytes,
    request_id: str,
    *,
    media_type: str = JSON,
    headers: Mapping[str, str] | None = None,
    close: bool = False,
    head_only: bool = False,
) -> bytes:
    """The bytes of a whole response."""
    if headers is None and not head_only and status not in (204, 304):
        return b"%b%d\r\nX-Request-Id: %b\r\n\r\n%b" % (
            HEADS.now(status, media_type, close),
            len(body),
            request_id.encode(),
            body,
        )
    extra = "".join(f"{name}: {_one_line(value)}\r\n" for name, value in headers.items()) if headers else ""
    csp = "" if headers and "Content-Security-Policy" in headers else CSP
    # RFC 9110 8.6: a 204 has no length, and a 304 would have that of what it does not send.
    about = "" if status in (204, 304) else f"Content-Type: {media_type}\r\nContent-Length: {len(body)}\r\n"
    head = (
        f"HTTP/1.1 {status} {REASONS.get(status, '')}\r\n{DATE.now()}{about}X-Request-Id: {request_id}\r\n"
        f"{SAFETY}{csp}{extra}{'Connection: close' if close else 'Connection: keep-alive'}\r\n\r\n"
    )
    return head.encode("latin-1") + (b"" if head_only else body)


def _one_line(value: str) -> str:
    return value.replace("\r", " ").replace("\n", " ").encode("ascii", "replace").decode()


__all__ = ["HttpVersion11", "Request", "response", "unpacked"]
