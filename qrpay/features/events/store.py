"""The typed face of the statements on a receiver's events."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from qrpay.background.model import Event
from qrpay.background.store import event_of
from qrpay.database.pool import Database
from qrpay.database.statements import Statements
from qrpay.values import Id

STATEMENTS: Final = Statements.load(Path(__file__).with_name("store.sql"))


async def events_of(database: Database, receiver: Id, after: int, limit: int) -> Sequence[Event]:
    """A receiver's events after a number, oldest first."""
    return [event_of(row) for row in await database.fetch(STATEMENTS.events_of, receiver, after, limit)]


async def seq_of(database: Database, receiver: Id, event: Id) -> int | None:
    """The number of an event; None when it is unknown or somebody else's."""
    seq = await database.fetchval(STATEMENTS.seq_of, receiver, event)
    return None if seq is None else int(seq)


async def latest_of(database: Database, receiver: Id) -> Event | None:
    """A receiver's latest event."""
    row = await database.fetchrow(STATEMENTS.latest_of, receiver)
    return None if row is None else event_of(row)
