"""What arrives before any JSON: framing, heads, hosts, methods, encodings (rules.md 9, rows 1 to 8)."""

import asyncio
import gzip

import pytest

from qrpay.demo import Demo
from tests.web.world import Api, exchange, nothing_moves

BODY = b'{"scanned":"x"}'


def post(*lines: bytes, body: bytes = BODY, host: bytes = b"Host: localhost") -> bytes:
    """A POST of exactly these header lines."""
    return b"\r\n".join((b"POST /v1/scans HTTP/1.1", host, *lines, b"", b"")) + body


def get(*lines: bytes, line: bytes = b"GET /healthz HTTP/1.1", host: bytes = b"Host: localhost") -> bytes:
    """A GET of exactly these header lines."""
    return b"\r\n".join((line, *([host] if host else []), *lines, b"", b""))


CHUNKED = b"Transfer-Encoding: chunked"
BAD_FRAMES = {
    "length and chunked": post(b"Content-Length: 15", CHUNKED, body=b"f\r\n" + BODY + b"\r\n0\r\n\r\n"),
    "two equal lengths": post(b"Content-Length: 15", b"Content-Length: 15"),
    "two lengths": post(b"Content-Length: 15", b"Content-Length: 14"),
    "a list of lengths": post(b"Content-Length: 15, 15"),
    "a signed length": post(b"Content-Length: +15"),
    "a negative length": post(b"Content-Length: -1"),
    "a length with an underscore": post(b"Content-Length: 1_5"),
    "xchunked": post(b"Transfer-Encoding: xchunked"),
    "chunked, identity": post(b"Transfer-Encoding: chunked, identity"),
    "a chunk size that is no number": post(CHUNKED, body=b"zz\r\n" + BODY + b"\r\n0\r\n\r\n"),
    "a chunk size with a prefix": post(CHUNKED, body=b"0xf\r\n" + BODY + b"\r\n0\r\n\r\n"),
    "space before the colon": get(b"Accept : */*"),
    "a folded header": get(b"Accept: a\r\n b"),
    "a bare line feed": b"GET /healthz HTTP/1.1\nHost: localhost\n\n",
    "a bare carriage return": get(b"Accept: a\rb"),
    "NUL in a header": get(b"Accept: a\0b"),
    "no host": get(host=b""),
    "two hosts": get(b"Host: localhost"),
    "no request line": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n",
}


@pytest.mark.parametrize("name", BAD_FRAMES)
async def test_a_request_that_is_framed_in_doubt_is_refused_and_hung_up(demo: Demo, name: str) -> None:
    """Whoever could smuggle a second request gets 400 and no connection (rows 1 to 3)."""
    heard = await exchange(demo.base_url, BAD_FRAMES[name])
    assert (heard.status, heard.closed) == (400, True), heard.raw[:200]
    assert heard.code == "malformed_request"


@pytest.mark.parametrize(
    "line", [b"GET /healthz", b"GET /healthz HTTP/2.0", b"GET /healthz HTTP/0.9", b"GET /a HTTP/3"]
)
async def test_another_http_is_not_spoken(demo: Demo, line: bytes) -> None:
    """HTTP/0.9 and HTTP/2 in a request line get 505 or 400, never an answer (row 4)."""
    heard = await exchange(demo.base_url, get(line=line))
    assert heard.closed
    assert (heard.status, heard.code) in {(505, "http_version_not_supported"), (400, "malformed_request")}


async def test_another_host_is_not_served(api: Api) -> None:
    """A request for a foreign name is misdirected (row 3); our own names are served, in any case, with any port."""
    for host, expected in {
        "evil.example": 421, "localhost.evil.example": 421, "127.0.0.1@evil.example": 421,
        "evil.example@127.0.0.1": 421, "": 421, "[": 421, "127.0.0.1:http": 421, "127.0.0.1/a": 421,
        "localhost": 200, "LOCALHOST:1": 200, "127.0.0.1:80": 200, "[::1]:80": 200,
    }.items():  # fmt: skip
        heard = await exchange(api.demo.base_url, get(host=b"Host: " + host.encode()))
        assert heard.status == expected, host
        if expected == 421:
            assert heard.code == "misdirected_request"


async def test_a_kept_connection_does_not_trust_a_second_host(demo: Demo) -> None:
    """A connection that began well cannot change to a foreign host in its second request."""
    evil = get(b"Connection: close", host=b"Host: evil.example")
    heard = await exchange(demo.base_url, get() + evil, until_closed=True)
    assert [int(part[:3]) for part in heard.raw.split(b"HTTP/1.1 ")[1:]] == [200, 421]


@pytest.mark.parametrize(
    ("lines", "body", "status", "code"),
    [
        ((b"Content-Type: application/json",), b"", 400, "malformed_request"),
        ((b"Content-Type: application/json", b"Content-Length: 0"), b"", 400, "malformed_request"),
        ((b"Content-Length: 15",), BODY, 415, "unsupported_media_type"),
        ((b"Content-Length: 15", b"Content-Type: text/plain"), BODY, 415, "unsupported_media_type"),
        ((b"Content-Length: 15", b"Content-Type: multipart/form-data"), BODY, 415, "unsupported_media_type"),
        ((b"Content-Length: 15", b"Content-Type: application/json; charset=gbk"), BODY, 415, "unsupported_media_type"),
        ((b"Content-Length: 15", b"Content-Type: application/json; charset=UTF-8"), BODY, 422, "code_malformed"),
        ((b"Content-Length: 15", b"Content-Type: application/json", b"Content-Encoding: br"), BODY, 415,
         "unsupported_media_type"),
        ((b"Content-Length: 15", b"Content-Type: application/json", b"Content-Encoding: gzip"), BODY, 400,
         "malformed_request"),
    ],
)  # fmt: skip
async def test_a_body_is_json_in_utf8_or_refused(
    api: Api, lines: tuple[bytes, ...], body: bytes, status: int, code: str
) -> None:
    """No body, another type, another charset, a broken encoding: each has its word (rows 5 and 6)."""
    bearer = b"Authorization: Bearer " + api.ana.encode()
    heard = await exchange(api.demo.base_url, post(bearer, *lines, body=body))
    assert (heard.status, heard.code) == (status, code)


async def test_a_gzipped_body_is_read(api: Api) -> None:
    """Gzip is understood, whole; a body cut short is not."""
    packed = gzip.compress(BODY)
    headers = {"Content-Encoding": "gzip"}
    assert (await api.post("/v1/scans", api.ana, raw=packed, headers=headers)).verdict == (422, "code_malformed")
    assert (await api.post("/v1/scans", api.ana, raw=packed[:-9], headers=headers)).verdict == (
        400,
        "malformed_request",
    )


async def test_a_body_over_the_limit_is_not_read(api: Api) -> None:
    """65,537 bytes, announced, chunked or unpacked from a bomb: 413 before they are in memory (row 6)."""
    big = b'{"scanned":"' + b"x" * 65_536 + b'"}'
    async with nothing_moves(api):
        assert (await api.post("/v1/scans", api.ana, raw=big)).verdict == (413, "body_too_large")
        bomb = gzip.compress(b"0" * 50_000_000)
        assert len(bomb) < 65_536
        said = await api.post("/v1/scans", api.ana, raw=bomb, headers={"Content-Encoding": "gzip"})
        assert said.verdict == (413, "body_too_large")
    assert said.json["limit"] == 65_536

    lines = b"Authorization: Bearer " + api.ana.encode(), b"Content-Type: application/json", CHUNKED
    chunk = b"4000\r\n" + b"x" * 0x4000 + b"\r\n"
    heard = await exchange(api.demo.base_url, post(*lines, body=b""), *[chunk] * 8, b"0\r\n\r\n", pause_s=0.01)
    assert (heard.status, heard.code, heard.closed) == (413, "body_too_large", True)


async def test_a_huge_announcement_is_refused_at_once(api: Api) -> None:
    """Ten terabytes announced cost nothing: the refusal comes before the first byte of the body."""
    lines = (
        b"Authorization: Bearer " + api.ana.encode(),
        b"Content-Type: application/json",
        b"Content-Length: 9999999999999",
    )
    heard = await exchange(api.demo.base_url, post(*lines, body=b""))
    assert (heard.status, heard.code, heard.closed) == (413, "body_too_large", True)


@pytest.mark.parametrize(
    "request_",
    [
        get(b"X-Long: " + b"a" * 9_000),
        get(*[b"X-%d: a" % number for number in range(200)]),
        get(line=b"GET /" + b"a" * 9_000 + b" HTTP/1.1"),
    ],
    ids=["header", "headers", "url"],
)
async def test_a_head_without_measure_is_refused(demo: Demo, request_: bytes) -> None:
    """9,000 bytes in a header or the path, or 200 headers: 431 or 400, and hung up (row 7)."""
    heard = await exchange(demo.base_url, request_)
    assert heard.closed
    assert (heard.status, heard.code) in {(431, "headers_too_large"), (400, "malformed_request")}


async def test_expect_continue_is_answered(api: Api) -> None:
    """A client that asks first is told to go on."""
    lines = b"Authorization: Bearer " + api.ana.encode(), b"Content-Type: application/json", b"Content-Length: 15"
    heard = await exchange(
        api.demo.base_url, post(*lines, b"Expect: 100-continue", b"Connection: close", body=b""), BODY, pause_s=0.2
    )
    assert heard.raw.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 422 ")


async def test_pipelined_requests_are_answered_in_order(demo: Demo) -> None:
    """Three requests in one packet get three answers in their order."""
    last = get(b"Connection: close", line=b"GET /nowhere HTTP/1.1")
    heard = await exchange(demo.base_url, get() + get(line=b"GET /readyz HTTP/1.1") + last, until_closed=True)
    assert [int(part[:3]) for part in heard.raw.split(b"HTTP/1.1 ")[1:]] == [200, 200, 404]


async def test_a_client_that_leaves_early_harms_nobody(api: Api) -> None:
    """Two hundred clients hang up in the middle of a body; the next one is served."""
    start = post(b"Authorization: Bearer " + api.ana.encode(), b"Content-Length: 15", body=b"{")
    await asyncio.gather(*(exchange(api.demo.base_url, start, within_s=0.01) for _ in range(200)))
    assert (await api.get("/healthz")).status == 200
