"""Transfers between customers and requests for money, as they travel and as they are kept."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from qrpay.features.e_accounts.model import Pin
from qrpay.features.orders.model import IdText
from qrpay.values import Amount, CurrencyCode, Id, Text64

To = Annotated[
    str,
    Meta(min_length=1, max_length=512, description="A customer (`cus_…`), a mobile number, or a scanned collect code."),
]


class Private(Struct, frozen=True, forbid_unknown_fields=True):
    """What may hold a phone number or a PIN; its repr is safe in a log."""

    def __repr__(self) -> str:
        """Without what was said."""
        return f"{type(self).__name__}(…)"


class WhoIs(Private, frozen=True, forbid_unknown_fields=True):
    """Whom one means to pay."""

    to: To

    __repr__ = Private.__repr__


class PayeeShown(Struct, frozen=True):
    """Who would be paid, before anything moves: the name is masked. amount, note: as a collect code says."""

    name: str
    customer: str
    currency: str | None
    amount: int | None
    note: str | None


class NewTransfer(Private, frozen=True, forbid_unknown_fields=True):
    """Pay another customer.

    amount   minor units; what a collect code says it must be
    account  which of mine pays; left out: the token's
    pin      where it is asked for (`pin_required`)
    """

    to: To
    amount: Amount
    currency: CurrencyCode
    note: Text64 | None = None
    account: IdText | None = None
    pin: Pin | None = None

    __repr__ = Private.__repr__


class P2PTransfer(Struct, frozen=True):
    """A transfer between customers that stands.

    status        `succeeded`; `held`: it has left the sender and waits, as the receiver's account cannot take it;
                  `returned`: it waited too long, and the sender has it again
    direction     as the caller sees it
    counterparty  the other one's name, masked
    """

    id: str
    status: Literal["succeeded", "held", "returned"]
    direction: Literal["sent", "received"]
    amount: int
    currency: str
    counterparty: str
    note: str | None
    created_at: str


class ListQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """A page of a list, newest first."""

    limit: Annotated[int, Meta(ge=1, le=100)] = 20
    cursor: IdText | None = None


class NewClaim(Struct, frozen=True, forbid_unknown_fields=True):
    """Take money that waits. account: which of mine takes it; left out: the one it was sent to."""

    account: IdText | None = None


class Row(Struct, frozen=True):
    """A transfer's story at rest; whether money moved is the ledger's."""

    id: Id
    sender: Id
    sender_account: Id
    receiver: Id
    receiver_account: Id
    amount: int
    currency: str
    note: str | None
    to_hash: bytes
    created_at: datetime


class Held(Struct, frozen=True):
    """Money that waits for its receiver."""

    id: Id
    receiver: Id
    because: str
    held_at: datetime
    return_at: datetime


class Payee(Struct, frozen=True):
    """Whom a text names: the customer, the account that takes the money, and what a collect code asks."""

    customer: Id
    name: str
    account: Id | None = None
    currency: str | None = None
    amount: int | None = None
    note: str | None = None


class NewRequest(Private, frozen=True, forbid_unknown_fields=True):
    """Ask another customer for money. account: which of mine it comes to; left out: the token's."""

    payer: To
    amount: Amount
    note: Text64 | None = None
    account: IdText | None = None

    __repr__ = Private.__repr__


class NewSplit(Private, frozen=True, forbid_unknown_fields=True):
    """Split a bill: the others are asked for equal shares; my own share, and the cents that are left, stay with me."""

    payers: Annotated[Sequence[To], Meta(min_length=1, max_length=50)]
    total: Amount
    note: Text64 | None = None
    account: IdText | None = None

    __repr__ = Private.__repr__


class Pay(Private, frozen=True, forbid_unknown_fields=True):
    """Pay what somebody asks for."""

    account: IdText | None = None
    pin: Pin | None = None

    __repr__ = Private.__repr__


class MoneyRequest(Struct, frozen=True):
    """A request for money. status: what the ledger says of it, or `expired`."""

    id: str
    split: str | None
    status: Literal["open", "paid", "declined", "withdrawn", "expired"]
    direction: Literal["asked", "owed"]
    amount: int
    currency: str
    counterparty: str
    note: str | None
    created_at: str
    expires_at: str


class Split(Struct, frozen=True):
    """A bill that was split: the requests it became."""

    id: str
    requests: Sequence[MoneyRequest]


class RequestRow(Struct, frozen=True):
    """A request at rest."""

    id: Id
    split: Id | None
    asker: Id
    asker_account: Id
    payer: Id
    amount: int
    currency: str
    note: str | None
    ask_hash: bytes
    created_at: datetime
    expires_at: datetime
