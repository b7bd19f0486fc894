"""Scans and payments, as they travel."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from qrpay.codes.payload import CodeContent
from qrpay.features.offline_codes.model import OfflineKeyRow
from qrpay.features.orders.model import IdText, PayeeView
from qrpay.values import Amount, Id

Scanned = Annotated[str, Meta(min_length=1, max_length=20_000, description="Whatever the scanner read.")]
Pin = Annotated[str, Meta(pattern=r"^[0-9]{6}\Z", description="Six digits.")]


class NewScan(Struct, frozen=True, forbid_unknown_fields=True):
    """What a wallet's scanner read."""

    scanned: Scanned


class Scan(Struct, frozen=True):
    """What a code says, checked; nothing has moved.

    check_code  of a static code: six digits that stand on its sheet as well
    """

    kind: Literal["order", "static", "collect", "bill", "receipt"]
    payee: PayeeView
    amount: int | None
    currency: str
    order: str | None
    expires_at: str | None
    offers: Sequence[str] = ()
    description: str | None = None
    check_code: str | None = None


class NewPayment(Struct, frozen=True, forbid_unknown_fields=True):
    """What a wallet sends to pay: what it scanned, or an order's id.

    amount   only for codes that leave it open; such a payment, and any by a static code, needs an Idempotency-Key
    account  which of the customer's accounts pays (`acc_…`); left out: the token's
    pin      where it is asked for (`pin_required`)
    """

    scanned: Scanned | None = None
    order: IdText | None = None
    amount: Amount | None = None
    account: IdText | None = None
    pin: Pin | None = None
    offer: Annotated[str, Meta(min_length=1, max_length=64)] | None = None


class Payment(Struct, frozen=True):
    """A payment that stands. It bears the order's id; `receipt` is the link of the signed receipt.

    refunded_amount  what the shop has given back of it until now, minor units
    """

    order: str
    status: Literal["paid"]
    amount: int
    currency: str
    payee: PayeeView
    account: str
    paid_at: str
    receipt: str
    refunded_amount: int = 0


class PaymentsQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Which payments: the newest first."""

    limit: Annotated[int, Meta(ge=1, le=100)] = 20
    cursor: Annotated[str, Meta(min_length=1, max_length=128)] | None = None
    account: IdText | None = None


class PaymentQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """How long to wait for the payment (seconds)."""

    wait: Annotated[int, Meta(ge=0, le=60)] = 0


class Payable(Struct, frozen=True):
    """What is to be paid, from a code or from an order's row: nothing else is needed to post the transfer.

    static  whether it is paid by a static code, with a cap of its own
    draws   the terminal's key that signed its code, whose allowances it draws on
    other   what a code says that is not the code of one order: by_code.py makes a payable of it
    """

    order: Id
    merchant: Id
    amount: int
    currency: str
    name: str
    expires_at: datetime
    static: bool = False
    draws: OfflineKeyRow | None = None
    other: CodeContent | None = None
