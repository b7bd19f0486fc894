"""What must never be true of the books, as statements that return no row; `qrpay check` runs them."""

from typing import Final

from qrpay.database.pool import Queries
from qrpay.ledger.engine import STATEMENTS

CHECKS: Final = STATEMENTS.checks


async def broken(database: Queries) -> dict[str, int]:
    """The invariants that do not hold, with the number of rows that say so; empty when all is well.

    It reads all accounts and transfers: minutes on a large ledger. Call it on a quiet connection.
    """
    counts = {check.name: len(await database.fetch(check)) for check in CHECKS}
    return {name: count for name, count in counts.items() if count}
