"""The last step: consent, and the account, exactly once; each person has no more than the rules allow.

The ledger's account comes first, empty; then one transaction says whose it is and takes one of the person's places.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec.structs import replace

from qrpay.core import Core
from qrpay.features.clearing import service as clearing
from qrpay.features.e_accounts import pins
from qrpay.features.e_accounts import service as e_accounts
from qrpay.features.e_accounts import store as e_account_store
from qrpay.features.e_accounts.masks import masked_name, masked_phone
from qrpay.features.e_accounts.model import CustomerRow, EAccount
from qrpay.features.e_accounts.problems import phone_taken
from qrpay.features.openings import ids, personal, service, store
from qrpay.features.openings.model import Consent, Details, InReview, Opening, Row
from qrpay.features.openings.problems import accounts_too_many, customer_phone_differs, opening_changed, opening_step
from qrpay.problem import not_found
from qrpay.values import Id, claim

if TYPE_CHECKING:
    from qrpay.database.pool import Queries

PLACES: Final = 5
"""Accounts of each class that one person may have at the bank (银发〔2018〕16号)."""
SWEEP_MAX: Final = 100
LIST_MAX: Final = 200


async def consent(core: Core, opening: Id, ask: Consent) -> Opening:
    """Agree, choose a PIN, and have the account opened; or, on a watch list, have an operator look first.

    Safe to repeat. Refuses `accounts_too_many`, `phone_taken` (another customer's), `customer_phone_differs`,
    `pin_wrong` (of somebody who is a customer already), `opening_changed`.
    """
    row = await service.row_of(core, opening)
    if row.status == "opened":
        return await _opened(core, row)
    if row.status == "in_review":
        return await service.view(core, row)
    if row.next != "consent":
        raise opening_step(next=row.next or row.status)
    known = await service.details_of(core, row)
    assert row.person is not None, "who agrees has said who it is"
    phc = ""
    if customer := await store.person(core.database, row.person):
        await pins.check(core, customer, ask.pin)
    else:
        phc = await pins.phc_of(core, _customer_of(row), ask.pin)
    if row.watched:
        return await _to_review(core, row, known, phc)
    return await _open(core, row, known, phc)


def _customer_of(row: Row) -> Id:
    """The customer that an opening makes of a person who is none yet."""
    return claim("customer", row.id)


async def _to_review(core: Core, row: Row, known: Details, phc: str) -> Opening:
    body = msgspec.json.encode(ReviewedDetails(known, phc))
    sealed = await personal.seal(core, core.database, row.id, body)
    row = replace(row, status="in_review", next=None, details=sealed)
    if not await store.save(core.database, row, core.clock()):
        raise opening_changed()
    return await service.view(core, replace(row, details=None))


async def _open(core: Core, row: Row, known: Details, phc: str) -> Opening:
    """Open the account, once."""
    account = EAccount(
        claim("e_account", row.id),
        _customer_of(row),
        row.account_class,
        row.currency,
        online=True,
        unbound_credits=False,
    )
    await e_accounts.open_in_ledger(core, account, None)
    async with core.database.transaction() as within:
        # Of two consents at once, one gets past this line.
        claimed = await store.save(within, row, core.clock())
        done = await _opened_by(core, within, row, known, phc, account) if claimed else None
    if done is None:
        done = await service.row_of(core, row.id)
        if done.status != "opened":
            raise opening_changed()
    return await _opened(core, done)


async def _opened_by(core: Core, within: "Queries", row: Row, known: Details, phc: str, account: EAccount) -> Row:
    customer = await _customer(core, within, row, known, phc)
    await _take_place(within, row, account.id)
    account = replace(account, customer=customer)
    await e_account_store.insert_account(within, account)
    await _bind(core, within, account, known)
    done = replace(
        row, version=row.version + 1, status="opened", next=None, details=None, customer=customer, account=account.id
    )
    kept = await store.save(within, done, core.clock())
    assert kept, "nobody changes a row that this transaction has changed"
    await store.erase_opening(within, row.id)
    return done


async def _customer(core: Core, within: "Queries", row: Row, known: Details, phc: str) -> Id:
    """The customer that this person is, made when there is none: of all who try at once, one makes it."""
    assert row.person is not None, "who agrees has said who it is"
    phone = e_accounts.phone_hash(core, known.phone)
    customer = await store.person(within, row.person)
    if customer is None and await e_account_store.insert_customer(within, _new_customer(core, row, known, phone)):
        customer = _customer_of(row)
        await store.add_person(within, row.person, customer)
        if await store.person(within, row.person) != customer:
            raise opening_changed()  # the same person became a customer by another phone just now
        await personal.new_key(core, within, customer)
        await e_account_store.insert_pin(within, customer, phc)
        return customer
    if customer is None:
        customer = await store.person(within, row.person)  # by another opening of the same person, just now
    if customer is None:
        raise phone_taken()
    found = await e_account_store.customer_by_phone(within, phone)
    if found is None or found.id != customer:
        raise customer_phone_differs()
    return customer


def _new_customer(core: Core, row: Row, known: Details, phone: bytes) -> CustomerRow:
    return CustomerRow(
        _customer_of(row), core.vault.seal("customer-name", known.name.encode()), masked_name(known.name), phone,
        core.vault.seal("customer-phone", known.phone.encode()), masked_phone(known.phone),
    )  # fmt: skip


async def _take_place(within: "Queries", row: Row, account: Id) -> None:
    assert row.person is not None, "who agrees has said who it is"
    for _ in range(PLACES):  # each that somebody else takes meanwhile is one less
        if await store.take_place(within, row.person, row.account_class, PLACES, account):
            return
    raise accounts_too_many(limit=PLACES)


async def _bind(core: Core, within: "Queries", account: EAccount, known: Details) -> None:
    await personal.new_key(core, within, account.customer)
    details = await personal.seal(core, within, account.customer, msgspec.json.encode(replace(known, deposit=0)))
    number = core.vault.mac("bound-account", known.card.encode())
    await store.bind(within, account.id, account.customer, number, ids.masked_card(known.card), details, core.clock())


async def _opened(core: Core, row: Row) -> Opening:
    """The opening with its account and a token that pays from it, once the person's accounts count together."""
    assert row.customer is not None and row.account is not None, "it is open"
    await _count_together(core, row)
    return await service.view(core, row, await e_accounts.issue_token(core, row.customer, row.account))


async def _count_together(core: Core, row: Row) -> None:
    assert row.customer is not None, "it is open"
    await e_accounts.share_caps(core, row.customer, row.currency)
    await store.counted(core.database, row.id)


# Review --------------------------------------------------------------------------------------------------------


class ReviewedDetails(msgspec.Struct, frozen=True):
    """What waits with an opening in review, under its key: the person, and the PIN at rest."""

    details: Details
    phc: str

    def __repr__(self) -> str:
        """Without the person."""
        return "ReviewedDetails(…)"


async def waiting(core: Core, limit: int = LIST_MAX) -> Sequence[InReview]:
    """Openings that wait for an operator, oldest first."""
    return await store.in_review(core.database, limit)


async def in_review(core: Core, opening: Id) -> tuple[InReview, Details] | None:
    """An opening that waits for an operator, and who the person is; None when none of this id waits."""
    row = await store.by_id(core.database, opening)
    if row is None or row.status != "in_review" or row.details is None:
        return None
    known = (await _reviewed(core, row)).details
    return InReview(row.id, row.account_class, row.changed_at), known


async def _reviewed(core: Core, row: Row) -> ReviewedDetails:
    assert row.details is not None, "what waits is kept"
    return msgspec.json.decode(await personal.unseal(core, core.database, row.id, row.details), type=ReviewedDetails)


async def decide(core: Core, opening: Id, opens: bool, by: str, why: str) -> Opening:
    """Open an account after all, or refuse it for good; who and why is kept. Safe to repeat.

    Raises `not_found`, `opening_step` when it does not wait or was decided otherwise.
    """
    row = await store.by_id(core.database, opening)
    if row is None:
        raise not_found()
    if row.status == ("opened" if opens else "refused"):
        return await service.view(core, row)
    if row.status != "in_review" or row.details is None:
        raise opening_step(next=row.next or row.status)
    await store.decided(core.database, row.id, by, why)
    if opens:
        waits = await _reviewed(core, row)
        return await _open(core, row, waits.details, waits.phc)
    async with core.database.transaction() as within:
        done = replace(row, status="refused", details=None)
        if not await store.save(within, done, core.clock()):
            raise opening_changed()
        await store.erase_opening(within, row.id)
    return await service.view(core, done)


# By the clock --------------------------------------------------------------------------------------------------


async def sweep(core: Core) -> int:
    """Finish what a process that died left: accounts that do not count together yet; and forget what has expired."""
    left = await store.uncounted(core.database, SWEEP_MAX)
    for id_ in left:
        row = await store.by_id(core.database, id_)
        if row is not None and row.status == "opened":
            await _count_together(core, row)
    await store.forget_sent(core.database, core.clock() - timedelta(days=2))
    forgotten = await store.expired(core.database, core.clock() - timedelta(hours=1), SWEEP_MAX)
    return SWEEP_MAX if SWEEP_MAX in (len(left), forgotten) else 0


async def hear(core: Core) -> int:
    """Take note of how small deposits ended; whoever asks reads it from clearing."""
    ended = await clearing.ended(core, service.PURPOSE, LIST_MAX)
    if ended:
        async with core.database.transaction() as within:
            await clearing.heard(within, ended)
    return len(ended)
