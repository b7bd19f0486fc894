"""Rebuilding what lists by status go by, from the log, while payments run and lists are read.

Everything that the log tells is written again under a new number; what still bears an older one was never in the log,
and goes. Each step is a short transaction, since a long one would hold the log back.
"""

from collections.abc import Callable
from typing import Final

from msgspec import Struct

from qrpay.background import store as log
from qrpay.core import Core
from qrpay.features.orders import list_store
from qrpay.features.orders.events import MARKS
from qrpay.features.orders.list_store import MarkKey
from qrpay.values import id_of

CURSOR: Final = "consumer orders"
EVENTS: Final = 4_000
SWEPT: Final = 10_000
Progress = Callable[[int, int], None]
"""Events heard, of how many."""


class Rebuilt(Struct, frozen=True):
    """What a rebuild found: events that were read, marks that stand, those that were missing, those that were false."""

    events: int
    marks: int
    added: int
    removed: int


async def rebuild(core: Core, progress: Progress) -> Rebuilt:
    """Rebuild the marks of all orders. Safe to repeat, and to start again after it was killed."""
    database = core.database
    await log.position(database, CURSOR, "0")
    async with database.transaction() as transaction:
        # Held in this moment, the projection has written what is before `until` under older numbers, and writes what
        # comes after it under ours.
        until = await list_store.stand_still(transaction, CURSOR)
        generation = await list_store.next_generation(transaction)
    added = 0
    for after in range(0, until, EVENTS):
        progress(after, until)
        _, made = await list_store.mark_again(database, after, min(until, after + EVENTS), MARKS, generation)
        added += made
    progress(until, until)
    marks = removed = 0
    at: MarkKey = (id_of(bytes(16)), "", id_of(bytes(16)))
    while swept := await list_store.sweep_marks(database, generation, at, SWEPT):
        looked, gone, at = swept
        marks, removed = marks + looked - gone, removed + gone
    return Rebuilt(until, marks, added, removed)
