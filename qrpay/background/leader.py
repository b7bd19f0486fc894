"""One leader across machines: whoever holds a session's advisory lock, on a connection of its own."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

import asyncpg
import structlog

from qrpay.background import metrics
from qrpay.background.jobs import news_or
from qrpay.database.errors import MAYBE_AWAY, is_away
from qrpay.database.hosts import connect

if TYPE_CHECKING:
    from qrpay.database.pool import Database

log = structlog.get_logger()

LOCK_KEY: Final = 0x71727061790002  # "qrpay", then a number of its own
ASK_S: Final = 0.5
"""How often a follower asks. It asks instead of waiting in line: a session that waits for a lock holds back vacuum."""
HEARTBEAT_S: Final = 2.0
_SETTINGS: Final = {
    "application_name": "qrpay leader",
    # A leader whose machine vanished without a word loses its lock within some 15 s.
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "3",
    "tcp_keepalives_count": "3",
}


async def lead(database: "Database", work: Callable[[], Awaitable[None]], stop: asyncio.Event) -> None:
    """Do `work` whenever this process leads, until `stop`. The work is cancelled when the lead is lost.

    Two may believe to lead for a moment; whatever must not happen twice is fenced by its cursor.
    """
    while not stop.is_set():
        try:
            connection = await connect(database.dsn, timeout=5.0, command_timeout=5.0, server_settings=_SETTINGS)
            try:
                await _serve(connection, work, stop)
            finally:
                connection.terminate()
        except MAYBE_AWAY as error:
            if not is_away(error):
                raise
            log.warning("background_database_away", error=type(error).__name__)
        await news_or(stop, ASK_S)


async def _serve(
    connection: "asyncpg.Connection[asyncpg.Record]", work: Callable[[], Awaitable[None]], stop: asyncio.Event
) -> None:
    while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", LOCK_KEY):
        if await news_or(stop, ASK_S):
            return
    log.info("background_leads")
    metrics.leading.set(1)
    lost = asyncio.Event()
    connection.add_termination_listener(lambda _connection: lost.set())
    task = asyncio.ensure_future(work())
    watch = asyncio.create_task(_watch(connection, lost))
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait([task, watch, stopping], return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
    finally:
        metrics.leading.set(0)
        for running in (task, watch, stopping):
            running.cancel()
        await asyncio.gather(task, watch, stopping, return_exceptions=True)
        log.info("background_led", lost=lost.is_set())


async def _watch(connection: "asyncpg.Connection[asyncpg.Record]", lost: asyncio.Event) -> None:
    """Return when the connection, and so the lock, is lost."""
    while not await news_or(lost, HEARTBEAT_S):
        await connection.execute("SELECT 1")
