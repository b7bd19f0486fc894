"""Why a transfer between customers is refused."""

from qrpay.problem import row

payee_not_found = row(
    "payee_not_found", 404, "Nobody can be paid by this.", "未找到收款人。",
    "Check the number, or have the payee show a collect code.", "请核对手机号,或请对方出示收款码。",
)  # fmt: skip
payee_cannot_receive = row(
    "payee_cannot_receive", 409, "The payee has no account that takes transfers in this currency.",
    "收款人没有可接收该币种转账的账户。", "Agree on another way to pay.", "请与对方商定其他付款方式。",
)  # fmt: skip
amount_differs = row(
    "collect_amount_differs", 409, "The collect code asks for another amount.", "金额与收款码不一致。",
    "Send {amount} {currency} (minor units), or ask for a new code.", "请支付收款码上的金额,或请对方重新出示。",
)  # fmt: skip
"""Figures: `amount`, `currency`."""
transfer_not_held = row(
    "transfer_not_held", 409, "This money waits no longer.", "该笔款项已不在待领取状态。",
    "It is in an account, or went back to its sender.", "款项已入账,或已退回付款人。",
)  # fmt: skip
request_settled = row(
    "request_settled", 409, "This request is settled already.", "该收款请求已处理。",
    "It is {status}: nothing more can be done.", "状态:{status},无法再次操作。",
)  # fmt: skip
"""Figure: `status`."""
request_expired = row(
    "request_expired", 410, "This request has run out.", "该收款请求已过期。",
    "Have the other one ask again.", "请对方重新发起。",
)  # fmt: skip
