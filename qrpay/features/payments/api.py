"""Scan-to-pay over HTTP, for wallets; and the receipt, for whoever holds its link."""

from typing import Any

from qrpay.codes.problems import (
    code_expired,
    code_foreign,
    code_forged,
    code_malformed,
    code_not_payable,
    code_revoked,
    code_unknown_key,
)
from qrpay.features.e_accounts.problems import pin_locked, pin_wrong
from qrpay.features.offline_codes.problems import offline_limit_exceeded, terminal_clock_wrong
from qrpay.features.orders.problems import order_closed, order_expired, order_paid
from qrpay.features.payments import service
from qrpay.features.payments.model import NewPayment, NewScan, Payment, PaymentQuery, PaymentsQuery, Scan
from qrpay.features.payments.problems import (
    REFUSALS,
    amount_not_allowed,
    amount_required,
    order_not_paid,
    pin_required,
)
from qrpay.problem import idempotency_key_missing, idempotency_key_reused, not_found
from qrpay.values import Page
from qrpay.web.callers import Wallet
from qrpay.web.routes import PUBLIC, Answer, Call, Document, Nothing, Routes

routes = Routes("Payments")
CODE = (code_malformed, code_forged, code_unknown_key, code_foreign, code_not_payable, code_expired, code_revoked)


@routes.post("/v1/scans", caller=Wallet, body=NewScan, returns=Scan, problems=[*CODE, not_found, terminal_clock_wrong])
async def create_scan(call: Call, ask: NewScan) -> Scan:
    """Say what a scanned text is, its signature checked; nothing moves."""
    return await service.scan(call.core, ask.scanned)


@routes.post(
    "/v1/payments",
    caller=Wallet,
    timed=True,
    body=NewPayment,
    returns=Payment,
    status=201,
    also={200: "This customer has paid it before: the same payment."},
    problems=[
        *CODE, not_found, order_paid, order_closed, order_expired, amount_not_allowed,
        amount_required, idempotency_key_missing, idempotency_key_reused, pin_required, pin_wrong, pin_locked,
        terminal_clock_wrong, offline_limit_exceeded, *REFUSALS,
    ],
)  # fmt: skip
async def create_payment(call: Call, ask: NewPayment) -> Any:
    """Pay what was scanned, or an order by its id. Sent again, it answers with the same payment.

    By a static code every payment is an order of its own, so it needs an Idempotency-Key: the key says which.
    """
    payment, made = await service.pay(call.core, call.wallet, ask, call.idempotency_key, call.wire.began_ns)
    return payment if made else Answer(payment, status=200, replayed=True)


@routes.get("/v1/payments", caller=Wallet, query=PaymentsQuery, returns=Page[Payment])
async def list_payments(call: Call, ask: PaymentsQuery) -> Page[Payment]:
    """What I have paid, newest first."""
    return await service.history(call.core, call.wallet, ask)


@routes.get("/v1/payments/{order}", caller=Wallet, query=PaymentQuery, returns=Payment)
async def read_payment(call: Call, ask: PaymentQuery) -> Payment:
    """One of my payments, by its order; waits for it with `wait`."""
    return await service.read(call.core, call.wallet, call.path["order"], ask.wait)


@routes.get(
    "/v1/receipts/{order}",
    caller=PUBLIC,
    returns=Document,
    media_type="application/jwt",
    problems=[order_not_paid],
)
async def read_receipt(call: Call, ask: Nothing) -> Document:
    """The signed receipt of a paid order, for whoever holds its link; anyone verifies it with the JWKS."""
    text = await service.receipt(call.core, call.path["order"])
    return Document(text.encode(), "application/jwt", {"Cache-Control": "no-store"})
