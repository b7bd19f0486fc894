"""One web worker: it serves on a socket it was given until told to stop, then finishes what it accepted."""

import asyncio
import gc
import socket
from collections.abc import Callable, Sequence

from qrpay.core import Core
from qrpay.web import operations
from qrpay.web.callers import Credential
from qrpay.web.dispatch import Dispatcher
from qrpay.web.metrics import Meter
from qrpay.web.pages import page_routes
from qrpay.web.protocol import Door
from qrpay.web.routes import Routes


async def serve(
    core: Core,
    chapters: Sequence[Routes],
    credentials: Sequence[Credential],
    listener: socket.socket,
    stop: asyncio.Event,
    ready: Callable[[], None],
) -> None:
    """Serve these chapters on a listening socket; `ready` is called once requests are answered.

    After `stop`: no new connections, waiters are answered, each answer closes its connection, and what is still
    under way gets `drain_s` seconds.
    """
    documented = [*chapters, operations.routes]
    pages = page_routes(documented, core.settings.url)
    routes = [route for chapter in (*documented, pages) for route in chapter]
    dispatcher = Dispatcher(core, routes, credentials)
    door = Door(core.settings, dispatcher.answer, dispatcher.garbled)
    worker = operations.WORKER
    async with Meter(dispatcher, core.hub, lambda: core.queues) as meter:
        worker.meter = meter
        listener.setblocking(False)
        server = await asyncio.get_running_loop().create_server(door, sock=listener, backlog=4_096)
        # What is alive now lives as long as the worker: the collector need not look at it again.
        gc.collect()
        gc.freeze()
        gc.set_threshold(20_000, 20, 50)  # what a request makes is freed by counting; there are no cycles to find
        ready()
        await stop.wait()
        worker.draining = dispatcher.draining = True
        server.close()
        core.hub.close()
        await door.drain(core.settings.drain_s)
