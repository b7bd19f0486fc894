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

keys_full = row(
    "keys_full", 409, "There are as many keys in use as there may be.", "使用中的密钥数量已达上限。",
    "End one first: a merchant may have {limit}.", "请先停用一个:每个商户最多 {limit} 个。",
)  # fmt: skip
"""Figure: `limit`."""

key_ended = row(
    "key_ended", 409, "This key has ended.", "该密钥已失效。",
    "Make a new key instead.", "请新建密钥。",
)  # fmt: skip

key_calling = row(
    "key_calling", 409, "This is the key that you call with.", "这正是当前调用所用的密钥。",
    "Rotate it with an overlap of at least {overlap} s, or end it by another key.",
    "请以不少于 {overlap} 秒的重叠期轮换,或使用其他密钥将其停用。",
)  # fmt: skip
"""Figure: `overlap`, seconds."""

signer_refused = row(
    "signer_refused", 422, "This is no Ed25519 public key we take.", "该公钥不符合要求。",
    "Send the public half of an Ed25519 key, 32 bytes in base64, or the line of its PEM: {reason}",
    "请提供 Ed25519 公钥(32 字节的 base64,或 PEM 中的 base64 行):{reason}",
)  # fmt: skip
"""Figure: `reason`, a sentence."""

signers_full = row(
    "signers_full", 409, "This key is registered already, or there are as many as there may be.",
    "该公钥已登记,或数量已达上限。",
    "Use another key, or end one first: a merchant may have {limit}.",
    "请更换公钥或先停用一个:每个商户最多 {limit} 个。",
)  # fmt: skip
"""Figure: `limit`."""

pairing_code_unknown = row(
    "pairing_code_unknown", 404, "This pairing code is not good, or not any more.", "配对码无效或已失效。",
    "Have the owner show a new one: each is good once, for ten minutes.",
    "请店主重新出示配对码:每码仅可使用一次,十分钟内有效。",
)  # fmt: skip

number_taken = row(
    "number_taken", 409, "Somebody has this number already, or there are too many.",
    "该工号已被使用,或员工数量已达上限。",
    "Choose another number; a merchant may have {limit} people.", "请更换工号;每个商户最多 {limit} 名员工。",
)  # fmt: skip
"""Figure: `limit`."""

staff_code_wrong = row(
    "staff_code_wrong", 422, "This number and code do not belong together.", "工号与登录码不匹配。",
    "Type both again; after five wrong codes the number is locked for a quarter of an hour.",
    "请重新输入;连续错误五次将锁定十五分钟。",
)  # fmt: skip

staff_locked = row(
    "staff_locked", 429, "This number is locked after too many wrong codes.", "登录码错误次数过多,该工号已锁定。",
    "Wait until {until}, or have the owner give out a new code.", "请于 {until} 之后重试,或请店主重置登录码。",
    retry=True,
)  # fmt: skip
"""Figure: `until` (RFC 3339)."""

terminal_needed = row(
    "terminal_needed", 403, "This is done at a paired terminal.", "该操作须在已配对的终端上进行。",
    "Pair the device first, and use the key that it was given.", "请先配对设备,并使用终端密钥。",
)  # fmt: skip

refund_above_limit = row(
    "refund_above_limit", 403, "You may not give back so much.", "退款金额超出您的权限。",
    "Have somebody with a higher limit sign in: yours is {limit} minor units an order, in all.",
    "请由权限更高的人员登录办理:您的限额为每笔订单累计 {limit}(最小货币单位)。",
)  # fmt: skip
"""Figure: `limit`, minor units."""
