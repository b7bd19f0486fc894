"""Why nothing can be given back."""

from qrpay.problem import Figure, row

refund_exceeds_payment = row(
    "refund_exceeds_payment", 409, "More is asked back than is left of this payment.", "退款金额超过可退余额。",
    "Ask for at most {refundable}, or leave the amount out to give back all of it. At most {count_max} refunds of one"
    " order are made.",
    "最多可退 {refundable}，或不填金额以全部退回；同一订单最多退款 {count_max} 次。",
    members=(
        Figure("refundable", "integer", "What may still be given back; 0 also when no more refunds may be made."),
        Figure("count_max", "integer", "Refunds of one order, at most."),
    ),
)  # fmt: skip
refund_window_over = row(
    "refund_window_over", 422, "It is too late to give this payment back.", "已超过可退款期限。",
    "It could be given back until {until}. Settle it with the customer in another way.",
    "可退款截止时间为 {until}，请与顾客以其他方式处理。",
    members=(Figure("until", "string", "When the time ended (RFC 3339)."),),
)  # fmt: skip
merchant_balance_insufficient = row(
    "merchant_balance_insufficient", 422, "The shop's balance is too small for this refund.",
    "商户余额不足，无法退款。",
    "{missing} is missing ({available} of {amount} is there). Send the same request again when more has come in."
    " Nothing was moved.",
    "还差 {missing}（需 {amount}，可用 {available}）。余额充足后用相同请求重试，本次未扣款。",
    members=(
        Figure("amount", "integer", "What the refund takes from the balance."),
        Figure("available", "integer", "What the balance has."),
        Figure("missing", "integer", "What must come in before it passes."),
        Figure("currency", "string", "Of these amounts."),
    ),
)  # fmt: skip
refund_not_held = row(
    "refund_not_held", 409, "This refund does not wait for you any more.", "该退款已不在待领取状态。",
    "It is in your account already: look into its history.", "该退款已到账，请查看账户明细。",
)  # fmt: skip
