"""Codes that are not the code of one order: what they say, and which order a payment by them is of."""

from datetime import UTC, datetime
from typing import Final

from qrpay.codes.payload import CodeContent, check_code
from qrpay.codes.problems import code_not_payable
from qrpay.core import Core
from qrpay.features.merchants import service as merchants
from qrpay.features.offline_codes import service as offline_codes
from qrpay.features.orders.model import OrderRow, PayeeView
from qrpay.features.payments.model import NewPayment, Payable, Scan
from qrpay.features.payments.problems import account_frozen, amount_not_allowed, amount_required, pin_required
from qrpay.features.static_codes import service as static_codes
from qrpay.problem import FieldError, idempotency_key_missing, invalid_field
from qrpay.values import id_text, rfc3339
from qrpay.web.callers import Wallet

KEY_MAX: Final = 255
"""Characters of an Idempotency-Key, at most."""


def open_payable(content: CodeContent) -> Payable:
    """What stands for a code until it is known which order is paid; nothing can be posted with it."""
    return Payable(
        content.merchant, content.merchant, 0, content.currency, content.name,
        datetime.fromtimestamp(content.expires_at, UTC), other=content,
    )  # fmt: skip


async def is_static(core: Core, row: OrderRow) -> bool:
    """Whether an order came from a static code, whose caps it keeps however it is paid.

    Otherwise it came from a terminal's own code, and is paid by that code alone: it says whose allowances it draws on.
    Refuses `code_not_payable`, unless it stands already.
    """
    if row.reference.startswith("S-"):
        return True
    if row.id not in await core.ledger.lookup_transfers([row.id]):
        raise code_not_payable(what="order that is paid by its code")
    return False


async def scan(core: Core, content: CodeContent) -> Scan:
    """What a static code says, or one that a terminal signed; nothing moves.

    Refuses `code_expired`, `code_revoked`, `terminal_clock_wrong`.
    """
    if content.certificate is not None:
        return await _scan_offline(core, content)
    row = await static_codes.payable(core, content)
    card = await merchants.directory(core, row.merchant)
    return Scan(
        kind="static", payee=PayeeView(card.name, card.verified), amount=row.amount, currency=row.currency, order=None,
        expires_at=rfc3339(row.expires_at), description=row.label, check_code=check_code(row.payload),
    )  # fmt: skip


async def _scan_offline(core: Core, content: CodeContent) -> Scan:
    key = await offline_codes.key_of(core, content)
    await offline_codes.check(core, content, key)
    card = await merchants.directory(core, key.merchant)
    assert content.order is not None
    return Scan(
        kind="order", payee=PayeeView(card.name, card.verified), amount=content.amount, currency=content.currency,
        order=id_text("ord_", content.order), expires_at=rfc3339(offline_codes.ends_at(core, content)),
    )  # fmt: skip


async def payable_now(core: Core, wallet: Wallet, ask: NewPayment, content: CodeContent, key: str | None) -> Payable:
    """The order that this payment is of: of a terminal's own code the one in it; of a static code the one that the
    Idempotency-Key stands for, or a new one.

    What was paid in time stays paid, also when the code was withdrawn since: money is read first. Refuses
    `amount_required`, `amount_not_allowed`, `idempotency_key_missing`, `idempotency_key_reused`, `code_expired`,
    `code_revoked`, `account_frozen`, `pin_required`, `terminal_clock_wrong`.
    """
    amount = _amount(content, ask)
    if content.certificate is not None:
        return await _payable_offline(core, content)
    if not key:
        raise idempotency_key_missing()
    if len(key) > KEY_MAX:
        raise invalid_field(errors=[FieldError("Idempotency-Key", f"It has at most {KEY_MAX} characters.")])
    before = await static_codes.attempted(core, wallet.id, key)
    if before is None or before.order not in await core.ledger.lookup_transfers([before.order]):
        row = await static_codes.payable(core, content)
        # What will be refused anyway leaves no story behind.
        if not (await merchants.directory(core, row.merchant)).verified:
            raise account_frozen()
        if amount >= core.settings.pin_from and ask.pin is None:
            raise pin_required(amount=amount)
    else:
        row = await static_codes.row_of(core, content.static_code)
    order = await static_codes.order_for(core, wallet.id, key, row, amount)
    return Payable(order.id, row.merchant, amount, row.currency, content.name, order.expires_at, static=True)


async def _payable_offline(core: Core, content: CodeContent) -> Payable:
    """The order in a terminal's own code, kept if it is not known yet; what stands already is not asked for again."""
    key = await offline_codes.key_of(core, content)
    assert content.order is not None
    if content.order not in await core.ledger.lookup_transfers([content.order]):
        await offline_codes.check(core, content, key)
    row = await offline_codes.order_for(core, content, key)
    assert row.amount is not None and row.currency is not None
    return Payable(row.id, row.merchant, row.amount, row.currency, content.name, row.expires_at, draws=key)


def _amount(content: CodeContent, ask: NewPayment) -> int:
    """The code's amount, or the payer's where the code leaves it open."""
    if content.amount is not None:
        if ask.amount is not None:
            raise amount_not_allowed(amount=content.amount)
        return content.amount
    if ask.amount is None:
        raise amount_required()
    return ask.amount
