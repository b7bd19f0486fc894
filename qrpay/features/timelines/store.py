"""The statements of timelines, typed."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from msgspec import Struct

from qrpay.database.pool import Queries
from qrpay.database.statements import Statements
from qrpay.values import Id

STATEMENTS: Final = Statements.load(Path(__file__).with_name("store.sql"))


class Told(Struct, frozen=True):
    """An event by which somebody was told: its number, type, and when what it tells of was posted."""

    seq: int
    type: str
    created_at: datetime


class Delivered(Struct, frozen=True):
    """What came of the delivery of one event to one endpoint; of its attempts the last is kept."""

    seq: int
    url: str
    status: str
    attempts: int
    since: datetime
    last_at: datetime | None
    last_status: int | None
    last_error: str | None
    last_ms: int | None


class Settled(Struct, frozen=True):
    """The settlement that a payment is in."""

    id: Id
    business_date: str
    status: str
    created_at: datetime


async def span_before(queries: Queries, moment: datetime, last: int) -> int:
    """A number of the log, which reaches to `last`, before which nothing is told that was posted from this moment on.

    Found by halving, since spans stand nearly in the order of time; what was held back for longer stands further on.
    """
    low, high = 0, last
    while low < high:
        middle = (low + high) // 2
        row = await queries.fetchrow(STATEMENTS.first_time_from, middle + 1)
        if row is None or row["at"] >= moment:
            high = middle
        else:
            low = max(row["last"], middle + 1)
    return low


async def told_of(queries: Queries, number: int, spans: int, transfers: Sequence[Id], receiver: Id) -> Sequence[Told]:
    """The events that tell of these transfers to one receiver, in some spans from a number on."""
    return [Told(*row) for row in await queries.fetch(STATEMENTS.told_of, number, spans, transfers, receiver)]


async def delivered(queries: Queries, merchant: Id, seqs: Sequence[int]) -> Sequence[Delivered]:
    """What came of the deliveries of these events."""
    return [Delivered(*row) for row in await queries.fetch(STATEMENTS.delivered, merchant, seqs)]


async def settled_in(queries: Queries, merchant: Id, currency: str, at: datetime) -> Settled | None:
    """The settlement that covers a moment."""
    row = await queries.fetchrow(STATEMENTS.settled_in, merchant, currency, at)
    return None if row is None else Settled(*row)
