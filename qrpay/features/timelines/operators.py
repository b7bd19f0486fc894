"""Timelines for the bank's operators: of any merchant's order."""

from qrpay.features.timelines import service
from qrpay.features.timelines.model import Timeline
from qrpay.web.callers import Operator
from qrpay.web.routes import Call, Nothing, Routes

routes = Routes("Timelines for operators")


@routes.get("/v1/operators/orders/{order}/timeline", caller=Operator, duty="look", returns=Timeline, watched=True)
async def look_at_timeline(call: Call, ask: Nothing) -> Timeline:
    """What became of an order of any merchant, by its id."""
    return await service.timeline_of(call.core, call.path["order"])
