"""Why a customer is refused."""

from qrpay.problem import row

pin_wrong = row(
    "pin_wrong", 422, "This PIN is wrong.", "支付密码错误。",
    "Enter the right PIN; {tries_left} tries are left before it is locked.",
    "请输入正确的支付密码,还可尝试 {tries_left} 次。",
)  # fmt: skip
"""Figure: `tries_left`."""

pin_locked = row(
    "pin_locked", 429, "The PIN is locked after too many wrong tries.", "支付密码错误次数过多,已锁定。",
    "Wait until {until}; nothing was paid.", "请于 {until} 之后重试,本次未付款。", retry=True,
)  # fmt: skip
"""Figure: `until` (RFC 3339)."""

phone_taken = row(
    "phone_taken", 409, "This phone number belongs to a customer already.", "该手机号已被使用。",
    "Use that customer, or another number.", "请使用原客户或更换手机号。",
)  # fmt: skip

customer_name_refused = row(
    "customer_name_refused", 422, "This is no name of a person.", "姓名格式不正确。",
    "Give the name as it stands in the identity document: {reason}", "请填写证件上的姓名:{reason}",
)  # fmt: skip
"""Figure: `reason`, a sentence."""

customer_not_active = row(
    "customer_not_active", 409, "This customer is frozen or closed.", "该客户已被冻结或注销。",
    "Let the bank look at the customer first.", "请先联系银行处理。",
)  # fmt: skip

top_up_refused = row(
    "top_up_refused", 422, "The account cannot take this top-up.", "该账户无法充值。",
    "The ledger says {result}; nothing has moved.", "账务结果:{result},资金未变动。",
)  # fmt: skip
"""Figures: `result` (the ledger's, in snake_case), `limit` and `left` in minor units where a cap said no."""

top_up_reference_reused = row(
    "top_up_reference_reused", 409, "This reference was used for another top-up.", "该充值单号已用于其他充值。",
    "Use a new reference; nothing has moved.", "请更换单号,资金未变动。",
)  # fmt: skip

account_takes_no_transfers = row(
    "account_takes_no_transfers", 409, "This account takes money from its bound account alone.",
    "该账户仅可接收绑定账户转入。",
    "Use another account, or come to a branch with your identity document.", "请使用其他账户,或携带证件到网点核实。",
)  # fmt: skip
