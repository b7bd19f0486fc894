"""Routes: a merchant's settlements, what they cover, and how it is settled."""

from qrpay.features.settlement import looks, terms
from qrpay.features.settlement.model import (
    SettledTransfer,
    Settlement,
    SettlementsQuery,
    Terms,
    TransfersQuery,
)
from qrpay.problem import not_found
from qrpay.values import Page
from qrpay.web.callers import Merchant
from qrpay.web.routes import Call, Nothing, Routes

routes = Routes("Settlement")


@routes.get("/v1/settlements", caller=Merchant, act="books", query=SettlementsQuery, returns=Page[Settlement])
async def list_settlements(call: Call, ask: SettlementsQuery) -> Page[Settlement]:
    """List your settlements, newest business date first."""
    return await looks.page(call.core, call.merchant.id, ask)


@routes.get("/v1/settlements/{settlement}", caller=Merchant, act="books", returns=Settlement, problems=[not_found])
async def read_settlement(call: Call, _ask: Nothing) -> Settlement:
    """Read one settlement."""
    row = await looks.row_of(call.core, call.merchant.id, call.path["settlement"])
    [view] = await looks.views(call.core, [row])
    return view


@routes.get(
    "/v1/settlements/{settlement}/transfers",
    caller=Merchant,
    act="books",
    query=TransfersQuery,
    returns=Page[SettledTransfer],
    problems=[not_found],
)
async def list_settled_transfers(call: Call, ask: TransfersQuery) -> Page[SettledTransfer]:
    """List the transfers that a settlement covers, oldest first; each transfer is in exactly one settlement."""
    return await looks.transfers(call.core, call.merchant.id, call.path["settlement"], ask)


@routes.get("/v1/settlement-terms", caller=Merchant, act="books", returns=Terms)
async def read_settlement_terms(call: Call, _ask: Nothing) -> Terms:
    """How you are settled: cycle, minimum, reserve, hold and payout account. The bank sets them."""
    return await terms.terms_of(call.core, call.merchant.id)
