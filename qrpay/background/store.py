"""The typed face of the event log's statements."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from qrpay.background.model import Logged, NewEvent, Tail
from qrpay.database.pool import Queries, Row
from qrpay.database.statements import Statements
from qrpay.values import Id, id_of

STATEMENTS: Final = Statements.load(Path(__file__).with_name("store.sql"))
NOTHING: Final = Tail((), (), (), ())
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TICK: Final = timedelta(microseconds=1)


class CursorMovedError(RuntimeError):
    """Somebody else moved this cursor: another process leads now, and nothing of ours was written."""


class Announced(Struct, frozen=True):
    """An event of the outbox, its place in it, and when it was written by the database's clock."""

    place: int
    at: datetime
    type: str
    receiver: Id
    about: Id
    created_at: datetime
    data: str


class Place(Struct, frozen=True):
    """How far the log has read the ledger: the last transfer's transaction, time and id, and how many steps it took.

    Every step counts, so that each moves the cursor, which is what fences a second writer off.
    """

    xid: str = "0"
    at: datetime = _EPOCH
    id: Id = id_of(bytes(16))
    step: int = 0

    @classmethod
    def of(cls, text: str) -> "Place":
        """The place as the cursor keeps it; "" is the beginning."""
        if not text:
            return cls()
        xid, micros, id_, step = text.split(".")
        return cls(xid, _EPOCH + int(micros) * _TICK, id_of(bytes.fromhex(id_)), int(step))

    @property
    def text(self) -> str:
        """What the cursor keeps."""
        return f"{self.xid}.{(self.at - _EPOCH) // _TICK}.{self.id.hex}.{self.step}" if self.step else ""


class Unread(Struct, frozen=True):
    """What the log has not read yet.

    tail     posted transfers, all of them by transactions before `bound`
    times    when each was posted; left empty when nothing waits in the outbox
    oldest   the earliest of these times; None when there is no transfer
    until    where the next reading begins
    bound    the oldest transaction that still ran
    waiting  whether something is in the outbox
    """

    tail: Tail
    times: Sequence[datetime]
    oldest: datetime | None
    until: Place
    bound: str
    waiting: bool


class Columns(Struct, frozen=True):
    """Events to be appended, column by column.

    types                  those that occur, each once
    kinds                  which of these types each is, from 1 on
    places                 each one's transfer, by its place in the tail from 1 on; None for what was announced
    abouts, created, data  of what was announced, None for the others; all empty when nothing was
    """

    types: Sequence[str]
    kinds: Sequence[int]
    receivers: Sequence[Id]
    places: Sequence[int | None]
    abouts: Sequence[Id | None] = ()
    created: Sequence[datetime | None] = ()
    data: Sequence[str | None] = ()


async def position(database: Queries, name: str, start: str) -> str:
    """Where a cursor stands; it begins at `start`."""
    stands = await database.fetchval(STATEMENTS.position, name)
    if stands is None:
        await database.execute(STATEMENTS.start_cursor, name, start)
        stands = await database.fetchval(STATEMENTS.position, name)
    assert isinstance(stands, str)
    return stands


async def move(transaction: Queries, name: str, old: str, new: str) -> None:
    """Move a cursor in the transaction that writes what was read. Raises CursorMovedError when it is not at `old`."""
    if await transaction.fetchval(STATEMENTS.move_cursor, name, old, new) is None:
        raise CursorMovedError(name)


async def announce(on: Queries, events: Sequence[NewEvent]) -> None:
    """Write events into the outbox, those left out that were announced before."""
    await on.execute(
        STATEMENTS.announce,
        [event.id for event in events],
        [event.type for event in events],
        [event.receiver for event in events],
        [event.about for event in events],
        [event.created_at for event in events],
        [bytes(event.data).decode() for event in events],
    )


async def unread(database: Queries, since: Place, limit: int) -> Unread:
    """What follows a place in the ledger, at most `limit` transfers, in commit order."""
    row = await database.fetchrow(STATEMENTS.unread, since.xid, since.at, since.id, limit)
    assert row is not None
    *columns, times, oldest, xid, at, id_, bound, waiting = row
    if oldest is None:
        return Unread(NOTHING, (), None, Place(since.xid, since.at, since.id, since.step + 1), bound, waiting)
    return Unread(Tail(*columns), times or (), oldest, Place(xid, at, id_, since.step + 1), bound, waiting)


async def announced(database: Queries, bound: str, until: str | None, limit: int) -> Sequence[Announced]:
    """The outbox's oldest events, written before the transaction `bound`, and up to `until` where that is given."""
    return [Announced(*row) for row in await database.fetch(STATEMENTS.announced, bound, until, limit)]


async def append(
    database: Queries, name: str, since: Place, until: Place, events: Columns, taken: Sequence[int]
) -> int:
    """Move a cursor, append events of the tail between two places, and tell every process: all in one commit.

    `taken` are the places in the outbox they came from. Answers the log's last number. Raises CursorMovedError.
    """
    last = await database.fetchval(
        STATEMENTS.append, name, since.text, until.text, since.xid, since.at, since.id, until.xid, until.at, until.id,
        events.types, events.kinds, events.receivers, events.places, events.abouts, events.created, events.data, taken,
    )  # fmt: skip
    if last is None:
        raise CursorMovedError(name)
    return int(last)


async def next_span(database: Queries, seq: int) -> tuple[int, Sequence[Id], Sequence[Id]] | None:
    """The first span with events after a number: its last number, each one's receiver, and what they are about."""
    row = await database.fetchrow(STATEMENTS.next_span, seq)
    return None if row is None else (row[0], row[1], row[2])


async def events_at(database: Queries, seqs: Sequence[int]) -> Sequence[Logged]:
    """The events of these numbers, in order."""
    return [logged(*row) for row in await database.fetch(STATEMENTS.events_at, seqs)]


async def held_back_s(database: Queries) -> float:
    """Age in seconds of the oldest transfer that an older, running transaction keeps out of the log; 0: none."""
    return float(await database.fetchval(STATEMENTS.held_back_s))


async def last_seq(database: Queries) -> int:
    """The log's last number; 0 when it is empty."""
    return int(await database.fetchval(STATEMENTS.last_seq))


async def events_of(database: Queries, receiver: Id, after: int, limit: int) -> Sequence[Logged]:
    """A receiver's events after a number, oldest first."""
    return [logged(*row) for row in await database.fetch(STATEMENTS.events_of, receiver, after, limit)]


async def logged_at(database: Queries, receiver: Id, seq: int) -> Logged | None:
    """The event of this number; None when there is none, or it is somebody else's."""
    return _one(await database.fetchrow(STATEMENTS.logged_at, receiver, seq))


async def latest_of(database: Queries, receiver: Id) -> Logged | None:
    """A receiver's latest event."""
    return _one(await database.fetchrow(STATEMENTS.latest_of, receiver))


def logged(
    seq: int, type: str, receiver: Id, about: Id, transfer: Id | None, created_at: datetime, data: str | None
) -> Logged:
    """An event from the columns of its row."""
    return Logged(
        seq, type, receiver, about, transfer, created_at, None if data is None else msgspec.Raw(data.encode())
    )


def _one(row: Row | None) -> Logged | None:
    return None if row is None else logged(*row)
