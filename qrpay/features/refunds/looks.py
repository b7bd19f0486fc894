"""What stands of an order's refunds, and how a refund looks to its merchant and to its payer."""

from collections.abc import Mapping, Sequence
from typing import Final

from qrpay.core import Core
from qrpay.database.pool import Database
from qrpay.features.fees import service as fees
from qrpay.features.merchants import service as merchants
from qrpay.features.orders.model import PayeeView
from qrpay.features.refunds.model import HeldRow, PayerRefund, Refund, RefundRow, Standing, Status
from qrpay.features.sharing import model as sharing
from qrpay.ledger.chart import PAYMENTS, TransferCode
from qrpay.ledger.model import NIL, Posted
from qrpay.values import CURRENCY_OF_LEDGER, Id, id_text, rfc3339

CODES: Final = (
    *sorted(PAYMENTS), TransferCode.REFUND, TransferCode.REFUND_RELEASE, TransferCode.CORRECTION, *fees.CODES,
    *sharing.CODES,
)  # fmt: skip
"""All that says what may still be given back of an order."""
NOTHING: Final = Standing.of(NIL, (), PAYMENTS)


async def standing(core: Core, order: Id) -> Standing:
    """What the ledger holds about an order. Many who ask at once are one question to it."""

    async def look(_: Database, orders: Sequence[Id]) -> Sequence[Standing]:
        found = await standing_of(core, list(set(orders)))
        return [found.get(order, NOTHING) for order in orders]

    return await core.batcher("refunds_standing", look).add(order)


async def standing_of(core: Core, orders: Sequence[Id]) -> Mapping[Id, Standing]:
    """The same of several orders; those that nothing is about are left out."""
    about = await core.ledger.about_many(orders, CODES) if orders else {}
    return {order: Standing.of(order, posted, PAYMENTS) for order, posted in about.items()}


def was_held(refund: Posted, payment: Posted) -> bool:
    """Whether a refund was set aside instead of reaching its payer at once."""
    return refund.credit != payment.debit


async def views(core: Core, rows: Sequence[RefundRow]) -> list[Refund]:
    """Refunds as their merchants see them; the ledger is asked once for all."""
    found = await standing_of(core, list({row.order for row in rows}))
    return [view(row, found.get(row.order, NOTHING)) for row in rows]


def view(row: RefundRow, standing: Standing) -> Refund:
    """A refund as its merchant sees it. Money first: what stands in the ledger overrules what was noted beside it."""
    payment = standing.payment
    assert payment is not None, "a refund is asked for only of what was paid"
    posted = standing.referenced(row.reference)
    reached = posted
    if posted is not None and was_held(posted, payment):
        reached = standing.release_of(posted)
    return refund_view(row, payment, posted, reached)


def refund_view(row: RefundRow, payment: Posted, posted: Posted | None, reached: Posted | None) -> Refund:
    """The same from its transfers: the one that left the merchant, and the one that reached the payer."""
    status: Status = "succeeded" if reached is not None else "pending"
    if posted is None and row.refused is not None:
        status = "failed"
    return Refund(
        id=id_text("ref_", row.id),
        order=id_text("ord_", row.order),
        reference=row.reference,
        amount=row.amount if posted is None else posted.amount,
        currency=CURRENCY_OF_LEDGER[payment.ledger].code,
        status=status,
        reason=row.reason,
        failure=row.refused if status == "failed" else None,
        created_at=rfc3339(row.created_at),
        succeeded_at=None if reached is None else rfc3339(reached.timestamp),
    )


async def payer_view(
    core: Core, row: RefundRow, posted: Posted, reached: Posted | None, held: HeldRow | None = None
) -> PayerRefund:
    """A refund as its payer sees it: in an account, or waiting for one (`held`)."""
    assert reached is not None or held is not None, "what is neither in an account nor waits is no refund yet"
    card = merchants.card_now(row.merchant) or await merchants.directory(core, row.merchant)
    account = reached.credit if reached is not None else held.account if held is not None else posted.credit
    return PayerRefund(
        refund=id_text("ref_", row.id),
        order=id_text("ord_", row.order),
        amount=posted.amount,
        currency=CURRENCY_OF_LEDGER[posted.ledger].code,
        payee=PayeeView(card.name, card.verified),
        account=id_text("acc_", account),
        status="pending" if reached is None else "succeeded",
        reason=row.reason,
        because=held.because if reached is None and held is not None else None,
        refunded_at=None if reached is None else rfc3339(reached.timestamp),
    )
