"""Months of transfers: made ahead of time, taken out and put back while payments run (docs/decisions/0013).

The steps are functions in the database (functions/partitions.sql, functions/detach.sql). What takes long is done by
pieces beside the payments; what they wait for takes some milliseconds, and is tried again when something is in the way.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import asyncpg
from msgspec import Struct

from qrpay.database.errors import DatabaseUnusableError
from qrpay.database.hosts import connect
from qrpay.database.migrator import OWNER
from qrpay.database.pool import Queries
from qrpay.database.statements import Statements
from qrpay.values import Clock, Id, id_of

STATEMENTS: Final = Statements.load(Path(__file__).with_name("partitions.sql"))
MONTHS_AHEAD: Final = 6
PIECE: Final = 20_000
"""Rows a transaction, so that none holds up the event log for long."""
TRIES_MAX: Final = 20
TRY_PAUSE_S: Final = 0.5

Progress = Callable[[str], None]


class PartitionError(DatabaseUnusableError):
    """A partition cannot be moved now; the message says why and what to do."""


class Partition(Struct, frozen=True):
    """One range of ids.

    from_at, until_at  the moments in its first id, and in the first after it; None: open
    transfers          as PostgreSQL last counted them, or (detached) exactly
    size               bytes with indexes; None when its table is not in this database
    """

    name: str
    from_at: datetime | None
    until_at: datetime | None
    transfers: int
    size: int | None
    attached: bool


async def make_ahead(on: Queries, clock: Clock | None = None, months: int = MONTHS_AHEAD) -> int:
    """Make the next partition that is missing; how many steps were done (0: all are there).

    Raises LockNotAvailableError when a long statement is in the way: the job comes again.
    """
    done = await on.fetchval(STATEMENTS.add_partition, months, clock() if clock else None)
    return 0 if done is None else 1


async def listed(on: Queries) -> Sequence[Partition]:
    """All partitions, attached or not, in the order of their ids."""
    return [Partition(*row) for row in await on.fetch(STATEMENTS.partitions)]


async def detach(dsn: str, name: str, progress: Progress, now: datetime | None = None) -> int:
    """Take a partition out; how many transfers it holds. Its table stays in the database, until somebody moves it.

    dsn  a user that may become qrpay_owner. Raises PartitionError. Safe to repeat when it was interrupted.
    """
    async with _owner(dsn) as connection:
        settled = await connection.fetchval(STATEMENTS.prepare_detach.text, name, now)
        last: Id | None = id_of(bytes(16))
        noted = 0
        while last is not None:
            row = await connection.fetchrow(STATEMENTS.note_detached.text, name, last, PIECE, settled)
            assert row is not None, "a function answers one row"
            last = row["last"]
            noted += row["noted"]
            progress(f"{name}: {noted} transfers noted")
        kept = 0
        while more := await connection.fetchval(STATEMENTS.bridge_detached.text, name, PIECE // 10):
            kept += more
            progress(f"{name}: {kept} balances kept")
        await _in_a_gap(connection, STATEMENTS.detach_partition.text, name, settled)
        return int(await connection.fetchval(STATEMENTS.detached_transfers.text, name))


async def attach(dsn: str, name: str, progress: Progress) -> None:
    """Put a detached partition back, once it is seen to be what left. Raises PartitionError. Safe to repeat."""
    async with _owner(dsn) as connection:
        progress(f"{name}: compared with what left")
        await connection.execute(STATEMENTS.prepare_attach.text, name)
        await _in_a_gap(connection, STATEMENTS.attach_partition.text, name)


async def _in_a_gap(connection: "asyncpg.Connection[Any]", query: str, *args: object) -> None:
    """Run what needs the table for a moment. Payments queue behind it, so it gives up quickly and tries again."""
    for left in reversed(range(TRIES_MAX)):
        try:
            await connection.execute(query, *args)
        except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError) as error:
            if not left:
                raise PartitionError(
                    f"The ledger was busy {TRIES_MAX} times. Try again when the long statement is over"
                    " (see pg_stat_activity)."
                ) from error
            await asyncio.sleep(TRY_PAUSE_S)
        else:
            return


@asynccontextmanager
async def _owner(dsn: str) -> "AsyncIterator[asyncpg.Connection[Any]]":
    connection = await connect(dsn, server_settings={"application_name": "qrpay partitions"})
    try:
        await connection.execute(f"SET ROLE {OWNER}")
        yield connection
    except asyncpg.RaiseError as error:
        raise PartitionError(f"{error}.") from error
    finally:
        await connection.close()
