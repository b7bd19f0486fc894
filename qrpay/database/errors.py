"""What can go wrong between us and PostgreSQL, told apart by what the caller may do about it."""

from typing import Final

import asyncpg

from qrpay.problem import Refused, unavailable

RETRY_AFTER_S: Final = 1


class DatabaseAway(Refused):
    """The database did not answer, so the outcome is unknown; to a caller it is `unavailable`. Its cause is kept."""

    def __init__(self) -> None:
        super().__init__(unavailable, {}, (), {"Retry-After": str(RETRY_AFTER_S)})


class DatabaseUnusableError(RuntimeError):
    """The database cannot be used as it is set up; the message says what to do."""


_AWAY: Final = (
    OSError,  # refused, reset, timed out: TimeoutError is one of them
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.ObjectNotInPrerequisiteStateError,  # a database that is being closed to connections
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.ReadOnlySQLTransactionError,  # a primary that became a standby
    asyncpg.InternalClientError,  # neither PostgresError nor InterfaceError: no primary among the hosts, lost protocol
)
_CONFLICT: Final = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)


MAYBE_AWAY: Final = (*_AWAY, asyncpg.InterfaceError)
"""What to catch before asking is_away."""


def is_away(error: BaseException) -> bool:
    """Whether the database went away (or could not be reached), so that the outcome is unknown."""
    if isinstance(error, asyncpg.InterfaceError) and not isinstance(error, asyncpg.DataError | ValueError):
        # asyncpg has no class of its own for "connection is closed" and "pool is closing".
        return "clos" in str(error)
    return isinstance(error, (DatabaseAway, *_AWAY))


def is_transient(error: BaseException) -> bool:
    """Whether the same statement may succeed when sent again: away, a deadlock, a serialization failure."""
    return isinstance(error, _CONFLICT) or is_away(error)
