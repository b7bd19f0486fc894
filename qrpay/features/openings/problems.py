"""Why an opening is refused."""

from qrpay.problem import row

opening_step = row(
    "opening_step", 409, "Another step of the opening comes first.", "请先完成其他步骤。",
    "The next step is {next}.", "下一步:{next}。",
)  # fmt: skip
"""Figure: `next` (a step, or the status when there is nothing to do)."""

opening_expired = row(
    "opening_expired", 410, "This opening was not finished in time.", "开户申请已过期。",
    "Begin anew; what you had entered was erased.", "请重新申请,已填写的信息已删除。",
)  # fmt: skip
opening_changed = row(
    "opening_changed", 409, "This opening was changed on another device at the same time.", "申请已在其他设备上更改。",
    "Read it again and go on from there.", "请重新读取后继续。",
)  # fmt: skip
opening_tries_used = row(
    "opening_tries_used", 429, "This step was tried too often.", "尝试次数过多。",
    "Begin anew later, or come to a branch with your identity document.", "请稍后重新申请,或携带证件到网点办理。",
)  # fmt: skip
identity_refused = row(
    "identity_refused", 422, "These details cannot be used to open an account online.", "证件信息不符合线上开户要求。",
    "Correct the places listed in errors, or come to a branch.", "请更正 errors 中列出的内容,或到网点办理。",
)  # fmt: skip
not_confirmed = row(
    "not_confirmed", 422, "The bank that was asked did not confirm these details.", "信息核验未通过。",
    "Look at the place listed in errors: it must be as the identity document, or the bound account's bank, has it.",
    "请核对 errors 中列出的内容,须与证件或绑定账户预留信息一致。",
)  # fmt: skip
verification_away = row(
    "verification_away", 503, "The party that verifies this cannot be reached.", "核验服务暂不可用。",
    "Send the same request again in a moment; nothing is lost.", "请稍后用相同请求重试,已填信息不会丢失。", retry=True,
)  # fmt: skip
code_wrong = row(
    "sms_code_wrong", 422, "This is not the code that was sent last.", "验证码错误或已失效。",
    "Enter the code of the latest message, or ask for a new one.", "请输入最近一次收到的验证码,或重新获取。",
)  # fmt: skip
sms_too_many = row(
    "sms_too_many", 429, "Enough codes were sent to this number.", "验证码发送过于频繁。",
    "Wait {retry_after} s before you ask for another one.", "请等待 {retry_after} 秒后再获取。", retry=True,
)  # fmt: skip
"""Figure: `retry_after` (seconds)."""
deposit_under_way = row(
    "deposit_under_way", 409, "The small deposit has not arrived yet.", "小额打款尚未到账。",
    "Wait a moment, then look at the bound account and send the amount.", "请稍候,到账后查询绑定账户并填写金额。",
)  # fmt: skip
deposit_failed = row(
    "deposit_failed", 422, "The small deposit could not be made.", "小额打款失败。",
    "Name another account of your own.", "请更换本人的其他账户。",
)  # fmt: skip
deposit_wrong = row(
    "deposit_wrong", 422, "That is not the amount that was sent.", "打款金额不正确。",
    "Look at the latest deposit from us on the bound account, and enter it in minor units.",
    "请查询绑定账户中本行最近一笔入账,以分为单位填写。",
)  # fmt: skip
accounts_too_many = row(
    "accounts_too_many", 409, "You have as many accounts of this class as one person may have.",
    "该类账户数量已达上限。",
    "Use one of them, or close one first: {limit} are allowed.", "最多可开 {limit} 个,请使用或注销已有账户。",
)  # fmt: skip
"""Figure: `limit`."""
customer_phone_differs = row(
    "customer_phone_differs", 409, "You are a customer already, with another mobile number.",
    "您已是本行客户,预留手机号不同。",
    "Begin anew with that number, or have it changed first.", "请使用原手机号重新申请,或先变更手机号。",
)  # fmt: skip
