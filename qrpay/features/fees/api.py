"""Routes: what a merchant pays for its payments."""

from qrpay.features.fees import service
from qrpay.features.fees.model import FeePlans, FeeQuote, QuoteQuery
from qrpay.web.callers import Merchant
from qrpay.web.routes import Call, Nothing, Routes

routes = Routes("Fees")


@routes.get("/v1/fee-plan", caller=Merchant, act="books", returns=FeePlans)
async def read_fee_plan(call: Call, _ask: Nothing) -> FeePlans:
    """Read what your payments cost, and what they will: each version has its first day. The bank sets them."""
    return FeePlans(await service.plans(call.core, call.merchant.id))


@routes.get("/v1/fee-plan/quote", caller=Merchant, act="books", query=QuoteQuery, returns=FeeQuote)
async def quote_fee(call: Call, ask: QuoteQuery) -> FeeQuote:
    """Reckon what a payment of an amount would cost."""
    return await service.quote(call.core, call.merchant.id, ask.amount, ask.currency, ask.on)
