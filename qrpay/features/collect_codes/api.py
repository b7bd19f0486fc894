"""Collect codes over HTTP."""

from qrpay.features.collect_codes import service
from qrpay.features.collect_codes.model import CollectCode, NewCollectCode
from qrpay.features.e_accounts.problems import account_takes_no_transfers
from qrpay.problem import not_found
from qrpay.web.callers import Wallet
from qrpay.web.routes import Call, Routes

routes = Routes("Collect codes")


@routes.post(
    "/v1/collect-codes", caller=Wallet, body=NewCollectCode, body_optional=True, returns=CollectCode, status=201,
    problems=[not_found, account_takes_no_transfers],
)  # fmt: skip
async def create_collect_code(call: Call, ask: NewCollectCode) -> CollectCode:
    """Make a code that pays me: with an amount, or whatever the payer enters; good for ten minutes."""
    return await service.make(call.core, call.wallet, ask)
