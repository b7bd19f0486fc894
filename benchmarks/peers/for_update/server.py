"""A payment as most people write it first: aiohttp, asyncpg, one transaction, SELECT ... FOR UPDATE.

    python -m benchmarks.peers.for_update.server PORT DSN

It checks the payer's balance and the order's id, durably, and nothing else: no token, no signature, no caps, no
events. Its rows are locked in one order, so that it does not die of deadlocks.
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
    order, payer, payee, amount = uuid.UUID(ask["order"]), ask["payer"], ask["payee"], ask["amount"]
    async with request.app[POOL].acquire() as connection, connection.transaction():
        rows = await connection.fetch(
            "SELECT id, balance FROM peer_accounts WHERE id = ANY ($1::integer[]) ORDER BY id FOR UPDATE",
            [payer, payee],
        )
        balances = {row["id"]: row["balance"] for row in rows}
        if balances[payer] < amount:
            return web.json_response({"code": "insufficient_funds"}, status=422)
        await connection.execute(
            "INSERT INTO peer_payments (id, payer, payee, amount) VALUES ($1, $2, $3, $4)", order, payer, payee, amount
        )
        await connection.execute("UPDATE peer_accounts SET balance = balance - $2 WHERE id = $1", payer, amount)
        await connection.execute("UPDATE peer_accounts SET balance = balance + $2 WHERE id = $1", payee, amount)
    return web.json_response({"order": str(order), "status": "paid", "amount": amount}, status=201)


async def main(port: int, dsn: str) -> None:
    """Serve until killed."""
    application = web.Application()
    application[POOL] = await asyncpg.create_pool(dsn, min_size=CONNECTIONS, max_size=CONNECTIONS)
    application.add_routes([web.post("/pay", pay)])
    await serve(application, port)


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), sys.argv[2]))
