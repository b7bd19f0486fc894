"""Why a code that a terminal signed is not paid, and why a terminal gets no certificate."""

from qrpay.problem import row

terminal_clock_wrong = row(
    "terminal_clock_wrong", 422, "The clock of the till that made this code is ahead.", "出码终端的时钟超前。",
    "Do not pay yet: ask the shop to set the till's clock, which is {ahead_s} s ahead, and to make a new code.",
    "请暂勿付款:终端时钟快 {ahead_s} 秒,请商户校准时钟后重新出码。",
)  # fmt: skip
"""Figure: `ahead_s`, seconds at least."""

offline_limit_exceeded = row(
    "offline_limit_exceeded", 422, "This till has used up what it may take without its network.",
    "该终端的离线收款额度已用完。",
    "Pay in another way, or once the till has its network again. Nothing was taken.",
    "请更换付款方式,或待终端恢复联网后再付款。本次未扣款。",
)  # fmt: skip

offline_key_taken = row(
    "offline_key_taken", 409, "This public key belongs to another terminal.", "该公钥已属于其他终端。",
    "Make a new key pair on the terminal and send its public half.", "请在终端上重新生成密钥对并提交新公钥。",
)  # fmt: skip

offline_codes_unfit = row(
    "offline_codes_unfit", 422, "Codes of this terminal would be too long.", "该终端的离线码过长。",
    "Give the terminal a shorter code, of at most 9 characters.", "请缩短终端编号(不超过 9 个字符)。",
)  # fmt: skip
