"""Payment codes and what tills report of them, as they travel."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from qrpay.features.orders.model import IdText, Lines, Order, PayeeView, Tax
from qrpay.features.payments.model import Scanned
from qrpay.values import Amount, CurrencyCode, Id, Reference, Text256


class NewPaymentCode(Struct, frozen=True, forbid_unknown_fields=True):
    """Which account the code pays from; left out: the token's."""

    account: IdText | None = None


class PaymentCode(Struct, frozen=True):
    """A one-time code: `digits` under a barcode, `payload` for a QR picture; a new one from `refresh_at` on."""

    digits: str
    payload: str
    expires_at: str
    refresh_at: str


class CodeRow(Struct, frozen=True):
    """A payment code as it is kept: a keyed hash of its digits, and whose it is."""

    hash: bytes
    id: Id
    customer: Id
    account: Id
    ledger: int
    name: str
    created_at: datetime
    expires_at: datetime


class ScanReport(Struct, frozen=True, forbid_unknown_fields=True):
    """What a till's scanner read, and what is to be paid. The reference names the order, as in POST /v1/orders."""

    scanned: Scanned
    reference: Reference
    amount: Amount
    currency: CurrencyCode
    description: Text256 | None = None
    terminal: IdText | None = None
    lines: Lines | None = None
    tax: Tax | None = None
    tip: Amount | None = None


class ScanOutcome(Order, frozen=True, kw_only=True):
    """The order of a scan; with `action` the customer must still confirm on the phone."""

    action: Literal["confirm_on_phone"] | None = None


class Ask(Struct, frozen=True):
    """Please confirm: what a customer's phone is told after a till scanned its code."""

    order: str
    amount: int
    currency: str
    payee: PayeeView
    expires_at: str
