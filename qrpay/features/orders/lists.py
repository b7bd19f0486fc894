"""Lists of orders: found by what was said when they were opened, and by marks that the event log keeps.

A mark says where to look; what an order shows is asked from the ledger, once for each page. Nothing is indexed for
amounts and texts, since every order would pay for it: they are looked for, newest first, and a search that has looked
through LOOKED_MAX orders hands back what it has, with a cursor to go on (docs/decisions/0027).
"""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from qrpay.core import Core
from qrpay.features.merchants import service as merchants
from qrpay.features.orders import list_store, looks, store
from qrpay.features.orders.list_store import Looked
from qrpay.features.orders.model import Mark, Order, OrderRow, OrdersQuery
from qrpay.features.orders.service import id_named
from qrpay.problem import FieldError, Refused, invalid_field
from qrpay.values import Id, Page, id_from_text, id_of, id_text

LOOKS: Final = (300, 1_700, 8_000)
"""How many orders are looked through, step by step, as long as too few match."""
LOOKED_MAX: Final = sum(LOOKS)
LIFE_MAX: Final = timedelta(days=1, minutes=10)
"""No order is open for longer (a day), with what the sweep and the log need to tell that it ran out."""
SLACK: Final = timedelta(minutes=1)
"""By how much the time in an order's id may differ from when it was opened."""
FIRST: Final = id_of(bytes(16))
LAST: Final = id_of(b"\xff" * 16)
WORDS_MAX: Final = 8
_SPECIAL: Final = re.compile(r"[%_\\]")
_BEHIND: Final = r"\\\g<0>"


class Leg(Struct, frozen=True):
    """A part of a list: orders between two ids, of a mark or of none yet, that have run out of time or have not.

    below, lowest  newest first from below the one, down to the other
    open_at        those that are neither paid nor closed, and run out after this
    over_at        those that are neither paid nor closed, and have run out by this
    """

    mark: Mark | None = None
    below: Id = LAST
    lowest: Id = FIRST
    open_at: datetime | None = None
    over_at: datetime | None = None


async def page(core: Core, merchant: Id, ask: OrdersQuery, within: Id | None = None) -> Page[Order]:
    """A merchant's orders, newest first; `within` one store only, when the caller may know of no other."""
    if ask.reference is not None:
        found = await store.by_reference(core.database, [(merchant, ask.reference)])
        known = [row for row in found.values() if within in (None, row.store)]
        return Page(await looks.views(core, known))
    looked = await _looked_for(core, merchant, ask, within)
    if looked is None:
        return Page([])
    below = id_from_text("ord_", ask.cursor) if ask.cursor else LAST
    if below is None:
        raise invalid_field(errors=[FieldError("cursor", "This is no cursor of this list.")])
    orders: list[Order] = []
    for leg in _within(await _legs(core, ask), below, looked):
        steps = iter(LOOKS)
        go_on: Id | None = leg.below
        while go_on is not None and go_on > leg.lowest:
            look = next(steps, None)
            if look is None:
                return Page(orders, id_text("ord_", go_on))
            rows, go_on = await list_store.listed(core.database, looked, leg, go_on, look, ask.limit + 1)
            for order in await _matching(core, ask, rows):
                if len(orders) == ask.limit:
                    return Page(orders, orders[-1].id)
                orders.append(order)
    return Page(orders)


async def _looked_for(core: Core, merchant: Id, ask: OrdersQuery, within: Id | None) -> Looked | None:
    """What is looked for; None when it is in no place of the merchant that the caller may know of."""
    if ask.refunded is not None and ask.status not in (None, "paid"):
        raise invalid_field(errors=[FieldError("refunded", "Only an order that is paid can be refunded.")])
    store_id, terminal_id = id_named("sto_", ask.store, "store"), id_named("ter_", ask.terminal, "terminal")
    try:
        place = await merchants.place(core, merchant, store_id or within, terminal_id)
    except Refused:
        return None
    if within is not None and (place.store is None or place.store.id != within):
        return None
    words = ask.text.split() if ask.text else []
    if len(words) > WORDS_MAX:
        raise invalid_field(errors=[FieldError("text", f"Look for at most {WORDS_MAX} words.")])
    return Looked(
        merchant=merchant,
        store=place.store.id if place.store else None,
        terminal=terminal_id,
        amount_min=ask.amount_min,
        amount_max=ask.amount_max,
        since=_moment(ask.from_, "from"),
        until=_moment(ask.to, "to"),
        texts=[_contains(word) for word in words] or None,
        unrefunded=ask.refunded is False,
    )


async def _legs(core: Core, ask: OrdersQuery) -> list[Leg]:
    """Where to look, newest first. What ran out of time is told by the clock until its mark is sure to be there."""
    if ask.refunded is not None:
        return [Leg("refunded" if ask.refunded else "paid")]
    if ask.status in ("paid", "closed"):
        return [Leg("paid" if ask.status == "paid" else "closed")]
    if ask.status is None:
        return [Leg()]
    now = core.clock()
    edge = _first_id(min(now, await store.swept_until(core.database)) - LIFE_MAX)
    if ask.status == "open":
        return [Leg(lowest=edge, open_at=now)]
    return [Leg(lowest=edge, over_at=now), Leg("expired", below=edge)]


def _within(legs: Sequence[Leg], below: Id, looked: Looked) -> list[Leg]:
    """The legs between a cursor and the times that are looked for: an order's id holds when it was opened."""
    if looked.until is not None:
        below = min(below, _first_id(looked.until + SLACK))
    lowest = FIRST if looked.since is None else _first_id(looked.since - SLACK)
    return [replace(leg, below=min(below, leg.below), lowest=max(lowest, leg.lowest)) for leg in legs]


async def _matching(core: Core, ask: OrdersQuery, rows: Sequence[OrderRow]) -> list[Order]:
    """These orders as they are now, without those that are not what was asked for any more."""
    orders = zip(rows, await looks.views(core, rows), strict=True)
    return [order for row, order in orders if _is_asked(ask, row, order)]


def _is_asked(ask: OrdersQuery, row: OrderRow, order: Order) -> bool:
    if row.source is not None and order.status == "expired":
        return False  # a payer's attempt by a code, which came to nothing: the merchant never opened it
    if ask.refunded is not None and (order.status != "paid" or (order.refunded_amount > 0) is not ask.refunded):
        return False
    return ask.status in (None, order.status)


def _contains(word: str) -> str:
    """The word anywhere, as LIKE wants it."""
    return f"%{_SPECIAL.sub(_BEHIND, word)}%"


def _first_id(moment: datetime) -> Id:
    """The least id of a moment."""
    return id_of(max(0, min(int(moment.timestamp() * 1000), 2**48 - 1)).to_bytes(6, "big") + bytes(10))


def _moment(text: str | None, name: str) -> datetime | None:
    try:
        return None if text is None else msgspec.convert(text, Annotated[datetime, Meta(tz=True)])
    except msgspec.ValidationError:
        raise invalid_field(errors=[FieldError(name, "Write RFC 3339 with an offset.")]) from None
