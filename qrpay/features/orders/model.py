"""Orders, as they travel and as they are kept."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from qrpay.values import AMOUNT_MAX, Amount, CurrencyCode, Id, Reference, Text64, Text256

Metadata = Annotated[
    dict[Annotated[str, Meta(min_length=1, max_length=40)], Annotated[str, Meta(max_length=200)]],
    Meta(max_length=20),
]
IdText = Annotated[str, Meta(min_length=30, max_length=30)]
Moment = Annotated[
    str, Meta(max_length=40, description="RFC 3339, with an offset.", extra_json_schema={"format": "date-time"})
]
"""A text, since a query read leniently would take a number for Unix seconds."""
Status = Literal["open", "paid", "closed", "expired"]
Mark = Literal["paid", "closed", "expired", "refunded"]
"""What the event log has told of an order; kept by its first letter."""
PresentedBy = Literal["merchant", "customer"]


Quantity = (
    Annotated[int, Meta(ge=1, le=1_000_000)]
    | Annotated[str, Meta(pattern=r"^(0|[1-9][0-9]{0,6})\.[0-9]{1,4}\Z", description="A decimal, such as 0.456.")]
)
Signed = Annotated[int, Meta(ge=-AMOUNT_MAX, le=AMOUNT_MAX, description="Minor units; below zero: a discount.")]


class Line(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One thing that was sold, or a discount.

    quantity    a whole number, or a decimal as a text: what is weighed
    unit_price  minor units for one of it; below zero: a discount
    amount      quantity times unit_price, rounded to a minor unit in either direction
    unit        what the quantity counts, such as kg
    sku         the merchant's own number of it
    """

    name: Annotated[str, Meta(min_length=1, max_length=128)]
    quantity: Quantity
    unit_price: Signed
    amount: Signed
    unit: Annotated[str, Meta(min_length=1, max_length=16)] | None = None
    sku: Text64 | None = None


class Tax(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The tax of an order: `amount` in minor units, `rate` in percent where there is one.

    included  whether the lines' amounts hold it already, as prices on a shelf do
    """

    amount: Annotated[int, Meta(ge=0, le=AMOUNT_MAX)]
    included: bool
    rate: Annotated[str, Meta(pattern=r"^(0|[1-9][0-9]?|100)(\.[0-9]{1,4})?\Z", description="Percent.")] | None = None


Lines = Annotated[list[Line], Meta(min_length=1, max_length=200)]


class Basket(Struct, frozen=True, omit_defaults=True):
    """What was sold with an order, as far as its merchant said it; kept beside it as it came."""

    lines: Lines | None = None
    tax: Tax | None = None
    tip: Amount | None = None


class NewOrder(Struct, frozen=True, forbid_unknown_fields=True):
    """What a merchant sends to be paid.

    reference   the merchant's own number, unique for that merchant; sent again, it answers with the same order
    expires_in  seconds, 30 to 86,400; left out: 900
    store, terminal  where it is sold (`sto_…`, `ter_…`)
    metadata    up to 20 short texts of the merchant's own
    lines, tax, tip  what was sold. The lines, a tax that they do not include and the tip add up to the amount
    """

    reference: Reference
    amount: Amount
    currency: CurrencyCode
    description: Text256 | None = None
    expires_in: Annotated[int, Meta(ge=30, le=86_400)] | None = None
    store: IdText | None = None
    terminal: IdText | None = None
    metadata: Metadata | None = None
    lines: Lines | None = None
    tax: Tax | None = None
    tip: Amount | None = None


class Code(Struct, frozen=True):
    """The signed code: `payload` for a QR picture, `url` for whoever scans it with a plain camera."""

    payload: str
    url: str


class OrderPayment(Struct, frozen=True):
    """How an order was paid. `payer` is masked; `receipt` is the link of the signed receipt."""

    payer: str
    amount: int
    paid_at: str
    presented_by: PresentedBy
    receipt: str


class Order(Struct, frozen=True):
    """An order and what became of it. Its status is derived from the ledger and the clock.

    fee  what the payment costs the merchant, less what came back of it with refunds, minor units; null: not paid
    """

    id: str
    reference: str
    status: Status
    amount: int | None
    currency: str | None
    description: str | None
    store: str | None
    terminal: str | None
    created_at: str
    expires_at: str
    code: Code | None
    payment: OrderPayment | None
    refunded_amount: int
    fee: int | None
    metadata: Mapping[str, str] | None
    lines: Sequence[Line] | None = None
    tax: Tax | None = None
    tip: int | None = None


class OrderRow(Struct, frozen=True):
    """An order as it is kept; times in UTC. Without an amount: a reference that was closed unseen.

    source  the static code or the terminal's certificate that it came from, when nobody opened it beforehand
    """

    id: Id
    merchant: Id
    reference: str
    amount: int | None
    currency: str | None
    description: str | None
    store: Id | None
    terminal: Id | None
    metadata: Mapping[str, str] | None
    presented_by: PresentedBy
    payment_code: Id | None
    created_at: datetime
    expires_at: datetime
    source: Id | None = None
    basket: Basket | None = None


class OrderQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Which order, and how long to wait for its status to change (seconds)."""

    wait: Annotated[int, Meta(ge=0, le=60)] = 0


class OrdersQuery(Struct, frozen=True, forbid_unknown_fields=True, rename={"from_": "from"}):
    """Which orders: all that is said must hold.

    from, to    bound created_at (RFC 3339): from on, and before
    amount_min, amount_max  minor units, both included
    text        words that each stand in the reference, the description, or a line's name or sku, anywhere in a word
    refunded    true: something was given back; false: paid, and nothing was given back
    """

    reference: Reference | None = None
    status: Status | None = None
    store: IdText | None = None
    terminal: IdText | None = None
    amount_min: Amount | None = None
    amount_max: Amount | None = None
    from_: Moment | None = None
    to: Moment | None = None
    text: Text64 | None = None
    refunded: bool | None = None
    limit: Annotated[int, Meta(ge=1, le=100)] = 20
    cursor: Annotated[str, Meta(min_length=1, max_length=64)] | None = None


class PictureQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """How the picture should be: `size` in pixels; `logo` a few letters in a frame below (SVG)."""

    size: Annotated[int, Meta(ge=64, le=2_048)] = 320
    logo: Annotated[str, Meta(min_length=1, max_length=24)] | None = None


class PayeeView(Struct, frozen=True):
    """Whom a payer pays. `verified`: the bank has checked who that is."""

    name: str
    verified: bool


class CashierOrder(Struct, frozen=True):
    """What anybody who holds the link of an order may see."""

    id: str
    status: Status
    amount: int | None
    currency: str | None
    description: str | None
    payee: PayeeView
    expires_at: str
    code: Code | None
