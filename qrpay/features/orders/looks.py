"""How an order looks: to its merchant, with payment and code, and what status it has."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Final

from msgspec import Struct

from qrpay.codes.payload import CodeContent
from qrpay.core import Core
from qrpay.features.e_accounts import service as e_accounts
from qrpay.features.fees import service as fees
from qrpay.features.fees.model import TAKEN
from qrpay.features.merchants import service as merchants
from qrpay.features.merchants.model import MerchantCard, Place
from qrpay.features.orders.model import Basket, Code, Order, OrderPayment, OrderRow, Status
from qrpay.ledger.chart import PAYMENTS, TransferCode
from qrpay.ledger.model import Posted
from qrpay.values import Id, id_text, rfc3339

NOTHING: Final = Basket()


class Surroundings(Struct, frozen=True):
    """Whose an order is, and where it was opened."""

    card: MerchantCard
    place: Place


async def views(
    core: Core,
    rows: Sequence[OrderRow],
    posted: Mapping[Id, Posted] | None = None,
    *,
    code: bool = True,
    refunds: Mapping[Id, int] | None = None,
) -> list[Order]:
    """Orders as their merchants see them; the ledger and the payers are asked once for all.

    refunds  what was given back of each; None: ask the ledger
    """
    if posted is None:
        posted = await core.ledger.lookup_transfers([row.id for row in rows]) if rows else {}
    accounts = {one.debit for one in posted.values() if one.code in PAYMENTS}
    payers = await e_accounts.names_of(core, accounts) if accounts else {}
    back, costs = await _moved(core, [one.id for one in posted.values() if one.code in PAYMENTS], refunds)
    return [
        view(
            core, row, await surroundings(core, row), posted.get(row.id), payers, back.get(row.id, 0),
            fee=costs.get(row.id, 0), code=code,
        )
        for row in rows
    ]  # fmt: skip


async def _moved(
    core: Core, paid: Collection[Id], refunds: Mapping[Id, int] | None
) -> tuple[Mapping[Id, int], Mapping[Id, int]]:
    """What was given back of each of these orders, and what it costs its merchant: as of now, by one question to the
    ledger; with `refunds`, as of its payment."""
    if not paid:
        return {}, {}
    codes = TAKEN.values() if refunds is not None else (TransferCode.REFUND, *fees.CODES)
    about = await core.ledger.about_many(list(paid), list(codes))
    if refunds is None:
        refunds = {
            order: sum(one.amount for one in posted if one.code == TransferCode.REFUND)
            for order, posted in about.items()
        }
    return refunds, {order: fee.borne for order, posted in about.items() if (fee := fees.fee_from(posted))}


async def refunded(core: Core, orders: Collection[Id]) -> dict[Id, int]:
    """What was given back of each of these orders, in minor units; those of which nothing was are left out."""
    if not orders:
        return {}
    given = await core.ledger.about_many(list(orders), [TransferCode.REFUND])
    return {order: sum(refund.amount for refund in refunds) for order, refunds in given.items()}


async def surroundings(core: Core, row: OrderRow) -> Surroundings:
    """Whose order it is and where it was opened: remembered, so mostly nobody is asked."""
    card = merchants.card_now(row.merchant) or await merchants.directory(core, row.merchant)
    return Surroundings(card, await merchants.place(core, row.merchant, row.store, row.terminal))


def status_of(row: OrderRow, posted: Posted | None, now: datetime) -> Status:
    """Read from the ledger first, from the clock second."""
    if posted is None:
        if row.amount is None:
            return "closed"
        return "expired" if now >= row.expires_at else "open"
    match posted.code:
        case code if code in PAYMENTS:
            return "paid"
        case TransferCode.ORDER_EXPIRE:
            return "expired"
        case _:
            return "closed"


def view(
    core: Core,
    row: OrderRow,
    around: Surroundings,
    posted: Posted | None,
    payers: Mapping[Id, str] | None = None,
    refunded_amount: int = 0,
    *,
    fee: int = 0,
    code: bool = True,
) -> Order:
    """An order as its merchant sees it; without the code where nobody will scan it any more."""
    payment, order_text, basket = None, id_text("ord_", row.id), row.basket or NOTHING
    if posted is not None and posted.code in PAYMENTS:
        payment = OrderPayment(
            payer=(payers or {}).get(posted.debit, "*"),
            amount=posted.amount,
            paid_at=rfc3339(posted.timestamp),
            presented_by=row.presented_by,
            receipt=receipt_link(core, order_text),
        )
    return Order(
        id=order_text,
        reference=row.reference,
        status=status_of(row, posted, core.clock()),
        amount=row.amount,
        currency=row.currency,
        description=row.description,
        store=id_text("sto_", row.store) if row.store else None,
        terminal=id_text("ter_", row.terminal) if row.terminal else None,
        created_at=rfc3339(row.created_at),
        expires_at=rfc3339(row.expires_at),
        code=code_of(core, row, around, order_text) if code else None,
        payment=payment,
        refunded_amount=refunded_amount,
        fee=None if payment is None else fee,
        metadata=row.metadata,
        lines=basket.lines,
        tax=basket.tax,
        tip=basket.tip,
    )


def receipt_link(core: Core, order: str) -> str:
    """Where the signed receipt of a paid order is, by its id in text."""
    return f"{core.settings.url}/v1/receipts/{order}"


def code_of(core: Core, row: OrderRow, around: Surroundings, order: str) -> Code | None:
    """The signed dynamic code of an order, whose id in text is `order`; equal inputs give the equal text.

    An order that came from another code has none: what that code is held to, such as its caps, would not hold for it.
    """
    if row.amount is None or row.currency is None or row.source is not None:
        return None
    card, place = around.card, around.place
    content = CodeContent(
        merchant=row.merchant,
        order=row.id,
        amount=row.amount,
        currency=row.currency,
        name=card.name_latin,
        city=card.city,
        mcc=card.mcc,
        country=card.country,
        store=place.store.code if place.store else None,
        terminal=place.terminal.code if place.terminal else None,
        expires_at=int(row.expires_at.timestamp()),
    )
    payload = core.reader.issue(content, core.clock())
    return Code(payload, f"{core.settings.url}/pay/{order}")
