"""Paying: verify a statement, post a transfer that bears the order's id, answer. The hot path reads nothing."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache, partial
from time import perf_counter_ns
from typing import Final

from msgspec.structs import replace

from qrpay.codes.payload import CodeContent
from qrpay.codes.problems import code_expired, code_foreign, code_not_payable
from qrpay.codes.receipt import Receipt, sign_receipt, verify_receipt
from qrpay.codes.recognise import recognise
from qrpay.core import Core
from qrpay.features.collect_codes import service as collect_codes
from qrpay.features.e_accounts import pins
from qrpay.features.e_accounts import service as e_accounts
from qrpay.features.fees import service as fees
from qrpay.features.merchants import service as merchants
from qrpay.features.offline_codes import allowance
from qrpay.features.orders import looks
from qrpay.features.orders import service as orders
from qrpay.features.orders import store as order_store
from qrpay.features.orders.model import OrderRow, PayeeView
from qrpay.features.orders.problems import order_closed, order_expired, order_paid
from qrpay.features.payments import by_code
from qrpay.features.payments.model import NewPayment, Payable, Payment, PaymentsQuery, Scan
from qrpay.features.payments.problems import (
    account_frozen,
    amount_not_allowed,
    order_not_paid,
    pin_required,
    refusal_of,
    self_payment,
    test_and_live,
)
from qrpay.features.sharing import plans
from qrpay.features.static_codes import service as static_codes
from qrpay.ledger.chart import PAYMENTS, TransferCode
from qrpay.ledger.model import Outcome, Posted, Result, Transfer
from qrpay.memory import Memory
from qrpay.problem import FieldError, Refused, invalid_field, not_found
from qrpay.values import CURRENCY_OF_LEDGER, TEST_LEDGERS, Id, Page, id_from_text, id_text, ledger_of, rfc3339
from qrpay.web.callers import Wallet

PAGES_MAX: Final = 10
"""Pages of a statement that one page of payments looks through."""
Door = Callable[[Transfer], Awaitable[Outcome]]

_alone: Final = Memory[Id, int](10_000)
"""Merchants with neither fees nor shares, as of a reading of both: so nothing else is asked about their payments."""


# What a code says ----------------------------------------------------------------------------------------------


async def scan(core: Core, text: str) -> Scan:
    """What a scanned text says, checked; nothing moves. Says nothing of an order before its signature holds."""
    kind = recognise(text, core.settings.code_guid, core.settings.payment_code_prefix, core.settings.url)
    if kind.what == "receipt":
        return await _scanned_receipt(core, text)
    if kind.collect_code is not None:
        return await _scanned_collect_code(core, kind.collect_code)
    payable = await payable_of(core, text)
    if payable.other is not None:
        return await by_code.scan(core, payable.other)
    if core.clock() >= payable.expires_at:
        raise code_expired(expired_at=rfc3339(payable.expires_at))
    return Scan(
        kind="order",
        payee=await _payee(core, payable),
        amount=payable.amount,
        currency=payable.currency,
        order=id_text("ord_", payable.order),
        expires_at=rfc3339(payable.expires_at),
    )


async def _scanned_receipt(core: Core, text: str) -> Scan:
    receipt = verify_receipt(text, core.keyring, core.clock())
    merchant = id_from_text("mer_", receipt.sub)
    if merchant is None:
        raise code_not_payable(what="receipt")
    card = await merchants.directory(core, merchant)
    return Scan("receipt", PayeeView(card.name, card.verified), receipt.amount, receipt.currency, receipt.order, None)


async def _scanned_collect_code(core: Core, code: Id) -> Scan:
    row = await collect_codes.good(core, code)
    payee = await e_accounts.customer(core, row.customer)
    name = payee.name_masked if payee is not None else ""
    expires_at = rfc3339(row.expires_at)
    return Scan("collect", PayeeView(name, False), row.amount, row.currency, None, expires_at, description=row.note)


async def payable_of(core: Core, text: str) -> Payable:
    """What a scanned text asks to be paid: from our signed code alone, or behind our cashier link, from its order.

    Refuses `code_malformed`, `code_forged`, `code_unknown_key`, `code_foreign` (with the scheme), `code_not_payable`.
    """
    if text.startswith("000201"):
        return _payable(core.reader.verify(text, core.clock()))
    kind = recognise(text, core.settings.code_guid, core.settings.payment_code_prefix, core.settings.url)
    if kind.what == "cashier_link" and kind.order is not None:
        return await payable_order(core, kind.order)
    if kind.static_code is not None:
        row = await static_codes.row_of(core, kind.static_code)
        return _payable(core.reader.verify(row.payload, core.clock()))
    if kind.what.startswith("foreign"):
        raise code_foreign(scheme=kind.scheme)
    raise code_not_payable(what=kind.what)


def _payable(content: CodeContent) -> Payable:
    if content.order is None or content.amount is None or content.certificate is not None:
        return by_code.open_payable(content)
    return Payable(
        content.order, content.merchant, content.amount, content.currency, content.name, _moment(content.expires_at)
    )


@lru_cache(256)
def _moment(seconds: int) -> datetime:
    """Unix seconds as a time; codes issued in the same second end in the same second."""
    return datetime.fromtimestamp(seconds, UTC)


async def payable_order(core: Core, order: Id) -> Payable:
    """What an order asks to be paid, from its row. `not_found` when there is none."""
    row = (await order_store.by_id(core.database, [order])).get(order)
    if row is None or row.amount is None or row.currency is None:
        raise not_found()
    card = await merchants.directory(core, row.merchant)
    static = False
    if row.source is not None:
        static = await by_code.is_static(core, row)
    return Payable(row.id, row.merchant, row.amount, row.currency, card.name_latin, row.expires_at, static)


async def _payee(core: Core, payable: Payable) -> PayeeView:
    card = merchants.card_now(payable.merchant) or await merchants.directory(core, payable.merchant)
    return PayeeView(card.name, card.verified)


async def _payee_for(core: Core, wallet: Wallet, payable: Payable) -> tuple[PayeeView, int]:
    """Whom this wallet is to pay, and the ledger of what is owed: the engine refuses an account of another one.

    Refuses `test_and_live` when one of both is for trying.
    """
    card = merchants.card_now(payable.merchant) or await merchants.directory(core, payable.merchant)
    if card.test is not (wallet.ledger >= TEST_LEDGERS):
        raise test_and_live()
    return PayeeView(card.name, card.verified), ledger_of(payable.currency, card.test)


# Paying --------------------------------------------------------------------------------------------------------


async def pay(
    core: Core, wallet: Wallet, ask: NewPayment, key: str | None = None, began_ns: int = 0
) -> tuple[Payment, bool]:
    """Pay what was scanned, or an order by its id; and whether it was paid just now. Safe to repeat.

    Who has paid already gets the same payment again, whatever the clock says: money is read first. Refuses what
    the code's check refuses, `order_paid` (by somebody else), `order_closed`, `code_expired`, `order_expired`,
    `test_and_live`, `pin_required`, `pin_wrong`, and the ledger's refusals with their figures.

    began_ns  when its request came, as `traces.begin` says; 0: it is not measured
    """
    decoded_ns = perf_counter_ns() if began_ns else 0
    payable = await _asked(core, wallet, ask, key)
    account = wallet.account if ask.account is None else await _account(core, wallet, ask.account)
    payee = _account_of(payable.merchant, payable.currency)
    if account == payee:
        raise self_payment()
    if core.clock() >= payable.expires_at:
        return await _after_expiry(core, wallet, payable, scanned=ask.scanned is not None and not payable.static)
    payee_view, ledger = await _payee_for(core, wallet, payable)
    if not payee_view.verified and await orders.standing(core, payable.order) is None:
        raise account_frozen()  # the shop was frozen or closed after it showed this code
    needs_pin = payable.amount >= core.settings.pin_from
    if needs_pin and not await _confirmed(core, wallet, ask, payable):
        return await _standing(core, wallet, payable), False
    code = TransferCode.PAYMENT_PIN if needs_pin else TransferCode.PAYMENT
    if payable.static:
        code = TransferCode.PAYMENT_STATIC
    transfer = Transfer(payable.order, account, payee, payable.amount, code, ledger)
    post: Door = core.ledger.post
    if payable.draws is not None or _alone.get(payable.merchant) != fees.schedules.reading + plans.sharing.reading:
        post = await _door(core, payable, transfer)
    if began_ns:
        core.ledger.traces.stamp(payable.order, began_ns, decoded_ns)
    outcome = await post(transfer)
    if outcome.result is Result.EXCEEDS_CAP_CODE_C and ask.pin is not None:
        # Without a PIN little may be paid in a day; with it, more (rules.md 3.1, classes C and B).
        await pins.check(core, wallet.id, ask.pin)
        outcome = await post(replace(transfer, code=TransferCode.PAYMENT_PIN))
    if outcome.result.stands:
        assert outcome.timestamp is not None
        made = outcome.result is Result.CREATED
        if made:
            core.hub.wake(payable.order)
        back = {} if made else await looks.refunded(core, [payable.order])
        return payment_view(core, payable, account, outcome.timestamp, payee_view, back.get(payable.order, 0)), made
    if outcome.result.differs:
        return await _standing(core, wallet, payable), False
    raise refusal_of(outcome, payable.currency, resets_at(outcome), figures=True)


async def _door(core: Core, payable: Payable, payment: Transfer) -> Door:
    """How a payment is posted that is not alone: with its fee, its shares, or what its code draws on."""
    merchant, reading = payable.merchant, fees.schedules.reading + plans.sharing.reading
    fee = await fees.beside(core, merchant, payment)
    if payable.draws is not None:
        return partial(allowance.post, core, payable.draws, beside=fee)
    shares = await plans.beside(core, merchant, payment, fee)
    if not fees.may_cost(merchant) and not plans.may_share(merchant):
        _alone.put(merchant, reading)
    return partial(plans.post, core, beside=[*fee, *shares])


async def _asked(core: Core, wallet: Wallet, ask: NewPayment, key: str | None) -> Payable:
    if (ask.scanned is None) == (ask.order is None):
        raise invalid_field(errors=[FieldError("", "Send either scanned or order.")])
    if ask.scanned is not None:
        payable = await payable_of(core, ask.scanned)
    else:
        order = id_from_text("ord_", ask.order or "")
        if order is None:
            raise not_found()
        payable = await payable_order(core, order)
    if payable.other is not None:
        payable = await by_code.payable_now(core, wallet, ask, payable.other, key)
    elif ask.amount is not None:
        raise amount_not_allowed(amount=payable.amount)
    if ask.offer is not None:
        raise invalid_field(errors=[FieldError("/offer", "There is no such offer for this payment.")])
    return payable


async def _account(core: Core, wallet: Wallet, asked: str) -> Id:
    """The account that pays: the token's own, or another of the same customer."""
    account = id_from_text("acc_", asked)
    if account is None:
        raise invalid_field(errors=[FieldError("/account", "An account's id starts with acc_.")])
    if account != wallet.account:
        await e_accounts.owned_account(core, wallet.id, account)
    return account


_account_of = lru_cache(4_096)(merchants.account_of)


async def _confirmed(core: Core, wallet: Wallet, ask: NewPayment, payable: Payable) -> bool:
    """Whether the PIN holds for an amount that needs one; False when the order is settled already."""
    if payable.order in await core.ledger.lookup_transfers([payable.order]):
        return False
    if ask.pin is None:
        raise pin_required(amount=payable.amount)
    await pins.check(core, wallet.id, ask.pin)
    return True


async def _after_expiry(core: Core, wallet: Wallet, payable: Payable, *, scanned: bool) -> tuple[Payment, bool]:
    """Money first: what was paid in time stays paid. Otherwise the time is over."""
    if payable.order in await core.ledger.lookup_transfers([payable.order]):
        return await _standing(core, wallet, payable), False
    raise (code_expired if scanned else order_expired)(expired_at=rfc3339(payable.expires_at))


async def _standing(core: Core, wallet: Wallet, payable: Payable) -> Payment:
    """The payment that stands, when this customer made it; otherwise what stands instead."""
    posted = (await core.ledger.lookup_transfers([payable.order]))[payable.order]
    match posted.code:
        case code if code in PAYMENTS:
            if posted.debit != wallet.account and not await _owns(core, wallet, posted.debit):
                raise order_paid(order=id_text("ord_", posted.id))
            back = (await looks.refunded(core, [posted.id])).get(posted.id, 0)
            return payment_view(core, payable, posted.debit, posted.timestamp, await _payee(core, payable), back)
        case TransferCode.ORDER_EXPIRE:
            raise order_expired(expired_at=rfc3339(payable.expires_at))
        case _:
            raise order_closed(order=id_text("ord_", posted.id))


async def _owns(core: Core, wallet: Wallet, account: Id) -> bool:
    try:
        await e_accounts.owned_account(core, wallet.id, account)
    except Refused:
        return False
    return True


def resets_at(outcome: Outcome) -> str:
    """When the cap that refused a payment begins anew; "": never, or it was no cap."""
    return "" if outcome.resets_at is None else rfc3339(outcome.resets_at)


def payment_view(
    core: Core, payable: Payable, account: Id, paid_at: datetime, payee: PayeeView, refunded_amount: int = 0
) -> Payment:
    """A payment as its payer sees it."""
    order = id_text("ord_", payable.order)
    return Payment(
        order=order,
        status="paid",
        amount=payable.amount,
        currency=payable.currency,
        payee=payee,
        account=account_text(account),
        paid_at=rfc3339(paid_at),
        receipt=looks.receipt_link(core, order),
        refunded_amount=refunded_amount,
    )


@lru_cache(512)
def account_text(account: Id) -> str:
    """`acc_…`, remembered: the same account pays again."""
    return id_text("acc_", account)


# Reading -------------------------------------------------------------------------------------------------------


async def read(core: Core, wallet: Wallet, path: str, wait_s: float) -> Payment:
    """One payment of this customer; waits for it up to `wait_s`. `not_found` when it paid none."""
    row = await orders.row_of(core, path)
    if row is None:
        raise not_found()
    posted = await orders.settled(core, row, wait_s)
    if posted is None or posted.code not in PAYMENTS:
        raise not_found()
    if posted.debit != wallet.account and not await _owns(core, wallet, posted.debit):
        raise not_found()
    return (await views(core, [posted], {row.id: row}))[row.id]


async def history(core: Core, wallet: Wallet, ask: PaymentsQuery) -> Page[Payment]:
    """A customer's payments from one account, newest first."""
    account = wallet.account if ask.account is None else await _account(core, wallet, ask.account)
    found: list[Posted] = []
    cursor = ask.cursor
    for _ in range(PAGES_MAX):
        try:
            entries = await core.ledger.entries(account, limit=100, before=cursor)
        except (ValueError, OverflowError):
            raise invalid_field(errors=[FieldError("cursor", "This is no cursor of this list.")]) from None
        for entry in entries:
            if len(found) == ask.limit:
                return Page(list((await views(core, found)).values()), cursor)
            cursor = entry.cursor
            if entry.transfer.code in PAYMENTS and entry.transfer.debit == account:
                found.append(entry.transfer)
        if entries and entries[-1].gap and found:
            break  # the next page says that what follows is not attached
        if len(entries) < 100 and not (entries and entries[-1].gap):
            return Page(list((await views(core, found)).values()))
    return Page(list((await views(core, found)).values()), cursor)


async def views(
    core: Core,
    posted: Sequence[Posted],
    rows: Mapping[Id, OrderRow] | None = None,
    refunds: Mapping[Id, int] | None = None,
) -> Mapping[Id, Payment]:
    """Payments as their payers see them, by order, in the order given; `refunds` None: the ledger is asked."""
    if rows is None:
        rows = await order_store.by_id(core.database, [one.id for one in posted]) if posted else {}
    if refunds is None:
        refunds = await looks.refunded(core, [one.id for one in posted])
    return {one.id: await _view(core, one, rows[one.id], refunds.get(one.id, 0)) for one in posted if one.id in rows}


async def _view(core: Core, posted: Posted, row: OrderRow, refunded_amount: int) -> Payment:
    currency = CURRENCY_OF_LEDGER[posted.ledger].code
    payable = Payable(posted.id, row.merchant, posted.amount, currency, "", row.expires_at)
    payee = await _payee(core, payable)
    return payment_view(core, payable, posted.debit, posted.timestamp, payee, refunded_amount)


# Receipts ------------------------------------------------------------------------------------------------------


async def receipt(core: Core, path: str) -> str:
    """The signed receipt of a paid order, for whoever holds its link. `order_not_paid`, `not_found`."""
    row = await orders.row_of(core, path)
    if row is None:
        raise not_found()
    posted = await orders.standing(core, row.id)
    if posted is None or posted.code not in PAYMENTS:
        raise order_not_paid()
    payer = (await e_accounts.names_of(core, {posted.debit})).get(posted.debit, "*")
    now = core.clock()
    claims = Receipt(
        iss=core.settings.issuer,
        sub=id_text("mer_", row.merchant),
        order=id_text("ord_", row.id),
        reference=row.reference,
        amount=posted.amount,
        currency=CURRENCY_OF_LEDGER[posted.ledger].code,
        paid_at=rfc3339(posted.timestamp),
        payer=payer,
        refunded_amount=(await looks.refunded(core, [row.id])).get(row.id, 0),
        iat=int(now.timestamp()),
    )
    return sign_receipt(claims, core.keyring.signer("receipt", now))
