"""Terminals' keys in the database."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from qrpay.database.pool import Database, Row
from qrpay.database.statements import Statements
from qrpay.features.offline_codes.model import Adoption, OfflineKeyRow
from qrpay.values import Id

SQL: Final = Statements.load(Path(__file__).with_name("store.sql"))


async def keep(database: Database, row: OfflineKeyRow) -> None:
    """Keep a terminal's key, unless its public half is known already."""
    await database.execute(
        SQL.insert_key,
        *(row.id, row.merchant, row.store, row.terminal, row.public, row.head, row.terminal_code, row.certificate),
        *(row.kid, row.currency, row.code_max, row.total_max, row.count_max, row.created_at, row.expires_at),
    )


async def keys(database: Database, publics: Sequence[bytes]) -> Sequence[OfflineKeyRow | None]:
    """The keys with these public halves, one answer each."""
    found = {row["public"]: _key(row) for row in await database.fetch(SQL.keys_by_public, list(set(publics)))}
    return [found.get(public) for public in publics]


async def of_terminal(database: Database, merchant: Id, terminal: Id, limit: int) -> Sequence[OfflineKeyRow]:
    """The latest keys of a merchant's terminal, newest first."""
    return [_key(row) for row in await database.fetch(SQL.keys_of_terminal, merchant, terminal, limit)]


async def revoke(database: Database, merchant: Id, terminal: Id, at: datetime) -> None:
    """Revoke all keys of a terminal."""
    await database.fetch(SQL.revoke_keys, merchant, terminal, at)


async def adopt(database: Database, rows: Sequence[Adoption]) -> None:
    """Add to orders what only their terminal knew; one that was adopted before keeps what it has."""
    await database.execute(
        SQL.adopt,
        [row.order for row in rows],
        [row.description for row in rows],
        [row.metadata for row in rows],
        [row.at for row in rows],
    )


def _key(row: Row) -> OfflineKeyRow:
    return OfflineKeyRow(*row)  # the statements name the columns in the order of its fields
