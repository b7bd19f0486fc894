"""Payment codes in the database: many in, many out."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from qrpay.database.pool import Database
from qrpay.database.statements import Statements
from qrpay.features.payment_codes.model import CodeRow

SQL: Final = Statements.load(Path(__file__).with_name("store.sql"))


async def keep_codes(database: Database, rows: Sequence[CodeRow]) -> Sequence[bool]:
    """Keep new codes in one commit; False for one whose digits are taken.

    Sent again after a lost answer, a code that had been kept counts as taken, and its caller draws another.
    """
    rows_in_order = sorted(rows, key=lambda row: row.hash)
    made = await database.fetch(
        SQL.insert_codes,
        [row.hash for row in rows_in_order],
        [row.id for row in rows_in_order],
        [row.customer for row in rows_in_order],
        [row.account for row in rows_in_order],
        [row.ledger for row in rows_in_order],
        [row.name for row in rows_in_order],
        [row.created_at for row in rows_in_order],
        [row.expires_at for row in rows_in_order],
    )
    kept = {row["hash"] for row in made}
    return [row.hash in kept for row in rows]


async def codes(database: Database, hashes: Sequence[bytes]) -> Sequence[CodeRow | None]:
    """The codes behind these hashes, one answer each."""
    rows = await database.fetch(SQL.codes_by_hash, list(set(hashes)))
    found = {row["hash"]: msgspec.convert(dict(row.items()), CodeRow) for row in rows}
    return [found.get(hash) for hash in hashes]


async def forget_codes(database: Database, before: datetime, limit: int) -> int:
    """Forget codes that ended before this moment; answers how many."""
    return int((await database.execute(SQL.forget_codes, before, limit)).split()[-1])
