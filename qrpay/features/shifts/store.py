"""Shifts in the database."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from qrpay.database.pool import Database, Row
from qrpay.database.statements import Statements
from qrpay.features.shifts.model import CashRow, ShiftRow, Taken, TotalRow
from qrpay.ledger.chart import PAYMENTS, TransferCode
from qrpay.values import Id

SQL: Final = Statements.load(Path(__file__).with_name("store.sql"))
_PAYMENTS: Final = sorted(int(code) for code in PAYMENTS)


async def insert(database: Database, row: ShiftRow) -> bool:
    """Whether it was opened: neither its reference was known, nor is another one open at its till."""
    made = await database.fetchval(
        SQL.insert_shift, row.id, row.merchant, row.reference, row.store, row.terminal, row.staff, row.currency,
        row.opening_cash, row.opened_at,
    )  # fmt: skip
    return made is not None


async def by_reference(database: Database, merchant: Id, reference: str) -> ShiftRow | None:
    """A merchant's shift by the till's own number."""
    row = await database.fetchrow(SQL.shift_by_reference, merchant, reference)
    return _shift(row) if row else None


async def by_id(database: Database, merchant: Id, id: Id, store: Id | None) -> ShiftRow | None:
    """A merchant's shift, of one store when it is named."""
    row = await database.fetchrow(SQL.shift_by_id, merchant, id, store)
    return _shift(row) if row else None


async def of_merchant(
    database: Database, merchant: Id, *, below: Id | None, store: Id | None, terminal: Id | None, is_open: bool | None,
    limit: int,
) -> Sequence[ShiftRow]:  # fmt: skip
    """A page of a merchant's shifts, newest first."""
    rows = await database.fetch(SQL.shifts_of_merchant, merchant, below, store, terminal, is_open, limit)
    return [_shift(row) for row in rows]


async def close(database: Database, id: Id, at: datetime, by: Id | None, counted: int, note: str | None) -> bool:
    """Whether it was open until now."""
    return await database.fetchval(SQL.close_shift, id, at, by, counted, note) is not None


async def insert_cash(database: Database, row: CashRow) -> None:
    """Note a move of cash, unless the shift is closed or the reference is known."""
    await database.execute(
        SQL.insert_cash, row.shift, row.reference, row.kind, row.amount, row.reason, row.staff, row.at
    )


async def cash(database: Database, shifts: Sequence[Id]) -> Sequence[CashRow]:
    """The moves of cash of some shifts, in the order of time."""
    return [CashRow(*row) for row in await database.fetch(SQL.cash_of_shifts, list(shifts))]


async def totals(
    database: Database, accounts: Sequence[Id], since: datetime, until: datetime, store: Id | None
) -> Sequence[TotalRow]:
    """What the tills behind these ledger accounts took, by till and person."""
    rows = await database.fetch(
        SQL.totals, list(accounts), since, until, _PAYMENTS, int(TransferCode.REFUND), store
    )  # fmt: skip
    return [TotalRow(*row) for row in rows]


async def taken(database: Database, shifts: Sequence[Id], accounts: Sequence[Id], now: datetime) -> Mapping[Id, Taken]:
    """What was taken in each of these shifts; one with nothing is left out."""
    rows = await database.fetch(
        SQL.taken, list(shifts), list(accounts), now, _PAYMENTS, int(TransferCode.REFUND)
    )  # fmt: skip
    return {row["id"]: Taken(row["payments"], row["amount"], row["refunds"], row["refunded"]) for row in rows}


def _shift(row: Row) -> ShiftRow:
    return ShiftRow(*row)  # the statements name the columns in the order of its fields
