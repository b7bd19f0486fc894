"""The rules of transfers between customers: the id is claimed from sender and key, story first and money last.

What the receiver's account cannot take is set aside under the same id, so nothing fails that the sender did right and
nothing is lost. It reaches the receiver, or goes back, by one more claim: whichever is first.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final

from qrpay.core import Core
from qrpay.features.collect_codes import service as collect_codes
from qrpay.features.e_accounts import pins
from qrpay.features.e_accounts import service as e_accounts
from qrpay.features.p2p import store
from qrpay.features.p2p.model import Held, ListQuery, NewClaim, NewTransfer, P2PTransfer, Payee, PayeeShown, Row
from qrpay.features.p2p.problems import (
    amount_differs,
    payee_cannot_receive,
    payee_not_found,
    request_settled,
    transfer_not_held,
)
from qrpay.features.payments.problems import OF_RESULT, pin_required, refusal_of
from qrpay.features.payments.service import resets_at
from qrpay.ledger.chart import AccountCode, TransferCode
from qrpay.ledger.model import AccountFlag, NewAccount, Outcome, Posted, Result, Transfer
from qrpay.problem import (
    FieldError,
    Refused,
    idempotency_key_missing,
    idempotency_key_reused,
    invalid_field,
    not_found,
)
from qrpay.values import TEST_LEDGERS, Id, Page, claim, id_from_text, id_text, ledger_of, rfc3339
from qrpay.web.callers import Wallet

RETURN_DAYS: Final = 7
"""How long money waits for a receiver whose account cannot take it."""
LIST_MAX: Final = 100
KEY_MAX: Final = 255
CANNOT_TAKE: Final = frozenset({
    Result.EXCEEDS_CAP_BALANCE, Result.EXCEEDS_CAP_INFLOW_DAY, Result.EXCEEDS_CAP_INFLOW_YEAR, Result.CREDITS_FROZEN,
    Result.CREDIT_ACCOUNT_CLOSED,
})  # fmt: skip
"""What is about the receiver's account, and no fault of the sender's."""


# Whom --------------------------------------------------------------------------------------------------------------


async def who_is(core: Core, wallet: Wallet, to: str) -> PayeeShown:
    """Who would be paid: shown, masked, before anything moves. Refuses `payee_not_found`, `code_expired`."""
    payee = await payee_of(core, wallet, to)
    return PayeeShown(payee.name, id_text("cus_", payee.customer), payee.currency, payee.amount, payee.note)


async def payee_of(core: Core, wallet: Wallet, to: str) -> Payee:
    """Whom a text names: a customer, a phone, or a collect code as it was scanned."""
    text = to.strip()
    if text.isascii() and text.isdigit():
        found = await e_accounts.by_phone(core, text, wallet.ledger >= TEST_LEDGERS)
    elif code := id_from_text("col_", text.rsplit("/", 1)[-1]):
        row = await collect_codes.good(core, code)
        found = await e_accounts.customer(core, row.customer)
        if found is not None and found.status == "active":
            return Payee(row.customer, found.name_masked, row.account, row.currency, row.amount, row.note)
    else:
        customer = id_from_text("cus_", text)
        found = None if customer is None else await e_accounts.customer(core, customer)
    if found is None or found.status != "active":
        raise payee_not_found()
    return Payee(found.id, found.name_masked)


async def account_for(core: Core, payee: Payee, currency: str, test: bool) -> Id:
    """The payee's account that takes this money: the code's, or the oldest that may. Refuses `payee_cannot_receive`."""
    owned = await e_accounts.own_accounts(core, payee.customer)
    good = [one.id for one in owned if one.unbound_credits and (one.currency, one.test) == (currency, test)]
    if payee.account is not None:
        good = [one for one in good if one == payee.account]
    if not good:
        raise payee_cannot_receive()
    return good[0]


# Sending -----------------------------------------------------------------------------------------------------------


async def send(core: Core, wallet: Wallet, key: str | None, ask: NewTransfer) -> tuple[P2PTransfer, bool]:
    """Pay another customer, and whether it was done just now. Safe to repeat under its key, for ever.

    Refuses `payee_not_found`, `payee_cannot_receive`, `code_expired`, `collect_amount_differs`, `pin_required`,
    `pin_wrong`, `idempotency_key_reused` with each field that differs, and what the sender's account says.
    """
    row = await _story(core, wallet, claimed_id("p2p", wallet, key), ask)
    return await move(core, wallet, row, ask.pin)


def claimed_id(kind: str, wallet: Wallet, key: str | None) -> Id:
    """The id behind an Idempotency-Key of this customer. Raises `idempotency_key_missing`."""
    if not key or len(key) > KEY_MAX:
        raise idempotency_key_missing(errors=[FieldError("Idempotency-Key", f"1 to {KEY_MAX} characters.")])
    return claim(kind, wallet.id, key)


async def _story(core: Core, wallet: Wallet, id_: Id, ask: NewTransfer) -> Row:
    """The transfer's story, told now or before; what was told before decides what it means."""
    to_hash = core.vault.mac("p2p-to", ask.to.strip().encode())
    sender_account = await own_account(core, wallet, ask.account)
    told = (await store.by_ids(core.database, [id_])).get(id_)
    if told is None:
        payee = await payee_of(core, wallet, ask.to)
        if payee.amount not in (None, ask.amount) or payee.currency not in (None, ask.currency):
            raise amount_differs(amount=payee.amount, currency=payee.currency)
        test = wallet.ledger >= TEST_LEDGERS
        row = Row(
            id_, wallet.id, sender_account, payee.customer, await account_for(core, payee, ask.currency, test),
            ask.amount, ask.currency, ask.note, to_hash, core.clock(),
        )  # fmt: skip
        if row.receiver_account == sender_account:
            raise OF_RESULT[Result.ACCOUNTS_MUST_BE_DIFFERENT]()
        await store.add(core.database, row)
        told = (await store.by_ids(core.database, [id_]))[id_]
    pairs = (("/to", told.to_hash, to_hash), ("/amount", told.amount, ask.amount), ("/note", told.note, ask.note),
             ("/currency", told.currency, ask.currency), ("/account", told.sender_account, sender_account))  # fmt: skip
    if errors := [FieldError(place, "It differs from what was sent first.") for place, was, now in pairs if was != now]:
        raise idempotency_key_reused(errors=errors)
    return told


async def own_account(core: Core, wallet: Wallet, asked: str | None) -> Id:
    """The account that is named, the customer's own; the token's when none is. Raises `not_found`, `invalid_field`."""
    if asked is None:
        return wallet.account
    account = id_from_text("acc_", asked)
    if account is None:
        raise invalid_field(errors=[FieldError("/account", "An account's id starts with acc_.")])
    await e_accounts.owned_account(core, wallet.id, account)
    return account


async def move(core: Core, wallet: Wallet, row: Row, pin: str | None) -> tuple[P2PTransfer, bool]:
    """Move a story's money, once: to the receiver, or set aside when the receiver's account cannot take it."""
    if row.id not in await core.ledger.lookup_transfers([row.id]) and row.amount >= core.settings.pin_from:
        if pin is None:
            raise pin_required(amount=row.amount)
        await pins.check(core, wallet.id, pin)
    ledger = ledger_of(row.currency, wallet.ledger >= TEST_LEDGERS)
    outcome = await core.ledger.post(_transfer(row, row.receiver_account, ledger))
    if outcome.result in CANNOT_TAKE:
        outcome = await _set_aside(core, row, outcome.result, ledger)
    if outcome.result is Result.EXISTS_WITH_DIFFERENT_DEBIT_ACCOUNT:
        raise request_settled(status="declined or withdrawn")  # a marker bears the id
    if not outcome.result.stands and outcome.result is not Result.EXISTS_WITH_DIFFERENT_CREDIT_ACCOUNT:
        raise refused(outcome, row.currency)
    return (await views(core, wallet.id, [row]))[0], outcome.result is Result.CREATED


def refused(outcome: Outcome, currency: str) -> Refused:
    """The refusal behind the ledger's result, told to the sender."""
    return refusal_of(outcome, currency, resets_at(outcome), figures=True)


def _transfer(row: Row, credit: Id, ledger: int) -> Transfer:
    return Transfer(row.id, row.sender_account, credit, row.amount, TransferCode.P2P, ledger, reference=row.note or "")


async def _set_aside(core: Core, row: Row, result: Result, ledger: int) -> Outcome:
    """The same transfer to the account that holds it, its story told first."""
    account = claim("p2p_held", row.receiver, ledger)
    flags = AccountFlag.DEBITS_MUST_NOT_EXCEED_CREDITS
    await core.ledger.create_accounts([NewAccount(account, ledger, AccountCode.TRANSFERS_HELD, flags)])
    now = core.clock()
    await store.hold(core.database, Held(row.id, row.receiver, result.name.lower(), now, now + timedelta(RETURN_DAYS)))
    return await core.ledger.post(_transfer(row, account, ledger))


# What waits --------------------------------------------------------------------------------------------------------


async def waiting(core: Core, wallet: Wallet) -> Sequence[P2PTransfer]:
    """What was sent to me and my account could not take: it waits, and goes back after RETURN_DAYS."""
    held = await store.held_of(core.database, wallet.id, LIST_MAX)
    rows = await store.by_ids(core.database, [one.id for one in held]) if held else {}
    return [one for one in await views(core, wallet.id, [rows[one.id] for one in held]) if one.status == "held"]


async def take(core: Core, wallet: Wallet, path: str, ask: NewClaim) -> P2PTransfer:
    """Take money that waits, into the account it was sent to or another one. Safe to repeat.

    Refuses `not_found`, `transfer_not_held`, `payee_cannot_receive`, and what the account says.
    """
    id_ = id_from_text("tra_", path)
    row = (await store.by_ids(core.database, [id_])).get(id_) if id_ else None
    if row is None or row.receiver != wallet.id:
        raise not_found()
    account = row.receiver_account if ask.account is None else await own_account(core, wallet, ask.account)
    if not (await e_accounts.owned_account(core, wallet.id, account)).unbound_credits:
        raise payee_cannot_receive()
    posted = (await core.ledger.lookup_transfers([row.id])).get(row.id)
    if posted is None or posted.credit == row.receiver_account:
        raise transfer_not_held()
    outcome = await _end(core, row, posted, account, TransferCode.P2P_RELEASE)
    if outcome.result.differs:
        raise transfer_not_held()
    if not outcome.result.stands:
        problem = OF_RESULT.get(outcome.result, OF_RESULT[Result.EXCEEDS_CAP_BALANCE])
        raise problem(currency=row.currency, left=outcome.left)
    return (await views(core, wallet.id, [row]))[0]


async def _end(core: Core, row: Row, held: Posted, account: Id, code: TransferCode) -> Outcome:
    """Hand over what was set aside: to the receiver, or back. It happens once."""
    transfer = Transfer(
        claim("p2p_end", row.id), held.credit, account, row.amount, code, held.ledger, about=row.id,
        reference=row.note or "",
    )  # fmt: skip
    outcome = await core.ledger.post(transfer)
    if outcome.result.stands or outcome.result.differs:
        await store.end_hold(core.database, row.id, core.clock())
    return outcome


async def give_back(core: Core) -> int:
    """Give back what has waited too long; what the sender's account cannot take now is tried again."""
    due = await store.held_due(core.database, core.clock(), LIST_MAX)
    rows = await store.by_ids(core.database, [one.id for one in due]) if due else {}
    posted = await core.ledger.lookup_transfers(list(rows)) if rows else {}
    done = 0
    for id_, row in rows.items():
        held = posted.get(id_)
        if held is not None and held.credit != row.receiver_account:
            outcome = await _end(core, row, held, row.sender_account, TransferCode.P2P_RETURN)
            done += outcome.result.stands
        else:
            await store.end_hold(core.database, id_, core.clock())  # it reached its receiver after all, or never moved
    return done if len(due) == LIST_MAX else 0


# Looking -----------------------------------------------------------------------------------------------------------


async def page(core: Core, wallet: Wallet, ask: ListQuery) -> Page[P2PTransfer]:
    """What I sent and what I received, newest first; stories without money are left out."""
    before = None
    if ask.cursor is not None:
        id_ = id_from_text("tra_", ask.cursor)
        before = (await store.by_ids(core.database, [id_])).get(id_) if id_ else None
        if before is None or wallet.id not in (before.sender, before.receiver):
            raise invalid_field(errors=[FieldError("cursor", "This is no cursor of this list.")])
    at, below = (before.created_at, before.id) if before else (None, None)
    rows = await store.page(core.database, wallet.id, at, below, ask.limit + 1)
    more = id_text("tra_", rows[ask.limit - 1].id) if len(rows) > ask.limit else None
    return Page(await views(core, wallet.id, rows[: ask.limit]), more)


async def views(core: Core, customer: Id, rows: Sequence[Row]) -> list[P2PTransfer]:
    """Transfers as this customer sees them; those whose money has not moved are left out."""
    if not rows:
        return []
    posted = await core.ledger.lookup_transfers([id_ for row in rows for id_ in (row.id, claim("p2p_end", row.id))])
    sides = {row.receiver_account if row.sender == customer else row.sender_account for row in rows}
    names = {account: holder.name for account, holder in (await e_accounts.holders_of(core, sides)).items()}
    return [_view(customer, row, posted, names) for row in rows if _moved(row, posted)]


def _moved(row: Row, posted: Mapping[Id, Posted]) -> bool:
    return row.id in posted and posted[row.id].code == TransferCode.P2P


def _view(customer: Id, row: Row, posted: Mapping[Id, Posted], names: Mapping[Id, str]) -> P2PTransfer:
    moved, end = posted[row.id], posted.get(claim("p2p_end", row.id))
    held = moved.credit != row.receiver_account
    status = "succeeded" if not held else "held" if end is None else "succeeded"
    if held and end is not None and end.code == TransferCode.P2P_RETURN:
        status = "returned"
    sent = row.sender == customer
    other = row.receiver_account if sent else row.sender_account
    return P2PTransfer(
        id_text("tra_", row.id), status, "sent" if sent else "received", row.amount, row.currency,  # type: ignore[arg-type] # one of three
        names.get(other, ""), row.note, rfc3339(moved.timestamp),
    )  # fmt: skip
