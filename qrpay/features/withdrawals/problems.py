"""Why a withdrawal is refused."""

from qrpay.problem import row

no_bound_account = row(
    "no_bound_account", 409, "This account is bound to no account at another bank.", "该账户未绑定他行账户。",
    "Withdraw from an account that is bound, or come to a branch.", "请使用已绑定的账户,或到网点办理。",
)  # fmt: skip
