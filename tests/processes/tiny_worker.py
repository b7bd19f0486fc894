"""The smallest worker that keeps its part of the bargain: an HTTP server that answers with its process's number.

    GET /          the number, at once              GET /slow      the number, half a second later
    POST /crash    dies without a word              POST /hang     blocks the event loop for a minute
    GET /metrics   the metrics of all workers, where each `/` was counted

With QRPAY_ISSUER=dies it ends at once; with a file `broken` in its home it ends at once as well.
"""

import argparse
import asyncio
import os
import signal
import socket
import time

from aiohttp import web

from qrpay import logs
from qrpay.hub import Hub
from qrpay.lifeline import Lifeline
from qrpay.settings import Settings, read_settings
from qrpay.web.metrics import Meter
from qrpay.web.routes import PUBLIC, Call, Nothing, Routes

routes = Routes("Tiny")


@routes.get("/", caller=PUBLIC)
async def number(_call: Call, _ask: Nothing) -> str:
    """The number of the process."""
    return str(os.getpid())


class Counted:
    """How often `/` was answered."""

    def __init__(self) -> None:
        self.route = routes[0]
        self.counts = {200: 0}
        self.served = (self,)
        self.unrouted: dict[int, int] = {}
        self.refusals = {"overloaded": 1}


def application(counted: Counted, meter: Meter) -> web.Application:
    """The paths named above."""

    async def answer(_request: web.Request) -> web.Response:
        counted.counts[200] += 1
        return web.Response(text=str(os.getpid()))

    async def slow(_request: web.Request) -> web.Response:
        await asyncio.sleep(0.5)
        return web.Response(text=str(os.getpid()))

    async def crash(_request: web.Request) -> web.Response:
        os._exit(3)

    async def hang(_request: web.Request) -> web.Response:
        time.sleep(60)
        return web.Response()

    async def metrics(_request: web.Request) -> web.Response:
        return web.Response(body=await meter.render())

    made = web.Application()
    for path, handler in {"/": answer, "/slow": slow, "/crash": crash, "/hang": hang, "/metrics": metrics}.items():
        made.router.add_route("*", path, handler)
    return made


async def serve(settings: Settings, lifeline: Lifeline, fd: int | None) -> None:
    """Serve until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    if fd is None:
        lifeline.ready()
        await stop.wait()
        return
    counted = Counted()
    async with Meter(counted, Hub(), dict) as meter:
        runner = web.AppRunner(application(counted, meter), shutdown_timeout=settings.drain_s)
        await runner.setup()
        await web.SockSite(runner, socket.socket(fileno=fd), backlog=4096).start()
        lifeline.ready()
        await stop.wait()
        await runner.cleanup()


def main() -> None:
    """Read the command line as `qrpay work` does."""
    parser = argparse.ArgumentParser()
    parser.add_argument("role")
    parser.add_argument("--fd", type=int)
    parser.add_argument("--lifeline", type=int)
    given = parser.parse_args()
    settings = read_settings()
    logs.configure(settings)
    if settings.issuer == "dies" or (settings.folder / "broken").exists():
        raise SystemExit(7)
    asyncio.run(serve(settings, Lifeline(given.lifeline, settings.drain_s), given.fd))


if __name__ == "__main__":
    main()
