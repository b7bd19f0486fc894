"""Refunds over HTTP: for merchants, who give back, and for wallets, whose account could not take it."""

from typing import Any

from qrpay.features.merchants.problems import refund_above_limit
from qrpay.features.orders.problems import reference_reused
from qrpay.features.payments.problems import (
    account_closed,
    account_frozen,
    balance_cap_exceeded,
    currency_mismatch,
    order_not_paid,
)
from qrpay.features.refunds import held, service
from qrpay.features.refunds.model import NewClaim, NewRefund, PayerRefund, Refund, RefundsQuery
from qrpay.features.refunds.problems import (
    merchant_balance_insufficient,
    refund_exceeds_payment,
    refund_not_held,
    refund_window_over,
)
from qrpay.values import Page
from qrpay.web.callers import Merchant, Wallet
from qrpay.web.routes import Answer, Call, Nothing, Routes

routes = Routes("Refunds")


@routes.post(
    "/v1/orders/{order}/refunds",
    caller=Merchant,
    act="refund",
    body=NewRefund,
    returns=Refund,
    status=201,
    problems=[
        reference_reused, order_not_paid, refund_exceeds_payment, refund_window_over, merchant_balance_insufficient,
        account_frozen, account_closed, refund_above_limit,
    ],
)  # fmt: skip
async def create_refund(call: Call, ask: NewRefund) -> Any:
    """Give back part or all of a paid order, to the account that paid it.

    The reference names it: the same content again answers with the same refund (Idempotent-Replayed: true). A refusal
    moves nothing, and the same request may be sent again later.
    """
    refund, made = await service.refund(call.core, call.merchant, call.path["order"], ask)
    return refund if made else Answer(refund, replayed=True)


@routes.get("/v1/orders/{order}/refunds", caller=Merchant, act="read", query=RefundsQuery, returns=Page[Refund])
async def list_refunds_of_order(call: Call, ask: RefundsQuery) -> Page[Refund]:
    """List the refunds of an order, newest first, failed ones too."""
    return await service.page(call.core, call.merchant, ask, call.path["order"])


@routes.get("/v1/refunds", caller=Merchant, act="books", query=RefundsQuery, returns=Page[Refund])
async def list_refunds(call: Call, ask: RefundsQuery) -> Page[Refund]:
    """List all refunds, newest first."""
    return await service.page(call.core, call.merchant, ask)


@routes.get("/v1/refunds/{refund}", caller=Merchant, act="read", returns=Refund)
async def read_refund(call: Call, ask: Nothing) -> Refund:
    """Read a refund."""
    return await service.read(call.core, call.merchant, call.path["refund"])


@routes.get("/v1/held-refunds", caller=Wallet, query=RefundsQuery, returns=Page[PayerRefund])
async def list_held_refunds(call: Call, ask: RefundsQuery) -> Page[PayerRefund]:
    """List what shops have given back to me and my account could not take yet, newest first."""
    return await held.page(call.core, call.wallet, ask)


@routes.post(
    "/v1/held-refunds/{refund}/claim",
    caller=Wallet,
    body=NewClaim,
    body_optional=True,
    returns=PayerRefund,
    problems=[refund_not_held, account_closed, account_frozen, balance_cap_exceeded, currency_mismatch],
)
async def claim_held_refund(call: Call, ask: NewClaim) -> Any:
    """Take a refund that waits into one of my accounts. Sent again, it answers with the same."""
    refund, made = await held.take(call.core, call.wallet, call.path["refund"], ask)
    return refund if made else Answer(refund, replayed=True)
