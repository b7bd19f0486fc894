"""The rules of shifts: one at a time at a till, whose it is, cash in and out, and a count that ends it for good."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from qrpay.core import Core
from qrpay.features.merchants import service as merchants
from qrpay.features.merchants import store as merchant_store
from qrpay.features.merchants.problems import terminal_needed
from qrpay.features.orders.problems import reference_reused
from qrpay.features.shifts import store
from qrpay.features.shifts.model import (
    CashMove,
    CashRow,
    Count,
    NewCash,
    NewShift,
    Shift,
    ShiftRow,
    ShiftsQuery,
    Taken,
    TillTotal,
    Totals,
    TotalsQuery,
)
from qrpay.features.shifts.problems import shift_closed, shift_open
from qrpay.problem import FieldError, invalid_field, not_found
from qrpay.values import CURRENCIES, Id, Page, id_from_text, id_text, new_id, rfc3339
from qrpay.web.callers import Merchant

PREFIX: Final = "shf_"
SPAN_MAX: Final = timedelta(days=32)
_SAME: Final = ("terminal", "currency", "opening_cash")


async def open_shift(core: Core, caller: Merchant, ask: NewShift) -> tuple[Shift, bool]:
    """Open a shift at the calling till, or the owner's named one; and whether it is new. The reference names it.

    Refuses `terminal_needed`, `not_found`, `shift_open`, `reference_reused`.
    """
    terminal = caller.terminal or (id_from_text("ter_", ask.terminal) if ask.terminal else None)
    if terminal is None:
        raise terminal_needed()
    if ask.terminal is not None and id_from_text("ter_", ask.terminal) != terminal:
        raise invalid_field(errors=[FieldError("/terminal", "This key does not act for another one.")])
    if ask.currency not in CURRENCIES:
        raise invalid_field(errors=[FieldError("/currency", "This currency is not served.")])
    place = await merchants.place(core, caller.id, caller.store, terminal)
    assert place.store is not None
    now = core.clock()
    row = ShiftRow(
        id=new_id(int(now.timestamp() * 1000)), merchant=caller.id, reference=ask.reference, store=place.store.id,
        terminal=terminal, staff=_staff(caller), currency=ask.currency, opening_cash=ask.opening_cash, opened_at=now,
    )  # fmt: skip
    made = await store.insert(core.database, row)
    stands = await store.by_reference(core.database, caller.id, ask.reference)
    if stands is None:
        raise shift_open()
    if not made:
        differing = [name for name in _SAME if getattr(stands, name) != getattr(row, name)]
        if differing:
            errors = [FieldError(f"/{name}", "It was another one before.") for name in differing]
            raise reference_reused(errors=errors, shift=id_text(PREFIX, stands.id))
    return (await views(core, caller.id, [stands]))[0], made


async def add_cash(core: Core, caller: Merchant, path: str, ask: NewCash) -> Shift:
    """Note cash that goes into the drawer or out of it. Safe to repeat: the reference names it.

    Refuses `not_found`, `shift_closed`, `reference_reused`.
    """
    shift = await _own(core, caller, path)
    row = CashRow(shift.id, ask.reference, ask.kind, ask.amount, ask.reason, _staff(caller), core.clock())
    await store.insert_cash(core.database, row)
    moves = await store.cash(core.database, [shift.id])
    stands = next((move for move in moves if move.reference == ask.reference), None)
    if stands is None:
        raise shift_closed()
    differing = [name for name in ("kind", "amount", "reason") if getattr(stands, name) != getattr(row, name)]
    if differing:
        raise reference_reused(errors=[FieldError(f"/{name}", "It was another one before.") for name in differing])
    return (await views(core, caller.id, [await _own(core, caller, path)]))[0]


async def close(core: Core, caller: Merchant, path: str, ask: Count) -> Shift:
    """End a shift with a count of its cash. The same count again answers the same; another: `shift_closed`."""
    shift = await _own(core, caller, path)
    await store.close(core.database, shift.id, core.clock(), _staff(caller), ask.counted, ask.note)
    stands = await _own(core, caller, path)
    if (stands.counted, stands.note) != (ask.counted, ask.note):
        raise shift_closed()
    return (await views(core, caller.id, [stands]))[0]


async def read(core: Core, caller: Merchant, path: str) -> Shift:
    """One shift. Raises `not_found`."""
    return (await views(core, caller.id, [await _own(core, caller, path)]))[0]


async def page(core: Core, caller: Merchant, ask: ShiftsQuery) -> Page[Shift]:
    """A page of shifts, newest first; for a till those of its store."""
    below = id_from_text(PREFIX, ask.cursor) if ask.cursor else None
    terminal = id_from_text("ter_", ask.terminal) if ask.terminal else None
    if (ask.cursor and below is None) or (ask.terminal and terminal is None):
        raise invalid_field(errors=[FieldError("cursor" if ask.cursor else "terminal", "There is none with this id.")])
    is_open = None if ask.status is None else ask.status == "open"
    rows = await store.of_merchant(
        core.database, caller.id, below=below, store=caller.store, terminal=terminal, is_open=is_open,
        limit=ask.limit + 1,
    )  # fmt: skip
    shown = rows[: ask.limit]
    cursor = id_text(PREFIX, shown[-1].id) if len(rows) > ask.limit else None
    return Page(await views(core, caller.id, shown), cursor)


async def totals(core: Core, caller: Merchant, ask: TotalsQuery) -> Totals:
    """What each till and person took between two moments, by the ledger. Raises `invalid_field`."""
    since, until = _moment(ask.from_, "from"), _moment(ask.to, "to")
    if not since < until <= since + SPAN_MAX:
        raise invalid_field(errors=[FieldError("to", f"It is after from, by at most {SPAN_MAX.days} days.")])
    named = id_from_text("sto_", ask.store) if ask.store else None
    if (ask.store and named is None) or (caller.store and named not in (None, caller.store)):
        raise invalid_field(errors=[FieldError("store", "There is none with this id for this key.")])
    accounts = [account for account, _ in await merchant_store.accounts_of(core.database, caller.id)]
    rows = await store.totals(core.database, accounts, since, until, caller.store or named)
    return Totals(
        [
            TillTotal(
                _text("sto_", row.store), _text("ter_", row.terminal), row.terminal_name, _text("stf_", row.staff),
                row.staff_name, row.currency, row.payments, row.amount, row.refunds, row.refunded,
            )
            for row in rows
        ]
    )  # fmt: skip


def _moment(text: str, name: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise invalid_field(errors=[FieldError(name, "RFC 3339 with an offset, such as 2026-01-05T00:00:00+08:00.")])
    return moment.astimezone(UTC)


async def _own(core: Core, caller: Merchant, path: str) -> ShiftRow:
    id = id_from_text(PREFIX, path)
    row = await store.by_id(core.database, caller.id, id, caller.store) if id else None
    if row is None:
        raise not_found()
    return row


def _staff(caller: Merchant) -> Id | None:
    return caller.bounds.staff if caller.bounds else None


async def views(core: Core, merchant: Id, rows: Sequence[ShiftRow]) -> list[Shift]:
    """Shifts as they travel, with their cash and what was taken during each: two questions for all of them."""
    if not rows:
        return []
    ids = [row.id for row in rows]
    accounts = [account for account, _ in await merchant_store.accounts_of(core.database, merchant)]
    moves = await store.cash(core.database, ids)
    taken = await store.taken(core.database, ids, accounts, core.clock())
    return [
        _view(row, [move for move in moves if move.shift == row.id], taken.get(row.id, Taken(0, 0, 0, 0)))
        for row in rows
    ]


def _view(row: ShiftRow, moves: Sequence[CashRow], taken: Taken) -> Shift:
    expected = row.opening_cash + sum(-move.amount if move.kind == "paid_out" else move.amount for move in moves)
    return Shift(
        id=id_text(PREFIX, row.id), reference=row.reference, status="open" if row.closed_at is None else "closed",
        store=id_text("sto_", row.store), terminal=id_text("ter_", row.terminal), staff=_text("stf_", row.staff),
        staff_name=row.staff_name, currency=row.currency, opening_cash=row.opening_cash,
        cash=[
            CashMove(move.reference, move.kind, move.amount, move.reason, _text("stf_", move.staff), rfc3339(move.at))
            for move in moves
        ],
        expected=expected, counted=row.counted,
        difference=None if row.counted is None else row.counted - expected, note=row.note,
        opened_at=rfc3339(row.opened_at), closed_at=rfc3339(row.closed_at) if row.closed_at else None,
        closed_by=_text("stf_", row.closed_by), taken=taken,
    )  # fmt: skip


def _text(prefix: str, id: Id | None) -> str | None:
    return None if id is None else id_text(prefix, id)
