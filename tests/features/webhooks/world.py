"""A merchant's server that hears webhooks, and how tests of them call the API."""

import asyncio
import base64
import hashlib
import hmac
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from aiohttp import web

from qrpay.background.model import Job
from qrpay.core import Core
from qrpay.feature import Feature
from qrpay.features.webhooks import api, events
from qrpay.features.webhooks.address import Gate
from qrpay.features.webhooks.jobs import Pace, Sender
from qrpay.features.webhooks.service import Patience, catch_up
from qrpay.values import Id
from tests.background.world import Shop, sales, working
from tests.features.served import Served, bearer

QUICK = Patience(retries_s=(0.05, 0.1, 0.2), slow_s=0.3, down_after=3, pause_s=0.1, pause_max_s=0.3)
PACE = Pace(look_s=0.05)
web_only = Feature(routes=[api.routes])

Answering = Callable[["Message"], Awaitable[int]]


class Message(msgspec.Struct):
    """A webhook as it arrived."""

    headers: dict[str, str]
    body: bytes
    at: float

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def event(self) -> dict[str, Any]:
        value = msgspec.json.decode(self.body)
        assert isinstance(value, dict)
        return value


class Receiver:
    """A merchant's server. It keeps what it hears, and answers as it is told."""

    def __init__(self) -> None:
        self.heard: list[Message] = []
        self.url = ""
        self.running = 0
        self.running_most = 0
        self.answering: Answering = self._well
        self.headers: dict[str, str] = {}
        self._port = 0
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Serve, on the port it had before."""
        app = web.Application()
        app.router.add_post("/hook", self._hear)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port, reuse_address=True)
        await site.start()
        self._port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{self._port}/hook"

    async def stop(self) -> None:
        """Be gone."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def until(self, count: int, within_s: float = 30) -> list[Message]:
        """What was heard, once it is so much."""
        async with asyncio.timeout(within_s):
            while len(self.heard) < count:
                await asyncio.sleep(0.01)
        return self.heard

    async def _hear(self, request: web.Request) -> web.Response:
        message = Message(dict(request.headers), await request.read(), time.monotonic())
        self.heard.append(message)
        self.running += 1
        self.running_most = max(self.running_most, self.running)
        try:
            return web.Response(status=await self.answering(message), headers=self.headers)
        finally:
            self.running -= 1

    async def _well(self, _message: Message) -> int:
        return 204


@asynccontextmanager
async def telling(core: Core, pace: Pace = PACE, patience: Patience = QUICK) -> AsyncIterator[None]:
    """The background with a sender whose patience is short."""

    async def send(core: Core) -> int:
        await Sender(core, Gate(core.settings), pace, patience).run()
        return 0

    webhooks = Feature(consumers=events.consumers, jobs=[Job("sender", 0.1, send), Job("catching up", 0.05, catch_up)])
    async with working(core, sales, webhooks):
        yield


async def ask(house: Served, merchant: Id, method: str, path: str, **said: Any) -> tuple[int, dict[str, Any]]:
    """Call the API as this merchant."""
    headers = bearer("sk_", merchant.hex) | said.pop("headers", {})
    async with house.session.request(method, path, headers=headers, **said) as answer:
        raw = await answer.read()
        return answer.status, msgspec.json.decode(raw) if raw else {}


async def register(house: Served, shop: Shop, url: str, *types: str, test: bool = False) -> dict[str, Any]:
    """Register an endpoint."""
    body = {"url": url, **({"events": types} if types else {}), **({"test": True} if test else {})}
    status, endpoint = await ask(house, shop.merchant, "POST", "/v1/webhook-endpoints", json=body)
    assert status == 201, endpoint
    return endpoint


async def deliveries(house: Served, shop: Shop, endpoint: dict[str, Any], **query: Any) -> list[dict[str, Any]]:
    """What was, and is to be, delivered."""
    path = f"/v1/webhook-endpoints/{endpoint['id']}/deliveries"
    status, page = await ask(house, shop.merchant, "GET", path, params=query)
    assert status == 200, page
    data = page["data"]
    assert isinstance(data, list)
    return data


async def until_all(house: Served, shop: Shop, endpoint: dict[str, Any], status: str) -> list[dict[str, Any]]:
    """The deliveries, once all have this status."""
    async with asyncio.timeout(30):
        while True:
            listed = await deliveries(house, shop, endpoint, limit=100)
            if listed and {delivery["status"] for delivery in listed} == {status}:
                return listed
            await asyncio.sleep(0.02)


def holds(secret: str, message: Message) -> bool:
    """A verifier of Standard Webhooks, written from its text and not from our code."""
    headers = message.headers
    key = base64.b64decode(secret.split("_", 1)[1])
    signed = b".".join([headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), message.body])
    want = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    given = [part[3:] for part in headers["webhook-signature"].split(" ") if part.startswith("v1,")]
    return given == [want] and abs(time.time() - int(headers["webhook-timestamp"])) < 300
