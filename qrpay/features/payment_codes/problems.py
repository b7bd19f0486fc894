"""Why a customer's code cannot be charged."""

from qrpay.problem import row

code_used = row(
    "code_used", 409, "This payment code has been used.", "该付款码已使用。",
    "Ask the customer to show a new one.", "请顾客刷新付款码后重新扫描。",
)  # fmt: skip
