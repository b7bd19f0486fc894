"""Where webhooks may go: every row of rules.md 9, numbers 57 and 58, at registration and at the connect."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from qrpay.features.webhooks.address import Gate
from qrpay.features.webhooks.channel import ANSWER_MAX, Receivers
from qrpay.settings import Settings

PUBLIC = "93.184.215.14"
OPEN = Settings(base_url="https://pay.bank.example", hosts="api.bank.example, other.bank.example")
DEMO = Settings(webhook_loopback=True)


async def public(_host: str, _port: int) -> Sequence[str]:
    """A name server that knows every name, at a public address."""
    return [PUBLIC]


async def nowhere(_host: str, _port: int) -> Sequence[str]:
    """A name server that knows no name."""
    raise OSError("no such name")


@pytest.mark.parametrize(
    "url",
    [
        "https://shop.example/hook",
        "https://shop.example:443/hook",
        "https://shop.example:8443/hook?a=b",
        f"https://{PUBLIC}/hook",
        "https://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]/hook",
        "https://xn--fiq228c.example/",
    ],
)
async def test_the_public_internet_is_called(url: str) -> None:
    """https, a public address, port 443 or 8443."""
    assert await Gate(OPEN, public).defect(url) is None


@pytest.mark.parametrize(
    "url",
    [
        "http://shop.example/",
        "ftp://shop.example/",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "//shop.example/",
        "/hook",
        "https://",
        "https:///hook",
        "https://user@shop.example/",
        "https://user:secret@shop.example/",
        "https://shop.example@127.0.0.1/",
        "https://shop.example:22/",
        "https://shop.example:80/",
        "https://shop.example:8080/",
        "https://shop.example:99999/",
        "https://127.0.0.1/",
        "https://127.1/",
        "https://0177.0.0.1/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://0x7f000001/",
        "https://127.0.0.1./",
        "https://localhost/",
        "https://LOCALHOST/",
        "https://localhost./",
        "https://intranet/",
        "https://[::1]/",
        "https://[::]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[::ffff:7f00:1]/",
        "https://[::127.0.0.1]/",
        "https://[64:ff9b::7f00:1]/",
        "https://[64:ff9b:1::1]/",
        "https://[2002:7f00:1::]/",
        "https://[2001:0:7f00:1::]/",
        "https://[2001:db8::1]/",
        "https://[fc00::1]/",
        "https://[fd12:3456:789a::1]/",
        "https://[fe80::1]/",
        "https://[fe80::1%25eth0]/",
        "https://[fec0::1]/",
        "https://[ff02::1]/",
        "https://169.254.169.254/latest/meta-data/",
        "https://100.64.0.1/",
        "https://10.0.0.1/",
        "https://172.16.0.1/",
        "https://172.31.255.255/",
        "https://192.168.1.1/",
        "https://192.0.0.1/",
        "https://198.18.0.1/",
        "https://224.0.0.1/",
        "https://255.255.255.255/",
        "https://0.0.0.0/",
        "https://pay.bank.example/",
        "https://PAY.bank.example./hook",
        "https://api.bank.example/",
        "https://other.bank.example/",
        "https://１２７.0.0.1/",
        "https://shop.example\\@127.0.0.1/",
        "https://shop.example/a b",
        "https://shop.example/\r\nHost: x",
    ],
)
async def test_what_is_not_the_public_internet_is_refused(url: str) -> None:
    """Whatever the name server says, and however the address is spelt."""
    assert await Gate(OPEN, public).defect(url) is not None


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "::ffff:10.0.0.1", "fd00::1", "64:ff9b::a00:1"]
)
async def test_a_name_that_leads_inside_is_refused(address: str) -> None:
    """Also when another of its addresses is public."""

    async def inside(_host: str, _port: int) -> Sequence[str]:
        return [PUBLIC, address]

    assert "not on the public internet" in (await Gate(OPEN, inside).defect("https://shop.example/") or "")


async def test_a_name_nobody_knows_is_refused() -> None:
    """A receiver must be there when it is registered."""
    assert await Gate(OPEN, nowhere).defect("https://shop.example/") == "The host name does not resolve."


@pytest.mark.parametrize("url", ["http://127.0.0.1:9000/", "http://localhost:1/", "https://[::1]:8443/"])
async def test_the_demos_switch_lets_loopback_in_and_nothing_else(url: str) -> None:
    """Any port and plain http there, and the rest as strict as before."""
    assert Gate(DEMO).url_defect(url) is None
    assert Gate(OPEN).url_defect(url) is not None
    for other in ("http://10.0.0.1/", "https://169.254.169.254/", "http://shop.example/", "http://[::ffff:127.0.0.1]/"):
        assert Gate(DEMO).url_defect(other) is not None


# At the connect ------------------------------------------------------------------------------------------------


class Inside:
    """A server on loopback that counts who gets in, and says what it is told to."""

    def __init__(self, says: bytes = b"HTTP/1.1 204 No Content\r\n\r\n") -> None:
        self.says = says
        self.visits = 0
        self.sent = 0

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Count, answer, hang up."""
        self.visits += 1
        await reader.readuntil(b"\r\n\r\n")
        try:
            if self.says == b"endless":
                writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                while True:
                    writer.write(b"4000\r\n" + b"x" * 0x4000 + b"\r\n")
                    self.sent += 0x4000
                    await writer.drain()
            elif self.says == b"silent":
                await reader.read()
            writer.write(self.says)
            await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()


@asynccontextmanager
async def inside(server: Inside, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Its port, while it serves."""
    listening = await asyncio.start_server(server.answer, "127.0.0.1", 0, ssl=tls)
    async with listening:
        yield listening.sockets[0].getsockname()[1]


@asynccontextmanager
async def receivers(gate: Gate, timeout_s: float = 5) -> AsyncIterator[Receivers]:
    """A session to receivers."""
    session = Receivers(gate, timeout_s=timeout_s, connections=4)
    yield session
    await session.close()


async def test_a_name_that_changes_its_answer_reaches_nothing_inside() -> None:
    """DNS rebinding: public when it is registered, private when it is called (row 58)."""
    answers = [[PUBLIC], ["127.0.0.1"]]

    async def rebinding(_host: str, _port: int) -> Sequence[str]:
        return answers.pop(0)

    server, gate = Inside(), Gate(OPEN, rebinding)
    async with inside(server), receivers(gate) as session:
        assert await gate.defect("https://shop.example/") is None
        attempt = await session.send("https://shop.example/", {}, b"{}")
    assert attempt.status is None
    assert attempt.error == "refused: 127.0.0.1 is not on the public internet."
    assert server.visits == 0


async def test_an_address_in_the_url_is_checked_at_the_connect_too() -> None:
    """A stored URL is judged anew at each delivery: the switch that let it in may have been turned off."""
    server = Inside()
    async with inside(server) as port, receivers(Gate(DEMO)) as let_in, receivers(Gate(OPEN)) as strict:
        url = f"http://127.0.0.1:{port}/"
        assert (await let_in.send(url, {}, b"{}")).delivered
        assert ((await strict.send(url, {}, b"{}")).error or "").startswith("refused: ")
    assert server.visits == 1


async def test_a_socket_to_the_inside_is_never_made() -> None:
    """The last gate stands at the socket itself, behind every parser and resolver."""
    gate = Gate(OPEN, public)
    with pytest.raises(OSError, match="not on the public internet"):
        gate.socket((2, 1, 6, "", ("10.0.0.1", 443)))
    gate.socket((2, 1, 6, "", (PUBLIC, 443))).close()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_a_failure_and_never_followed(status: int) -> None:
    """Not even to the public internet, and least of all inside."""
    target = Inside()
    async with inside(target) as there:
        says = f"HTTP/1.1 {status} Go\r\nLocation: http://127.0.0.1:{there}/\r\nContent-Length: 0\r\n\r\n"
        async with inside(Inside(says.encode())) as here, receivers(Gate(DEMO)) as session:
            attempt = await session.send(f"http://127.0.0.1:{here}/", {}, b"{}")
    assert (attempt.status, attempt.delivered, target.visits) == (status, False, 0)


async def test_an_endless_answer_is_cut() -> None:
    """64 kB are taken, and a status already said counts."""
    server = Inside(b"endless")
    async with inside(server) as port, receivers(Gate(DEMO)) as session, asyncio.timeout(5):
        attempt = await session.send(f"http://127.0.0.1:{port}/", {}, b"{}")
    assert attempt.delivered
    assert server.sent < 200 * ANSWER_MAX  # what the sockets' buffers took, and no more


async def test_a_receiver_that_says_nothing_is_left_after_the_time() -> None:
    """The time-out is a setting; how long it took is written down."""
    async with inside(Inside(b"silent")) as port, receivers(Gate(DEMO), timeout_s=0.3) as session:
        attempt = await session.send(f"http://127.0.0.1:{port}/", {}, b"{}")
    assert (attempt.status, attempt.error) == (None, "no answer in time")
    assert 290 <= attempt.ms < 3_000


@pytest.mark.parametrize(
    "says", [b"", b"HTTP/9.9 what\r\n\r\n", b"\x00" * 10_000, b"HTTP/1.1 200 OK\r\nA" + b"a" * 99_999]
)
async def test_a_receiver_that_speaks_no_http_is_a_failure(says: bytes) -> None:
    """Whatever it says is an attempt, never an exception."""
    async with inside(Inside(says)) as port, receivers(Gate(DEMO)) as session:
        attempt = await session.send(f"http://127.0.0.1:{port}/", {}, b"{}")
    assert not attempt.delivered
    assert attempt.error


async def test_nobody_there_is_a_failure() -> None:
    """A refused connection is told as that."""
    async with inside(Inside()) as port:
        pass
    async with receivers(Gate(DEMO)) as session:
        assert (await session.send(f"http://127.0.0.1:{port}/", {}, b"{}")).error == "connection refused"


def certificate(folder: Path, *, days: int) -> ssl.SSLContext:
    """A server's TLS with a certificate that nobody signed, good until so many days from now."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=30))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = folder / "server.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    pem.write_bytes(private + made.public_bytes(Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context


@pytest.mark.parametrize("days", [30, -1])
async def test_a_certificate_that_does_not_hold_is_a_failure(tmp_path: Path, days: int) -> None:
    """Self-signed, or expired: nothing is sent, and the reason is told."""
    server = Inside()
    async with inside(server, certificate(tmp_path, days=days)) as port, receivers(Gate(DEMO)) as session:
        attempt = await session.send(f"https://localhost:{port}/", {}, b"{}")
    assert attempt.status is None
    assert (attempt.error or "").startswith("TLS failed: ")
    assert server.visits == 0
