"""Why nothing can be shared, or taken back."""

from qrpay.problem import Figure, row

sharing_exceeds = row(
    "sharing_exceeds", 409, "More is to be shared than may be.", "分账金额超过可分金额。",
    "Share at most {shareable} more of this order. It is what is still held, within the bank's limit of {ratio_max_bp}"
    " (in 0.01 %) of what the payment left.",
    "本订单最多还可分 {shareable};须在冻结余额内,且不超过到账净额的 {ratio_max_bp}(单位 0.01%)。",
    members=(
        Figure("shareable", "integer", "What may still be shared, minor units."),
        Figure("ratio_max_bp", "integer", "The most of an order that may be shared, in 0.01 %."),
    ),
)  # fmt: skip
order_not_shared = row(
    "order_not_shared", 409, "Nothing of this order is held for sharing.", "该订单未设置分账。",
    "Say before an order is paid that it is shared: POST /v1/orders/(order)/sharing.",
    "请在订单支付前设置分账:POST /v1/orders/(order)/sharing。",
)  # fmt: skip
sharing_decided = row(
    "sharing_decided", 409, "How this order is shared is decided already.", "该订单的分账方式已确定。",
    "It cannot be changed. Read it with GET /v1/orders/(order)/sharing, or open another order.",
    "分账方式不可更改。可查询 GET /v1/orders/(order)/sharing,或另开订单。",
)  # fmt: skip
receiver_cannot_take = row(
    "receiver_cannot_take", 422, "A receiver's account cannot take its share.", "分账接收方账户无法入账。",
    "Nothing was moved: leave {receiver} out, or send the same request again when its account can. It says: {because}.",
    "本次未转账:请去掉 {receiver},或待其账户恢复后用相同请求重试。原因:{because}。",
    members=(
        Figure("receiver", "string", "Whose account it is (rcv_…)."),
        Figure("because", "string", "What the account says, as the code of a refusal."),
    ),
)  # fmt: skip
receiver_balance_insufficient = row(
    "receiver_balance_insufficient", 422, "The receiver has too little to give this back.",
    "接收方余额不足,无法回退。",
    "Ask for at most {available}, or send the same request again when more has come in. Nothing was moved.",
    "最多可回退 {available},或待其余额充足后用相同请求重试。本次未转账。",
    members=(Figure("available", "integer", "What the receiver's account has, minor units."),),
)  # fmt: skip
clawback_exceeds_share = row(
    "clawback_exceeds_share", 409, "More is asked back than is left of this share.", "回退金额超过该笔分账的余额。",
    "Ask for at most {left}, or leave the amount out.", "最多可回退 {left},或不填金额。",
    members=(Figure("left", "integer", "What is left of the share, minor units."),),
)  # fmt: skip
receivers_same = row(
    "receivers_same", 422, "A receiver cannot be the merchant itself.", "接收方不能是商户自己。",
    "Name another merchant, or a customer's account.", "请填写其他商户或个人账户。",
)  # fmt: skip
sharing_contended = row(
    "sharing_contended", 409, "Too many acts have moved money of this order.", "该订单的分账操作次数已达上限。",
    "At most {count_max} acts share or take back of one order. Release the rest.",
    "同一订单最多 {count_max} 次分账操作,请解冻剩余金额。",
    members=(Figure("count_max", "integer", "Acts of one order, at most."),),
)  # fmt: skip
