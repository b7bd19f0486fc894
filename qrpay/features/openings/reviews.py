"""Openings at the operators' desk: people whom the identity service named on a watch list wait for a decision."""

from collections.abc import Sequence
from typing import Final

from qrpay.core import Core
from qrpay.desk import Case, Decision, Fact, Review, Waiting
from qrpay.features.e_accounts.masks import masked_name, masked_phone
from qrpay.features.openings import deciding, ids
from qrpay.features.openings.model import InReview
from qrpay.values import Id, id_text


def _line(one: InReview) -> Waiting:
    return Waiting(one.id, f"Class {one.account_class}, {id_text('opn_', one.id)}", one.changed_at)


async def _waiting(core: Core, limit: int) -> Sequence[Waiting]:
    return [_line(one) for one in await deciding.waiting(core, limit)]


async def _show(core: Core, opening: Id) -> Case | None:
    found = await deciding.in_review(core, opening)
    if found is None:
        return None
    one, known = found
    facts = [
        Fact("Why it waits", "待审原因", "watch list / 名单命中"),
        Fact("Name", "姓名", masked_name(known.name)),
        Fact("ID number", "证件号", ids.masked_id(known.id_number)),
        Fact("Phone", "手机号", masked_phone(known.phone)),
        Fact("Bound account", "绑定账户", f"{ids.masked_card(known.card)} {known.bank}"),
        Fact("Account class", "账户类别", one.account_class),
    ]
    return Case(_line(one), facts)


async def _approve(core: Core, opening: Id, decision: Decision) -> None:
    await deciding.decide(core, opening, True, decision.name, decision.reason)


async def _reject(core: Core, opening: Id, decision: Decision) -> None:
    await deciding.decide(core, opening, False, decision.name, decision.reason)


review: Final = Review(
    kind="account_opening", prefix="opn_", en="Opening of an account: watch list", zh="开户审核:名单命中",
    waiting=_waiting, show=_show, approve=_approve, reject=_reject,
)  # fmt: skip
