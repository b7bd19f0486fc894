"""Why a fee plan is refused."""

from qrpay.problem import row

fee_plan_in_the_past = row(
    "fee_plan_in_the_past", 409, "A fee plan cannot begin in the past.", "费率方案不能从过去的日期开始生效。",
    "Let it begin on {today} or later: what was paid before keeps the fee it was paid with.",
    "请从 {today} 或之后的日期开始;此前的交易仍按当时的费率。",
)  # fmt: skip
"""Figure: `today`."""
