"""Why there is no statement."""

from qrpay.ledger.problems import history_detached
from qrpay.problem import Figure, row

__all__ = ["history_detached", "statement_not_ready"]

statement_not_ready = row(
    "statement_not_ready", 409, "This day or month is not over yet.", "该账期尚未结束。",
    "Ask again after {ready_at}: a statement is made once, of a period that is over.",
    "请在 {ready_at} 之后再查询:账单仅在账期结束后生成。",
    members=(Figure("ready_at", "string", "When to ask again, RFC 3339."),),
)  # fmt: skip
