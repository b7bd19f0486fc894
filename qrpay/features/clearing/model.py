"""Payments through the clearing house, the messages they travel in, and what comes back."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from qrpay.values import Id

Status = Literal["waiting", "sent", "accepted", "settled", "rejected", "returned", "disputed"]
MessageKind = Literal["pain.001", "pain.002", "camt.054"]
BankNumber = Annotated[str, Meta(pattern=r"^[A-Z0-9]{8,14}\Z", description="The bank's CNAPS number (12 digits).")]
AccountNumber = Annotated[str, Meta(pattern=r"^[A-Za-z0-9\-]{4,34}\Z", description="The account's number.")]


class Party(Struct, frozen=True):
    """An account at a bank: its holder's name, its number, its bank's number in the clearing system (CNAPS)."""

    name: str
    account: str
    bank: str


class NewInstruction(Struct, frozen=True):
    """A payment to be made.

    id          names it for good; also its EndToEndId at the clearing house
    hold        the pending transfer in the ledger: its money, posted by proof, voided by refusal
    purpose     which feature asks, and hears how it ended: `settlement`, `withdrawal`
    amount      minor units, as held
    remittance  what the receiver reads, at most 140 characters
    """

    id: Id
    hold: Id
    purpose: str
    currency: str
    amount: int
    creditor: Party
    remittance: str


class Instruction(Struct, frozen=True):
    """A payment and how far it has come; `code` and `reason` say why it failed (ISO 20022 external code set)."""

    id: Id
    purpose: str
    hold: Id
    currency: str
    amount: int
    name: str
    account: str
    bank: str
    remittance: str
    status: Status
    code: str | None
    reason: str | None
    message: Id | None
    created_at: datetime
    changed_at: datetime


class Message(Struct, frozen=True):
    """A document that went out or came in."""

    id: Id
    direction: str
    kind: MessageKind
    msg_id: str
    body: bytes
    status: str
    notes: Sequence[str]
    attempts: int
    next_try_at: datetime
    created_at: datetime


class Ordered(Struct, frozen=True):
    """A pain.001 as it is read: one order to pay many, on one day."""

    msg_id: str
    debtor: Party
    execution_on: date
    payments: Sequence["OrderedPayment"]


class OrderedPayment(Struct, frozen=True):
    """One of them; amount in minor units."""

    end_to_end: str
    amount: int
    currency: str
    creditor: Party
    remittance: str


class Report(Struct, frozen=True):
    """What the clearing house says of one payment.

    what        accepted, rejected (pain.002); booked, returned (camt.054: the proof)
    end_to_end  the payment; "" when all of `message` are meant
    amount      minor units as booked; None where a status names none
    """

    what: Literal["accepted", "rejected", "booked", "returned", "other"]
    end_to_end: str
    message: str = ""
    amount: int | None = None
    currency: str = ""
    code: str | None = None
    reason: str | None = None


class Reports(Struct, frozen=True):
    """A pain.002 or camt.054 as it is read."""

    kind: MessageKind
    msg_id: str
    reports: Sequence[Report]


class Received(Struct, frozen=True):
    """A document in the clearing house's outbox, and its place there."""

    place: int
    document: bytes


class Sent(Struct, frozen=True):
    """What became of sending: taken (now or before), refused for good, or (neither) to be tried again."""

    taken: bool
    refused: bool = False
    why: str = ""


class Ended(Struct, frozen=True):
    """A payment that came to an end, for the feature that asked for it."""

    id: Id
    status: Status
    code: str | None
    reason: str | None
    changed_at: datetime


class Standing(Struct, frozen=True):
    """How many payments stand in a status, since when the oldest, and their sum in minor units."""

    status: Status
    currency: str
    count: int
    amount: int
    oldest: datetime
