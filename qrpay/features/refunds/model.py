"""Refunds, as they travel and as they are kept."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from qrpay.features.fees.model import FeeStanding
from qrpay.features.orders.model import IdText, PayeeView
from qrpay.features.sharing.model import Standing as SharingStanding
from qrpay.ledger.chart import TransferCode
from qrpay.ledger.model import Posted
from qrpay.values import Amount, Id, Reference, Text256

Status = Literal["pending", "succeeded", "failed"]


class NewRefund(Struct, frozen=True, forbid_unknown_fields=True):
    """What a merchant sends to give money back.

    reference  the merchant's own number of the refund, unique for that merchant; sent again, it answers with the same
    amount     minor units of the order's currency, at most what is left of the payment; left out: all of that
    reason     for people; the payer reads it
    """

    reference: Reference
    amount: Amount | None = None
    reason: Text256 | None = None


class Refund(Struct, frozen=True):
    """A refund and what became of it, read from the ledger.

    amount        minor units; null while it is not known, as `amount` was left out and nothing has moved
    status        `succeeded`: the payer has it; `pending`: it has left the merchant and waits for the payer's account,
                  or is not decided yet; `failed`: nothing has moved, and the same request may be sent again
    failure       of a failed one, the code of the refusal
    succeeded_at  when the payer had it
    """

    id: str
    order: str
    reference: str
    amount: int | None
    currency: str
    status: Status
    reason: str | None
    failure: str | None
    created_at: str
    succeeded_at: str | None


class RefundRow(Struct, frozen=True):
    """A refund as it was asked for. `refused`: the code of the last refusal, which money overrules."""

    id: Id
    merchant: Id
    order: Id
    reference: str
    amount: int | None
    reason: str | None
    asked_by: Id
    refused: str | None
    created_at: datetime


class HeldRow(Struct, frozen=True):
    """A refund that waits for its payer's account, and why; `tries` so far."""

    refund: Id
    customer: Id
    account: Id
    because: str
    tries: int


class Standing(Struct, frozen=True):
    """What the ledger holds about an order that may have been paid.

    refunds   in the order of their numbers, from 1 on; each bears its reference
    releases  what has reached the payer of those that were held
    fee       the fee of the payment, and what of it went back with refunds
    sharing   what was shared of it, and what is held for that
    taken     what an operator has corrected of the payment, minor units: it cannot be given back again
    """

    payment: Posted | None
    refunds: Sequence[Posted]
    releases: Sequence[Posted]
    taken: int
    fee: FeeStanding
    sharing: SharingStanding

    @property
    def left(self) -> int:
        """What may still be given back, in minor units."""
        if self.payment is None:
            return 0
        return max(0, self.payment.amount - self.taken - sum(refund.amount for refund in self.refunds))

    def referenced(self, reference: str) -> Posted | None:
        """The refund with this reference, if it stands."""
        return next((refund for refund in self.refunds if refund.reference == reference), None)

    def release_of(self, refund: Posted) -> Posted | None:
        """How a refund that was held reached its payer, if it did."""
        return next((release for release in self.releases if release.reference == refund.reference), None)

    @classmethod
    def of(cls, order: Id, posted: Sequence[Posted], payments: frozenset[TransferCode]) -> "Standing":
        """From all that is about the order, oldest first."""
        return cls(
            next((one for one in posted if one.code in payments), None),
            [one for one in posted if one.code == TransferCode.REFUND],
            [one for one in posted if one.code == TransferCode.REFUND_RELEASE],
            sum(one.amount for one in posted if one.code == TransferCode.CORRECTION),
            FeeStanding.of(posted),
            SharingStanding.of(order, posted),
        )


class RefundsQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Which refunds: the newest first."""

    limit: Annotated[int, Meta(ge=1, le=100)] = 20
    cursor: Annotated[str, Meta(min_length=1, max_length=64)] | None = None


class NewClaim(Struct, frozen=True, forbid_unknown_fields=True):
    """Which of one's accounts takes a refund that waits; left out: the one that paid."""

    account: IdText | None = None


class PayerRefund(Struct, frozen=True):
    """A refund as its payer sees it.

    account      the account that has it, or that could not take it yet
    because      of a pending one, the code that says why the account could not take it
    refunded_at  when it was in the account
    """

    refund: str
    order: str
    amount: int
    currency: str
    payee: PayeeView
    account: str
    status: Status
    reason: str | None
    because: str | None
    refunded_at: str | None
