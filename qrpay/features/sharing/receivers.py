"""Receivers: with whom a merchant shares, and into which ledger account that goes."""

from collections.abc import Sequence
from typing import Final

from qrpay.core import Core
from qrpay.features.e_accounts import service as e_accounts
from qrpay.features.merchants import service as merchants
from qrpay.features.orders.problems import reference_reused
from qrpay.features.sharing import store
from qrpay.features.sharing.model import NewReceiver, Receiver, ReceiverRow, ReceiversQuery
from qrpay.features.sharing.problems import receivers_same
from qrpay.problem import FieldError, Refused, invalid_field, not_found
from qrpay.values import Id, Page, id_from_text, id_text, new_id, rfc3339

PREFIX: Final = "rcv_"


async def register(core: Core, merchant: Id, ask: NewReceiver) -> tuple[Receiver, bool]:
    """Name a receiver, and whether it is new. Safe to repeat.

    Refuses `invalid_field` for nobody, `receivers_same`, `reference_reused`.
    """
    if (ask.merchant is None) == (ask.account is None):
        raise invalid_field(errors=[FieldError("", "Send either merchant or account.")])
    payee = None if ask.merchant is None else await _merchant(core, merchant, ask.merchant)
    account = None if ask.account is None else await _account(core, ask.account)
    now = core.clock()
    new = ReceiverRow(new_id(), merchant, ask.reference, payee, account, now, None)
    stands = await store.keep_receiver(core.database, new)
    if (stands.payee_merchant, stands.payee_account) != (payee, account):
        differing = FieldError("/account" if account else "/merchant", "It was another one.")
        raise reference_reused(errors=[differing], receiver=id_text(PREFIX, stands.id))
    return (await _views(core, [stands]))[0], stands.id == new.id


async def _merchant(core: Core, sharer: Id, text: str) -> Id:
    id_ = id_from_text("mer_", text)
    if id_ == sharer:
        raise receivers_same()
    own = await merchants.directory(core, sharer)
    try:
        card = await merchants.directory(core, id_) if id_ else None
    except Refused:
        card = None
    if card is None or card.test is not own.test:
        raise invalid_field(errors=[FieldError("/merchant", "There is no such merchant.")])
    return card.id


async def _account(core: Core, text: str) -> Id:
    id_ = id_from_text("acc_", text)
    if id_ is None or not await e_accounts.holders_of(core, [id_]):
        raise invalid_field(errors=[FieldError("/account", "There is no such account.")])
    return id_


async def find(core: Core, merchant: Id, text: str) -> ReceiverRow:
    """The merchant's receiver `rcv_…`. Raises `not_found`."""
    id_ = id_from_text(PREFIX, text)
    row = (await store.receivers(core.database, [id_])).get(id_) if id_ else None
    if row is None or row.merchant != merchant:
        raise not_found()
    return row


async def read(core: Core, merchant: Id, text: str) -> Receiver:
    """One receiver. Raises `not_found`."""
    return (await _views(core, [await find(core, merchant, text)]))[0]


async def remove(core: Core, merchant: Id, text: str) -> None:
    """It takes no new shares; what was planned for it before is paid still. Safe to repeat. Raises `not_found`."""
    await store.remove_receiver(core.database, (await find(core, merchant, text)).id, core.clock())


async def page(core: Core, merchant: Id, ask: ReceiversQuery) -> Page[Receiver]:
    """A merchant's receivers, newest first."""
    below = id_from_text(PREFIX, ask.cursor) if ask.cursor else None
    if ask.cursor and below is None:
        raise invalid_field(errors=[FieldError("cursor", "This is no cursor of this list.")])
    rows = await store.receivers_page(core.database, merchant, below, ask.limit + 1)
    shown = await _views(core, rows[: ask.limit])
    return Page(shown, shown[-1].id if len(rows) > ask.limit else None)


async def _views(core: Core, rows: Sequence[ReceiverRow]) -> list[Receiver]:
    holders = await e_accounts.holders_of(core, [row.payee_account for row in rows if row.payee_account])
    return [
        Receiver(
            id=id_text(PREFIX, row.id),
            reference=row.reference,
            name=holders[row.payee_account].name if row.payee_account else await _name(core, row.payee_merchant),
            merchant=id_text("mer_", row.payee_merchant) if row.payee_merchant else None,
            account=id_text("acc_", row.payee_account) if row.payee_account else None,
            created_at=rfc3339(row.created_at),
            removed_at=rfc3339(row.removed_at) if row.removed_at else None,
        )
        for row in rows
    ]


async def _name(core: Core, merchant: Id | None) -> str:
    assert merchant is not None, "a receiver is a merchant or an account"
    return (await merchants.directory(core, merchant)).name


async def accounts_of(core: Core, merchant: Id, texts: Sequence[str], currency: str) -> list[tuple[ReceiverRow, Id]]:
    """These receivers of the merchant and their ledger accounts, which are open. Raises `invalid_field` for others."""
    ids = [id_from_text(PREFIX, text) for text in texts]
    if len(set(ids)) < len(ids):
        raise invalid_field(errors=[FieldError("/shares", "Each receiver is named once.")])
    rows = await store.receivers(core.database, [id_ for id_ in ids if id_])
    found = []
    for place, id_ in enumerate(ids):
        row = rows.get(id_) if id_ else None
        if row is None or row.merchant != merchant or row.removed_at is not None:
            raise invalid_field(errors=[FieldError(f"/shares/{place}/receiver", "There is no such receiver.")])
        account = row.payee_account
        if row.payee_merchant is not None:
            account = await merchants.ensure_account(core, row.payee_merchant, currency)
        assert account is not None, "a receiver is a merchant or an account"
        found.append((row, account))
    return found
