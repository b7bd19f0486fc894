"""Statements on connections: through a pool, inside a transaction, or on the few that batches keep for themselves."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, TypeAlias

import asyncpg
import msgspec

from qrpay.database.errors import MAYBE_AWAY, RETRY_AFTER_S, DatabaseAway, is_away
from qrpay.database.statements import Statement
from qrpay.problem import overloaded

Query: TypeAlias = Statement | str
Row: TypeAlias = asyncpg.Record

STATEMENTS_MAX: Final = 2_000

SETTINGS: Final[Mapping[str, str]] = {"application_name": "qrpay", "timezone": "UTC", "jit": "off"}
LEDGER_SETTINGS: Final[Mapping[str, str]] = {
    **SETTINGS,
    "application_name": "qrpay ledger",
    # At some thousand rows the planner would turn to hash joins: half the speed, and row locks out of order.
    # A bitmap would lock rows in the order of the table, not of their ids.
    "enable_bitmapscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_seqscan": "off",
    "plan_cache_mode": "force_generic_plan",
}


class Connection(asyncpg.Connection):  # generic in its stubs, not at run time
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
    """Statements, each a `Statement` or its text, then its parameters.

    Each raises DatabaseAway (to callers: `unavailable`) when the database went away, so that the outcome is unknown;
    errors of the statement itself stay asyncpg's.
    """

    def __init__(self, on: Any) -> None:
        self._on = on

    async def fetch(self, query: Query, *args: object) -> list[Row]:
        """All rows."""
        rows: list[Row] = await self._ask("fetch", query, args)
        return rows

    async def fetch_slowly(self, query: Query, *args: object, timeout_s: float) -> list[Row]:
        """All rows of a statement that may take this long, as no request's may."""
        rows: list[Row] = await self._ask("fetch", query, args, timeout_s)
        return rows

    async def fetchrow(self, query: Query, *args: object) -> Row | None:
        """The first row, or None."""
        found: Row | None = await self._ask("fetchrow", query, args)
        return found

    async def fetchval(self, query: Query, *args: object) -> Any:
        """The first column of the first row, or None."""
        return await self._ask("fetchval", query, args)

    async def execute(self, query: Query, *args: object) -> str:
        """The command tag, such as `UPDATE 3`."""
        tag: str = await self._ask("execute", query, args)
        return tag

    async def _ask(self, method: str, query: Query, args: tuple[object, ...], timeout_s: float | None = None) -> Any:
        text = query if isinstance(query, str) else query.text
        try:
            return await getattr(self._on, method)(text, *args, timeout=timeout_s)  # None: the connection's own
        except MAYBE_AWAY as error:
            if not is_away(error):
                raise
            await self._lost()
            raise DatabaseAway from error

    async def _lost(self) -> None:
        """What to do when the database went away under a statement."""


class Connections(Queries):
    """Statements, each on whichever connection of a pool is free.

    At most STATEMENTS_MAX run or wait for a connection; beyond it callers are refused with `overloaded`.
    """

    def __init__(self, pool: "asyncpg.Pool[Row]") -> None:
        super().__init__(pool)
        self._pool = pool
        self._under_way = 0

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Queries]:
        """Statements that commit together, or not at all when the block raises."""
        of_the_block: BaseException | None = None
        self._enter()
        try:
            async with self._pool.acquire() as connection, connection.transaction():
                try:
                    yield Queries(connection)
                except BaseException as error:
                    of_the_block = error
                    raise
        except MAYBE_AWAY as error:
            # What the block raises is its own: a web hook's refused connection is no absent database.
            if error is of_the_block or not is_away(error):
                raise
            await self._lost()
            raise DatabaseAway from error
        finally:
            self._under_way -= 1

    async def _ask(self, method: str, query: Query, args: tuple[object, ...], timeout_s: float | None = None) -> Any:
        self._enter()
        try:
            return await super()._ask(method, query, args, timeout_s)
        finally:
            self._under_way -= 1

    def _enter(self) -> None:
        if self._under_way >= STATEMENTS_MAX:
            raise overloaded(headers={"Retry-After": str(RETRY_AFTER_S)})
        self._under_way += 1

    async def _lost(self) -> None:
        # The others lead to the same server, which may have become a standby: connect anew when next asked.
        await self._pool.expire_connections()


class DirectConnections(Queries):
    """A few connections held open for batches: taken and given back without a pool's bookkeeping (40 us each time).

    Statements beyond their number wait for one. A lost connection is opened again by the statement that needs it.
    """

    def __init__(self, connect: "Callable[[], Awaitable[asyncpg.Connection[Row]]]", size: int) -> None:
        super().__init__(None)
        self._connect = connect
        self._free: list[asyncpg.Connection[Row] | None] = [None] * size
        self._places = asyncio.Semaphore(size)

    async def open(self) -> None:
        """Open all of them; those that are open when one fails are closed by `close`."""
        for place in range(len(self._free)):
            self._free[place] = await self._connect()

    async def close(self) -> None:
        """Close those that are free; the others are dropped when their statement ends."""
        self._places = asyncio.Semaphore(0)
        for connection in self._free:
            if connection is not None and not connection.is_closed():
                with suppress(*MAYBE_AWAY):  # its server is gone: asyncpg has dropped it
                    await connection.close(timeout=2.0)
        self._free.clear()

    async def _ask(self, method: str, query: Query, args: tuple[object, ...], timeout_s: float | None = None) -> Any:
        async with self._places:
            connection = self._free.pop()
            try:
                if connection is None or connection.is_closed():
                    connection = await self._connect()
                text = query if isinstance(query, str) else query.text
                return await getattr(connection, method)(text, *args, timeout=timeout_s)
            except MAYBE_AWAY as error:
                if not is_away(error):
                    raise
                if connection is not None:
                    connection.terminate()
                raise DatabaseAway from error
            finally:
                self._free.append(connection)


async def prepare_connection(connection: "asyncpg.Connection[Row]") -> None:
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
