"""Keys of terminals and the orders they bring back, as they travel and as they are kept."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from qrpay.features.orders.model import Metadata, Order
from qrpay.values import Amount, CurrencyCode, Id, Text256

Status = Literal["active", "revoked", "expired"]


class NewOfflineKey(Struct, frozen=True, forbid_unknown_fields=True):
    """What a terminal sends to sign codes while it has no network.

    public_key  its Ed25519 public key, 32 bytes in base64url; the same again answers with the same certificate
    expires_in  seconds, at most and by default what the bank allows
    code_max, total_max, count_max  less than the bank allows: minor units of one code and of all, number of codes
    """

    public_key: Annotated[str, Meta(min_length=43, max_length=43)]
    currency: CurrencyCode = "CNY"
    expires_in: Annotated[int, Meta(ge=300, le=7 * 86_400)] | None = None
    code_max: Amount | None = None
    total_max: Amount | None = None
    count_max: Annotated[int, Meta(ge=1, le=100_000)] | None = None


class OfflineKey(Struct, frozen=True):
    """A terminal's key, and all that its codes are made of besides an order's.

    head         what each code begins with     terminal_code  what stands in 62/07
    certificate  136 characters that go into each code, in 80/03 and 83/01 (84/01); `kid`: our key that made it
    code_s       seconds that a code may live   now            the bank's time, to set the terminal's clock by
    used, count_used  minor units and codes that were paid so far
    """

    id: str
    terminal: str
    status: Status
    public_key: str
    head: str
    terminal_code: str
    certificate: str
    kid: str
    guid: str
    currency: str
    code_max: int
    total_max: int
    count_max: int
    code_s: int
    used: int
    count_used: int
    created_at: str
    expires_at: str
    revoked_at: str | None
    now: str


class BroughtOrder(Struct, frozen=True, forbid_unknown_fields=True):
    """An order that a terminal made without a network: the code it showed, and what only the terminal knows of it."""

    code: Annotated[str, Meta(min_length=1, max_length=512)]
    description: Text256 | None = None
    metadata: Metadata | None = None


class BroughtOrders(Struct, frozen=True, forbid_unknown_fields=True):
    """Orders that a terminal brings back, at most 50 at once; again changes nothing."""

    orders: Annotated[Sequence[BroughtOrder], Meta(min_length=1, max_length=50)]


class Adopted(Struct, frozen=True):
    """What became of one: the order, paid or not; or the code of the refusal (`/problems/…` explains it)."""

    order: Order | None
    refused: str | None


class AdoptedOrders(Struct, frozen=True):
    """In the order in which they were brought."""

    data: Sequence[Adopted]


class OfflineKeyRow(Struct, frozen=True):
    """A terminal's key as it is kept; times in UTC."""

    id: Id
    merchant: Id
    store: Id
    terminal: Id
    public: bytes
    head: str
    terminal_code: str
    certificate: str
    kid: str
    currency: str
    code_max: int
    total_max: int
    count_max: int
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None


class Adoption(Struct, frozen=True):
    """What is added to an order when its terminal comes back."""

    order: Id
    description: str | None
    metadata: Mapping[str, str] | None
    at: datetime
