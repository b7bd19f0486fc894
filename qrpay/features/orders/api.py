"""Orders over HTTP, for merchants and for whoever holds a code's link."""

import asyncio
from typing import Any

from qrpay.features.merchants import service as merchants
from qrpay.features.orders import lists, service
from qrpay.features.orders.model import (
    CashierOrder,
    NewOrder,
    Order,
    OrderQuery,
    OrdersQuery,
    PictureQuery,
)
from qrpay.features.orders.problems import order_closed, order_paid, reference_reused
from qrpay.problem import not_found
from qrpay.values import Page
from qrpay.web.callers import Merchant
from qrpay.web.routes import PUBLIC, Answer, Call, Document, Nothing, Routes

routes = Routes("Orders")


@routes.post(
    "/v1/orders",
    caller=Merchant,
    act="sell",
    body=NewOrder,
    returns=Order,
    status=201,
    problems=[reference_reused, order_closed],
)
async def create_order(call: Call, ask: NewOrder) -> Any:
    """Open an order; its code.payload is the signed dynamic code.

    The reference names it: the same content again answers with the same order (Idempotent-Replayed: true).
    """
    caller = call.merchant
    if caller.bounds is not None:
        ask = merchants.placed(caller, ask)
    order, made = await service.open_order(call.core, caller.id, ask, within=caller.store)
    return order if made else Answer(order, replayed=True)


@routes.get("/v1/orders/{order}", caller=Merchant, act="read", query=OrderQuery, returns=Order)
async def read_order(call: Call, ask: OrderQuery) -> Order:
    """Read an order; with `wait`, as soon as its status leaves the one it has now."""
    return await service.read(call.core, call.merchant.id, call.path["order"], ask.wait, call.merchant.store)


@routes.get("/v1/orders", caller=Merchant, act="read", query=OrdersQuery, returns=Page[Order])
async def list_orders(call: Call, ask: OrdersQuery) -> Page[Order]:
    """List orders, newest first; a search through very many may hand back few or none, with a cursor to go on.

    Status comes from a projection some tenths of a second behind; what each order shows is read from the ledger.
    """
    return await lists.page(call.core, call.merchant.id, ask, call.merchant.store)


@routes.post("/v1/orders/{order}/close", caller=Merchant, act="sell", returns=Order, problems=[order_paid])
async def close_order(call: Call, ask: Nothing) -> Order:
    """Close an order for good.

    By `ref:` it also closes a reference never seen, such as a request that got lost: it can never be paid then.
    """
    return await service.close(call.core, call.merchant.id, call.path["order"], call.merchant.store)


def _drawing() -> Any:
    """What draws: 6 MB that a worker which is never asked for a picture does not hold."""
    from qrpay.codes import image

    return image


async def _payload(call: Call) -> tuple[str, str]:
    order = await service.read(call.core, call.merchant.id, call.path["order"], 0, call.merchant.store)
    if order.code is None:
        raise not_found()
    return order.code.payload, order.reference


@routes.get(
    "/v1/orders/{order}/code.svg",
    caller=Merchant,
    act="read",
    query=PictureQuery,
    returns=Document,
    media_type="image/svg+xml",
)
async def order_code_svg(call: Call, ask: PictureQuery) -> Document:
    """The order's code as an SVG picture."""
    payload, reference = await _payload(call)
    title = f"QR code of order {reference}"
    picture = await asyncio.to_thread(_drawing().svg, payload, ask.size, title=title, brand=ask.logo)
    return Document(picture.encode(), "image/svg+xml")


@routes.get(
    "/v1/orders/{order}/code.png",
    caller=Merchant,
    act="read",
    query=PictureQuery,
    returns=Document,
    media_type="image/png",
)
async def order_code_png(call: Call, ask: PictureQuery) -> Document:
    """The order's code as a PNG picture."""
    payload, _ = await _payload(call)
    return Document(await asyncio.to_thread(_drawing().png, payload, ask.size), "image/png")


@routes.get("/v1/cashier/{order}", caller=PUBLIC, query=OrderQuery, returns=CashierOrder)
async def cashier_order(call: Call, ask: OrderQuery) -> CashierOrder:
    """What the page behind a code's link shows."""
    return await service.cashier(call.core, call.path["order"], ask.wait)
