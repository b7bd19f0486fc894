"""What an integrator runs beside the own server: events of the API passed on to it, and things made to happen."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Final

import aiohttp
import msgspec
from msgspec import Raw, Struct

from qrpay.features.events.model import LATEST
from qrpay.features.webhooks.signature import by_secret
from qrpay.values import new_id

WAIT_S: Final = 30
PAUSE_S: Final = 2.0
TAKE_S: Final = 15.0
"""How long the own server may take to answer, as we wait for any receiver."""
LIVE: Final = "sk_live_"


class SaidNo(Exception):
    """The API refused, or is not there; the text is a sentence for people."""


class Told(Struct, frozen=True):
    """An event of the API; its body stays as it came, to the letter."""

    id: str
    type: str
    body: bytes


class Forwarded(Struct, frozen=True):
    """An event that was passed on: the own server's status, or why there is none, and how long it took."""

    event: Told
    status: int | None
    error: str | None
    ms: int


class Api:
    """The API as one merchant calls it."""

    def __init__(self, session: aiohttp.ClientSession, base_url: str, key: str) -> None:
        self._session = session
        self._base_url = base_url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {key}"}

    @classmethod
    @asynccontextmanager
    async def open(cls, base_url: str, key: str) -> AsyncIterator["Api"]:
        """Call this address with this key."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=WAIT_S + 30)) as session:
            yield cls(session, base_url, key)

    async def call(self, method: str, path: str, **said: Any) -> bytes:
        """The answer's body. Raises SaidNo; aiohttp's errors when nobody answers."""
        async with self._session.request(method, self._base_url + path, headers=self._headers, **said) as answer:
            body = await answer.read()
            if answer.status < 400:
                return body
            try:
                problem: Mapping[str, Any] = msgspec.json.decode(body, type=dict[str, Any])
            except msgspec.MsgspecError:
                raise SaidNo(f"{method} {path} answered {answer.status}.") from None
            raise SaidNo(
                f"{problem.get('title', '')} {problem.get('detail', '')} ({problem.get('code', answer.status)})"
            )


# Listening -----------------------------------------------------------------------------------------------------


class _Page(Struct):
    data: Sequence[Raw]
    next_cursor: str | None = None


class _Head(Struct):
    id: str
    type: str


async def latest(api: Api) -> str:
    """The latest event there is, from which to go on for what comes; "" when there is none."""
    page = msgspec.json.decode(await api.call("GET", "/v1/events", params={"after": LATEST}), type=_Page)
    return page.next_cursor or ""


async def events(api: Api, after: str) -> AsyncGenerator[Told | str, None]:
    """The merchant's events after one of them ("": from the first), as they happen, for ever.

    While the API is away it is asked again every PAUSE_S; that is told in between, as a text.
    """
    while True:
        query = {"wait": str(WAIT_S), "limit": "100", **({"after": after} if after else {})}
        try:
            page = msgspec.json.decode(await api.call("GET", "/v1/events", params=query), type=_Page)
        except (aiohttp.ClientError, TimeoutError) as away:
            yield f"the API is away ({type(away).__name__}), trying again"
            await asyncio.sleep(PAUSE_S)
            continue
        for raw in page.data:
            head = msgspec.json.decode(raw, type=_Head)
            after = head.id
            yield Told(head.id, head.type, bytes(raw))


async def forward(session: aiohttp.ClientSession, url: str, secret: bytes, event: Told) -> Forwarded:
    """POST an event to the own server, signed as Standard Webhooks says. Whatever it does is an answer."""
    now = int(time.time())
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "qrpay-listen/1",
        "webhook-id": event.id,
        "webhook-timestamp": str(now),
        "webhook-signature": by_secret(secret, event.id, now, event.body),
    }
    began = time.monotonic()
    status: int | None = None
    error: str | None = None
    try:
        async with session.post(url, data=event.body, headers=headers, allow_redirects=False) as answer:
            status = answer.status
    except (aiohttp.ClientError, OSError, TimeoutError) as defect:
        error = str(defect) or type(defect).__name__
    return Forwarded(event, status, error, round((time.monotonic() - began) * 1_000))


# Triggering ----------------------------------------------------------------------------------------------------


async def trigger(api: Api, event: str, amount: int) -> str:
    """Make the thing happen that `event` tells of, with a test merchant's key; what was done, as a sentence."""
    order = await _order(api, amount, expires_in=30 if event == "order.expired" else None)
    match event:
        case "order.closed":
            await api.call("POST", f"/v1/orders/{order}/close")
            return f"opened and closed {order}"
        case "order.expired":
            return f"opened {order}: it expires in 30 s, and the event follows some seconds later"
    await api.call("POST", f"/v1/orders/{order}/test-payment")
    if event == "refund.succeeded":
        await api.call("POST", f"/v1/orders/{order}/refunds", json={"reference": _reference()})
        return f"opened {order}, had it paid by the test payer, and gave it back"
    return f"opened {order} and had it paid by the test payer"


TRIGGERS: Final = ("order.paid", "order.closed", "order.expired", "refund.succeeded")


async def _order(api: Api, amount: int, expires_in: int | None) -> str:
    body: dict[str, Any] = {"reference": _reference(), "amount": amount, "currency": "CNY"}
    if expires_in is not None:
        body["expires_in"] = expires_in
    return msgspec.json.decode(await api.call("POST", "/v1/orders", json=body), type=_OrderId).id


class _OrderId(Struct):
    id: str


def _reference() -> str:
    """A reference nobody used."""
    return f"trigger-{datetime.now(UTC):%Y%m%d%H%M%S}-{new_id().hex[-8:]}"
