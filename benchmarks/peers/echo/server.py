"""The bare aiohttp echo, the ceiling: a router, a JSON body parsed, `web.json_response`, nothing else.

python -m benchmarks.peers.echo.server PORT
"""

import asyncio
import socket
import sys

import uvloop
from aiohttp import web


async def echo(request: web.Request) -> web.Response:
    """Answer the body's JSON."""
    return web.json_response(await request.json(), status=201)


async def serve(application: web.Application, port: int) -> None:
    """Serve on loopback until killed."""
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.SockSite(runner, socket.create_server(("127.0.0.1", port), backlog=4_096)).start()
    await asyncio.Event().wait()


async def main(port: int) -> None:
    """Serve the echo."""
    application = web.Application()
    application.add_routes([web.post("/v1/payments", echo)])
    await serve(application, port)


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
