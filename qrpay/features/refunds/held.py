"""Refunds whose payer's account cannot take them: set aside, tried again, or taken by another account of the payer.

The merchant has given the money back the moment it is set aside; it is the payer's from then on, and never lost.
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import Final

import msgspec
from msgspec.structs import replace

from qrpay.background.model import NewEvent
from qrpay.background.outbox import announce
from qrpay.core import Core
from qrpay.features.e_accounts import service as e_accounts
from qrpay.features.merchants import service as merchants
from qrpay.features.merchants.remembered import Remembered
from qrpay.features.payments.problems import OF_RESULT, currency_mismatch
from qrpay.features.refunds import looks, store
from qrpay.features.refunds.model import HeldRow, NewClaim, PayerRefund, RefundRow, RefundsQuery, Standing
from qrpay.features.refunds.problems import refund_not_held
from qrpay.ledger.chart import AccountCode, TransferCode
from qrpay.ledger.model import AccountFlag, NewAccount, Outcome, Posted, Result, Transfer
from qrpay.problem import FieldError, invalid_field, not_found
from qrpay.values import CURRENCY_OF_LEDGER, Id, Page, claim, id_from_text, id_text, ledger_of
from qrpay.web.callers import Wallet

CANNOT_TAKE: Final = frozenset({
    Result.CREDIT_ACCOUNT_NOT_FOUND,
    Result.CREDIT_ACCOUNT_CLOSED,
    Result.CREDITS_FROZEN,
    Result.OVERFLOWS_CREDITS,
    Result.EXCEEDS_CAP_BALANCE,
})  # fmt: skip
"""The payer's account says no. (What the merchant's says comes first, in the ledger's order of precedence.)"""
FIRST_PAUSE_S: Final = 60
PAUSE_S_MAX: Final = 6 * 3_600
REMEMBERED_MAX: Final = 20_000

_opened: Final = Remembered[Id, Id](REMEMBERED_MAX)
_owners: Final = Remembered[Id, Id](REMEMBERED_MAX)  # an account never changes hands


def account_of(merchant: Id, currency: str) -> Id:
    """The id of the ledger account that holds a merchant's refunds in this currency, whether it is open or not."""
    return claim("refunds_held", merchant, currency)


async def ensure_account(core: Core, merchant: Id, currency: str) -> Id:
    """That account, opened when it is not. Asks once. One for each merchant, so that no two wait for each other."""
    account = account_of(merchant, currency)
    if _opened.get(account) is None:
        await store.keep_account(core.database, account, merchant, currency)
        guard = AccountFlag.DEBITS_MUST_NOT_EXCEED_CREDITS
        ledger = ledger_of(currency, (await merchants.directory(core, merchant)).test)
        new = NewAccount(account, ledger, AccountCode.REFUNDS_HELD, guard)
        [result] = await core.ledger.create_accounts([new])
        assert result.stands, f"an account for held refunds cannot be opened: {result.name}"
        _opened.put(account, account, _opened.reading)
    return account


async def owners_of(core: Core, accounts: Iterable[Id]) -> dict[Id, Id]:
    """The merchants whose refunds these ledger accounts hold, remembered; accounts of nobody are left out."""
    found = {account: _owners.get(account) for account in accounts}
    if missing := [account for account, owner in found.items() if owner is None]:
        read = await store.owners_of_accounts(core.database, missing)
        for account, owner in read.items():
            _owners.put(account, owner, _owners.reading)
        found |= read
    return {account: owner for account, owner in found.items() if owner is not None}


# Setting aside -------------------------------------------------------------------------------------------------


async def set_aside(core: Core, row: RefundRow, transfer: Transfer, outcome: Outcome) -> Transfer:
    """The same refund to the account that holds it, its story kept first, and the payer told that it waits."""
    because = OF_RESULT[outcome.result].code
    holder = (await e_accounts.holders_of(core, [transfer.credit])).get(transfer.credit)
    assert holder is not None, "only a customer's account has paid"
    now = core.clock()
    waits = HeldRow(row.id, holder.customer, transfer.credit, because, 0)
    await store.hold(core.database, waits, now + timedelta(seconds=FIRST_PAUSE_S))
    account = await ensure_account(core, row.merchant, CURRENCY_OF_LEDGER[transfer.ledger].code)
    return replace(transfer, credit=account)


async def tell_payer(core: Core, row: RefundRow, posted: Posted) -> None:
    """Tell the payer that a refund waits. No transfer tells it: the money is in no account of the payer's."""
    waits = (await store.held(core.database, [row.id])).get(row.id)
    if waits is None:
        return
    event = NewEvent(
        id=claim("event", row.id, "payment.refund_pending"),
        type="payment.refund_pending",
        receiver=waits.customer,
        about=row.order,
        created_at=core.clock(),
        data=msgspec.Raw(msgspec.json.encode(await looks.payer_view(core, row, posted, None, waits))),
    )
    await announce(core, [event])


# Handing over --------------------------------------------------------------------------------------------------


async def _release(core: Core, row: RefundRow, held: Posted, account: Id) -> Outcome:
    """Hand a refund that was set aside to an account. It happens once: whoever is second is told what stands."""
    transfer = Transfer(
        id=claim("refund_release", held.id),
        debit=held.credit,
        credit=account,
        amount=held.amount,
        code=TransferCode.REFUND_RELEASE,
        ledger=held.ledger,
        about=row.order,
        reference=row.reference,
    )
    outcome = await core.ledger.post(transfer)
    if outcome.result.stands or outcome.result.differs:
        await store.end_hold(core.database, row.id, core.clock())
    return outcome


async def retry(core: Core, limit: int = 100) -> int:
    """Try the refunds whose time has come again, each later than the time before. Answers how many."""
    now = core.clock()
    due = await store.held_due(core.database, now, limit)
    rows = await store.by_id(core.database, [one.refund for one in due]) if due else {}
    for waits in due:
        row = rows[waits.refund]
        standing = await looks.standing(core, row.order)
        held = _set_aside(row, standing)
        if held is None:
            # It was never set aside. One that is still to be comes with a story of its own, so this one may end.
            await store.end_hold(core.database, row.id, now)
            continue
        if not waits.tries:
            await tell_payer(core, row, held)  # again, should whoever set it aside have died before
        outcome = await _release(core, row, held, waits.account)
        if not (outcome.result.stands or outcome.result.differs):
            pause_s = min(PAUSE_S_MAX, FIRST_PAUSE_S * 2 ** min(waits.tries, 20))
            because = OF_RESULT[outcome.result].code
            await store.try_later(core.database, row.id, because, now + timedelta(seconds=pause_s))
    return len(due) if len(due) == limit else 0


def _set_aside(row: RefundRow, standing: Standing) -> Posted | None:
    """The refund's transfer, when it was set aside."""
    posted = standing.referenced(row.reference)
    if posted is None or standing.payment is None or not looks.was_held(posted, standing.payment):
        return None
    return posted


# For the payer -------------------------------------------------------------------------------------------------


async def page(core: Core, wallet: Wallet, ask: RefundsQuery) -> Page[PayerRefund]:
    """The refunds that wait for this customer, newest first."""
    below = id_from_text("ref_", ask.cursor) if ask.cursor else None
    if ask.cursor and below is None:
        raise invalid_field(errors=[FieldError("cursor", "This is no cursor of this list.")])
    waiting = await store.held_of_customer(core.database, wallet.id, below, ask.limit + 1)
    rows = await store.by_id(core.database, [one.refund for one in waiting]) if waiting else {}
    found = await looks.standing_of(core, list({row.order for row in rows.values()}))
    shown = []
    for waits in waiting[: ask.limit]:
        row = rows[waits.refund]
        posted = _set_aside(row, found[row.order])
        if posted is not None:
            reached = found[row.order].release_of(posted)
            shown.append(await looks.payer_view(core, row, posted, reached, waits))
    cursor = waiting[ask.limit - 1].refund if len(waiting) > ask.limit else None
    return Page(shown, None if cursor is None else id_text("ref_", cursor))


async def take(core: Core, wallet: Wallet, path: str, ask: NewClaim) -> tuple[PayerRefund, bool]:
    """Take a refund that waits into one of one's accounts, and whether it came just now. Safe to repeat.

    Refuses `not_found`, `refund_not_held` when it is in another account already, `currency_mismatch`, and what the
    account says: `account_closed`, `account_frozen`, `balance_cap_exceeded`.
    """
    id = id_from_text("ref_", path)
    row = (await store.by_id(core.database, [id])).get(id) if id else None
    standing = looks.NOTHING if row is None else await looks.standing(core, row.order)
    held = None if row is None else _set_aside(row, standing)
    if row is None or held is None or standing.payment is None or not await _own(core, wallet, standing.payment.debit):
        raise not_found()
    account = await _account(core, wallet, ask, standing.payment.debit)
    outcome = await _release(core, row, held, account)
    if outcome.result.stands:
        standing = await looks.standing(core, row.order)
        view = await looks.payer_view(core, row, held, standing.release_of(held))
        return view, outcome.result is Result.CREATED
    if outcome.result.differs:
        raise refund_not_held()
    if outcome.result is Result.ACCOUNTS_MUST_HAVE_THE_SAME_LEDGER:
        raise currency_mismatch(currency=CURRENCY_OF_LEDGER[held.ledger].code)
    raise OF_RESULT[outcome.result](currency=CURRENCY_OF_LEDGER[held.ledger].code, left=outcome.left)


async def _own(core: Core, wallet: Wallet, account: Id) -> bool:
    holder = (await e_accounts.holders_of(core, [account])).get(account)
    return holder is not None and holder.customer == wallet.id


async def _account(core: Core, wallet: Wallet, ask: NewClaim, paid_from: Id) -> Id:
    if ask.account is None:
        return paid_from
    account = id_from_text("acc_", ask.account)
    if account is None:
        raise invalid_field(errors=[FieldError("/account", "An account's id starts with acc_.")])
    await e_accounts.owned_account(core, wallet.id, account)
    return account
