"""Callers of a running server: one call, what was said, and a proof that no money moved."""

import asyncio
import contextlib
import itertools
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import msgspec
from multidict import CIMultiDictProxy
from yarl import URL

from qrpay.demo import Demo

PROBLEM = "application/problem+json"
_numbers = itertools.count(1)


def fresh(kind: str = "R") -> str:
    """A reference nobody has used."""
    return f"{kind}-{uuid.uuid4().hex[:16]}-{next(_numbers)}"


class Said:
    """One answer."""

    def __init__(self, status: int, headers: CIMultiDictProxy[str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return msgspec.json.decode(self.body)

    @property
    def code(self) -> str:
        """The problem's code, its form checked; empty when this is no refusal."""
        if self.status < 400:
            return ""
        assert self.headers["Content-Type"] == PROBLEM, self.body[:200]
        problem = self.json
        assert problem["status"] == self.status
        assert problem["type"] == "/problems/" + problem["code"].replace("_", "-")
        assert problem["request_id"] == self.headers["X-Request-Id"]
        assert problem["title"] and problem["detail"]
        assert "…" not in problem["detail"], f"a figure is missing in {problem}"
        return str(problem["code"])

    @property
    def verdict(self) -> tuple[int, str]:
        """Status and code: what a caller builds on."""
        return self.status, self.code

    @property
    def places(self) -> list[str]:
        """The places that `errors` names."""
        return [error["pointer"] for error in self.json.get("errors", ())]


class Api:
    """A client of one server."""

    def __init__(self, http: aiohttp.ClientSession, demo: Demo) -> None:
        self.http = http
        self.demo = demo
        self.shop = demo.merchant.secret_key
        self.other_shop = demo.other_merchant.secret_key
        self.ana, self.bo = (customer.access_token for customer in demo.customers)

    async def call(
        self,
        method: str,
        path: str,
        key: str | None = None,
        body: object = None,
        *,
        raw: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Said:
        """One request. The path goes out as it is written."""
        sent = {"Authorization": f"Bearer {key}"} if key else {}
        data = raw if raw is not None else None if body is None else msgspec.json.encode(body)
        if data is not None:
            sent["Content-Type"] = "application/json"
        url = URL(self.demo.base_url + path, encoded=True)
        async with self.http.request(method, url, headers={**sent, **(headers or {})}, data=data) as answer:
            return Said(answer.status, answer.headers, await answer.read())

    async def get(self, path: str, key: str | None = None, **more: Any) -> Said:
        """A GET."""
        return await self.call("GET", path, key, **more)

    async def post(self, path: str, key: str | None = None, body: object = None, **more: Any) -> Said:
        """A POST."""
        return await self.call("POST", path, key, body, **more)

    async def order(self, amount: int = 1250, **more: Any) -> dict[str, Any]:
        """A new order of the shop."""
        asked = {"reference": fresh(), "amount": amount, "currency": "CNY", **more}
        said = await self.post("/v1/orders", self.shop, asked)
        assert said.status == 201, said.body
        order: dict[str, Any] = said.json
        return order

    async def pay(self, key: str, order: Mapping[str, Any], **more: Any) -> Said:
        """A wallet pays by the order's code."""
        return await self.post("/v1/payments", key, {"scanned": order["code"]["payload"], **more})

    async def digits(self, key: str) -> str:
        """A wallet's fresh payment code."""
        said = await self.post("/v1/payment-codes", key)
        assert said.status == 201, said.body
        return str(said.json["digits"])

    async def report(self, key: str, digits: str, amount: int = 880, **more: Any) -> Said:
        """A till reports a scan."""
        asked = {"scanned": digits, "reference": fresh("S"), "amount": amount, "currency": "CNY", **more}
        return await self.post("/v1/callbacks/scan", key, asked)

    async def holdings(self) -> Mapping[str, Any]:
        """What everybody has, caps and their use included; the books must balance."""
        accounts = [await self.patiently("/v1/accounts", key) for key in (self.ana, self.bo)]
        lines = [(await self.patiently("/v1/balance", key))["data"] for key in (self.shop, self.other_shop)]
        balances = [[line for line in shop if any(line["balance"].values())] for shop in lines]
        light = await self.patiently("/v1/ledger/conservation")
        assert light["balanced"], light
        return {"accounts": accounts, "balances": balances}

    async def patiently(self, path: str, key: str | None = None) -> Any:
        """What a GET says, also when a test has just asked for so much that its caller must wait."""
        while (said := await self.get(path, key)).status == 429:
            await asyncio.sleep(float(said.headers["Retry-After"]))
        assert said.status == 200, said.body
        return said.json

    async def available(self, key: str) -> int:
        """What a customer can spend."""
        return int((await self.get("/v1/accounts", key)).json["data"][0]["balance"]["available"])


@asynccontextmanager
async def calling(demo: Demo) -> AsyncIterator[Api]:
    """A client with as many connections as it likes."""
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, auto_decompress=False) as http:
        yield Api(http, demo)


@asynccontextmanager
async def nothing_moves(api: Api) -> AsyncIterator[None]:
    """What is done inside moves no money and uses no cap."""
    before = await api.holdings()
    yield
    after = await api.holdings()
    assert after == before, f"{before} became {after}"


class Heard:
    """What came back over a bare socket."""

    def __init__(self, raw: bytes, closed: bool) -> None:
        self.raw = raw
        self.closed = closed
        head, _, self.body = raw.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        self.status = int(lines[0].split()[1]) if lines[0].startswith("HTTP/1.1 ") else 0
        self.headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}

    @property
    def code(self) -> str:
        """The problem's code, its form checked."""
        assert self.headers["content-type"] == PROBLEM, self.raw[:300]
        problem = msgspec.json.decode(self.body[: int(self.headers["content-length"])])
        assert problem["request_id"] == self.headers["x-request-id"]
        assert problem["status"] == self.status
        return str(problem["code"])


async def exchange(
    base_url: str, *parts: bytes, pause_s: float = 0.0, within_s: float = 3.0, until_closed: bool = False
) -> Heard:
    """Write bytes as they are, piece by piece, and read what comes: one answer, or all until the server hangs up."""
    where = urlsplit(base_url)
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    raw, closed = b"", False
    writing = asyncio.create_task(_write(writer, parts, pause_s))
    try:
        async with asyncio.timeout(within_s + pause_s * len(parts)):
            while piece := await reader.read(65_536):
                raw += piece
                if not until_closed and _whole(raw) and b"\r\nConnection: keep-alive" in raw:
                    return Heard(raw, closed=False)
            closed = True
    except TimeoutError:
        pass
    except ConnectionError:
        closed = True
    finally:
        writing.cancel()
        writer.close()
    return Heard(raw, closed)


async def _write(writer: asyncio.StreamWriter, parts: Sequence[bytes], pause_s: float) -> None:
    with contextlib.suppress(ConnectionError):  # the server may hang up before it has read all
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause_s)


def _whole(raw: bytes) -> bool:
    head, found, body = raw.partition(b"\r\n\r\n")
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            return bool(found) and len(body) >= int(line.split(b":")[1])
    return False


def verdicts(answers: Sequence[Said]) -> list[tuple[int, str]]:
    """All verdicts, sorted."""
    return sorted(said.verdict for said in answers)
