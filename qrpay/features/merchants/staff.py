"""Staff: who signs in at a till by number and code, and what they may give back."""

import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from qrpay.core import Core
from qrpay.features.merchants import credential_store, keys, store
from qrpay.features.merchants.credentials import NewStaff, SignIn, StaffChange, StaffRow, StaffSession, StaffView
from qrpay.features.merchants.names import check_name
from qrpay.features.merchants.problems import number_taken, staff_code_wrong, staff_locked
from qrpay.problem import FieldError, Refused, invalid_field, not_found
from qrpay.values import Id, id_from_text, id_text, new_id, rfc3339
from qrpay.web.callers import Merchant

PREFIX: Final = "stf_"
STAFF_MAX: Final = 2_000
SHIFT: Final = timedelta(hours=12)
"""After so long whoever is signed in signs in again."""
TRIES_MAX: Final = 5
LOCK: Final = timedelta(minutes=15)


async def add(core: Core, merchant: Id, ask: NewStaff) -> StaffView:
    """Take somebody on. Raises `number_taken`, `merchant_name_refused`, and `invalid_field` for another's store."""
    check_name(ask.name)
    at = None if ask.store is None else id_from_text("sto_", ask.store)
    if ask.store is not None and (at is None or await store.store_of(core.database, merchant, at) is None):
        raise invalid_field(errors=[FieldError("/store", "You have none with this id.")])
    code, id_ = ask.code or _drawn(), new_id()
    row = StaffRow(
        id_, merchant, at, ask.number, ask.name, ask.role, ask.refund_max, _hash(core, id_, code), 0, None
    )  # fmt: skip
    if not await credential_store.insert_staff(core.database, row, STAFF_MAX):
        raise number_taken(limit=STAFF_MAX)
    return shown(row, UNSET if ask.code else code)


async def listed(core: Core, merchant: Id) -> Sequence[StaffView]:
    """Who works at a merchant's tills, by number."""
    return [shown(row) for row in await credential_store.staff(core.database, merchant, STAFF_MAX)]


async def change(core: Core, merchant: Id, text: str, ask: StaffChange) -> StaffView:
    """Write somebody anew; whoever is signed in has the new rights within seconds. Raises `not_found`."""
    row = await _own(core, merchant, text)
    if ask.name is not UNSET:
        check_name(ask.name)
        row = replace(row, name=ask.name)
    if ask.role is not UNSET:
        row = replace(row, role=ask.role)
    if ask.refund_max is not UNSET:
        row = replace(row, refund_max=ask.refund_max)
    code: str | UnsetType = UNSET
    if ask.renew_code:
        code = _drawn()
        row = replace(row, code=_hash(core, row.id, code), locked_until=None)
    async with core.database.transaction() as within:
        await credential_store.change_staff(within, row)
        if ask.renew_code:
            await credential_store.revoke_staff_keys(within, row.id, core.clock())
    return shown(row, code)


async def remove(core: Core, merchant: Id, text: str) -> None:
    """Somebody leaves: they are signed out everywhere. Raises `not_found`."""
    row = await _own(core, merchant, text)
    async with core.database.transaction() as within:
        await credential_store.remove_staff(within, merchant, row.id, core.clock())
        await credential_store.revoke_staff_keys(within, row.id, core.clock())


async def _own(core: Core, merchant: Id, text: str) -> StaffRow:
    id_ = id_from_text(PREFIX, text)
    row = await credential_store.staff_by_id(core.database, merchant, id_) if id_ else None
    if row is None:
        raise not_found()
    return row


# At the till ---------------------------------------------------------------------------------------------------


async def sign_in(core: Core, terminal: Merchant, ask: SignIn) -> StaffSession:
    """Sign somebody in at the calling terminal: a key for them, good here, until the shift is over.

    Raises `staff_code_wrong`, alike for a number that nobody has; `staff_locked` after too many wrong codes.
    """
    assert terminal.terminal is not None and terminal.store is not None
    now = core.clock()
    refused: Refused | None = None
    async with core.database.transaction() as within:
        row = await credential_store.staff_by_number(within, terminal.id, ask.number)
        if row is None or row.store not in (None, terminal.store):
            refused = staff_code_wrong()
        elif row.locked_until is not None and row.locked_until > now:
            refused = _locked(row)
        elif not core.vault.same(row.code, _hash(core, row.id, ask.code)):
            # Counted where it is decided, so the refusal is raised once this has committed.
            tries = row.tries + 1
            await credential_store.count_try(
                within, row.id, tries % TRIES_MAX, now + LOCK if tries >= TRIES_MAX else None
            )
            refused = staff_code_wrong()
        else:
            await credential_store.count_try(within, row.id, 0, None)
            secret = keys.new_secret(terminal.test)
            await keys.keep(
                core, within, secret, terminal.id, role=row.role, store=terminal.store, terminal=terminal.terminal,
                staff=row.id, expires_at=now + SHIFT,
            )  # fmt: skip
    if refused is not None:
        raise refused
    assert row is not None
    id_ = id_text(PREFIX, row.id)
    return StaffSession(secret.text, id_, row.name, row.role, row.refund_max, rfc3339(now + SHIFT))


def _locked(row: StaffRow) -> Refused:
    assert row.locked_until is not None
    return staff_locked(until=rfc3339(row.locked_until))


async def sign_out(core: Core, caller: Merchant) -> None:
    """End the calling key, when it is somebody's of the staff. Safe to repeat."""
    if caller.bounds is not None and caller.bounds.staff is not None:
        await credential_store.revoke_key(core.database, caller.key, core.clock())


def _drawn() -> str:
    return f"{secrets.randbelow(1_000_000):06d}"


def _hash(core: Core, id_: Id, code: str) -> bytes:
    return core.vault.mac("staff-code", id_.bytes + code.encode())


def shown(row: StaffRow, code: str | UnsetType = UNSET) -> StaffView:
    """Somebody as the owner sees them."""
    locked = rfc3339(row.locked_until) if row.locked_until else None
    at = id_text("sto_", row.store) if row.store else None
    return StaffView(id_text(PREFIX, row.id), row.number, row.name, row.role, at, row.refund_max, locked, code)
