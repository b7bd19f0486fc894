"""The lane takes the plainest requests only, and both ways in answer alike."""

import asyncio
import re
import socket
from urllib.parse import urlsplit

import pytest

from qrpay.demo import Demo
from qrpay.settings import Settings
from qrpay.web.lane import Lane, parsed
from qrpay.web.protocol import Connection, Door
from qrpay.web.wire import Request

PLAIN = (
    b"POST /v1/payments HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
)


def test_a_plain_request_is_read_exactly() -> None:
    """First line, listed headers by their canonical names, and the body."""
    found = Lane().read(PLAIN.replace(b"Content-Type", b"content-TYPE"))
    assert found is not None
    head, body = found
    assert (head.method, head.target, body) == ("POST", "/v1/payments", b"{}")
    assert head.headers == {"Host": "127.0.0.1", "Content-Type": "application/json", "Content-Length": "2"}


def test_an_equal_head_with_another_length_of_body_is_not_the_same_request() -> None:
    """The head is compared, the body is measured each time."""
    lane = Lane()
    assert lane.read(PLAIN) is not None
    assert lane.read(PLAIN + b"x") is None
    assert lane.read(PLAIN[:-1]) is None
    assert lane.read(PLAIN) is not None


LONGER = PLAIN.replace(b"Length: 2", b"Length: 12").replace(b"{}", b'{"a": "bcd"}')


def test_a_head_that_differs_in_its_length_alone_is_the_same_head() -> None:
    """A body of another size, with its own length, needs no new look at the rest."""
    lane = Lane()
    first, second, third = lane.read(PLAIN), lane.read(LONGER), lane.read(PLAIN)
    assert first is not None and second is not None and third is not None
    assert first[0] is second[0] is third[0]
    assert (second[1], third[1]) == (b'{"a": "bcd"}', b"{}")


@pytest.mark.parametrize(
    "length", [b"", b"+12", b"012", b"12 ", b"1_2", b"12\r\nContent-Length: 12", b"\xef\xbc\x91", b"99999999", b"2"]
)
def test_a_known_head_with_an_odd_length_is_left_to_the_parser(length: bytes) -> None:
    """What stands around it is known; the digits are looked at each time."""
    lane = Lane()
    assert lane.read(PLAIN) is not None
    assert lane.read(LONGER.replace(b"Length: 12", b"Length: " + length)) is None


UNUSUAL = {
    "another method": (b"POST ", b"PUT "),
    "another version": (b"HTTP/1.1", b"HTTP/1.0"),
    "a target that is no path": (b"/v1/payments", b"http://x/"),
    "a space in the target": (b"/v1/payments", b"/v1/ payments"),
    "a fragment": (b"/v1/payments", b"/v1#payments"),
    "no host": (b"Host: 127.0.0.1\r\n", b""),
    "two hosts": (b"Host: 127.0.0.1", b"Host: 127.0.0.1\r\nhost: x"),
    "a header that is not listed": (b"Content-Type", b"X-Type"),
    "chunks": (b"Content-Length: 2", b"Transfer-Encoding: chunked"),
    "chunks beside a length": (b"Content-Length: 2", b"Content-Length: 2\r\nTransfer-Encoding: chunked"),
    "two lengths": (b"Content-Length: 2", b"Content-Length: 2\r\nContent-Length: 2"),
    "a signed length": (b"Length: 2", b"Length: +2"),
    "a padded length": (b"Length: 2", b"Length: 02"),
    "two spaces": (b"Length: 2", b"Length:  2"),
    "no space": (b"Length: 2", b"Length:2"),
    "a space before the colon": (b"Length: 2", b"Length : 2"),
    "a trailing space": (b"Length: 2", b"Length: 2 "),
    "a folded line": (b"Content-Type", b" Content-Type"),
    "a bare line feed": (b"\r\nContent-Type", b"\nContent-Type"),
    "a bare carriage return": (b"application", b"appli\rcation"),
    "a NUL": (b"application", b"appli\0cation"),
    "a byte beyond ASCII": (b"application", b"appli\xe9cation"),
    "an expectation": (b"Content-Type", b"Expect: 100-continue\r\nContent-Type"),
    "an upgrade": (b"Content-Type", b"Connection: upgrade\r\nContent-Type"),
    "a wish to hang up": (b"Content-Type", b"Connection: close\r\nContent-Type"),
    "an encoding": (b"Content-Type", b"Content-Encoding: gzip\r\nContent-Type"),
    "a second request behind it": (b"{}", b"{}" + PLAIN),
    "no length": (b"Content-Length: 2\r\n", b""),
    "a body on a GET": (b"POST", b"GET"),
    "no end of the head": (b"\r\n\r\n{}", b"\r\n"),
}


@pytest.mark.parametrize("what", UNUSUAL)
def test_whatever_is_unusual_is_left_to_the_parser(what: str) -> None:
    """The lane can only be strict: anything not listed is none of its business."""
    old, new = UNUSUAL[what]
    data = PLAIN.replace(old, new, 1)
    assert data != PLAIN
    lane = Lane()
    assert lane.read(data) is None
    assert lane.read(PLAIN) is not None
    assert lane.read(data) is None, "nor when its like was plain"


def test_a_head_of_a_get_has_no_length() -> None:
    """A GET is plain without a body."""
    found = parsed(b"GET /healthz?x=1 HTTP/1.1\r\nHost: a")
    assert found is not None
    assert (found.method, found.target) == ("GET", "/healthz?x=1")


REQUESTS = (
    ("GET", "/healthz", None),
    ("GET", "/v1/accounts", None),
    ("GET", "/v1/nothing", None),
    ("POST", "/healthz", "{}"),
    ("POST", "/v1/scans", '{"scanned": "000201"}'),
    ("POST", "/v1/scans", '{"scanned": 1, "x": 2}'),
    ("POST", "/v1/scans", "{"),
    ("POST", "/v1/scans", ""),
    ("POST", "/v1/payment-codes", ""),
)


@pytest.mark.parametrize(("method", "path", "body"), REQUESTS)
async def test_both_ways_in_answer_alike(demo: Demo, method: str, path: str, body: str | None) -> None:
    """The same request whole (the lane, from the second on) and in two pieces (the parser): the same answer."""
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {demo.customers[0].access_token}\r\n"
    if body is not None:
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    data = (head + "\r\n" + (body or "")).encode()
    first, by_lane = await exchange_twice(demo, data)
    by_parser, _ = await exchange_twice(demo, data[:20], data[20:])
    assert first == by_lane == by_parser


async def exchange_twice(demo: Demo, *pieces: bytes) -> tuple[bytes, bytes]:
    """The same request twice on one connection; what differs by nature is taken out of both answers."""
    where = urlsplit(demo.base_url)
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    writer.transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    answers = []
    for _ in range(2):
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.05 if len(pieces) > 1 else 0)  # so that each piece is a segment of its own
        answers.append(await one_answer(reader))
    writer.close()
    return answers[0], answers[1]


async def one_answer(reader: asyncio.StreamReader) -> bytes:
    """One answer without its request's id, its date, and what a new payment code is."""
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    length = re.search(rb"Content-Length: (\d+)", head)
    body = await reader.readexactly(int(length[1])) if length else b""
    said = re.sub(rb"X-Request-Id: \w+|Date: [^\r]+|Content-Length: \d+", b"", head) + body
    return re.sub(rb'"request_id":"\w+"|"(digits|payload|expires_at|refresh_at)":"[^"]+"', b"", said)


async def test_a_request_that_has_come_is_no_idle_connection() -> None:
    """Between its arrival and its task's turn, neither the sweep nor a drain hangs up on it."""
    connection = Door(Settings(), never, lambda _connection, _long: None)()
    connection._idle_since = connection._head_since = -1e9
    assert connection.overdue(connection._loop.time(), Settings(), draining=True)
    connection._plain = Lane().read(PLAIN)
    assert not connection.overdue(connection._loop.time(), Settings(), draining=True)


async def never(_connection: Connection, _request: Request) -> bool:
    raise AssertionError("nothing is answered here")
