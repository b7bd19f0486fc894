"""A worker process: a web worker or the background, from the settings its supervisor gave it."""

import asyncio
import signal
import socket
from collections.abc import Awaitable, Callable

import uvloop

from qrpay.app import features, open_core
from qrpay.background.run import run as background
from qrpay.core import Core
from qrpay.lifeline import Lifeline
from qrpay.settings import Settings
from qrpay.web.server import serve


def run_web(settings: Settings, fd: int, lifeline: int | None) -> None:
    """Serve on the listening socket `fd` until SIGTERM."""
    line = Lifeline(lifeline, settings.drain_s)
    listener = socket.socket(fileno=fd)
    house = features()
    chapters = [routes for feature in house for routes in feature.routes]
    credentials = [credential for feature in house for credential in feature.credentials]

    async def work(core: Core, stop: asyncio.Event) -> None:
        await serve(core, chapters, credentials, listener, stop, line.ready)

    uvloop.run(_until_told(settings, work))


def run_background(settings: Settings, lifeline: int | None) -> None:
    """Keep the event log, its consumers and the jobs going until SIGTERM."""
    line = Lifeline(lifeline, settings.drain_s)

    async def work(core: Core, stop: asyncio.Event) -> None:
        line.ready()
        await background(core, features(), stop)

    uvloop.run(_until_told(settings, work))


async def _until_told(settings: Settings, work: Callable[[Core, asyncio.Event], Awaitable[None]]) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with open_core(settings) as core:
        await work(core, stop)
