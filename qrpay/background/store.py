"""The typed face of the event log's statements."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from qrpay.background.model import Event, NewEvent
from qrpay.database.pool import Queries, Row
from qrpay.database.statements import Statements
from qrpay.values import Id

STATEMENTS: Final = Statements.load(Path(__file__).with_name("store.sql"))


class CursorMovedError(RuntimeError):
    """Somebody else moved this cursor: another process leads now, and nothing of ours was written."""


class Announced(Struct, frozen=True):
    """An event of the outbox, its place in it, and when it was written by the database's clock."""

    place: int
    at: datetime
    event: NewEvent


class Appended(Struct, frozen=True):
    """What entered the log: how many events, and the last number now (0: nothing was new)."""

    written: int
    last: int


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
    """Write events into the outbox."""
    await on.execute(STATEMENTS.announce, *_columns(events))


async def announced(database: Queries, until: str | None, limit: int) -> Sequence[Announced]:
    """The outbox's oldest events, written up to the transaction `until`."""
    rows = await database.fetch(STATEMENTS.announced, until, limit)
    return [Announced(row["place"], row["announced_at"], _new_event(row)) for row in rows]


async def append(transaction: Queries, events: Sequence[NewEvent], taken: Sequence[int]) -> Appended:
    """Append events to the log, remove those that came from the outbox, and tell every process once."""
    row = await transaction.fetchrow(STATEMENTS.append, *_columns(events))
    assert row is not None
    if taken:
        await transaction.execute(STATEMENTS.take_from_outbox, taken)
    if row["written"]:
        await transaction.execute(STATEMENTS.tell, row["last"])
    return Appended(row["written"], row["last"] or 0)


async def events_after(database: Queries, seq: int, limit: int) -> Sequence[Event]:
    """The log from a number on, at most `limit` events."""
    return [event_of(row) for row in await database.fetch(STATEMENTS.events_after, seq, limit)]


async def news_after(database: Queries, seq: int, limit: int) -> Sequence[tuple[int, Id, Id]]:
    """Number, receiver and thing of each event from a number on: all that most who follow the log need to know."""
    return [tuple(row) for row in await database.fetch(STATEMENTS.news_after, seq, limit)]


async def events_at(database: Queries, seqs: Sequence[int]) -> Sequence[Event]:
    """The events of these numbers, in order."""
    return [event_of(row) for row in await database.fetch(STATEMENTS.events_at, seqs)]


async def held_back_s(database: Queries) -> float:
    """Age in seconds of the oldest transfer that an older, running transaction keeps out of the log; 0: none."""
    return float(await database.fetchval(STATEMENTS.held_back_s))


async def last_seq(database: Queries) -> int:
    """The log's last number; 0 when it is empty."""
    return int(await database.fetchval(STATEMENTS.last_seq))


async def events_of(database: Queries, receiver: Id, after: int, limit: int) -> Sequence[Event]:
    """A receiver's events after a number, oldest first."""
    return [event_of(row) for row in await database.fetch(STATEMENTS.events_of, receiver, after, limit)]


async def seq_of(database: Queries, receiver: Id, event: Id) -> int | None:
    """The number of an event; None when it is unknown or somebody else's."""
    seq = await database.fetchval(STATEMENTS.seq_of, receiver, event)
    return None if seq is None else int(seq)


async def latest_of(database: Queries, receiver: Id) -> Event | None:
    """A receiver's latest event."""
    row = await database.fetchrow(STATEMENTS.latest_of, receiver)
    return None if row is None else event_of(row)


def event_of(row: Row) -> Event:
    """An event from its row."""
    return Event(
        row["seq"], row["id"], row["type"], row["receiver"], row["about"], row["created_at"],
        msgspec.Raw(row["data"].encode()),
    )  # fmt: skip


def _new_event(row: Row) -> NewEvent:
    return NewEvent(
        row["id"], row["type"], row["receiver"], row["about"], row["created_at"], msgspec.Raw(row["data"].encode())
    )


def _columns(events: Sequence[NewEvent]) -> tuple[list[object], ...]:
    return (
        [event.id for event in events],
        [event.type for event in events],
        [event.receiver for event in events],
        [event.about for event in events],
        [event.created_at for event in events],
        [bytes(event.data).decode() for event in events],
    )
