"""Collect codes, as they travel and as they are kept."""

from datetime import datetime

from msgspec import Struct

from qrpay.features.orders.model import IdText
from qrpay.values import Amount, Id, Text64


class NewCollectCode(Struct, frozen=True, forbid_unknown_fields=True):
    """A code that pays me. amount: minor units; left out: the payer enters it. account: left out, the token's."""

    amount: Amount | None = None
    note: Text64 | None = None
    account: IdText | None = None


class CollectCode(Struct, frozen=True):
    """A code that pays its maker: `payload` is what the QR code holds; good until `expires_at`, for any payers."""

    id: str
    payload: str
    amount: int | None
    currency: str
    note: str | None
    expires_at: str


class CollectCodeRow(Struct, frozen=True):
    """A collect code at rest."""

    id: Id
    customer: Id
    account: Id
    currency: str
    amount: int | None
    note: str | None
    created_at: datetime
    expires_at: datetime
