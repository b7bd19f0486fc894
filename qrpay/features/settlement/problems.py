"""Why a settlement is refused."""

from qrpay.problem import row

settlement_too_early = row(
    "settlement_too_early", 409, "T+0 is not open to this merchant yet.", "该商户尚不满足 T+0 结算条件。",
    "A merchant has T+0 after its first 90 days and 30 days of trade (银发〔2016〕261号): from {from_day}.",
    "商户入网满 90 日且连续正常交易满 30 日后方可办理 T+0 结算(银发〔2016〕261号);最早 {from_day}。",
)  # fmt: skip
"""Figure: `from_day`."""

settlement_day_open = row(
    "settlement_day_open", 409, "This business day has not ended.", "该营业日尚未结束。",
    "Settle {day} after it has ended, in Asia/Shanghai.", "请在 {day} 营业日结束(北京时间)后再结算。",
)  # fmt: skip
"""Figure: `day`."""
