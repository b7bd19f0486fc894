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
    "It was switched off because: {reason} Register it anew and read what you missed with GET /v1/events.",
    "停用原因:{reason} 请重新注册,并通过 GET /v1/events 补取遗漏的事件。",
)  # fmt: skip
