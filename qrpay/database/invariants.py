"""Runs invariants: statements that must return no row, whole or piece by piece, with the time they need."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from qrpay.database.pool import Queries
from qrpay.database.statements import Statement

CHECK_S_MAX: Final = 600.0
"""How long one statement may look: far longer than a request's, and not for ever."""
ROWS_MAX: Final = 1_000
"""Rows of a broken invariant that are read, about: who has more than that knows enough."""

Progress = Callable[[int, int], None]


async def rows_against(
    on: Queries, check: Statement, progress: Progress = lambda _done, _total: None
) -> list[Mapping[str, Any]]:
    """The rows that break an invariant. `progress` is told how many of its pieces were looked at, of how many."""
    if check.pieces is None:
        return [dict(row.items()) for row in await on.fetch_slowly(check, timeout_s=CHECK_S_MAX)]
    found: list[Mapping[str, Any]] = []
    pieces = await on.fetch_slowly(check.pieces, timeout_s=CHECK_S_MAX)
    for done, (after, until) in enumerate(pieces, 1):
        found += [dict(row.items()) for row in await on.fetch_slowly(check, after, until, timeout_s=CHECK_S_MAX)]
        progress(done, len(pieces))
        if len(found) > ROWS_MAX:
            break
    return found
