"""Connections to PostgreSQL: one pool for ordinary statements, and a few connections that only the ledger uses."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, TypeAlias, TypeVar

import asyncpg
import msgspec
import structlog

from qrpay.database.errors import MAYBE_AWAY, DatabaseAway, DatabaseUnusableError, is_away
from qrpay.database.listener import Listener
from qrpay.database.statements import Statement

log = structlog.get_logger()

Query: TypeAlias = Statement | str
Row: TypeAlias = asyncpg.Record
Answer = TypeVar("Answer")

COMMAND_TIMEOUT_S: Final = 10.0
"""Kept on our side: a statement_timeout of the server can report success for a commit that waits for a standby."""
START_WAIT_S: Final = 30.0

LEDGER_SETTINGS: Final[Mapping[str, str]] = {
    # At some thousand rows the planner would turn to hash joins: half the speed, and row locks out of order.
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_seqscan": "off",
    "plan_cache_mode": "force_generic_plan",
}
SETTINGS: Final[Mapping[str, str]] = {"application_name": "qrpay", "timezone": "UTC", "jit": "off"}


class Connection(asyncpg.Connection):
    """A connection that costs no round trip when it goes back to the pool.

    So nothing may stay behind in a session: SET LOCAL and transaction-level advisory locks only.
    """

    def get_reset_query(self) -> str:
        """Nothing to reset."""
        return ""


class LedgerConnection(Connection):
    """A connection that is dropped when a statement takes too long, instead of asking the server to cancel it.

    A cancel would end the wait for the standby and make the commit visible before it is safe on two
    machines. Left alone, it stays invisible until the standby has it, and the same ids find it then.
    """

    def _cancel_current_command(self, waiter: Any, cancel_waiter: Any = None) -> None:
        asyncio.get_running_loop().call_soon(self.terminate)


class Queries:
    """Statements on a pool or, inside a transaction, on its connection. Statement or text, then its parameters.

    Each raises DatabaseAway (to callers: `unavailable`) when the database went away, so that the outcome is unknown;
    errors of the statement itself stay asyncpg's.
    """

    def __init__(self, on: "asyncpg.Pool[Row] | asyncpg.pool.PoolConnectionProxy[Row]") -> None:
        self._on = on

    async def fetch(self, query: Query, *args: object) -> list[Row]:
        """All rows."""
        return await _asked(self._on.fetch, query, args)

    async def fetchrow(self, query: Query, *args: object) -> Row | None:
        """The first row, or None."""
        return await _asked(self._on.fetchrow, query, args)

    async def fetchval(self, query: Query, *args: object) -> Any:
        """The first column of the first row, or None."""
        return await _asked(self._on.fetchval, query, args)

    async def execute(self, query: Query, *args: object) -> str:
        """The command tag, such as `UPDATE 3`."""
        return await _asked(self._on.execute, query, args)


class Connections(Queries):
    """A pool of connections with one set of settings."""

    def __init__(self, pool: "asyncpg.Pool[Row]") -> None:
        super().__init__(pool)
        self._pool = pool

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Queries]:
        """Statements that commit together, or not at all when the block raises."""
        of_the_block: BaseException | None = None
        try:
            async with self._pool.acquire() as connection, connection.transaction():
                try:
                    yield Queries(connection)
                except BaseException as error:
                    of_the_block = error
                    raise
        except MAYBE_AWAY as error:
            # What the block raises is its own: a web hook's refused connection is no absent database.
            if error is not of_the_block and is_away(error):
                raise DatabaseAway from error
            raise


class Database(Connections):
    """The house's way to PostgreSQL. Statements go to the ordinary pool; `ledger` is for batches of the ledger.

    ledger   connections with the planner held to index scans, and never cancelled by the server
    dsn      where it is connected to, with the application's role; it may hold a password, so it is never logged
    """

    def __init__(self, dsn: str, ordinary: "asyncpg.Pool[Row]", ledger: "asyncpg.Pool[Row]") -> None:
        super().__init__(ordinary)
        self.dsn = dsn
        self.ledger = Connections(ledger)
        self._pools = (ordinary, ledger)
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
        ledger_connections  connections for batches; all are opened at once
        command_timeout_s   seconds after which a statement counts as `unavailable`

        Raises DatabaseUnusableError when the server cannot be reached in time, or refuses the user or the database.
        """
        dsn = dsn_as(dsn, role) if role else dsn
        kwargs: dict[str, Any] = {
            "dsn": dsn, "init": _prepare_connection, "command_timeout": command_timeout_s, "timeout": 5.0,
            "max_cached_statement_lifetime": 0, "max_inactive_connection_lifetime": 300.0,
        }  # fmt: skip
        ordinary = asyncpg.create_pool(
            min_size=1, max_size=size, connection_class=Connection, server_settings=dict(SETTINGS), **kwargs
        )
        ledger = asyncpg.create_pool(
            min_size=ledger_connections,
            max_size=max(1, ledger_connections),
            connection_class=LedgerConnection,
            server_settings={**SETTINGS, **LEDGER_SETTINGS},
            **kwargs,
        )
        await reachable(dsn, wait_s)
        await ordinary
        await ledger
        database = cls(dsn, ordinary, ledger)
        if await database.fetchval(HAS_RIGHTS_OF_OWNER):
            log.warning("database_role_too_mighty", advice="connect the application as qrpay_app, which cannot")
        return database

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
        for pool in self._pools:
            try:
                await asyncio.wait_for(pool.close(), 5.0)
            except TimeoutError:
                pool.terminate()


HAS_RIGHTS_OF_OWNER: Final = (
    "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = 'qrpay_owner' AND pg_has_role(current_user, oid, 'USAGE'))"
)


def dsn_as(dsn: str, user: str) -> str:
    """The same place, entered as another user; a password in the DSN is left out, as it is not theirs."""
    scheme, _, rest = dsn.partition("://")
    authority, slash, tail = rest.partition("/")
    return f"{scheme}://{user}@{authority.rpartition('@')[2]}{slash}{tail}"


def dsn_to(dsn: str, name: str) -> str:
    """Another database of the same server."""
    scheme, _, rest = dsn.partition("://")
    authority, _, tail = rest.partition("/")
    _, question, options = tail.partition("?")
    return f"{scheme}://{authority}/{name}{question}{options}"


async def reachable(dsn: str, wait_s: float = START_WAIT_S) -> None:
    """Return once the server lets us in; raises DatabaseUnusableError when it does not in time, or never will."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + wait_s
    pause_s = 0.05
    while True:
        try:
            connection = await asyncpg.connect(dsn, timeout=5.0)
        except (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidCatalogNameError) as error:
            raise DatabaseUnusableError(
                f"The database lets us not in: {error}. Look at user, password and name."
            ) from error
        except MAYBE_AWAY as error:
            if not is_away(error):
                raise
            if loop.time() + pause_s > deadline:
                raise DatabaseUnusableError(
                    f"The database did not answer within {wait_s:g} s ({type(error).__name__}: {error})."
                    " Look whether it runs, and at QRPAY_DATABASE_URL."
                ) from error
            await asyncio.sleep(pause_s)
            pause_s = min(1.0, pause_s * 2)
        else:
            await connection.close()
            return


async def _asked(method: Callable[..., Awaitable[Answer]], query: Query, args: tuple[object, ...]) -> Answer:
    try:
        return await method(query if isinstance(query, str) else query.text, *args)
    except MAYBE_AWAY as error:
        if is_away(error):
            raise DatabaseAway from error
        raise


async def _prepare_connection(connection: "asyncpg.Connection[Row]") -> None:
    """Speak JSON through msgspec. Binary jsonb begins with the number of its version."""
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        format="binary",
        encoder=lambda value: b"\x01" + msgspec.json.encode(value),
        decoder=lambda raw: msgspec.json.decode(raw[1:]),
    )
    await connection.set_type_codec(
        "json", schema="pg_catalog", format="binary", encoder=msgspec.json.encode, decoder=msgspec.json.decode
    )
