"""A ledger of entries with running balances: aiohttp, and one call of one SQL function a payment.

    python -m benchmarks.peers.running_balance.server PORT DSN

Double entry, idempotent by its primary key, guarded against overdraft, durable; no token, signature, caps or events.
"""

import sys
import uuid

import asyncpg
import uvloop
from aiohttp import web

from benchmarks.peers.echo.server import serve

CONNECTIONS = 16
POOL = web.AppKey("pool", asyncpg.Pool)


async def pay(request: web.Request) -> web.Response:
    """Move the amount, once an order, unless the payer has too little."""
    ask = await request.json()
    order = uuid.UUID(ask["order"])
    done = await request.app[POOL].fetchval(
        "SELECT rb_pay($1, $2, $3, $4)", order, ask["payer"], ask["payee"], ask["amount"]
    )
    if not done:
        return web.json_response({"code": "insufficient_funds"}, status=422)
    return web.json_response({"order": str(order), "status": "paid", "amount": ask["amount"]}, status=201)


async def main(port: int, dsn: str) -> None:
    """Serve until killed."""
    application = web.Application()
    application[POOL] = await asyncpg.create_pool(dsn, min_size=CONNECTIONS, max_size=CONNECTIONS)
    application.add_routes([web.post("/pay", pay)])
    await serve(application, port)


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), sys.argv[2]))
