"""How an operator finds an order, by its id or by its merchant's reference."""

from collections.abc import Sequence
from typing import Final

from qrpay.core import Core
from qrpay.desk import Fact, Finder, Found, Moment, money_fact
from qrpay.features.orders import looks, service, store
from qrpay.values import Id, id_text


async def find(core: Core, order: Id) -> Found | None:
    """An order as it stands: whose it is, what is owed, what became of it."""
    row = (await store.by_id(core.database, [order])).get(order)
    if row is None:
        return None
    status = looks.status_of(row, await service.standing(core, order), core.clock())
    facts = [Fact("Status", "状态", status), Fact("Reference", "商户单号", row.reference)]
    facts += [] if row.amount is None else [money_fact(row.amount, row.currency or "")]
    facts += [Fact("Description", "描述", row.description)] if row.description else []
    moments = [Moment(row.created_at, "opened", "下单", "story")]
    if status == "expired":
        moments.append(Moment(row.expires_at, "ran out of time", "超时", "story"))
    places = [("sto_", row.store), ("ter_", row.terminal)]
    related = [id_text("mer_", row.merchant), *[id_text(prefix, place) for prefix, place in places if place]]
    return Found(id_text("ord_", order), "Order", "订单", facts, moments, [order], (), related)


async def named(core: Core, reference: str) -> Sequence[str]:
    """Orders with this reference, whatever merchant's."""
    return [id_text("ord_", id_) for id_ in await store.referenced(core.database, reference)]


finder: Final = Finder(prefix="ord_", find=find, named=named)
