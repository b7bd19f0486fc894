"""Why an operator is refused."""

from qrpay.problem import row

sign_in_refused = row(
    "sign_in_refused", 401, "Name, password and code do not belong together.", "用户名、密码与动态码不匹配。",
    "Type all three again; a code is good once, and its clock must be right.",
    "请重新输入三项;动态码仅可使用一次,请确认手机时间准确。",
)  # fmt: skip

second_factor_locked = row(
    "second_factor_locked", 429, "Too many wrong codes came after a right password.",
    "密码正确但动态码错误次数过多。",
    "Wait until {until}. If this was not you, somebody has your password: have it changed now.",
    "请于 {until} 之后重试。若非本人操作,说明密码已泄露,请立即更换。",
    retry=True,
)  # fmt: skip
"""Figure: `until` (RFC 3339)."""

enrolment_unknown = row(
    "enrolment_unknown", 404, "This enrolment link is not good, or not any more.", "注册链接无效或已失效。",
    "Ask an administrator for a new one: qrpay operators enrol NAME.",
    "请管理员重新生成:qrpay operators enrol NAME。",
)  # fmt: skip

operator_name_taken = row(
    "operator_name_taken", 409, "An operator has this name already.", "该用户名已被使用。",
    "Choose another name.", "请更换用户名。",
)  # fmt: skip

already_decided = row(
    "already_decided", 409, "This is decided already.", "该事项已有决定。",
    "{name} decided at {at}: {verdict}. Nothing is left to do.", "{name} 已于 {at} 作出决定:{verdict}。无需再处理。",
)  # fmt: skip
"""Figures: `name` of who decided, `at` (RFC 3339), `verdict` (approved or rejected)."""

own_proposal = row(
    "own_proposal", 403, "Nobody decides what he proposed.", "提案人不得自行审批。",
    "Have another person decide it.", "请由其他人员审批。",
)  # fmt: skip
