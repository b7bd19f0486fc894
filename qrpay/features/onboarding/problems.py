"""Why an application, or what is asked of it, is refused."""

from qrpay.problem import row

application_locked = row(
    "application_locked", 409, "This application cannot be changed now.", "该申请当前不可修改。",
    "It is {status}: wait for the bank's answer, or make a new one when it was rejected.",
    "当前状态为 {status}:请等待审核结果;若已被拒绝,请重新申请。",
)  # fmt: skip
"""Figure: `status`."""

application_changing = row(
    "application_changing", 409, "This application is being changed by another request.", "该申请正被另一请求修改。",
    "Read it, then send the change again.", "请重新读取后再提交修改。",
)  # fmt: skip

application_not_ready = row(
    "application_not_ready", 422, "This application cannot be submitted yet.", "该申请尚不能提交。",
    "Mend what errors lists, then submit again; GET shows all checks.",
    "请更正 errors 中列出的内容后重新提交;全部检查结果可查询申请获取。",
)  # fmt: skip

paper_refused = row(
    "paper_refused", 422, "This paper is not taken.", "该材料不予受理。",
    "Send a PDF, PNG or JPEG of at most {limit} bytes as the body: {reason}",
    "请以请求体发送不超过 {limit} 字节的 PDF、PNG 或 JPEG:{reason}",
)  # fmt: skip
"""Figures: `limit`, bytes; `reason`, a sentence."""

papers_full = row(
    "papers_full", 409, "There are as many papers as there may be.", "材料数量已达上限。",
    "Remove one first: an application may have {limit}.", "请先删除一份:每个申请最多 {limit} 份。",
)  # fmt: skip
"""Figure: `limit`."""

first_key_gone = row(
    "first_key_gone", 409, "The first key of this merchant was fetched already.", "该商户的首个密钥已被领取。",
    "Use it to make others with POST /v1/keys; when it is lost, ask the bank for a new one.",
    "请使用该密钥通过 POST /v1/keys 新建;如已遗失,请联系银行补发。",
)  # fmt: skip

no_merchant_yet = row(
    "no_merchant_yet", 409, "There is no such merchant yet.", "商户尚未建立。",
    "The one for trying is there once the application was submitted, the other once it was approved.",
    "测试商户在提交申请后建立,正式商户在审核通过后建立。",
)  # fmt: skip

application_unchecked = row(
    "application_unchecked", 409, "Nobody has looked at what needs a person.", "尚无人完成人工核查。",
    "Have another operator look at the papers and note it first (check).",
    "请先由另一位操作员核查材料并登记(check)。",
)  # fmt: skip

application_decided = row(
    "application_decided", 409, "This application is not waiting for a decision.", "该申请不在待审状态。",
    "It is {status}.", "当前状态:{status}。",
)  # fmt: skip
"""Figure: `status`."""

decided_by_its_checker = row(
    "decided_by_its_checker", 403, "You have checked this application yourself.", "您本人已核查该申请。",
    "Another person decides.", "须由另一人作出决定。",
)  # fmt: skip

uscc_taken = row(
    "uscc_taken", 409, "This company is a merchant already.", "该企业已是商户。",
    "Reject the application, or open another store for the merchant there is.", "请拒绝该申请,或为现有商户增设门店。",
)  # fmt: skip
