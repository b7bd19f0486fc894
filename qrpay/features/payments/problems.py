"""Why a payment is refused, and how the ledger's word becomes ours."""

from typing import Any, Final

from msgspec.structs import replace

from qrpay.ledger.caps import rule_of
from qrpay.ledger.model import Outcome, Result
from qrpay.problem import Figure, Problem, Refused, row

order_not_paid = row(
    "order_not_paid", 409, "This order is not paid.", "该订单尚未支付。",
    "It must be paid first: there is neither a receipt nor anything to give back.",
    "请先完成支付,之后才有收据,也才能退款。",
)  # fmt: skip
insufficient_funds = row(
    "insufficient_funds", 422, "There is not enough money in the account.", "账户余额不足。",
    "Top up, or pay from another account. Nothing was taken.", "请充值或更换账户后重试,本次未扣款。",
)  # fmt: skip
pin_required = row(
    "pin_required", 422, "This payment needs the PIN.", "该笔支付需要支付密码。",
    "Ask the customer for the PIN and send the request again with it.", "请输入支付密码后重新提交。",
)  # fmt: skip
_FIGURES: Final = (
    Figure("limit", "integer", "The cap. To the payer alone, like the other amounts."),
    Figure("used", "integer", "What counts against it already."),
    Figure("left", "integer", "What is left of it, at least 0."),
    Figure("passes", "integer", "The most that would pass now, by every cap and the balance."),
    Figure("currency", "string", "Of these amounts."),
)
cap_exceeded = row(
    "cap_exceeded", 422, "This would pass a limit of the account.", "超过账户限额。",
    "At most {left} more may be spent ({rule}: {used} of {limit} used, until {resets_at}); {passes} would pass now."
    " Nothing was taken.",
    "还可支付 {left}({rule}:限额 {limit},已用 {used},{resets_at} 重置),当前最多可付 {passes}。本次未扣款。",
    members=(
        Figure("rule", "string", "The cap that said no: `day`, `year`, or a day by codes of a class of verification:"
               " `code_a` two factors with a certificate or signature, `code_b` two factors such as phone and PIN,"
               " `code_c` fewer, `code_d` a static code. Of a `code_c`, the same request with the PIN may pass."),
        *_FIGURES,
        Figure("resets_at", "string", "When the cap begins anew (RFC 3339, UTC): the end of the day or year in"
               " Asia/Shanghai."),
    ),
)  # fmt: skip
balance_cap_exceeded = row(
    "balance_cap_exceeded", 422, "The receiving account may not hold that much.", "超过收款账户余额上限。",
    "At most {left} more fit into it.", "最多还可收款 {left}。",
    members=(
        Figure("rule", "string", "`balance`, the most that an account may hold at any moment."),
        Figure("left", "integer", "What still fits into the receiving account. To the payer alone."),
        *_FIGURES[-2:],
        Figure("resets_at", "string", "Empty: such a cap does not begin anew."),
    ),
)  # fmt: skip
currency_mismatch = row(
    "currency_mismatch", 422, "The account has another currency.", "账户币种与订单不符。",
    "Pay from an account in {currency}.", "请使用 {currency} 账户支付。",
)  # fmt: skip
self_payment = row(
    "self_payment", 422, "Payer and payee are the same.", "付款方与收款方相同。",
    "Pay from another account.", "请更换付款账户。",
)  # fmt: skip
test_and_live = row(
    "test_and_live", 422, "One side is for trying, the other is not.", "一方为测试,另一方为正式。",
    "Pay a test merchant from a test account, and a live one from a live account: their money never meets.",
    "测试商户须使用测试账户付款,正式商户须使用正式账户付款,两者资金互不相通。",
)  # fmt: skip
amount_required = row(
    "amount_required", 422, "This code leaves the amount to the payer.", "该码需要付款人输入金额。",
    "Send the amount.", "请输入金额。",
)  # fmt: skip
amount_not_allowed = row(
    "amount_not_allowed", 422, "This code says the amount itself.", "该码已包含金额。",
    "Leave the amount out.", "请勿另行填写金额。",
)  # fmt: skip
account_frozen = row(
    "account_frozen", 409, "The account is frozen.", "账户已冻结。",
    "Ask the bank.", "请联系银行。",
)  # fmt: skip
account_closed = row(
    "account_closed", 409, "The account is closed.", "账户已销户。",
    "Use another account.", "请使用其他账户。",
)  # fmt: skip

OF_RESULT: Final[dict[Result, Problem]] = {
    Result.EXCEEDS_CREDITS: insufficient_funds,
    Result.EXCEEDS_DEBITS: insufficient_funds,
    Result.EXCEEDS_CAP_DAY: cap_exceeded,
    Result.EXCEEDS_CAP_YEAR: cap_exceeded,
    Result.EXCEEDS_CAP_CODE_A: cap_exceeded,
    Result.EXCEEDS_CAP_CODE_B: cap_exceeded,
    Result.EXCEEDS_CAP_CODE_C: cap_exceeded,
    Result.EXCEEDS_CAP_CODE_D: cap_exceeded,
    Result.EXCEEDS_CAP_BALANCE: balance_cap_exceeded,
    Result.ACCOUNTS_MUST_HAVE_THE_SAME_LEDGER: currency_mismatch,
    Result.ACCOUNTS_MUST_BE_DIFFERENT: self_payment,
    Result.DEBITS_FROZEN: account_frozen,
    Result.CREDITS_FROZEN: account_frozen,
    Result.DEBIT_ACCOUNT_CLOSED: account_closed,
    Result.CREDIT_ACCOUNT_CLOSED: account_closed,
    Result.DEBIT_ACCOUNT_NOT_FOUND: account_closed,
    Result.CREDIT_ACCOUNT_NOT_FOUND: account_closed,
    Result.OVERFLOWS_DEBITS: balance_cap_exceeded,
    Result.OVERFLOWS_CREDITS: balance_cap_exceeded,
}
WITHOUT_FIGURES: Final[dict[str, Problem]] = {
    "cap_exceeded": replace(
        cap_exceeded,
        next="The payer's limit ({rule}) begins anew at {resets_at}: ask for less, or for another way to pay."
        " Nothing was taken.",
        next_zh="付款方限额({rule})将于 {resets_at} 重置:请减少金额或更换付款方式。本次未扣款。",
    ),
    "balance_cap_exceeded": replace(
        balance_cap_exceeded, next="Ask for less. Nothing was taken.", next_zh="请减少金额。本次未扣款。"
    ),
}
"""The same refusals to somebody who may not know the figures, or where there are none."""
REFUSALS: Final = (*dict.fromkeys(OF_RESULT.values()), test_and_live)


def refusal_of(outcome: Outcome, currency: str, resets_at: str, *, figures: bool) -> Refused:
    """The refusal behind the ledger's result.

    resets_at  when the cap that said no begins anew (RFC 3339), "" for never
    figures    whether this caller may know the payer's balance and caps; another one learns the rule and resets_at
    """
    problem = OF_RESULT.get(outcome.result)
    assert problem is not None, f"a payment cannot end with {outcome.result.name}"
    said: dict[str, Any] = {"currency": currency}
    if rule := rule_of(outcome.result):
        said |= {"rule": rule.value, "resets_at": resets_at}
    if not figures or outcome.limit is None:
        return WITHOUT_FIGURES.get(problem.code, problem)(**said)
    said |= {"left": outcome.left, "passes": outcome.passes}
    if problem is not balance_cap_exceeded:  # what the payee has is not the payer's business
        said |= {"limit": outcome.limit, "used": outcome.used}
    return problem(**said)
