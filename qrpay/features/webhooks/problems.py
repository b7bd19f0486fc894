"""The ways a webhook endpoint says no."""

from qrpay.problem import row

webhook_url_refused = row(
    "webhook_url_refused", 422, "We do not call this address.", "不允许回调该地址。",
    "{reason} Give an https address on the public internet, on port 443 or 8443.",
    "请提供公网可访问的 https 地址(端口 443 或 8443)。原因:{reason}",
)  # fmt: skip
webhook_endpoints_full = row(
    "webhook_endpoints_full", 409, "There are as many endpoints as there may be.", "回调地址数量已达上限。",
    "Remove one first: a merchant may have {limit}.", "请先删除一个:每个商户最多 {limit} 个。",
)  # fmt: skip
webhook_endpoint_disabled = row(
    "webhook_endpoint_disabled", 409, "This endpoint is switched off.", "该回调地址已停用。",
    "It was switched off because: {reason} Mend the receiver, then resume the endpoint: it gets what it missed.",
    "停用原因:{reason} 请修复接收端后恢复(resume)该地址,遗漏的事件将补发。",
)  # fmt: skip
webhook_endpoint_paused = row(
    "webhook_endpoint_paused", 409, "This endpoint is paused.", "该回调地址已暂停。",
    "Resume it first.", "请先恢复(resume)该地址。",
)  # fmt: skip
webhook_endpoint_live = row(
    "webhook_endpoint_live", 409, "Events are replayed to test endpoints only.", "仅可向测试回调地址重放事件。",
    "Register one with `test` true and replay to that; a live one gets single deliveries resent.",
    "请以 test 为 true 注册测试地址后重放;正式地址可逐条重发(resend)。",
)  # fmt: skip
