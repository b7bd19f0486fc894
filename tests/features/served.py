"""A house that answers on a loopback port, for tests that go through the door."""

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import aiohttp

from qrpay.core import Core
from qrpay.feature import Feature
from qrpay.problem import unauthenticated
from qrpay.values import id_of
from qrpay.web.callers import Caller, Credential, Merchant, Wallet
from qrpay.web.server import serve

CNY = 156


def bearer(kind: str, id_hex: str, lives_s: float = 3_600) -> dict[str, str]:
    """The header of a merchant (`sk_`) or a wallet (`at_`) that is simply whoever it says."""
    return {"Authorization": f"Bearer {kind}{id_hex}.{lives_s}"}


async def _merchant(_core: Core, text: str) -> Caller:
    id_ = id_of(bytes.fromhex(text[3:].partition(".")[0]))
    return Merchant(id_, id_, True)


async def _wallet(core: Core, text: str) -> Caller:
    hexed, _, lives_s = text[3:].partition(".")
    until = int(core.clock().timestamp() + float(lives_s))
    if float(lives_s) <= 0:
        raise unauthenticated()
    id_ = id_of(bytes.fromhex(hexed))
    return Wallet(id_, id_, CNY, until, "A*a")


CREDENTIALS = (Credential("sk_", Merchant, _merchant, 1.0), Credential("at_", Wallet, _wallet, 1.0))


class Served:
    """The running house."""

    def __init__(self, url: str, session: aiohttp.ClientSession, stop: asyncio.Event) -> None:
        self.url = url
        self.session = session
        self.stop = stop


@asynccontextmanager
async def served(core: Core, features: Sequence[Feature]) -> AsyncIterator[Served]:
    """Serve these features; their starts are run first."""
    for feature in features:
        for start in feature.starts:
            await start(core)
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    stop, ready = asyncio.Event(), asyncio.Event()
    chapters = [chapter for feature in features for chapter in feature.routes]
    task = asyncio.create_task(serve(core, chapters, CREDENTIALS, listener, stop, ready.set))
    try:
        await asyncio.wait_for(ready.wait(), 5)
        async with aiohttp.ClientSession(base_url=f"http://127.0.0.1:{port}") as session:
            yield Served(f"http://127.0.0.1:{port}", session, stop)
    finally:
        stop.set()
        await asyncio.wait_for(task, 15)
