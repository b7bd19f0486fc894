"""Connecting to one PostgreSQL, or to whichever of several is the primary now."""

import asyncio
from typing import Any, Final

import asyncpg

HOST_TIMEOUT_S: Final = 2.0

# A standby has no timeline of its own. The highest one is the primary last elected: a node whose
# supervisor froze may believe for a while that it still is one, and would win by answering first.
_TIMELINE: Final = """
SELECT CASE WHEN pg_is_in_recovery() THEN 0
    ELSE ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::int END
"""


async def connect(dsn: str, **options: Any) -> "asyncpg.Connection[asyncpg.Record]":
    """Connect; several hosts in the DSN (`h1:5432,h2:5432`) are asked at once, and the newest primary is taken.

    Raises what asyncpg raises, and ConnectionRefusedError when none of several hosts is a primary.
    """
    places = each_host(dsn)
    if len(places) == 1:
        connection: asyncpg.Connection[asyncpg.Record] = await asyncpg.connect(dsn, **options)
        return connection
    answers = await asyncio.gather(*(_ask(place, options) for place in places), return_exceptions=True)
    reached = [answer for answer in answers if not isinstance(answer, BaseException)]
    timeline, chosen = max(reached, key=lambda answer: answer[0], default=(0, None))
    for _, connection in reached:
        if connection is not chosen or timeline == 0:
            connection.terminate()
    if chosen is None or timeline == 0:
        # Whoever is merely locked out should hear that, not that there is no primary.
        locked_out = [answer for answer in answers if isinstance(answer, asyncpg.PostgresError)]
        raise locked_out[0] if locked_out else ConnectionRefusedError("none of the hosts is a primary")
    return chosen


def each_host(dsn: str) -> list[str]:
    """A DSN for each host of this one."""
    scheme, _, rest = dsn.partition("://")
    authority, slash, tail = rest.partition("/")
    user, at, hosts = authority.rpartition("@")
    return [f"{scheme}://{user}{at}{host}{slash}{tail}" for host in hosts.split(",")]


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


async def _ask(dsn: str, options: dict[str, Any]) -> "tuple[int, asyncpg.Connection[asyncpg.Record]]":
    """The timeline of a host (0: a standby) and the connection to it."""
    async with asyncio.timeout(HOST_TIMEOUT_S):
        connection: asyncpg.Connection[asyncpg.Record] = await asyncpg.connect(dsn, **options)
        try:
            return await connection.fetchval(_TIMELINE), connection
        except BaseException:
            connection.terminate()
            raise
