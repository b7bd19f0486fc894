"""How an operator finds a settlement."""

from typing import Final

from qrpay.core import Core
from qrpay.desk import Fact, Finder, Found, Moment, money_fact
from qrpay.features.settlement import looks, store
from qrpay.values import Id, id_text


async def find(core: Core, settlement: Id) -> Found | None:
    """A settlement as its merchant sees it."""
    row = (await store.by_id(core.database, [settlement])).get(settlement)
    if row is None:
        return None
    [shown] = await looks.views(core, [row])
    facts = [
        Fact("Status", "状态", shown.status), Fact("Business date", "业务日期", row.business_date.isoformat()),
        money_fact(shown.amount, row.currency, "Paid out", "付款金额"),
        money_fact(shown.movement, row.currency, "Movement", "本期发生额"),
        Fact("Transfers", "笔数", str(shown.transfers)),
    ]  # fmt: skip
    facts += [Fact("Why not", "未付原因", shown.reason)] if shown.reason else []
    moments = [Moment(row.created_at, "settled", "结算", "story")]
    moments += [Moment(row.paid_at, "paid out", "已付款", "story")] if row.paid_at else []
    related = [id_text("mer_", row.merchant)]
    return Found(id_text("set_", settlement), "Settlement", "结算", facts, moments, [settlement], (), related)


finder: Final = Finder(prefix="set_", find=find)
