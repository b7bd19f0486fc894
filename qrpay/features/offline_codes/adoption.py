"""Orders that a terminal made without a network, when it comes back: kept once, and final when their time is over."""

import asyncio
from collections.abc import Sequence

from qrpay.codes.problems import code_forged, code_not_payable
from qrpay.core import Core
from qrpay.features.offline_codes import service, store
from qrpay.features.offline_codes.model import Adopted, Adoption, BroughtOrder
from qrpay.features.orders import looks
from qrpay.features.orders import store as order_store
from qrpay.features.orders.model import OrderRow
from qrpay.features.orders.problems import reference_reused
from qrpay.ledger.chart import TransferCode
from qrpay.ledger.markers import marker
from qrpay.problem import FieldError, Refused
from qrpay.values import Id, id_text
from qrpay.web.callers import Merchant


async def adopt(core: Core, caller: Merchant, path: str, brought: Sequence[BroughtOrder]) -> list[Adopted]:
    """Keep what a terminal brings; safe to repeat. Each for itself: one that is refused holds up no other.

    An order whose time ran out unpaid is claimed as expired here and now, so the answer is final: paid, or never.
    """
    terminal = service.own_terminal(caller, path)
    return list(await asyncio.gather(*(_one(core, caller, terminal, order) for order in brought)))


async def _one(core: Core, caller: Merchant, terminal: Id, brought: BroughtOrder) -> Adopted:
    try:
        row = await _kept(core, caller, terminal, brought)
    except Refused as refused:
        if refused.problem.retry:
            raise
        return Adopted(None, refused.problem.code)
    return Adopted((await looks.views(core, [row]))[0], None)


async def _kept(core: Core, caller: Merchant, terminal: Id, brought: BroughtOrder) -> OrderRow:
    content = core.reader.verify(brought.code, core.clock())
    if content.certificate is None or content.order is None:
        raise code_not_payable(what="static" if content.static else "dynamic")
    key = await service.key_of(core, content)
    if (key.merchant, key.terminal) != (caller.id, terminal):
        raise code_forged(reason="terminal_of_another")
    over = core.clock() >= service.ends_at(core, content)
    if not over and content.order not in await core.ledger.lookup_transfers([content.order]):
        await service.check(core, content, key)
    row = await service.order_for(core, content, key)
    await store.adopt(core.database, [Adoption(row.id, brought.description, brought.metadata, core.clock())])
    [stands] = await order_store.rows(core.database, [row.id])
    assert stands is not None
    _same_content(stands, brought)
    if over:
        await core.ledger.post(marker(row.id, TransferCode.ORDER_EXPIRE))
    return stands


def _same_content(stands: OrderRow, brought: BroughtOrder) -> None:
    differing = [
        FieldError(f"/{name}", "It was brought with another one before.")
        for name in ("description", "metadata")
        if getattr(stands, name) != getattr(brought, name)
    ]
    if differing:
        raise reference_reused(errors=differing, order=id_text("ord_", stands.id))
