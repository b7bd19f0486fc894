"""Refusals of clearing."""

from qrpay.problem import Figure, row

payout_not_covered = row(
    "payout_not_covered", 409, "The money of this payout was given back and is not there any more.",
    "该笔出款的资金已退回且余额不足。",
    "See that {amount} stand in the account again, then decide once more.",
    "请先确保账户余额不少于 {amount},再重新确认。",
    members=(
        Figure("amount", "integer", "What the payout took, minor units."),
        Figure("currency", "string", "Of this amount."),
        Figure("why", "string", "The ledger's result, such as `exceeds_credits`."),
    ),
)  # fmt: skip
