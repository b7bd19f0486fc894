"""Search: anything by any id, a reference, a name or a phone number, with one timeline of all that happened to it."""

import re
from collections.abc import Sequence
from typing import Final

from qrpay.core import Core
from qrpay.desk import Fact, Found, Moment
from qrpay.features.operators import acts, proposals, store
from qrpay.features.operators.model import MomentView, SearchView
from qrpay.ledger.chart import TransferCode
from qrpay.ledger.model import Posted, TransferFlag
from qrpay.values import CURRENCY_OF_LEDGER, Id, decimal_text, id_from_text, id_text, rfc3339

MOMENTS_MAX: Final = 200
ENTRIES_MAX: Final = 50
ACTS_MAX: Final = 50
FOUND_MAX: Final = 20
_ID: Final = re.compile(r"[a-z]{3}_[0-9a-z]{26}\Z", re.IGNORECASE)
_ALL: Final = [int(code) for code in TransferCode]
_ZH: Final = {
    TransferCode.TOP_UP: "充值", TransferCode.DEPOSIT: "存入", TransferCode.PAYMENT: "支付",
    TransferCode.PAYMENT_PIN: "支付(验密)", TransferCode.PAYMENT_SIGNED: "支付(签名)",
    TransferCode.PAYMENT_STATIC: "支付(静态码)",
    TransferCode.ORDER_CLOSE: "关单", TransferCode.ORDER_EXPIRE: "超时关单",
    TransferCode.CODE_USED: "付款码已用", TransferCode.REFUND: "退款", TransferCode.CORRECTION: "冲正",
    TransferCode.CLOSING: "销户", TransferCode.HOLD: "冻结资金", TransferCode.REFUND_RELEASE: "退款到账",
    TransferCode.OFFLINE_GRANT: "离线额度", TransferCode.OFFLINE_USE: "离线额度使用",
    TransferCode.SETTLEMENT: "结算付款",
    TransferCode.PAYOUT_RETURN: "付款退回",
    TransferCode.FEE: "手续费", TransferCode.FEE_BORNE: "手续费(银行承担)", TransferCode.FEE_RETURN: "手续费退回",
    TransferCode.SHARING_HOLD: "分账冻结", TransferCode.SHARE: "分账", TransferCode.SHARING_RELEASE: "分账解冻",
    TransferCode.SHARE_RETURN: "分账回退",
}  # fmt: skip


async def search(core: Core, text: str) -> SearchView:
    """What this is, with its timeline; or, for a text that several things bear, their ids. Personal data is masked."""
    text = text.strip()
    if not _ID.match(text):
        bearing = [
            id_ for finder in core.finders if finder.named is not None for id_ in await finder.named(core, text)
        ][:FOUND_MAX]
        if len(bearing) != 1:
            return SearchView(None, "", "", (), (), (), bearing)
        text = bearing[0]
    text = text[:4].lower() + text[4:].upper()
    found = await _found(core, text)
    if found is None:
        return SearchView(None, "", "", (), (), (), ())
    moments = [*found.moments, *await _ledger(core, found), *await _operators(core, text)]
    moments.sort(key=lambda one: one.at)
    shown = [
        MomentView(rfc3339(one.at), one.en, one.zh, one.source, one.id, one.detail) for one in moments[-MOMENTS_MAX:]
    ]
    return SearchView(found.id, found.en, found.zh, found.facts, shown, found.related, ())


async def _found(core: Core, text: str) -> Found | None:
    for finder in core.finders:
        id_ = id_from_text(finder.prefix, text)
        if id_ is not None:
            return await finder.find(core, id_)
    return None


async def _ledger(core: Core, found: Found) -> Sequence[Moment]:
    """The transfers about it, or the last entries of its accounts."""
    posted: dict[Id, Posted] = {}
    if found.abouts:
        for transfers in (await core.ledger.about_many(found.abouts, _ALL)).values():
            posted |= {one.id: one for one in transfers}
        posted |= await core.ledger.lookup_transfers(found.abouts)
    for account in found.accounts:
        entries = await core.ledger.entries(account, limit=ENTRIES_MAX)
        posted |= {entry.transfer.id: entry.transfer for entry in entries}
    return [_transfer(one) for one in posted.values()]


def _transfer(one: Posted) -> Moment:
    code = TransferCode(one.code)
    en, zh = code.name.lower().replace("_", " "), _ZH.get(code, code.name)
    if one.flags & TransferFlag.POST_PENDING:
        en, zh = f"{en}, posted", f"{zh}(已入账)"
    elif one.flags & TransferFlag.VOID_PENDING:
        en, zh = f"{en}, voided", f"{zh}(已撤销)"
    elif one.flags & TransferFlag.PENDING:
        en, zh = f"{en}, pending", f"{zh}(待入账)"
    currency = CURRENCY_OF_LEDGER.get(one.ledger)
    amount = f"{decimal_text(one.amount, currency.exponent)} {currency.code}" if currency and one.amount else None
    return Moment(one.timestamp, en, zh, "ledger", None, amount)


async def _operators(core: Core, text: str) -> Sequence[Moment]:
    """What operators did about it: each act that was carried out."""
    lines = await store.acts(core.database, text, None, 2**63 - 1, ACTS_MAX)
    came = await store.outcomes(core.database, [line.seq for line in lines])
    return [
        Moment(
            line.at, line.act.replace("_", " "), line.act.replace("_", " "), "operator",
            id_text(acts.PREFIX, line.operator),
            f"{line.name} ({line.role}){f': {line.reason}' if line.reason else ''}",
        )
        for line in lines
        if line.seq in came and came[line.seq].outcome == "done"
    ]  # fmt: skip


# What is the desk's own ----------------------------------------------------------------------------------------


async def find_person(core: Core, id_: Id) -> Found | None:
    """Somebody of the bank."""
    row = await store.operator(core.database, id_)
    if row is None:
        return None
    state = "left" if row.revoked_at else "enrolled" if row.password else "invited"
    facts = [Fact("Name", "姓名", row.name), Fact("Role", "角色", row.role), Fact("Status", "状态", state)]
    return Found(
        id_text(acts.PREFIX, id_), "Operator", "操作员", facts, [Moment(row.created_at, "taken on", "入职", "story")]
    )


async def find_proposal(core: Core, id_: Id) -> Found | None:
    """A proposal, and what was decided."""
    row = await store.proposal(core.database, id_)
    if row is None:
        return None
    moments = [Moment(row.made_at, "proposed", "提案", "story", None, f"{row.maker_name}: {row.reason}")]
    if decision := await store.decision(core.database, row.kind, id_):
        en, zh = ("approved", "批准") if decision.approved else ("rejected", "驳回")
        moments.append(Moment(decision.at, en, zh, "story", None, f"{decision.name}: {decision.reason}"))
    facts = proposals.facts(row)
    return Found(id_text(proposals.PREFIX, id_), "Proposal", "提案", facts, moments, related=[row.subject])
