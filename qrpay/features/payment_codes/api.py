"""Payment codes over HTTP: a wallet asks for one, a till reports what it scanned."""

from typing import Any

from qrpay.codes.problems import (
    code_expired,
    code_foreign,
    code_forged,
    code_malformed,
    code_not_payable,
    code_unknown_key,
)
from qrpay.features.orders.problems import order_closed, order_expired, reference_reused
from qrpay.features.payment_codes import service
from qrpay.features.payment_codes.model import NewPaymentCode, PaymentCode, ScanOutcome, ScanReport
from qrpay.features.payment_codes.problems import code_used
from qrpay.features.payments.problems import REFUSALS
from qrpay.problem import not_found
from qrpay.web.callers import Merchant, Wallet
from qrpay.web.routes import Answer, Call, Routes

routes = Routes("Payment codes")


@routes.post(
    "/v1/payment-codes",
    caller=Wallet,
    body=NewPaymentCode,
    body_optional=True,
    returns=PaymentCode,
    status=201,
    problems=[not_found],
)
async def create_payment_code(call: Call, ask: NewPaymentCode) -> PaymentCode:
    """Get a one-time code to show at a till."""
    return await service.make(call.core, call.wallet, ask)


@routes.post(
    "/v1/callbacks/scan",
    caller=Merchant,
    act="sell",
    timed=True,
    body=ScanReport,
    returns=ScanOutcome,
    also={202: "The customer must confirm on the phone; read the order with wait."},
    problems=[
        code_malformed, code_forged, code_foreign, code_not_payable, code_expired, code_used, code_unknown_key,
        not_found, reference_reused, order_closed, order_expired, *REFUSALS,
    ],
)  # fmt: skip
async def report_scan(call: Call, ask: ScanReport) -> Any:
    """Report what a till scanned: a customer's payment code is charged, a shown receipt is proved.

    The same report again gets the same answer, so a till that lost the answer sends it again.
    """
    outcome, status = await service.report(call.core, call.merchant, ask, call.wire.began_ns)
    return Answer(outcome, status=status)
