"""How an operator finds a refund, by its id or by its merchant's reference."""

from collections.abc import Sequence
from typing import Final

from qrpay.core import Core
from qrpay.desk import Fact, Finder, Found, Moment, money_fact
from qrpay.features.refunds import looks, store
from qrpay.values import Id, id_text


async def find(core: Core, refund: Id) -> Found | None:
    """A refund as it stands, and its order's transfers."""
    row = (await store.by_id(core.database, [refund])).get(refund)
    if row is None:
        return None
    shown = looks.view(row, await looks.standing(core, row.order))
    facts = [Fact("Status", "状态", shown.status), Fact("Reference", "退款单号", row.reference)]
    facts += [] if shown.amount is None else [money_fact(shown.amount, shown.currency)]
    facts += [Fact("Reason", "原因", row.reason)] if row.reason else []
    facts += [Fact("Why not", "失败原因", shown.failure)] if shown.failure else []
    moments = [Moment(row.created_at, "asked for", "申请退款", "story")]
    related = [id_text("ord_", row.order), id_text("mer_", row.merchant)]
    return Found(id_text("ref_", refund), "Refund", "退款", facts, moments, [row.order], (), related)


async def named(core: Core, reference: str) -> Sequence[str]:
    """Refunds with this reference, whatever merchant's."""
    return [id_text("ref_", id_) for id_ in await store.referenced(core.database, reference)]


finder: Final = Finder(prefix="ref_", find=find, named=named)
