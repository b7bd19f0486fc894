"""A customer's one-time code: made, charged by a till at once or after the customer confirms, used once."""

from collections.abc import Sequence
from datetime import timedelta
from time import perf_counter_ns
from typing import Final

import msgspec

from qrpay.background.model import NewEvent
from qrpay.background.outbox import announce
from qrpay.codes.payment_code import new_digits
from qrpay.codes.problems import code_expired, code_foreign, code_not_payable
from qrpay.codes.receipt import verify_receipt
from qrpay.codes.recognise import recognise
from qrpay.core import Core
from qrpay.features.e_accounts import service as e_accounts
from qrpay.features.fees import service as fees
from qrpay.features.merchants import service as merchants
from qrpay.features.orders import looks
from qrpay.features.orders import service as orders
from qrpay.features.orders import store as order_store
from qrpay.features.orders.model import NewOrder, Order, OrderRow, PayeeView
from qrpay.features.orders.problems import order_closed, order_expired, reference_reused
from qrpay.features.payment_codes import store
from qrpay.features.payment_codes.model import (
    Ask,
    CodeRow,
    NewPaymentCode,
    PaymentCode,
    ScanOutcome,
    ScanReport,
)
from qrpay.features.payment_codes.problems import code_used
from qrpay.features.payments import service as payments
from qrpay.features.payments.problems import refusal_of, test_and_live
from qrpay.features.sharing import plans
from qrpay.ledger.chained import linked
from qrpay.ledger.chart import PAYMENTS, TransferCode
from qrpay.ledger.markers import marker
from qrpay.ledger.model import Outcome, Posted, Result, Transfer
from qrpay.problem import FieldError, invalid_field
from qrpay.values import TEST_LEDGERS, Id, claim, id_from_text, id_text, ledger_of, new_id, rfc3339
from qrpay.web.callers import Merchant, Wallet
from qrpay.web.limits import Limit

DRAWS_MAX: Final = 5
KEPT_FOR: Final = timedelta(days=1)
"""How long a code is remembered after its end, so that a report sent again is recognised."""
_misses: Final[dict[int, Limit]] = {}


# Making --------------------------------------------------------------------------------------------------------


async def make(core: Core, wallet: Wallet, ask: NewPaymentCode) -> PaymentCode:
    """A fresh code that pays from one of the customer's accounts: one use, about a minute."""
    account, ledger = wallet.account, wallet.ledger
    if ask.account is not None:
        asked = id_from_text("acc_", ask.account)
        if asked is None:
            raise invalid_field(errors=[FieldError("/account", "An account's id starts with acc_.")])
        owned = await e_accounts.owned_account(core, wallet.id, asked)
        account, ledger = owned.id, owned.ledger
    settings, now = core.settings, core.clock()
    refresh_at = now + timedelta(seconds=settings.payment_code_s)
    expires_at = refresh_at + timedelta(seconds=settings.payment_code_grace_s)
    for _ in range(DRAWS_MAX):
        digits = new_digits(settings.payment_code_prefix)
        id = new_id(int(now.timestamp() * 1000))
        row = CodeRow(_hash(core, digits), id, wallet.id, account, ledger, wallet.name, now, expires_at)
        if await core.batcher("payment_codes", store.keep_codes).add(row):
            return PaymentCode(digits, digits, rfc3339(expires_at), rfc3339(refresh_at))
    raise AssertionError("five draws out of 10^17 were taken")


def _hash(core: Core, digits: str) -> bytes:
    return core.vault.mac("payment-code", digits.encode(), 16)


async def forget(core: Core, limit: int = 5_000) -> int:
    """Forget codes that ended a day ago; answers how many."""
    return await store.forget_codes(core.database, core.clock() - KEPT_FOR, limit)


# Charging ------------------------------------------------------------------------------------------------------


async def report(core: Core, merchant: Merchant, ask: ScanReport, began_ns: int = 0) -> tuple[ScanOutcome, int]:
    """What a till scanned: a customer's code is charged, a shown receipt is proved. Answers the order and a status.

    200: paid; 202: the customer must confirm on the phone. The same report again gets the same answer. Refuses what
    is no customer's code with what it is; `code_expired` alike for a code that ended and one that never was.

    began_ns  when its request came, as `traces.begin` says; 0: it is not measured
    """
    decoded_ns = perf_counter_ns() if began_ns else 0
    kind = recognise(ask.scanned, core.settings.code_guid, core.settings.payment_code_prefix, core.settings.url)
    if kind.what == "receipt":
        return _outcome(await _proved(core, merchant, ask.scanned)), 200
    if kind.what.startswith("foreign"):
        raise code_foreign(scheme=kind.scheme)
    if kind.what != "payment_code":
        raise code_not_payable(what=kind.what)
    code = await _known_code(core, merchant, ask)
    if merchant.test is not (code.ledger >= TEST_LEDGERS):
        raise test_and_live()
    row = await _order_of(core, merchant, ask, code)
    if row.amount is not None and row.amount >= core.settings.pin_from:
        return await _ask_customer(core, row, code)
    if began_ns:
        core.ledger.traces.stamp(row.id, began_ns, decoded_ns)
    return await _charge(core, row, code), 200


async def _proved(core: Core, merchant: Merchant, text: str) -> Order:
    receipt = verify_receipt(text, core.keyring, core.clock())
    if receipt.sub != id_text("mer_", merchant.id):
        raise code_not_payable(what="receipt")
    return await orders.read(core, merchant.id, receipt.order, 0, merchant.store)


async def _known_code(core: Core, merchant: Merchant, ask: ScanReport) -> CodeRow:
    """The code behind the digits; guessing is slowed down, and a miss says the same as an end."""
    misses = _misses.setdefault(id(core.hub), Limit(core.settings.guess_tries / 60, core.settings.guess_tries))
    who = merchant.key, ask.terminal
    if misses.full(who):
        misses.refuse(60 / core.settings.guess_tries)
    code = await core.batcher("codes_by_hash", store.codes).add(_hash(core, ask.scanned))
    if code is not None and core.clock() < code.expires_at:
        return code
    if code is not None and await _reported_before(core, merchant, ask, code):
        return code
    misses.take(who)
    raise code_expired()


async def _reported_before(core: Core, merchant: Merchant, ask: ScanReport, code: CodeRow) -> bool:
    key = merchant.id, ask.reference
    row = (await order_store.by_reference(core.database, [key])).get(key)
    return row is not None and row.payment_code == code.id


async def _order_of(core: Core, merchant: Merchant, ask: ScanReport, code: CodeRow) -> OrderRow:
    """The order this scan pays: opened now, or by the same report before. Story first, money last."""
    new = NewOrder(
        ask.reference, ask.amount, ask.currency, ask.description, terminal=ask.terminal, lines=ask.lines, tax=ask.tax,
        tip=ask.tip,
    )  # fmt: skip
    if merchant.bounds is not None:
        new = merchants.placed(merchant, new)
    row = await orders.new_row(core, merchant.id, new, presented_by="customer", payment_code=code.id)
    stands, made = await core.batcher("orders", order_store.keep).add(row)
    if not made:
        if merchant.store not in (None, stands.store):
            raise reference_reused()
        await orders.same_content(core, stands, row)
    return stands


async def _charge(core: Core, row: OrderRow, code: CodeRow) -> ScanOutcome:
    """Payment and the marker that uses up the code stand or fall together."""
    assert row.amount is not None and row.currency is not None
    payment = Transfer(
        id=row.id,
        debit=code.account,
        credit=merchants.account_of(row.merchant, row.currency),
        amount=row.amount,
        code=TransferCode.PAYMENT,
        ledger=ledger_of(row.currency, code.ledger >= TEST_LEDGERS),  # the merchant's side, which was compared
    )
    fee = await fees.beside(core, row.merchant, payment)
    beside = [*fee, *await plans.beside(core, row.merchant, payment, fee)]
    spent = marker(code.id, TransferCode.CODE_USED, row.id)
    paid, used, *taken = await core.ledger.post_chain(linked([payment, spent, *beside]))
    if not paid.result.stands and plans.has_shares(beside):
        paid, used, *taken = await core.ledger.post_chain(linked([payment, spent, *plans.without_shares(beside)]))
    if paid.result.stands and used.result.stands:
        core.hub.wake(row.id)
        posted = _posted(payment, paid)
        around = await looks.surroundings(core, row)
        return _outcome(looks.view(core, row, around, posted, {code.account: code.name}, fee=fees.borne(fee)))
    return await _not_charged(core, row, code, [paid, used, *taken])


def _posted(payment: Transfer, outcome: Outcome) -> Posted:
    assert outcome.timestamp is not None and payment.amount is not None
    return Posted(
        payment.id, payment.debit, payment.credit, payment.amount, payment.code, payment.ledger, payment.id, "",
        payment.flags, None, 0, outcome.timestamp,
    )  # fmt: skip


async def _not_charged(core: Core, row: OrderRow, code: CodeRow, outcomes: Sequence[Outcome]) -> ScanOutcome:
    """What stands instead: another order under the code, or another end of the order; else the refusal."""
    standing = await core.ledger.lookup_transfers([row.id, code.id])
    if (order := standing.get(row.id)) is not None:
        if order.code in PAYMENTS:
            return _outcome((await looks.views(core, [row], standing))[0])
        raise (order_expired if order.code == TransferCode.ORDER_EXPIRE else order_closed)(
            order=id_text("ord_", row.id), expired_at=rfc3339(row.expires_at)
        )
    if (mark := standing.get(code.id)) is not None and mark.about != row.id:
        raise await _used_by(core, row.merchant, mark.about)
    assert row.currency is not None
    outcome = next(one for one in outcomes if one.result is not Result.LINKED_EVENT_FAILED)
    raise refusal_of(outcome, row.currency, payments.resets_at(outcome), figures=False)


async def _used_by(core: Core, merchant: Id, order: Id) -> Exception:
    """`code_used`; with the order it paid, when that is the asking merchant's own."""
    row = (await order_store.by_id(core.database, [order])).get(order)
    own = row is not None and row.merchant == merchant
    return code_used(order=id_text("ord_", order)) if own else code_used()


async def _ask_customer(core: Core, row: OrderRow, code: CodeRow) -> tuple[ScanOutcome, int]:
    """The amount needs the PIN: the code is used up now, the order stays open, the phone is told."""
    outcome = await core.ledger.post(marker(code.id, TransferCode.CODE_USED, row.id))
    if not outcome.result.stands:
        mark = (await core.ledger.lookup_transfers([code.id]))[code.id]
        raise await _used_by(core, row.merchant, mark.about)
    assert row.amount is not None and row.currency is not None
    around = await looks.surroundings(core, row)
    payee = PayeeView(around.card.name, around.card.verified)
    told = Ask(id_text("ord_", row.id), row.amount, row.currency, payee, rfc3339(row.expires_at))
    event = NewEvent(
        id=claim("event", row.id, "payment.confirm"),
        type="payment.confirm",
        receiver=code.customer,
        about=row.id,
        created_at=core.clock(),
        data=msgspec.Raw(msgspec.json.encode(told)),
    )
    await announce(core, [event])
    order = (await looks.views(core, [row]))[0]
    if order.status == "paid":
        return _outcome(order), 200
    return _outcome(order, confirm=True), 202


def _outcome(order: Order, *, confirm: bool = False) -> ScanOutcome:
    fields = {name: getattr(order, name) for name in Order.__struct_fields__}
    return ScanOutcome(**fields, action="confirm_on_phone" if confirm else None)
