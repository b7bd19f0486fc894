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

proposal_waiting = row(
    "proposal_waiting", 409, "Such a proposal waits for a decision already.", "同类提案正在等待审批。",
    "Have it decided first: it is {proposal}.", "请先审批该提案:{proposal}。",
)  # fmt: skip
"""Figure: `proposal`, its id."""

already_frozen = row(
    "already_frozen", 409, "This is frozen or closed already.", "该对象已被冻结或关闭。",
    "Look at what stands: search its id.", "请按编号查询其当前状态。",
)  # fmt: skip

not_frozen = row(
    "not_frozen", 409, "This is not frozen any more.", "该对象已解除冻结。",
    "Nothing is left to do.", "无需再处理。",
)  # fmt: skip

freeze_end_refused = row(
    "freeze_end_refused", 422, "A freeze must end in the future, within a year, or be without an end.",
    "冻结截止时间须在一年以内的将来,或不设截止时间。",
    "Give another `until`, or leave it out: then somebody has to lift it.", "请更改 until,或不填(须人工解除)。",
)  # fmt: skip

role_unchanged = row(
    "role_unchanged", 409, "This person has the role already.", "该人员已是此角色。",
    "Nothing is left to do.", "无需再处理。",
)  # fmt: skip

passkey_refused = row(
    "passkey_refused", 422, "This passkey is not taken.", "该通行密钥未被接受。",
    "Begin again: each challenge is good once, for five minutes, at our own page.",
    "请重新开始:每个挑战仅可在本站页面使用一次,五分钟内有效。",
)  # fmt: skip

passkeys_need_a_name = row(
    "passkeys_need_a_name", 409, "Browsers keep no passkeys for an address in numbers.",
    "浏览器不支持在 IP 地址下使用通行密钥。",
    "Open the page by its name: {url}", "请通过域名打开页面:{url}",
)  # fmt: skip
"""Figure: `url`."""
