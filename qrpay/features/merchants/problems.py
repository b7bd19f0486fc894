"""Why a merchant is refused."""

from qrpay.problem import row

merchant_name_refused = row(
    "merchant_name_refused", 422, "This name could deceive whoever reads it.", "该商户名称可能误导付款人。",
    "Give the registered name in plain writing: {reason}", "请使用登记名称的规范写法:{reason}",
)  # fmt: skip
"""Figure: `reason`, a sentence."""

merchant_category_refused = row(
    "merchant_category_refused", 422, "Merchants of this category are not taken on.", "不受理该类别的商户。",
    "Give the true ISO 18245 category; {mcc} cannot be served.", "请提供真实的商户类别码;{mcc} 不予受理。",
)  # fmt: skip
"""Figure: `mcc`."""

latin_name_missing = row(
    "latin_name_missing", 422, "A code can hold an ASCII name only.", "收款码只能写入 ASCII 名称。",
    "Give name_latin: at most 25 characters of ASCII.", "请提供 name_latin:不超过 25 个 ASCII 字符。",
)  # fmt: skip

code_taken = row(
    "code_taken", 409, "This code is in use already.", "该代码已被使用。",
    "Choose another code.", "请更换代码。",
)  # fmt: skip
