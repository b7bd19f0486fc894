"""Routes: compare a merchant's own list with ours, by digests first, then line by line where they differ."""

from typing import Final

from qrpay.features.reconciliation import service
from qrpay.features.reconciliation.model import Comparison, NewComparison, NewReconciliation, Reconciliation
from qrpay.features.reconciliation.problems import history_detached, statement_not_ready, too_many_lines
from qrpay.problem import invalid_field
from qrpay.web.callers import Merchant
from qrpay.web.routes import Call, Routes

routes = Routes("Reconciliation")

PROBLEMS: Final = (statement_not_ready, history_detached, invalid_field)


@routes.post(
    "/v1/reconciliations", caller=Merchant, act="books", body=NewReconciliation, returns=Reconciliation,
    problems=PROBLEMS,
)  # fmt: skip
async def reconcile(call: Call, ask: NewReconciliation) -> Reconciliation:
    """Compare the digests of your list, bucket by bucket, with ours; answers the buckets that differ.

    A line is in the bucket that the first bits of SHA-256(`kind|reference`) name. A bucket's digest is the XOR of its
    lines' marks; a mark is the first 16 bytes of SHA-256(`kind|reference|amount|currency|status`).
    """
    return await service.reconcile(call.core, call.merchant.id, ask)


@routes.post(
    "/v1/reconciliations/lines", caller=Merchant, act="books", body=NewComparison, returns=Comparison,
    problems=[*PROBLEMS, too_many_lines],
)  # fmt: skip
async def compare_lines(call: Call, ask: NewComparison) -> Comparison:
    """Compare your lines of some buckets with ours; answers only those that differ, from both sides."""
    return await service.compare(call.core, call.merchant.id, ask)
