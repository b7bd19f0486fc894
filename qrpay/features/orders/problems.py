"""Why an order cannot be opened, paid or closed."""

from qrpay.problem import row

order_paid = row(
    "order_paid", 409, "This order is paid.", "该订单已支付。",
    "Nothing more is owed. Read the order to see who paid and when.", "无需再次支付,可查询订单详情。",
)  # fmt: skip
order_closed = row(
    "order_closed", 409, "This order is closed for good.", "该订单已关闭。",
    "It can never be paid. Open a new order with a new reference.", "该订单不能再支付,请使用新的商户单号下单。",
)  # fmt: skip
order_expired = row(
    "order_expired", 410, "This order ran out of time, unpaid.", "该订单已过期且未支付。",
    "Ask the merchant for a new code.", "请商户重新生成付款码。",
)  # fmt: skip
reference_reused = row(
    "reference_reused", 409, "This reference was used for something else.", "该商户单号已用于其他内容。",
    "Use a new reference, or send the first content again; errors lists what differs.",
    "请更换商户单号,或按首次内容重发;差异见 errors。",
)  # fmt: skip
