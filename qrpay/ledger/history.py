"""What the books said at some moment: balances then, and statements with the balance after each line.

Checkpoints (an account's counters after every 256th entry, kept by the background) make the cost that of the entries
since the last one, however long the history is. Timestamps increase per account, and whoever sees a transfer of an
account sees all its earlier ones, which is why a sum up to a timestamp is exact.
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from qrpay.database.errors import RETRY_AFTER_S
from qrpay.database.pool import Queries
from qrpay.database.statements import Statements
from qrpay.ledger.chart import TransferCode
from qrpay.ledger.counters import Counters
from qrpay.ledger.model import Entry, Posted
from qrpay.ledger.problems import history_detached
from qrpay.ledger.rules import expiry_of_hold, gained
from qrpay.ledger.soundness import PENDING
from qrpay.problem import unavailable
from qrpay.values import Id, id_of

STATEMENTS: Final = Statements.load(Path(__file__).with_name("history.sql"))

SHOWN: Final = 20
WAIT_S: Final = 5.0
"""How long somebody who asks for a balance waits for a transaction under way that has changed the account."""
_PAUSE_S: Final = 0.002
_PAUSE_S_MAX: Final = 0.1
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TICK: Final = timedelta(microseconds=1)
_POSTED: Final = len(Posted.__struct_fields__)


async def balance_at(database: Queries, account: Id, at: datetime) -> Counters | None:
    """An account's counters as recorded up to a moment, that moment included; None for an account that is unknown.

    For a moment that has passed the answer never changes: while a transaction is under way that may hold an earlier
    transfer of this account, it waits, at most WAIT_S; then it raises `unavailable`. Raises `history_detached` when it
    would have to be made of what is not attached.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + WAIT_S
    pause_s = _PAUSE_S
    under_way: str | None = None
    while True:
        row = await database.fetchrow(STATEMENTS.balance_at, account, at, under_way)
        if row is None:
            return None
        under_way = row["under_way"]
        if row["detached"]:
            raise history_detached()
        if under_way is None:
            return Counters(*row[2:])
        if loop.time() > deadline:
            raise unavailable(headers={"Retry-After": str(RETRY_AFTER_S)})
        await asyncio.sleep(pause_s)
        pause_s = min(_PAUSE_S_MAX, pause_s * 2)


async def entries(database: Queries, account: Id, limit: int, before: str | None) -> Sequence[Entry]:
    """The account's statement, newest first. Raises ValueError for a cursor that is none, `history_detached`.

    A page ends above the lines of a partition that is not attached, and says so in its last one. The first page takes
    one round trip; its balances go back from the account's counters, those of later pages from its transfers.
    """
    at, last = place_of(before) if before else (None, None)
    rows = await database.fetch(STATEMENTS.entries, account, at, last, limit)
    gaps = rows[0]["gaps"] if rows else await database.fetch(STATEMENTS.gaps, account)
    floor = max((gap[1] for gap in gaps if at is None or gap[0] < at), default=None)
    shown = [row for row in rows if floor is None or row["timestamp"] > floor]
    lines: list[Entry] = []
    if shown:
        after = Counters(*shown[0][-4:])
        if at is not None:
            # Whoever has seen a line sees all that is earlier, so this needs neither the same snapshot nor to wait.
            then = await database.fetchrow(STATEMENTS.balance_at, account, shown[0]["timestamp"], None)
            after = Counters(*then[2:]) if then else Counters()
        transfers = [Posted(*row[:_POSTED]) for row in shown]
        belonging = await _belonging(database, transfers)
        for posted, row in zip(transfers, shown, strict=True):
            lines.append(Entry(posted, cursor_of(posted), after, belonging.get(posted.id, posted.timestamp)))
            after = after.minus(gained(posted, account, row["held"] or 0))
    if floor is not None and len(lines) < limit:
        if not lines:
            raise history_detached()
        lines[-1] = replace(lines[-1], gap=True)
    return lines


async def _belonging(database: Queries, lines: Sequence[Posted]) -> dict[Id, datetime]:
    """When those lines belong that do not belong to the moment they were posted; see Entry."""
    corrections = {line.id: line.about for line in lines if line.code == TransferCode.CORRECTION}
    expired = {
        line.id: line.pending_id
        for line in lines
        if line.pending_id is not None and line.id == expiry_of_hold(line.pending_id)
    }
    if not corrections and not expired:
        return {}
    rows = await database.fetch(STATEMENTS.belonging, [*corrections.values(), *expired.values()])
    recorded, due = {row["id"]: row["timestamp"] for row in rows}, {row["id"]: row["due_at"] for row in rows}
    moments = {id_: due.get(hold) for id_, hold in expired.items()}
    moments |= {id_: recorded.get(about) for id_, about in corrections.items()}
    times = {line.id: line.timestamp for line in lines}
    return {id_: min(times[id_], moment) for id_, moment in moments.items() if moment is not None}


def cursor_of(posted: Posted) -> str:
    """A transfer's place in an account's statement."""
    return f"{micros(posted.timestamp)}.{posted.id.hex}"


def place_of(cursor: str) -> tuple[datetime, Id]:
    """The place that a cursor names. Raises ValueError when it names none."""
    microseconds, _, last = cursor.partition(".")
    return _EPOCH + int(microseconds) * _TICK, id_of(bytes.fromhex(last))


def micros(moment: datetime) -> int:
    """Microseconds since 1970: the ledger's own resolution."""
    return (moment - _EPOCH) // _TICK


class Surroundings(Struct, frozen=True):
    """What belongs to a transfer; each list at most SHOWN long.

    about    transfers about the same thing         resolutions  what posted or voided it, if it is a hold
    beside   posted in the same transaction         seal         the number of the seal it is under; None: not yet
    """

    about: Sequence[Posted]
    resolutions: Sequence[Posted]
    beside: Sequence[Posted]
    seal: int | None


async def surroundings(database: Queries, transfer: Posted) -> Surroundings:
    """What an auditor wants to see around a transfer."""
    about = await database.fetch(STATEMENTS.concerning, transfer.about, SHOWN)
    resolutions = await database.fetch(STATEMENTS.resolving, transfer.id) if transfer.flags & PENDING else []
    beside = await database.fetch(STATEMENTS.beside, transfer.id, SHOWN)
    return Surroundings(
        [posted for row in about if (posted := Posted(*row)).id != transfer.id],
        [Posted(*row) for row in resolutions],
        [Posted(*row) for row in beside],
        await database.fetchval(STATEMENTS.seal_of, transfer.id),
    )


async def verify(database: Queries, accounts: Sequence[Id]) -> tuple[dict[Id, Counters], Sequence[Id]]:
    """Compare accounts with their transfers, and keep the checkpoints that are due.

    Answers those that differ, with what their rows show too much (or, below zero, too little), and those with so many
    entries behind their last checkpoint that they were not compared yet: ask for them again.
    """
    rows = await database.fetch(STATEMENTS.verify, accounts)
    return {row[0]: Counters(*row[2:]) for row in rows if row[1]}, [row[0] for row in rows if not row[1]]
