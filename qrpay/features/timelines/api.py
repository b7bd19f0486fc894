"""Timelines over HTTP, for merchants."""

from qrpay.features.timelines import service
from qrpay.features.timelines.model import Timeline
from qrpay.web.callers import Merchant
from qrpay.web.routes import Call, Nothing, Routes

routes = Routes("Timelines")


@routes.get("/v1/orders/{order}/timeline", caller=Merchant, act="read", returns=Timeline)
async def read_timeline(call: Call, ask: Nothing) -> Timeline:
    """What became of an order, step by step, with the microseconds that were measured."""
    return await service.timeline(call.core, call.merchant.id, call.path["order"], call.merchant.store)
