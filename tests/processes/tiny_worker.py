"""The smallest worker that keeps its part of the bargain: an HTTP server that says its process's number.

    GET /          the number, at once             GET /slow   the number, half a second later
    GET /crash     dies without a word             GET /hang   blocks the event loop for a minute
    GET /metrics   counts itself, and renders the metrics of all workers

With QRPAY_ISSUER=dies it ends at once; with QRPAY_ISSUER=late it takes a second to get ready.
"""

import argparse
import asyncio
import os
import signal
import socket
import time

from aiohttp import web

from qrpay.lifeline import Lifeline
from qrpay.settings import Settings, read_settings


async def serve(settings: Settings, lifeline: Lifeline, fd: int | None) -> None:
    """Serve until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    if fd is None:
        lifeline.ready()
        await stop.wait()
        return
    runner = web.AppRunner(application(), shutdown_timeout=settings.drain_s)
    await runner.setup()
    await web.SockSite(runner, socket.socket(fileno=fd), backlog=4096).start()
    if settings.issuer == "late":
        await asyncio.sleep(1)
    lifeline.ready()
    await stop.wait()
    await runner.cleanup()


def application() -> web.Application:
    """The routes named above."""

    async def number(_request: web.Request) -> web.Response:
        return web.Response(text=str(os.getpid()))

    async def slow(_request: web.Request) -> web.Response:
        await asyncio.sleep(0.5)
        return web.Response(text=str(os.getpid()))

    async def crash(_request: web.Request) -> web.Response:
        os._exit(3)

    async def hang(_request: web.Request) -> web.Response:
        time.sleep(60)
        return web.Response()

    made = web.Application()
    made.add_routes([web.get("/", number), web.get("/slow", slow), web.get("/crash", crash), web.get("/hang", hang)])
    return made


def main() -> None:
    """Read the command line as `qrpay work` does."""
    parser = argparse.ArgumentParser()
    parser.add_argument("role")
    parser.add_argument("--fd", type=int)
    parser.add_argument("--lifeline", type=int)
    given = parser.parse_args()
    settings = read_settings()
    if settings.issuer == "dies":
        raise SystemExit(7)
    asyncio.run(serve(settings, Lifeline(given.lifeline, settings.drain_s), given.fd))


if __name__ == "__main__":
    main()
