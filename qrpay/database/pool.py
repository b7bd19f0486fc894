"""The house's one way to PostgreSQL: a pool for ordinary statements, connections for batches, and LISTEN."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

import asyncpg
import structlog

from qrpay.database.connections import (
    LEDGER_SETTINGS,
    SETTINGS,
    Connection,
    Connections,
    DirectConnections,
    LedgerConnection,
    Queries,
    Query,
    Row,
    prepare_connection,
)
from qrpay.database.errors import MAYBE_AWAY, DatabaseAway, DatabaseUnusableError, is_away
from qrpay.database.hosts import connect, dsn_as, dsn_to
from qrpay.database.listener import Listener

__all__ = ["Database", "DatabaseAway", "DatabaseUnusableError", "Queries", "Query", "Row", "dsn_as", "dsn_to"]

log = structlog.get_logger()

Entered = TypeVar("Entered")

COMMAND_TIMEOUT_S: Final = 10.0
"""Kept on our side: a statement_timeout of the server can report success for a commit that waits for a standby."""
CONNECT_TIMEOUT_S: Final = 5.0
START_WAIT_S: Final = 30.0
CLOSE_S_MAX: Final = 5.0

_TOO_MIGHTY: Final = (
    "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = 'qrpay_owner' AND pg_has_role(current_user, oid, 'USAGE'))"
)


class Database(Connections):
    """The database as one process uses it. Its own statements go to the ordinary pool.

    ledger  connections for batches: the planner held to index scans, statements never cancelled by the server
    dsn     where it is connected to, as which user; it may hold a password, so it is never logged
    """

    def __init__(self, dsn: str, pool: "asyncpg.Pool[Row]", ledger: DirectConnections) -> None:
        super().__init__(pool)
        self.dsn = dsn
        self.ledger = ledger
        self._listener = Listener(dsn)

    @classmethod
    async def open(
        cls,
        dsn: str,
        *,
        size: int = 10,
        role: str | None = None,
        ledger_connections: int = 2,
        command_timeout_s: float = COMMAND_TIMEOUT_S,
        wait_s: float = START_WAIT_S,
    ) -> "Database":
        """Connect, waiting up to `wait_s` for a server that is starting.

        size                ordinary connections at most; they are opened as needed
        role                connect as this user instead of the DSN's
        ledger_connections  connections for batches: as many as the batcher has in flight
        command_timeout_s   seconds after which a statement counts as `unavailable`

        Raises DatabaseUnusableError when the server cannot be reached in time, or refuses the user or the database.
        """
        dsn = dsn_as(dsn, role) if role else dsn
        options: dict[str, Any] = {
            "command_timeout": command_timeout_s,
            "timeout": CONNECT_TIMEOUT_S,
            "max_cached_statement_lifetime": 0,
        }

        async def ledger_connection() -> "asyncpg.Connection[Row]":
            connection = await connect(
                dsn, connection_class=LedgerConnection, server_settings=dict(LEDGER_SETTINGS), **options
            )
            await prepare_connection(connection)
            return connection

        async def opened() -> Database:
            # A pool connects nowhere yet, so it needs no closing when what follows finds no server.
            pool: asyncpg.Pool[Row] = await asyncpg.create_pool(
                dsn,
                min_size=0,
                max_size=size,
                init=prepare_connection,
                connection_class=Connection,
                server_settings=dict(SETTINGS),
                **{**options, "connect": connect},
            )
            database = cls(dsn, pool, DirectConnections(ledger_connection, ledger_connections))
            try:
                await database.ledger.open()
                if await database.fetchval(_TOO_MIGHTY):
                    log.warning(
                        "database_role_too_mighty", advice="connect the application as qrpay_app, which owns nothing"
                    )
            except BaseException:
                await database.close()
                raise
            return database

        return await _in_time(opened, wait_s)

    async def listen(
        self,
        channel: str,
        callback: Callable[[str], None],
        on_reconnect: Callable[[], None] | None = None,
    ) -> None:
        """Call back with the payload of every NOTIFY on this channel, from one connection for all channels.

        It reconnects by itself. Notifications sent meanwhile are lost, so `on_reconnect` is called then: look again.
        """
        await self._listener.listen(channel, callback, on_reconnect)

    async def close(self) -> None:
        """Give everything back, letting statements under way finish for a few seconds."""
        await self._listener.close()
        await self.ledger.close()
        try:
            await asyncio.wait_for(self._pool.close(), CLOSE_S_MAX)
        except MAYBE_AWAY:  # statements that take too long, or a server that is gone
            self._pool.terminate()


async def reachable(dsn: str, wait_s: float = START_WAIT_S) -> None:
    """Return once the server lets us in; raises DatabaseUnusableError when it does not in time, or never will."""

    async def entered() -> None:
        connection = await connect(dsn, timeout=CONNECT_TIMEOUT_S)
        await connection.close()

    await _in_time(entered, wait_s)


async def _in_time(enter: Callable[[], Awaitable[Entered]], wait_s: float) -> Entered:
    """What `enter` answers, as soon as it gets in; a server that dies while it does is one that is starting again."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + wait_s
    pause_s = 0.05
    while True:
        try:
            return await enter()
        except (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidCatalogNameError) as error:
            raise DatabaseUnusableError(
                f"The database does not let us in: {error}. Look at the user, password and database name."
            ) from error
        except (DatabaseAway, *MAYBE_AWAY) as error:
            if not is_away(error):
                raise
            cause = error.__cause__ if isinstance(error, DatabaseAway) else error
            if loop.time() + pause_s > deadline:
                raise DatabaseUnusableError(
                    f"The database did not answer within {wait_s:g} s ({type(cause).__name__}: {cause})."
                    " Look whether it runs, and at QRPAY_DATABASE_URL."
                ) from error
            await asyncio.sleep(pause_s)
            pause_s = min(1.0, pause_s * 2)
