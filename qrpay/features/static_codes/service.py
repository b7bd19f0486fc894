"""The rules of static codes: made once, printed as often as one likes, withdrawn for good; a payment is an order."""

import hashlib
from datetime import timedelta
from typing import Final

from qrpay.codes.payload import CodeContent, check_code
from qrpay.codes.problems import code_expired, code_malformed, code_revoked
from qrpay.core import Core
from qrpay.features.merchants import service as merchants
from qrpay.features.merchants.model import MerchantCard
from qrpay.features.orders import store as order_store
from qrpay.features.orders.model import Code, OrderRow, PayeeView
from qrpay.features.orders.problems import reference_reused
from qrpay.features.static_codes import store
from qrpay.features.static_codes.model import (
    Attempt,
    CashierCode,
    CodesQuery,
    NewStaticCode,
    StaticCode,
    StaticCodeRow,
    Status,
)
from qrpay.problem import FieldError, Refused, idempotency_key_reused, invalid_field, not_found
from qrpay.values import CURRENCIES, Id, Page, id_from_text, id_text, new_id, rfc3339

PREFIX: Final = "stc_"
LIFE: Final = timedelta(days=5 * 365)
"""How long a printed code is paid; its key counts for longer (keys/model.py)."""


# Making --------------------------------------------------------------------------------------------------------


async def make(core: Core, merchant: Id, ask: NewStaticCode) -> tuple[StaticCode, bool]:
    """A static code, and whether it is new. Safe to repeat: the reference names it.

    Refuses `reference_reused` with each field that differs, and a currency, store or terminal that is not there.
    """
    row = await _new_row(core, merchant, ask)
    await store.keep(core.database, [row])
    stands = await store.by_reference(core.database, merchant, ask.reference)
    assert stands is not None
    if stands.id != row.id:
        _same_content(stands, row)
    return view(core, stands), stands.id == row.id


async def _new_row(core: Core, merchant: Id, ask: NewStaticCode) -> StaticCodeRow:
    if ask.currency not in CURRENCIES:
        raise invalid_field(errors=[FieldError("/currency", "This currency is not served.")])
    await merchants.ensure_account(core, merchant, ask.currency)
    store_id, terminal_id = _place_id("sto_", ask.store, "/store"), _place_id("ter_", ask.terminal, "/terminal")
    try:
        place = await merchants.place(core, merchant, store_id, terminal_id)
    except Refused:
        pointer = "/terminal" if terminal_id else "/store"
        raise invalid_field(errors=[FieldError(pointer, "You have none with this id.")]) from None
    card, now = await merchants.directory(core, merchant), core.clock()
    now = now.replace(microsecond=now.microsecond // 1000 * 1000)
    id, expires_at = new_id(int(now.timestamp() * 1000)), (now + LIFE).replace(microsecond=0)
    content = CodeContent(
        merchant=merchant, order=None, static_code=id, amount=ask.amount, currency=ask.currency,
        name=card.name_latin, city=card.city, mcc=card.mcc, country=card.country,
        store=place.store.code if place.store else None, terminal=place.terminal.code if place.terminal else None,
        expires_at=int(expires_at.timestamp()),
    )  # fmt: skip
    return StaticCodeRow(
        id=id, merchant=merchant, reference=ask.reference, label=ask.label, store=store_id, terminal=terminal_id,
        amount=ask.amount, currency=ask.currency, payload=core.reader.issue(content, now), created_at=now,
        expires_at=expires_at, revoked_at=None,
    )  # fmt: skip


def _place_id(prefix: str, text: str | None, pointer: str) -> Id | None:
    found = id_from_text(prefix, text) if text else None
    if text and found is None:
        raise invalid_field(errors=[FieldError(pointer, f"An id here starts with {prefix}.")])
    return found


def _same_content(stands: StaticCodeRow, asked: StaticCodeRow) -> None:
    differing = [
        FieldError(f"/{name}", f"It was {_said(name, stands)}, now it is {_said(name, asked)}.")
        for name in ("currency", "label", "store", "terminal", "amount")
        if getattr(stands, name) != getattr(asked, name)
    ]
    if differing:
        raise reference_reused(errors=differing, static_code=id_text(PREFIX, stands.id))


def _said(name: str, row: StaticCodeRow) -> str:
    value = getattr(row, name)
    if value is None:
        return "left out"
    return id_text("sto_" if name == "store" else "ter_", value) if isinstance(value, Id) else str(value)


# Reading -------------------------------------------------------------------------------------------------------


async def row_of(core: Core, id: Id | None) -> StaticCodeRow:
    """The static code of this id, whoever's it is. Raises `not_found`. Many who ask at once are one question."""
    row = await core.batcher("static_codes", store.codes).add(id) if id else None
    if row is None:
        raise not_found()
    return row


async def find(core: Core, merchant: Id, path: str, within: Id | None = None) -> StaticCodeRow:
    """The merchant's own static code behind `stc_…`; `not_found` when it is none, or another's.

    within  the only store whose codes the caller may know of; None: all
    """
    row = await row_of(core, id_from_text(PREFIX, path))
    if row.merchant != merchant or within not in (None, row.store):
        raise not_found()
    return row


async def page(core: Core, merchant: Id, ask: CodesQuery, within: Id | None = None) -> Page[StaticCode]:
    """A merchant's static codes, newest first; `within` one store only, when the caller may know of no other."""
    below = id_from_text(PREFIX, ask.cursor) if ask.cursor else None
    if ask.cursor and below is None:
        raise invalid_field(errors=[FieldError("cursor", "This is no cursor of this list.")])
    place = _place_id("sto_", ask.store, "store") or within
    if within not in (None, place):
        return Page([])
    rows = await store.of_merchant(core.database, merchant, below=below, store=place, limit=ask.limit + 1)
    shown = [view(core, row) for row in rows[: ask.limit]]
    return Page(shown, shown[-1].id if len(rows) > ask.limit else None)


async def revoke(core: Core, merchant: Id, path: str) -> StaticCode:
    """Withdraw a static code for good: nobody pays by it from now on. Safe to repeat. Raises `not_found`."""
    row = await find(core, merchant, path)
    await store.revoke(core.database, merchant, row.id, core.clock())
    return view(core, await find(core, merchant, path))


async def cashier(core: Core, path: str) -> CashierCode:
    """What the page behind a static code's link shows."""
    row = await row_of(core, id_from_text(PREFIX, path))
    card = await merchants.directory(core, row.merchant)
    status = _status(core, row)
    return CashierCode(
        id=id_text(PREFIX, row.id), status=status, label=row.label, amount=row.amount, currency=row.currency,
        payee=PayeeView(card.name, card.verified), check_code=check_code(row.payload),
        code=_code(core, row) if status == "active" else None,
    )  # fmt: skip


async def sheet_of(
    core: Core, merchant: Id, path: str, within: Id | None
) -> tuple[StaticCodeRow, MerchantCard, str | None]:
    """What is printed: the code, whose it is, and the branch it stands in."""
    row = await find(core, merchant, path, within)
    place = await merchants.place(core, merchant, row.store, row.terminal)
    return row, await merchants.directory(core, merchant), place.store.name if place.store else None


def view(core: Core, row: StaticCodeRow) -> StaticCode:
    """A static code as its merchant sees it."""
    return StaticCode(
        id=id_text(PREFIX, row.id), reference=row.reference, status=_status(core, row), label=row.label,
        store=id_text("sto_", row.store) if row.store else None,
        terminal=id_text("ter_", row.terminal) if row.terminal else None,
        amount=row.amount, currency=row.currency, check_code=check_code(row.payload),
        created_at=rfc3339(row.created_at), expires_at=rfc3339(row.expires_at),
        revoked_at=rfc3339(row.revoked_at) if row.revoked_at else None, code=_code(core, row),
    )  # fmt: skip


def _code(core: Core, row: StaticCodeRow) -> Code:
    return Code(row.payload, f"{core.settings.url}/pay/{id_text(PREFIX, row.id)}")


def _status(core: Core, row: StaticCodeRow) -> Status:
    if row.revoked_at is not None:
        return "revoked"
    return "expired" if core.clock() >= row.expires_at else "active"


# Paying --------------------------------------------------------------------------------------------------------


async def payable(core: Core, content: CodeContent) -> StaticCodeRow:
    """The row behind a static code whose signature holds. Refuses `code_expired`, `code_revoked`."""
    if content.static_code is None:
        raise code_malformed(reason="missing", at="62/05")
    row = await row_of(core, content.static_code)
    if content.expired(core.clock()):
        raise code_expired(expired_at=rfc3339(row.expires_at))
    if row.revoked_at is not None:
        raise code_revoked(revoked_at=rfc3339(row.revoked_at))
    return row


async def attempted(core: Core, customer: Id, key: str) -> Attempt | None:
    """What this payer's Idempotency-Key stands for already, if anything."""
    return await core.batcher("static_attempted", store.attempt).add((customer, _digest(key)))


async def order_for(core: Core, customer: Id, key: str, row: StaticCodeRow, amount: int) -> OrderRow:
    """The order that this payer's key pays: opened now, or by the same request before. Story first, money last.

    The key alone decides which order it is, so a retry claims the same id in the ledger and can pay nothing twice.
    Refuses `idempotency_key_reused` when the key stands for another code or amount.
    """
    now = core.clock()
    now = now.replace(microsecond=now.microsecond // 1000 * 1000)
    asked = Attempt(customer, _digest(key), new_id(int(now.timestamp() * 1000)), row.id, amount, now)
    stands = await core.batcher("static_attempts", store.claim).add(asked)
    differing = []
    if stands.code != row.id:
        differing.append(FieldError("/scanned", "It was another code."))
    if stands.amount != amount:
        differing.append(FieldError("/amount", f"It was {stands.amount}, now it is {amount}."))
    if differing:
        raise idempotency_key_reused(errors=differing)
    code = id_text(PREFIX, row.id)
    order = await core.batcher("orders_by_code", order_store.keep_by_code).add(
        OrderRow(
            id=stands.order, merchant=row.merchant, reference=id_text("S-", stands.order), amount=amount,
            currency=row.currency, description=row.label, store=row.store, terminal=row.terminal,
            metadata={"static_code": code}, presented_by="merchant", payment_code=None, created_at=stands.created_at,
            expires_at=stands.created_at + timedelta(seconds=core.settings.order_s), source=row.id,
        )
    )  # fmt: skip
    assert order is not None, "nobody could know the reference of this order before it was made"
    return order


def _digest(key: str) -> bytes:
    return hashlib.blake2b(key.encode(), digest_size=16, person=b"qrpay-key").digest()
