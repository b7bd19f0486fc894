"""Codes that are not the code of one order: what they say, and which order a payment by them is of."""

from datetime import UTC, datetime
from typing import Final

from qrpay.codes.payload import CodeContent, check_code
from qrpay.core import Core
from qrpay.features.merchants import service as merchants
from qrpay.features.orders.model import PayeeView
from qrpay.features.payments.model import NewPayment, Payable, Scan
from qrpay.features.payments.problems import account_frozen, amount_not_allowed, amount_required, pin_required
from qrpay.features.static_codes import service as static_codes
from qrpay.problem import FieldError, idempotency_key_missing, invalid_field
from qrpay.values import rfc3339
from qrpay.web.callers import Wallet

KEY_MAX: Final = 255
"""Characters of an Idempotency-Key, at most."""


def open_payable(content: CodeContent) -> Payable:
    """What stands for a code until it is known which order is paid; nothing can be posted with it."""
    return Payable(
        content.merchant, content.merchant, 0, content.currency, content.name,
        datetime.fromtimestamp(content.expires_at, UTC), other=content,
    )  # fmt: skip


async def scan(core: Core, content: CodeContent) -> Scan:
    """What a static code says; nothing moves. Refuses `code_expired`, `code_revoked`."""
    row = await static_codes.payable(core, content)
    card = await merchants.directory(core, row.merchant)
    return Scan(
        kind="static", payee=PayeeView(card.name, card.verified), amount=row.amount, currency=row.currency, order=None,
        expires_at=rfc3339(row.expires_at), description=row.label, check_code=check_code(row.payload),
    )  # fmt: skip


async def payable_now(core: Core, wallet: Wallet, ask: NewPayment, content: CodeContent, key: str | None) -> Payable:
    """The order that this payment by a static code is of: the one its Idempotency-Key stands for, or a new one.

    What was paid in time stays paid, also when the code was withdrawn since: money is read first. Refuses
    `amount_required`, `amount_not_allowed`, `idempotency_key_missing`, `idempotency_key_reused`, `code_expired`,
    `code_revoked`, `account_frozen`, `pin_required`.
    """
    amount = _amount(content, ask)
    if not key:
        raise idempotency_key_missing()
    if len(key) > KEY_MAX:
        raise invalid_field(errors=[FieldError("Idempotency-Key", f"It has at most {KEY_MAX} characters.")])
    assert content.static_code is not None or content.static
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


def _amount(content: CodeContent, ask: NewPayment) -> int:
    """The code's amount, or the payer's where the code leaves it open."""
    if content.amount is not None:
        if ask.amount is not None:
            raise amount_not_allowed(amount=content.amount)
        return content.amount
    if ask.amount is None:
        raise amount_required()
    return ask.amount
