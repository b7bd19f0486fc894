"""The real `qrpay serve`, as a process: renewed under load, killed, its database killed, and silent about secrets."""

import asyncio
import random
import signal
import time
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from qrpay.database.migrator import APPLICATION
from qrpay.database.pool import dsn_as
from tests.processes.conftest import Running, Start, until

SECRET_KEY = "sk_live_8Jx0aB3kQm2Lw9ZtR5yV7uE1"
PAYMENT_CODE = "881234567890123456"


@pytest.fixture
async def real(start: Start, fresh_dsn: str) -> Running:
    """A server with two workers on a database of this test's own, once it serves."""
    running = await start(
        "qrpay", "serve", QRPAY_DATABASE_URL=dsn_as(fresh_dsn, APPLICATION), QRPAY_MIGRATION_URL=fresh_dsn,
        QRPAY_LOG_LEVEL="info", QRPAY_RATE_PER_S="1000000", QRPAY_RATE_BURST="1000000",
    )  # fmt: skip
    running.url = (await running.said("serving"))["url"]
    return running


class Client:
    """A caller that keeps its connection as long as the server lets it, and sends nothing twice."""

    def __init__(self, url: str, method: str, path: str, pause_s_max: float) -> None:
        parts = urlsplit(url)
        self.host, self.port = parts.hostname, parts.port
        self.request = (
            f"{method} {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nAuthorization: Bearer {SECRET_KEY}\r\n"
            "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
        ).encode()
        if method == "GET":
            self.request = f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode()
        self.pause_s_max = pause_s_max
        self.statuses: list[bytes] = []
        self.connections = 0

    async def run(self, over: asyncio.Event) -> None:
        """Ask again and again; an answer that does not come whole raises."""
        while not over.is_set():
            reader, writer = await asyncio.open_connection(self.host, self.port)
            self.connections += 1
            keep = True
            while keep and not over.is_set():
                writer.write(self.request)
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
                await reader.readexactly(length)
                self.statuses.append(head.split(b" ", 2)[1])
                keep = b"connection: close" not in head.lower()
                if self.pause_s_max:
                    await asyncio.sleep(random.uniform(0, self.pause_s_max))
            writer.close()


async def test_renewal_under_load_fails_no_request(real: Running) -> None:
    """SIGHUP twice while callers hold their connections open and send POSTs and GETs: every answer comes, and whole."""
    kinds = [
        ("POST", "/v1/orders", 0.0),
        ("GET", "/healthz", 0.0),
        ("POST", "/v1/orders", 0.3),
        ("GET", "/.well-known/jwks.json", 0.3),
    ]
    clients = [Client(real.url, *kind) for kind in kinds for _ in range(4)]
    before = {child.pid for child in real.children()}
    over = asyncio.Event()
    load = [asyncio.create_task(client.run(over)) for client in clients]
    for times in (1, 2):
        real.process.send_signal(signal.SIGHUP)
        await real.said("renewed", times)
    over.set()
    await asyncio.gather(*load)

    after = {child.pid for child in real.children()}
    assert len(after) == 3
    assert not before & after
    assert {status for client in clients for status in client.statuses} == {b"200", b"401"}
    assert sum(len(client.statuses) for client in clients) > 500
    assert sum(client.connections for client in clients) > len(clients)
    assert real.count("worker_died") == 0


async def test_stopping_under_load_answers_what_was_accepted(real: Running) -> None:
    """SIGTERM while callers send: no answer breaks off in the middle, and the server ends within its time."""
    clients = [Client(real.url, "POST", "/v1/orders", 0.0) for _ in range(8)]
    over = asyncio.Event()
    load = [asyncio.create_task(client.run(over)) for client in clients]
    await until(lambda: all(client.statuses for client in clients))
    began = time.monotonic()
    assert await real.stopped() == 0
    assert time.monotonic() - began < 10
    for defect in await asyncio.gather(*load, return_exceptions=True):
        # Refused: nothing listens any more. Reset or empty: a connection that no worker had accepted.
        assert isinstance(defect, ConnectionError | asyncio.IncompleteReadError), defect
        assert not (isinstance(defect, asyncio.IncompleteReadError) and defect.partial)


async def test_the_log_of_a_server_holds_no_secret(real: Running) -> None:
    """Whatever is sent to it, keys, codes and cards, in headers, paths, queries and bodies, none is in its log."""
    for path in ("/v1/orders", "/v1/callbacks/scan", f"/v1/{SECRET_KEY}/{PAYMENT_CODE}?card=4111111111111111"):
        async with real.session.post(
            real.url + path,
            json={"scanned": PAYMENT_CODE, "reference": "R\n{}", "pin": "271828"},
            headers={"Authorization": f"Bearer {SECRET_KEY}", "X-Request-Id": "4111111111111111"},
        ) as answer:
            assert answer.status in (401, 404)
    metrics = await real.get("/metrics")
    await real.stopped()
    for text in (str(real.lines), metrics):
        for secret in (SECRET_KEY, PAYMENT_CODE, "4111111111111111", "271828"):
            assert secret not in text


async def test_refusals_and_requests_of_all_workers_are_counted(real: Running) -> None:
    """What was asked of two workers stands in one place, by route and status, and each refusal by its code."""
    client = Client(real.url, "POST", "/v1/orders", 0.0)
    for _ in range(30):
        over = asyncio.Event()
        task = asyncio.create_task(client.run(over))
        await until(lambda: bool(client.statuses))
        over.set()
        await task
    asked = len(client.statuses)
    await asyncio.sleep(1.2)  # each worker carries its counts over once a second
    lines = (await real.get("/metrics")).splitlines()
    assert f'qrpay_requests_total{{method="POST",route="/v1/orders",status="401"}} {asked}.0' in lines
    assert f'qrpay_refusals_total{{code="unauthenticated"}} {asked}.0' in lines
    for name in ("qrpay_queue_depth", "qrpay_batch_size", "qrpay_commit_seconds", "qrpay_event_lag_seconds",
                 "qrpay_webhook_lag_seconds", "qrpay_waiters"):  # fmt: skip
        assert any(line.startswith(name) for line in lines), name


async def test_a_killed_server_leaves_no_worker_and_a_database_that_is_adopted(start: Start, tmp_path: Path) -> None:
    """kill -9 of `qrpay serve` on the embedded PostgreSQL: workers end, the database goes on and is taken over."""
    first = await start("qrpay", "serve", QRPAY_WORKERS="1")
    first.url = (await first.said("serving"))["url"]
    children = [child for child in first.children() if "qrpay" in " ".join(child.cmdline())]
    first.process.kill()
    await until(lambda: not any(child.is_running() and child.status() != "zombie" for child in children))
    postmaster = (tmp_path / "home/data/postmaster.pid").read_text().split()[0]
    assert psutil.pid_exists(int(postmaster))

    second = await start("qrpay", "serve", QRPAY_WORKERS="1", QRPAY_PORT=str(urlsplit(first.url).port))
    second.url = (await second.said("serving"))["url"]
    assert second.url == first.url
    assert (tmp_path / "home/data/postmaster.pid").read_text().split()[0] == postmaster
    assert await second.get("/readyz")

    assert await second.stopped() == 0
    assert not (tmp_path / "home/data/postmaster.pid").exists()


@pytest.mark.parametrize("event", ["database_starting", "migrating", "workers_starting"])
async def test_told_to_stop_while_it_starts(start: Start, tmp_path: Path, event: str) -> None:
    """SIGTERM at any moment of the start: it ends with 0, and leaves neither worker nor database behind."""
    running = await start("qrpay", "serve", QRPAY_WORKERS="1")
    await running.said(event)
    children = running.children()
    running.process.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(running.process.wait(), 20) == 0
    assert running.count("serving") == 0
    assert not (tmp_path / "home/data/postmaster.pid").exists()
    assert not any(child.is_running() for child in children)


async def test_a_killed_database_comes_back(start: Start, tmp_path: Path) -> None:
    """kill -9 of the embedded PostgreSQL: readiness says so, the supervisor starts it again, no worker is lost."""
    running = await start("qrpay", "serve", QRPAY_WORKERS="1")
    running.url = (await running.said("serving"))["url"]
    workers = {child.pid for child in running.children()}
    psutil.Process(int((tmp_path / "home/data/postmaster.pid").read_text().split()[0])).kill()
    await running.said("database_died")
    await running.said("database_back")

    async with asyncio.timeout(10):
        while True:
            async with running.session.get(running.url + "/readyz") as answer:
                if answer.status == 200:
                    break
                assert answer.status == 503
                assert answer.headers["Retry-After"] == "1"
            await asyncio.sleep(0.05)
    assert workers <= {child.pid for child in running.children()}
