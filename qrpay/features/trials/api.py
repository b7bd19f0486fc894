"""Routes for trying: refused to live keys."""

from typing import Final

from qrpay.features.orders.model import Order
from qrpay.features.orders.problems import order_closed, order_expired, order_paid
from qrpay.features.trials import service
from qrpay.features.trials.problems import test_key_needed
from qrpay.problem import not_found
from qrpay.web.callers import Merchant
from qrpay.web.routes import Call, Nothing, Routes

routes: Final = Routes("Trying")


@routes.post(
    "/v1/orders/{order}/test-payment",
    caller=Merchant,
    act="sell",
    returns=Order,
    problems=[test_key_needed, not_found, order_closed, order_expired, order_paid],
)
async def pay_for_trying(call: Call, _ask: Nothing) -> Order:
    """Have a test payer pay this order: a real payment, in the test ledger, with everything that follows from it."""
    return await service.pay(call.core, call.merchant, call.path["order"])
