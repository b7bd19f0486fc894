"""The rules of refunds: a reference is used once, each refund takes the next place, the sum never passes the payment.

Refund number n of an order claims one id. Two clerks who saw the same total want the same place: one gets it, the other
looks again. No lock, no counter.
"""

import asyncio
from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Final

from qrpay.core import Core
from qrpay.features.fees import service as fees
from qrpay.features.merchants import keys as merchant_keys
from qrpay.features.merchants import service as merchants
from qrpay.features.orders import service as orders
from qrpay.features.orders.model import OrderRow
from qrpay.features.orders.problems import reference_reused
from qrpay.features.payments.problems import OF_RESULT, order_not_paid
from qrpay.features.refunds import held, looks, store
from qrpay.features.refunds.model import NewRefund, Refund, RefundRow, RefundsQuery, Standing
from qrpay.features.refunds.problems import (
    merchant_balance_insufficient,
    refund_exceeds_payment,
    refund_window_over,
)
from qrpay.features.sharing import acts as sharing
from qrpay.ledger.chained import linked
from qrpay.ledger.chart import TransferCode
from qrpay.ledger.model import Outcome, Posted, Result, Transfer
from qrpay.problem import FieldError, Refused, invalid_field, not_found
from qrpay.values import CURRENCY_OF_LEDGER, Id, Page, claim, id_from_text, id_of, id_text, new_id, rfc3339
from qrpay.web.callers import Merchant

SWEEP_LAG_S: Final = 60
"""How old a refund is before the sweep takes it for left unfinished, and finishes it."""


# Giving back ---------------------------------------------------------------------------------------------------


async def refund(core: Core, merchant: Merchant, path: str, ask: NewRefund) -> tuple[Refund, bool]:
    """Give back part or all of a paid order, and whether it was done just now. Safe to repeat: the reference names it.

    Refuses `not_found`, `reference_reused` with each field that differs, `order_not_paid`, `refund_exceeds_payment`,
    `refund_window_over`, `refund_above_limit` of whoever asks, `merchant_balance_insufficient`, and what freezes or
    closes the merchant's account.
    """
    order, row = await asyncio.gather(
        orders.find(core, merchant.id, path, merchant.store),
        core.batcher("refunds_by_reference", store.by_reference).add((merchant.id, ask.reference)),
    )
    standing = await looks.standing(core, order.id)
    if row is None:
        amount_of(core, standing, ask.amount, merchant)  # what is refused already has no story
        now = core.clock()
        new = RefundRow(
            id=new_id(int(now.timestamp() * 1000)), merchant=merchant.id, order=order.id, reference=ask.reference,
            amount=ask.amount, reason=ask.reason, asked_by=merchant.key, refused=None,
            created_at=now.replace(microsecond=now.microsecond // 1000 * 1000),
        )  # fmt: skip
        row, _ = await core.batcher("refunds", store.keep).add(new)
    _same_content(row, order, ask)
    return await give(core, row, standing, merchant)


def _same_content(row: RefundRow, order: OrderRow, ask: NewRefund) -> None:
    """Refuse when a reference stands for another refund, naming every difference."""
    said = (
        ("order", id_text("ord_", row.order), id_text("ord_", order.id)),
        ("/amount", row.amount, ask.amount),
        ("/reason", row.reason, ask.reason),
    )
    differing = [
        FieldError(pointer, f"It was {_text(first)}, now it is {_text(now)}.")
        for pointer, first, now in said
        if first != now
    ]
    if differing:
        raise reference_reused(errors=differing, refund=id_text("ref_", row.id))


def _text(value: object) -> str:
    return "left out" if value is None else str(value)


async def give(core: Core, row: RefundRow, standing: Standing, caller: Merchant | None = None) -> tuple[Refund, bool]:
    """Post a refund whose story is kept, unless it stands; and whether it was posted just now. Refuses as `refund`.

    caller  whose limit it must keep; None: nobody's
    """
    for _ in range(core.settings.refunds_max + sharing.ACTS_MAX + 1):
        if standing.referenced(row.reference) is not None:
            return looks.view(row, standing), False
        try:
            outcome, transfer = await _post(core, row, standing, caller)
        except Refused as refusal:
            if not refusal.problem.retry:  # otherwise it is not known what became of it
                await store.refuse(core.database, row.id, refusal.problem.code)
            raise
        if outcome.result.stands:
            return await _given(core, row, standing, _posted(transfer, outcome)), outcome.result is Result.CREATED
        # Somebody else has taken this place, or one of its shares': at most as often as there are places.
        standing = await looks.standing(core, row.order)
    raise AssertionError("whoever finds every place taken is refused before")


async def _post(core: Core, row: RefundRow, standing: Standing, caller: Merchant | None) -> tuple[Outcome, Transfer]:
    """Post the refund on the next place, to the payer or, when that account cannot take it, set aside for it.

    Answers what stands or whose content differs; refuses the rest.
    """
    amount = amount_of(core, standing, row.amount, caller)
    payment = standing.payment
    assert payment is not None, "what is not paid was refused"
    transfer = Transfer(
        id=refund_id(row.order, len(standing.refunds) + 1),
        debit=payment.credit,
        credit=payment.debit,
        amount=amount,
        code=TransferCode.REFUND,
        ledger=payment.ledger,
        about=row.order,
        reference=row.reference,
    )
    outcome = await _move(core, transfer, standing)
    if outcome.result in held.CANNOT_TAKE:
        transfer = await held.set_aside(core, row, transfer, outcome)
        outcome = await _move(core, transfer, standing)
    if outcome.result.stands or outcome.result.differs:
        return outcome, transfer
    raise _refusal(outcome, transfer)


def refund_id(order: Id, number: int) -> Id:
    """The id of a refund's transfer: refund `number` of an order, from 1 on."""
    return claim("refund", order, number)


async def _move(core: Core, refund: Transfer, standing: Standing) -> Outcome:
    """Post a refund; first, in the same commit, what comes back of fee and shares, as that is a part of what is given.

    A receiver that cannot give its part back does not stop it: then that is the merchant's to give.
    """
    short: set[Id] = set()
    while True:
        back = _back(standing, refund, short)
        if not back:
            return await core.ledger.post(refund)
        *returned, given = await core.ledger.post_chain(linked([*back, refund]))
        if given.result is not Result.LINKED_EVENT_FAILED:
            return given
        place = next(n for n, one in enumerate(returned) if one.result is not Result.LINKED_EVENT_FAILED)
        refused, result = back[place], returned[place].result
        if result.differs or result is Result.EXISTS:
            return Outcome(Result.EXISTS_WITH_DIFFERENT_REFERENCE)  # the place is taken: look again
        if refused.code == TransferCode.SHARE_RETURN and result not in held.CANNOT_TAKE:
            short.add(id_of(bytes.fromhex(refused.reference)))
        elif result in held.CANNOT_TAKE:
            # A closed merchant takes nothing any more, not even this, and must still be able to give back.
            return await core.ledger.post(refund)
        else:
            return returned[place]


def _back(standing: Standing, refund: Transfer, short: Collection[Id]) -> Sequence[Transfer]:
    """What comes back beside the next refund: of the fee, then from receivers (but not those of `short`, by share)."""
    payment, amount = standing.payment, refund.amount
    assert payment is not None and amount is not None, "what is not paid was refused"
    refunded = amount + sum(one.amount for one in standing.refunds)
    fee = fees.given_back(standing.fee, payment.amount, refunded, len(standing.refunds) + 1)
    from_bank = sum(one.amount or 0 for one in fee if one.credit == payment.credit)
    return [*fee, *sharing.given_back(standing.sharing, amount, refunded, from_bank, short)]


def amount_of(core: Core, standing: Standing, asked: int | None, caller: Merchant | None) -> int:
    """What this refund moves.

    Refuses `order_not_paid`, `refund_window_over`, `refund_exceeds_payment`, `refund_above_limit` of the caller.
    """
    payment = standing.payment
    if payment is None:
        raise order_not_paid()
    until = payment.timestamp + timedelta(days=core.settings.refund_days)
    if core.clock() >= until:
        raise refund_window_over(until=rfc3339(until))
    count_max = core.settings.refunds_max
    left = standing.left if len(standing.refunds) < count_max else 0
    amount = left if asked is None else asked
    if not 0 < amount <= left:
        raise refund_exceeds_payment(refundable=left, count_max=count_max)
    if caller is not None:
        merchants.may_refund(caller, amount + sum(refund.amount for refund in standing.refunds))
    return amount


def _refusal(outcome: Outcome, transfer: Transfer) -> Refused:
    """The ledger's no, in words for the merchant whose account it is."""
    currency = CURRENCY_OF_LEDGER[transfer.ledger].code
    if outcome.result is Result.EXCEEDS_CREDITS:
        assert transfer.amount is not None and outcome.left is not None
        return merchant_balance_insufficient(
            amount=transfer.amount, available=outcome.left, missing=transfer.amount - outcome.left, currency=currency
        )
    problem = OF_RESULT.get(outcome.result)
    assert problem is not None, f"a refund cannot end with {outcome.result.name}"
    return problem(currency=currency)


def _posted(transfer: Transfer, outcome: Outcome) -> Posted:
    assert outcome.timestamp is not None and transfer.amount is not None and transfer.about is not None
    return Posted(
        transfer.id, transfer.debit, transfer.credit, transfer.amount, transfer.code, transfer.ledger, transfer.about,
        transfer.reference, transfer.flags, None, 0, outcome.timestamp,
    )  # fmt: skip


async def _given(core: Core, row: RefundRow, standing: Standing, posted: Posted) -> Refund:
    """The refund that was posted, without another look; its payer is told when it waits."""
    assert standing.payment is not None, "only what was paid is given back"
    waits = looks.was_held(posted, standing.payment)
    if waits:
        await held.tell_payer(core, row, posted)
    return looks.refund_view(row, standing.payment, posted, None if waits else posted)


# Reading -------------------------------------------------------------------------------------------------------


async def read(core: Core, merchant: Merchant, path: str) -> Refund:
    """One refund. `not_found` when there is none, or when its order is not the caller's to see."""
    id = id_from_text("ref_", path)
    row = (await store.by_id(core.database, [id])).get(id) if id else None
    if row is None or row.merchant != merchant.id:
        raise not_found()
    await orders.find(core, merchant.id, id_text("ord_", row.order), merchant.store)
    return looks.view(row, await looks.standing(core, row.order))


async def page(core: Core, merchant: Merchant, ask: RefundsQuery, path: str | None = None) -> Page[Refund]:
    """A merchant's refunds, newest first: of the order behind `path`, or of all."""
    order = None if path is None else (await orders.find(core, merchant.id, path, merchant.store)).id
    below = id_from_text("ref_", ask.cursor) if ask.cursor else None
    if ask.cursor and below is None:
        raise invalid_field(errors=[FieldError("cursor", "This is no cursor of this list.")])
    rows = await store.page(core.database, merchant.id, order, below, ask.limit + 1)
    shown = await looks.views(core, rows[: ask.limit])
    return Page(shown, shown[-1].id if len(rows) > ask.limit else None)


# By the clock --------------------------------------------------------------------------------------------------


async def sweep(core: Core, limit: int = 200) -> int:
    """Finish what was asked for and left unfinished, as by a worker that died: given now, or refused. Answers how many.

    Whoever asked heard no answer, and hears this one when it asks again.
    """
    until = core.clock() - timedelta(seconds=SWEEP_LAG_S)
    swept, rows = await store.unfinished(core.database, until, limit)
    found = await looks.standing_of(core, list({row.order for row in rows}))
    for row in rows:
        standing = found.get(row.order, looks.NOTHING)
        if standing.referenced(row.reference) is None:
            await _finish(core, row, standing)
    reached = until if len(rows) < limit else rows[-1].created_at - timedelta(microseconds=1)
    if reached > swept:
        await store.sweep_to(core.database, reached)
    return len(rows) if len(rows) == limit else 0


async def _finish(core: Core, row: RefundRow, standing: Standing) -> None:
    try:
        # Whoever asked was within its limit when the story began; what the order gave back since counts too.
        await give(core, row, standing, await merchant_keys.caller_by_key(core, row.merchant, row.asked_by))
    except Refused as refusal:
        if refusal.problem.retry:  # it is not refused, it was only a bad moment: the next round tries again
            raise


async def rows_of(core: Core, orders_: Sequence[Id]) -> dict[tuple[Id, str], RefundRow]:
    """The refunds of these orders, by order and reference."""
    return {(row.order, row.reference): row for row in await store.of_orders(core.database, orders_)}
