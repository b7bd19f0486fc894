"""From a request to an answer: host, route, caller, limit, body, handler, bytes. One straight walk."""

import itertools
import os
import re
from collections.abc import Mapping, Sequence
from time import time
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import msgspec
import structlog
from aiohttp.http import HttpVersion10, HttpVersion11, RawRequestMessage
from msgspec import Struct

from qrpay.core import Core
from qrpay.logs import REQUEST_ID
from qrpay.memory import Memory
from qrpay.problem import (
    FieldError,
    Refused,
    cross_site_refused,
    forbidden,
    headers_too_large,
    http_version_not_supported,
    internal_error,
    malformed_request,
    method_not_allowed,
    misdirected_request,
    not_found,
    token_expired,
    unauthenticated,
    unsupported_media_type,
    wrong_caller,
)
from qrpay.web import signatures, strict
from qrpay.web.callers import Acted, Caller, Credential, Merchant, Operator, Wallet
from qrpay.web.limits import Limit
from qrpay.web.protocol import Connection
from qrpay.web.refusals import refusal
from qrpay.web.routes import NOTHING, Answer, Call, Document, Route
from qrpay.web.wire import Request, response

CREDENTIALS_MAX: Final = 4_096  # about 2 MB; a token that is checked again costs 4 µs
STREAMED: Final = object()
WHO: Final = {
    "Merchant": "merchant", "Wallet": "wallet", "Operator": "operator", "Applicant": "applicant",
    "MerchantApplicant": "merchant's applicant",
}  # fmt: skip
_HOST: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._\-]+)(?::[0-9]{1,5})?\Z")
log = structlog.get_logger()


class Served:
    """A route made ready: its decoder built once, its counts kept in plain numbers."""

    __slots__ = ("counts", "decoder", "noted", "query", "route", "status", "timed")

    def __init__(self, route: Route) -> None:
        self.route = route
        self.decoder = msgspec.json.Decoder(route.body) if route.body is not None else None
        self.query = route.query
        self.status = route.status
        self.noted = route.noted
        self.timed = route.timed
        self.counts: dict[int, int] = {}


class _Known(Struct):
    caller: Caller
    until: float


class Dispatcher:
    """Answers every request of one worker."""

    def __init__(self, core: Core, routes: Sequence[Route], credentials: Sequence[Credential]) -> None:
        self.core = core
        self.served = [Served(route) for route in routes]
        self._fixed: dict[str, dict[str, Served]] = {}
        self._shaped: dict[int, list[tuple[list[str], dict[str, Served]]]] = {}
        for served in self.served:
            self._enter(served)
        self._credentials = list(credentials)
        self._cookies = {cookie_name(core.settings.url, one.cookie): one for one in credentials if one.cookie}
        self._notes = next((one.noted for one in credentials if one.noted is not None), None)
        self._known: Memory[str, _Known] = Memory(CREDENTIALS_MAX // 2)
        self._limit = Limit(core.settings.rate_per_s, core.settings.rate_burst)
        self._hosts = _hosts(core)
        self._prefix = os.urandom(5).hex()
        self._numbers = itertools.count(1)
        self.unrouted: dict[int, int] = {}
        self.refusals: dict[str, int] = {}
        self.draining = False

    # One request ----------------------------------------------------------------------------------------------

    async def answer(self, connection: Connection, request: Request) -> bool:
        """Answer one request on its connection; whether the connection may be kept."""
        request.id = f"{self._prefix}{next(self._numbers):x}"
        keep = not (request.last or self.draining)
        REQUEST_ID.set(request.id)
        served: Served | None = None
        try:
            if not request.plain:
                self._check_line(connection, request.message())
            served, path = self._match(request)
            if served.timed:
                request.began_ns = self.core.ledger.traces.begin()
            said = await self._serve(served, request, path)
            if said is STREAMED:
                return False  # a stream has written itself
            status, data = self._encode(served, said, request, close=not keep)
        except Refused as refused:
            status, data, keep = self._refuse(refused, request, keep=keep and request.complete)
        except ConnectionError:
            return False
        except Exception:  # the web's one net: a bug is a 500 with a reference, and is logged whole
            log.exception("request_failed", request_id=request.id, method=request.method, path=request.path[:200])
            status, data, keep = self._refuse(internal_error(), request, keep=False)
        connection.write(data)
        counts = served.counts if served else self.unrouted
        counts[status] = counts.get(status, 0) + 1
        return keep

    def garbled(self, connection: Connection, too_long: bool) -> None:
        """Answer what was no HTTP, and hang up."""
        refused = headers_too_large() if too_long else malformed_request()
        request_id = f"{self._prefix}{next(self._numbers):x}"
        connection.write(refusal(refused, request_id, close=True))
        self.unrouted[refused.problem.status] = self.unrouted.get(refused.problem.status, 0) + 1

    async def _serve(self, served: Served, request: Request, path: Mapping[str, str]) -> Any:
        route = served.route
        caller: Caller | None = None
        signed = False
        if route.caller is not None:
            caller = await self._caller(request)
            if type(caller) is not route.caller:
                raise wrong_caller(caller=WHO[route.caller.__name__])
            if type(caller) is Merchant:
                signed = not request.plain and "Signature-Input" in request.headers
                if caller.bounds is not None:
                    caller.bounds.admit(route.act, request.peer)
                    signed = signed or caller.bounds.signed
            elif type(caller) is Operator:
                await self._admit(caller, served, request, path)
            self._limit.take(caller.id)
        else:
            self._limit.take(request.peer)
            caller = await self._operator_if_any(request) if route.operator_too else None
        body: bytes | None = None
        if signed:
            assert type(caller) is Merchant
            body = b"" if served.decoder is None else await self._json_body(request, route)
            await self._check_signature(caller, request, body)
        call = Call(self.core, request, caller, path)
        ask: Any = NOTHING
        if served.query is not None:
            ask = strict.query(served.query, request.query)
        elif request.query:
            strict.query(type(NOTHING), request.query)
        if served.decoder is not None:
            if body is None:
                body = await self._json_body(request, route)
            ask = strict.decode(served.decoder, body or b"{}")
        if served.noted:
            return await self._noted(served, call, ask)
        said = await route.handler(call, ask)
        return STREAMED if route.stream and not isinstance(said, Answer | Document) else said

    # What an operator does ---------------------------------------------------------------------------------------

    async def _admit(self, caller: Operator, served: Served, request: Request, path: Mapping[str, str]) -> None:
        """Return when the call is among the duties of the role; a refusal is written down as the act would be."""
        if caller.may(served.route.duty):
            return
        if served.noted and self._notes is not None:
            acted = Acted(served.route.name, path, b"", request.id, request.peer)
            await (await self._notes(self.core, caller, acted))(forbidden.code, None)
        raise forbidden(errors=[FieldError("Cookie", f"The role {caller.role} does not {served.route.duty}.")])

    async def _noted(self, served: Served, call: Call, ask: Any) -> Any:
        """Do what an operator asks: written down before, and what came of it after."""
        assert self._notes is not None, "whoever checks operators also writes down what they do"
        body = b"" if ask is NOTHING else msgspec.json.encode(ask)
        reads = served.route.method == "GET"
        acted = Acted(served.route.name, call.path, body, call.wire.id, call.wire.peer, reads)
        outcome = await self._notes(self.core, call.operator, acted)
        try:
            said = await served.route.handler(call, ask)
        except Refused as refused:
            await outcome(refused.problem.code, None)
            raise
        value = said.value if type(said) is Answer else said
        await outcome("done", None if type(value) is Document else value)  # a file is no line of a log
        return said

    async def _json_body(self, request: Request, route: Route) -> bytes:
        settings = self.core.settings
        body = await request.body(settings.body_max, settings.body_s)
        if not body and route.body_optional:
            return body
        if not body:
            raise malformed_request(errors=[FieldError("", "An empty body is no JSON object.")])
        media_type = request.headers.get("Content-Type", "")
        if media_type != "application/json" and not _is_json(media_type):
            raise unsupported_media_type()
        return body

    async def _check_signature(self, caller: Merchant, request: Request, body: bytes) -> None:
        """Return when the request's signature holds."""
        check = next(one.signed for one in self._credentials if one.caller is Merchant and one.signed is not None)
        await check(self.core, caller, signatures.message_of(request, body, self.core.settings.url))

    def _encode(self, served: Served, value: Any, request: Request, *, close: bool) -> tuple[int, bytes]:
        status, headers = served.status, None
        if type(value) is Answer:
            status, headers = value.status or status, value.headers
            if value.replayed:
                headers = {**(headers or {}), "Idempotent-Replayed": "true"}
            value = value.value
        media_type = "application/json"
        if type(value) is Document:
            body, media_type, headers = value.body, value.media_type, {**(headers or {}), **(value.headers or {})}
        else:
            body = b"" if value is None else msgspec.json.encode(value)
        head_only = request.method == "HEAD"
        return status, response(
            status, body, request.id, media_type=media_type, headers=headers, close=close, head_only=head_only
        )

    def _refuse(self, refused: Refused, request: Request, *, keep: bool) -> tuple[int, bytes, bool]:
        code = refused.problem.code
        self.refusals[code] = self.refusals.get(code, 0) + 1
        keep = keep and refused.problem.status not in (408, 413, 505)
        language = request.headers.get("Accept-Language", "")
        head_only = request.method == "HEAD"
        data = refusal(refused, request.id, language, close=not keep, head_only=head_only)
        return refused.problem.status, data, keep

    # Its line and path ----------------------------------------------------------------------------------------

    def _check_line(self, connection: Connection, message: RawRequestMessage) -> None:
        if message.version not in (HttpVersion11, HttpVersion10):
            raise http_version_not_supported()
        host = message.headers.get("Host")
        if host is None:
            if message.version == HttpVersion11:
                raise malformed_request(errors=[FieldError("Host", "HTTP/1.1 asks for a Host header.")])
            return
        if not host or host != connection.trusted_host:
            if len(message.headers.getall("Host")) > 1:
                raise malformed_request(errors=[FieldError("Host", "Send one Host header.")])
            named = _HOST.match(host)
            if named is None or (self._hosts and named[1].strip("[]").lower() not in self._hosts):
                raise misdirected_request()
            connection.trusted_host = host

    def _match(self, request: Request) -> tuple[Served, Mapping[str, str]]:
        path: Mapping[str, str] = {}
        methods = self._fixed.get(request.path)
        if methods is None:
            methods, path = self._find_shaped(request.path)
        method = "GET" if request.method == "HEAD" else request.method
        served = methods.get(method)
        if served is None:
            allow = ", ".join(sorted({*methods, *(["HEAD"] if "GET" in methods else [])}))
            raise method_not_allowed(headers={"Allow": allow})
        return served, path

    def _find_shaped(self, path: str) -> tuple[dict[str, Served], dict[str, str]]:
        parts = path.split("/")
        for shape, methods in self._shaped.get(len(parts), ()):
            found: dict[str, str] = {}
            for step, part in zip(shape, parts, strict=True):
                if step.startswith("{"):
                    try:
                        found[step[1:-1]] = unquote(part, errors="strict") if "%" in part else part
                    except UnicodeDecodeError:
                        break
                elif step != part:
                    break
            else:
                if all(0 < len(value) <= 512 and value.isprintable() for value in found.values()):
                    return methods, found
        raise not_found()

    def _enter(self, served: Served) -> None:
        route = served.route
        if "{" not in route.path:
            methods = self._fixed.setdefault(route.path, {})
        else:
            shape = route.path.split("/")
            alike = self._shaped.setdefault(len(shape), [])
            methods = next((methods for known, methods in alike if known == shape), {})
            if not methods:
                alike.append((shape, methods))
                # A fixed step wins over a named one: /v1/orders/x/close before /v1/{a}/{b}/{c}.
                alike.sort(key=lambda entry: [step.startswith("{") for step in entry[0]])
        assert route.method not in methods, f"{route.method} {route.path} is served twice"
        methods[route.method] = served

    # Its caller -----------------------------------------------------------------------------------------------

    async def _caller(self, request: Request) -> Caller:
        header = request.headers.get("Authorization")
        if header is None:
            return await self._by_cookie(request)
        known = self._known.get(header)
        if known is None or known.until < time():
            known = await self._check(header, request.peer)
        return known.caller

    async def _by_cookie(self, request: Request) -> Caller:
        """A caller who is a person at one of our pages. What changes something must come from that page itself."""
        for name, credential in self._cookies.items():
            if text := cookie(request, name):
                if request.method not in ("GET", "HEAD"):
                    _same_site(request)
                try:
                    return await credential.check(self.core, text)
                except Refused as refused:
                    if refused.problem.status == unauthenticated.status:
                        self._limit.take(request.peer)
                    raise
        raise unauthenticated(headers={"WWW-Authenticate": 'Bearer realm="qrpay"'})

    async def _operator_if_any(self, request: Request) -> Caller | None:
        """Whoever's session the cookie is; a stranger's, or one that is over, is nobody's."""
        try:
            return await self._by_cookie(request) if "Cookie" in request.headers else None
        except Refused:
            return None

    async def _check(self, header: str, peer: str) -> _Known:
        self._known.forget(header)
        scheme, _, text = header.partition(" ")
        try:
            if scheme.lower() != "bearer" or not text.isascii() or len(text) > 2_048:
                raise unauthenticated()
            for credential in self._credentials:
                if text.startswith(credential.prefix):
                    caller = await credential.check(self.core, text)
                    until = time() + credential.remember_s
                    if isinstance(caller, Wallet):
                        until = min(until, float(caller.expires_at))
                    break
            else:
                raise unauthenticated()
        except Refused as refused:
            if refused.problem.status == unauthenticated.status:
                self._limit.take(peer)  # whoever guesses credentials is slowed down
                error = "invalid_token" if refused.problem is token_expired or text else "invalid_request"
                challenge = {"WWW-Authenticate": f'Bearer realm="qrpay", error="{error}"'}
                raise refused.problem(headers=challenge) from None
            raise
        known = _Known(caller, until)
        self._known.put(header, known)
        return known


def cookie_name(url: str, name: str) -> str:
    """The cookie's name: where we are https, with the prefix by which a browser holds it to us alone (RFC 6265bis)."""
    return f"__Host-{name}" if url.startswith("https:") else name


def cookie(request: Request, name: str) -> str:
    """The value of a cookie of this request; empty when there is none."""
    for pair in request.headers.get("Cookie", "").split(";"):
        key, _, value = pair.strip().partition("=")
        if key == name:
            return value
    return ""


def _same_site(request: Request) -> None:
    """Return when our own page sent this: a stranger's page can neither set the header nor hide where it stands."""
    headers = request.headers
    origin = headers.get("Origin")
    if (
        headers.get("X-Requested-With") != "qrpay"
        or headers.get("Sec-Fetch-Site", "same-origin") != "same-origin"
        or (origin is not None and urlsplit(origin).netloc != headers.get("Host"))
    ):
        raise cross_site_refused()


def _is_json(media_type: str) -> bool:
    kind, *parameters = (part.strip().lower() for part in media_type.split(";"))
    return kind == "application/json" and all(
        parameter in ("", "charset=utf-8", 'charset="utf-8"') for parameter in parameters
    )


def _hosts(core: Core) -> frozenset[str]:
    settings = core.settings
    named = [name.strip().lower() for name in settings.hosts.split(",") if name.strip()]
    if "*" in named:
        return frozenset()
    own = urlsplit(settings.url).hostname or ""
    return frozenset({"127.0.0.1", "localhost", "::1", settings.host, own, *named})
