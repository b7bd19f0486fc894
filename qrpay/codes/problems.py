"""The ways in which a scanned text can be no good."""

from qrpay.problem import row

code_malformed = row(
    "code_malformed", 422, "This is no readable payment code.", "无法识别该收付款码。",
    "Scan it again; if it stays so, ask for a new code ({reason} at {at}).",
    "请重新扫码;若仍失败,请更换二维码({reason},{at})。",
)  # fmt: skip
"""Figures: `reason` (stable snake_case) and `at` (the EMV ids that lead to the place, such as `62/09`)."""

code_forged = row(
    "code_forged", 422, "This code was not signed by us as it stands.", "该二维码签名无效,可能被篡改。",
    "Do not pay. Ask the payee for a new code and report this one.", "请勿付款。请向收款方索取新码并举报此码。",
)  # fmt: skip
"""Figure: `reason` (stable snake_case)."""

code_unknown_key = row(
    "code_unknown_key", 422, "The key that signed this code is not valid here.", "该二维码的签名密钥未知或已失效。",
    "Ask the payee for a new code; if you check offline, fetch the key set again.",
    "请向收款方索取新码;离线验证时请更新密钥集。",
)  # fmt: skip
"""Figure: `kid`."""

code_foreign = row(
    "code_foreign", 422, "This code belongs to another scheme.", "该二维码属于其他支付机构。",
    "Use an app of {scheme}, or ask for one of our codes.", "请使用 {scheme} 的应用,或索取本行的二维码。",
)  # fmt: skip
"""Figure: `scheme`, whose code it is."""

code_expired = row(
    "code_expired", 410, "This code has expired.", "该二维码已过期。",
    "Ask the payee for a new code; nothing was paid.", "请向收款方索取新码,本次未付款。",
)  # fmt: skip
"""Figure: `expired_at` (RFC 3339)."""

code_revoked = row(
    "code_revoked", 410, "This code was withdrawn.", "该二维码已停用。",
    "Do not pay by it. Ask the payee for another code; nothing was paid.",
    "请勿使用该码付款,请向收款方索取新码,本次未付款。",
)  # fmt: skip
"""Figure: `revoked_at` (RFC 3339)."""

code_not_payable = row(
    "code_not_payable", 422, "This code is genuine, but it asks for no payment here.", "该二维码有效,但不能在此付款。",
    "It is a {what}: use it where one is expected.", "这是 {what},请在相应的场景使用。",
)  # fmt: skip
"""Figure: `what` the code is."""
