"""Static codes, as they travel and as they are kept."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from qrpay.features.orders.model import Code, IdText, PayeeView
from qrpay.values import Amount, CurrencyCode, Id, Reference, Text64

Status = Literal["active", "revoked", "expired"]


class NewStaticCode(Struct, frozen=True, forbid_unknown_fields=True):
    """What a merchant sends to have a code for a wall or a counter.

    reference  the merchant's own number of it; sent again, it answers with the same code
    label      where it stands, as payers and staff read it: Table 5, Counter 2
    store, terminal  where it stands (`sto_…`, `ter_…`)
    amount     when every payment by it is of the same amount; left out: the payer enters it
    """

    reference: Reference
    currency: CurrencyCode = "CNY"
    label: Text64 | None = None
    store: IdText | None = None
    terminal: IdText | None = None
    amount: Amount | None = None


class StaticCode(Struct, frozen=True):
    """A static code. `check_code`: six digits that stand on the sheet and in the payer's wallet, to be read aloud."""

    id: str
    reference: str
    status: Status
    label: str | None
    store: str | None
    terminal: str | None
    amount: int | None
    currency: str
    check_code: str
    created_at: str
    expires_at: str
    revoked_at: str | None
    code: Code


class CashierCode(Struct, frozen=True):
    """What anybody who holds the link of a static code may see."""

    id: str
    status: Status
    label: str | None
    amount: int | None
    currency: str
    payee: PayeeView
    check_code: str
    code: Code | None


class CodesQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Which static codes: the newest first."""

    store: IdText | None = None
    limit: Annotated[int, Meta(ge=1, le=100)] = 20
    cursor: Annotated[str, Meta(min_length=1, max_length=64)] | None = None


class SheetQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """How the sheet should be: `a6` for a stand, `a4` for a wall."""

    size: Literal["a6", "a4"] = "a6"


class PictureQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """How large the picture should be, in pixels."""

    size: Annotated[int, Meta(ge=64, le=2_048)] = 480


class StaticCodeRow(Struct, frozen=True):
    """A static code as it is kept; times in UTC."""

    id: Id
    merchant: Id
    reference: str
    label: str | None
    store: Id | None
    terminal: Id | None
    amount: int | None
    currency: str
    payload: str
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None


class Attempt(Struct, frozen=True):
    """A payer's wish to pay by a static code: the order that their Idempotency-Key stands for."""

    customer: Id
    key: bytes
    order: Id
    code: Id
    amount: int
    created_at: datetime
