"""What a merchant may ask about itself."""

from qrpay.features.merchants import service
from qrpay.features.merchants.model import Balances, MerchantView
from qrpay.web.callers import Merchant
from qrpay.web.routes import Call, Nothing, Routes

routes = Routes("Merchants")


@routes.get("/v1/merchant", caller=Merchant, returns=MerchantView)
async def read_merchant(call: Call, _ask: Nothing) -> MerchantView:
    """Who am I: the calling merchant, its stores and terminals."""
    return await service.view(call.core, call.merchant.id)


@routes.get("/v1/balance", caller=Merchant, returns=Balances)
async def read_balance(call: Call, _ask: Nothing) -> Balances:
    """What is owed to the calling merchant, a line for each currency."""
    return await service.balances(call.core, call.merchant.id)
