"""Sharing over HTTP, for merchants: receivers, how an order is shared, shares, and taking them back."""

from typing import Any

from qrpay.features.orders.problems import order_paid, reference_reused
from qrpay.features.sharing import receivers, service
from qrpay.features.sharing.model import (
    NewClawback,
    NewReceiver,
    NewShares,
    NewSharing,
    Receiver,
    ReceiversQuery,
    Share,
    Sharing,
)
from qrpay.features.sharing.problems import (
    clawback_exceeds_share,
    order_not_shared,
    receiver_balance_insufficient,
    receiver_cannot_take,
    receivers_same,
    sharing_contended,
    sharing_decided,
    sharing_exceeds,
)
from qrpay.values import Page
from qrpay.web.callers import Merchant
from qrpay.web.routes import Answer, Call, Nothing, Routes

routes = Routes("Sharing")


@routes.post(
    "/v1/receivers", caller=Merchant, body=NewReceiver, returns=Receiver, status=201,
    problems=[reference_reused, receivers_same],
)  # fmt: skip
async def create_receiver(call: Call, ask: NewReceiver) -> Any:
    """Name somebody to share with: another merchant, or a customer's account.

    The reference names it: the same content again answers with the same receiver (Idempotent-Replayed: true).
    """
    receiver, made = await receivers.register(call.core, call.merchant.id, ask)
    return receiver if made else Answer(receiver, replayed=True)


@routes.get("/v1/receivers", caller=Merchant, act="books", query=ReceiversQuery, returns=Page[Receiver])
async def list_receivers(call: Call, ask: ReceiversQuery) -> Page[Receiver]:
    """List whom you share with, newest first."""
    return await receivers.page(call.core, call.merchant.id, ask)


@routes.get("/v1/receivers/{receiver}", caller=Merchant, act="books", returns=Receiver)
async def read_receiver(call: Call, _ask: Nothing) -> Receiver:
    """Read a receiver."""
    return await receivers.read(call.core, call.merchant.id, call.path["receiver"])


@routes.post("/v1/receivers/{receiver}/remove", caller=Merchant, returns=Receiver)
async def remove_receiver(call: Call, _ask: Nothing) -> Receiver:
    """Share nothing with it any more; what was planned for it before is paid still."""
    await receivers.remove(call.core, call.merchant.id, call.path["receiver"])
    return await receivers.read(call.core, call.merchant.id, call.path["receiver"])


@routes.post(
    "/v1/orders/{order}/sharing", caller=Merchant, body=NewSharing, returns=Sharing,
    problems=[order_paid, sharing_decided, sharing_exceeds],
)  # fmt: skip
async def create_sharing(call: Call, ask: NewSharing) -> Sharing:
    """Say how an order is shared, before its code is shown: now, by its payment, or later, out of what is held.

    Safe to repeat; what was said stands.
    """
    return await service.decide(call.core, call.merchant, call.path["order"], ask)


@routes.get("/v1/orders/{order}/sharing", caller=Merchant, act="read", returns=Sharing, problems=[order_not_shared])
async def read_sharing(call: Call, _ask: Nothing) -> Sharing:
    """Read how an order is shared, and what was shared of it."""
    return await service.read(call.core, call.merchant, call.path["order"])


@routes.post(
    "/v1/orders/{order}/shares", caller=Merchant, body=NewShares, returns=Sharing, status=201,
    problems=[order_not_shared, sharing_exceeds, reference_reused, receiver_cannot_take, sharing_contended],
)  # fmt: skip
async def create_shares(call: Call, ask: NewShares) -> Any:
    """Share out of what is held of a paid order: all of these, or none.

    The reference names them within the order: sent again, it answers with the same (Idempotent-Replayed: true).
    """
    sharing, made = await service.share(call.core, call.merchant, call.path["order"], ask)
    return sharing if made else Answer(sharing, replayed=True)


@routes.post(
    "/v1/orders/{order}/shares/finish", caller=Merchant, returns=Sharing,
    problems=[order_not_shared, receiver_cannot_take],
)  # fmt: skip
async def finish_sharing(call: Call, _ask: Nothing) -> Any:
    """Have what is still held of an order; nothing more is shared of it. Safe to repeat."""
    sharing, made = await service.finish(call.core, call.merchant, call.path["order"])
    return sharing if made else Answer(sharing, replayed=True)


@routes.get("/v1/shares/{share}", caller=Merchant, act="read", returns=Share)
async def read_share(call: Call, _ask: Nothing) -> Share:
    """Read a share."""
    return await service.read_share(call.core, call.merchant, call.path["share"])


@routes.post(
    "/v1/shares/{share}/clawback", caller=Merchant, body=NewClawback, returns=Share,
    problems=[
        reference_reused, clawback_exceeds_share, receiver_balance_insufficient, receiver_cannot_take,
        sharing_contended,
    ],
)  # fmt: skip
async def claw_back_share(call: Call, ask: NewClawback) -> Any:
    """Take back part or all of a share from its receiver.

    The reference names it within the share: sent again, it answers with the same (Idempotent-Replayed: true).
    """
    share, made = await service.claw_back(call.core, call.merchant, call.path["share"], ask)
    return share if made else Answer(share, replayed=True)
