"""The rules of orders: a reference is used once, an order is paid or closed once, and the ledger says which."""

import asyncio
import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from qrpay.core import Core
from qrpay.database.pool import Database
from qrpay.features.merchants import service as merchants
from qrpay.features.orders import looks, store
from qrpay.features.orders.basket import basket_of, differences
from qrpay.features.orders.model import (
    CashierOrder,
    NewOrder,
    Order,
    OrderRow,
    PayeeView,
)
from qrpay.features.orders.problems import order_closed, order_paid, reference_reused
from qrpay.ledger.chart import PAYMENTS, TransferCode
from qrpay.ledger.markers import marker
from qrpay.ledger.model import Posted
from qrpay.problem import FieldError, Refused, invalid_field, not_found
from qrpay.values import CURRENCIES, Id, id_from_text, id_text, new_id, rfc3339

EXPIRE_LAG_S: Final = 3
REFERENCE: Final = re.compile(r"[A-Za-z0-9_\-]{1,64}\Z")


# Opening -------------------------------------------------------------------------------------------------------


async def open_order(core: Core, merchant: Id, ask: NewOrder, *, within: Id | None = None) -> tuple[Order, bool]:
    """Open an order, and whether it is new. Safe to repeat: the reference names it.

    within  the only store whose orders the caller may know of

    Refuses `reference_reused` with each field that differs, `order_closed`, and a currency, store or terminal
    that is not there.
    """
    row = await new_row(core, merchant, ask)
    stands, made = await core.batcher("orders", store.keep).add(row)
    if not made:
        if within is not None and stands.store != within:
            raise reference_reused()  # in another store: what for is not told here
        await same_content(core, stands, row)
        return (await looks.views(core, [stands]))[0], False
    return looks.view(core, stands, await looks.surroundings(core, stands), None), True


async def new_row(core: Core, merchant: Id, ask: NewOrder, **more: Any) -> OrderRow:
    """The row of a new order, its currency, store and terminal checked."""
    if ask.currency not in CURRENCIES:
        raise invalid_field(errors=[FieldError("/currency", "This currency is not served.")])
    await merchants.ensure_account(core, merchant, ask.currency)
    store_id, terminal_id = id_named("sto_", ask.store, "/store"), id_named("ter_", ask.terminal, "/terminal")
    try:
        place = await merchants.place(core, merchant, store_id, terminal_id)
    except Refused:
        pointer = "/terminal" if terminal_id else "/store"
        raise invalid_field(errors=[FieldError(pointer, "You have none with this id.")]) from None
    now = core.clock()
    now = now.replace(microsecond=now.microsecond // 1000 * 1000)
    return OrderRow(
        id=new_id(int(now.timestamp() * 1000)),
        merchant=merchant,
        reference=ask.reference,
        amount=ask.amount,
        currency=ask.currency,
        description=ask.description,
        store=place.store.id if place.store else None,  # a terminal brings its store
        terminal=terminal_id,
        metadata=ask.metadata,
        presented_by=more.get("presented_by", "merchant"),
        payment_code=more.get("payment_code"),
        created_at=now,
        expires_at=now + timedelta(seconds=ask.expires_in or core.settings.order_s),
        basket=None if ask.lines is None and ask.tax is None and ask.tip is None else basket_of(ask),
    )


def id_named(prefix: str, text: str | None, pointer: str) -> Id | None:
    """The id in a field or parameter; None where it was left out. Refuses what is no such id."""
    found = id_from_text(prefix, text) if text else None
    if text and found is None:
        raise invalid_field(errors=[FieldError(pointer, f"An id here starts with {prefix}.")])
    return found


async def same_content(core: Core, stands: OrderRow, asked: OrderRow) -> None:
    """Refuse when a reference stands for something else, naming every difference; or for good when it is closed."""
    if stands.amount is None:
        # Whoever closed this reference unseen may have died before the ledger heard of it: post the claim again.
        await _claim_closed(core, stands)
        raise order_closed(order=id_text("ord_", stands.id))
    fields = ("amount", "currency", "description", "store", "terminal", "metadata", "payment_code")
    differing = [
        FieldError(f"/{name}", f"It was {_said(name, stands)}, now it is {_said(name, asked)}.")
        for name in fields
        if getattr(stands, name) != getattr(asked, name)
    ]
    differing += [FieldError(f"/{name}", "It was another one.") for name in differences(stands.basket, asked.basket)]
    if _life_s(stands) != _life_s(asked):
        differing.append(FieldError("/expires_in", f"It was {_life_s(stands)}, now it is {_life_s(asked)}."))
    if differing:
        raise reference_reused(errors=differing, order=id_text("ord_", stands.id))
    posted = (await core.ledger.lookup_transfers([stands.id])).get(stands.id)
    if posted is not None and posted.code == TransferCode.ORDER_CLOSE:
        raise order_closed(order=id_text("ord_", stands.id))


def _life_s(row: OrderRow) -> int:
    return round((row.expires_at - row.created_at).total_seconds())


def _said(name: str, row: OrderRow) -> str:
    value = getattr(row, name)
    if value is None:
        return "left out"
    if name in ("store", "terminal"):
        return id_text("sto_" if name == "store" else "ter_", value)
    return "another payment code" if name == "payment_code" else str(value)


# Reading -------------------------------------------------------------------------------------------------------


async def find(core: Core, merchant: Id, path: str, within: Id | None = None) -> OrderRow:
    """The merchant's order behind `ord_…` or `ref:…`; `not_found` when it is none, or another's.

    within  the only store whose orders the caller may know of (`call.merchant.store`); None: all
    """
    row = await _found(core, merchant, path, within)
    if row is None:
        raise not_found()
    return row


async def _found(core: Core, merchant: Id, path: str, within: Id | None) -> OrderRow | None:
    row: OrderRow | None = None
    if path.startswith("ref:"):
        if not REFERENCE.match(path[4:]):
            raise invalid_field(errors=[FieldError("order", "A reference has 1 to 64 letters, digits, _ or -.")])
        row = (await store.by_reference(core.database, [(merchant, path[4:])])).get((merchant, path[4:]))
    else:
        row = await row_of(core, path)
    return row if row is not None and row.merchant == merchant and within in (None, row.store) else None


async def row_of(core: Core, path: str) -> OrderRow | None:
    """The order behind `ord_…`, whoever's it is. Many who ask at once are one question to the database."""
    id = id_from_text("ord_", path)
    return await core.batcher("orders_by_id", store.rows).add(id) if id else None


async def standing(core: Core, order: Id) -> Posted | None:
    """The transfer that claimed an order, if any. Many who ask at once are one question to the ledger."""

    async def look(_: Database, ids: Sequence[Id]) -> Sequence[Posted | None]:
        found = await core.ledger.lookup_transfers(list(set(ids)))
        return [found.get(id) for id in ids]

    return await core.batcher("orders_standing", look).add(order)


async def read(core: Core, merchant: Id, path: str, wait_s: float, within: Id | None = None) -> Order:
    """One order, answered when its status leaves the one it has now, or when the wait is over."""
    row = await find(core, merchant, path, within)
    posted = await settled(core, row, wait_s)
    return (await looks.views(core, [row], {row.id: posted} if posted else {}))[0]


async def settled(core: Core, row: OrderRow, wait_s: float) -> Posted | None:
    """What claimed this order; waits for it up to `wait_s`, or until the order's time runs out."""
    if wait_s <= 0:
        return await standing(core, row.id)
    loop = asyncio.get_running_loop()
    until = loop.time() + wait_s
    with core.hub.watch(row.id) as watch:
        while True:
            posted = await standing(core, row.id)
            left_s = until - loop.time()
            life_s = (row.expires_at - core.clock()).total_seconds()
            if posted is not None or left_s <= 0 or life_s <= 0 or core.hub.closed:
                return posted
            if not await watch.changed(min(left_s, life_s)) and left_s <= life_s:
                return posted


# Closing -------------------------------------------------------------------------------------------------------


async def close(core: Core, merchant: Id, path: str, within: Id | None = None) -> Order:
    """Close an order for good. By `ref:` also one never seen: afterwards that reference can never be paid.

    Refuses `order_paid`, with the order. An order whose time ran out stays `expired`; nobody can pay it either.
    """
    row = await _found(core, merchant, path, within)
    if row is None and path.startswith("ref:"):
        row = await _entomb(core, merchant, path[4:], within)
    if row is None or within not in (None, row.store):
        raise not_found()
    posted = await _claim_closed(core, row)
    order = (await looks.views(core, [row], {row.id: posted}))[0]
    if posted.code in PAYMENTS:
        raise order_paid(order=order)
    core.hub.wake(row.id)
    return order


async def _entomb(core: Core, merchant: Id, reference: str, at: Id | None) -> OrderRow:
    """A row without an amount takes the reference, so that a request that got lost finds it taken."""
    now = core.clock()
    row = OrderRow(
        id=new_id(int(now.timestamp() * 1000)), merchant=merchant, reference=reference, amount=None, currency=None,
        description=None, store=at, terminal=None, metadata=None, presented_by="merchant", payment_code=None,
        created_at=now, expires_at=now,
    )  # fmt: skip
    stands, _ = await core.batcher("orders", store.keep).add(row)
    return stands


async def _claim_closed(core: Core, row: OrderRow) -> Posted:
    """Post the closing transfer; answers what stands under the order's id, ours or what came first."""
    await core.ledger.post(marker(row.id, TransferCode.ORDER_CLOSE))
    return (await core.ledger.lookup_transfers([row.id]))[row.id]


async def expire(core: Core, limit: int = 500) -> int:
    """Claim the orders whose time ran out, oldest first, for the books and the event log. Answers how many.

    An order that was paid or closed keeps what stands; the sweep stays some seconds behind the clock, so that a
    payment accepted at the last moment, still under way, is not raced without need.
    """
    until = core.clock() - timedelta(seconds=EXPIRE_LAG_S)
    swept, due = await store.expired(core.database, until, limit)
    claimed = await core.ledger.lookup_transfers([id for id, _ in due]) if due else {}
    await asyncio.gather(
        *(core.ledger.post(marker(id, TransferCode.ORDER_EXPIRE)) for id, _ in due if id not in claimed)
    )
    # Orders of one instant may be cut by the limit: the last instant is looked at again.
    reached = until if len(due) < limit else due[-1][1] - timedelta(microseconds=1)
    if reached > swept:
        await store.sweep_to(core.database, reached)
    return len(due) if len(due) == limit else 0


# For whoever holds the link ------------------------------------------------------------------------------------


async def cashier(core: Core, path: str, wait_s: float) -> CashierOrder:
    """What the page behind a code's link shows. It tells nothing that the code does not tell."""
    row = await row_of(core, path)
    if row is None or row.amount is None:
        raise not_found()
    around = await looks.surroundings(core, row)
    posted = await settled(core, row, wait_s)
    status = looks.status_of(row, posted, core.clock())
    return CashierOrder(
        id=id_text("ord_", row.id),
        status=status,
        amount=row.amount,
        currency=row.currency,
        description=row.description,
        payee=PayeeView(around.card.name, around.card.verified),
        expires_at=rfc3339(row.expires_at),
        code=looks.code_of(core, row, around, id_text("ord_", row.id)) if status == "open" else None,
    )
