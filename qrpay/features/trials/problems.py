"""Why something cannot be tried."""

from qrpay.problem import row

test_key_needed = row(
    "test_key_needed", 403, "This is for trying only, and the key is a live one.", "该接口仅供测试,不接受正式密钥。",
    "Use a key that begins with sk_test_; nothing has moved.", "请使用 sk_test_ 开头的测试密钥;未发生任何资金变动。",
)  # fmt: skip
