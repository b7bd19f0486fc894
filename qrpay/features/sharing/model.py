"""Receivers and shares, as they travel and as they are kept; and what the ledger holds of a shared order."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from qrpay.features.fees.model import FeeStanding
from qrpay.features.orders.model import IdText
from qrpay.ledger.chart import PAYMENTS, TransferCode
from qrpay.ledger.model import Posted
from qrpay.values import Amount, Id, Reference, claim

SHARES_MAX: Final = 50
CODES: Final = (
    TransferCode.SHARING_HOLD, TransferCode.SHARE, TransferCode.SHARING_RELEASE, TransferCode.SHARE_RETURN,
)  # fmt: skip
Bp = Annotated[int, Meta(ge=1, le=10_000, description="0.01 %.")]


class NewReceiver(Struct, frozen=True, forbid_unknown_fields=True):
    """Whom to share with: another merchant (`mer_…`) or a customer's account (`acc_…`), one of both.

    reference  the merchant's own name of it; sent again, it answers with the same
    """

    reference: Reference
    merchant: IdText | None = None
    account: IdText | None = None


class Receiver(Struct, frozen=True):
    """Whom a merchant shares with; `name` as payers see it, a person's masked."""

    id: str
    reference: str
    name: str
    merchant: str | None
    account: str | None
    created_at: str
    removed_at: str | None


class ReceiverRow(Struct, frozen=True):
    """A receiver as it is kept."""

    id: Id
    merchant: Id
    reference: str
    payee_merchant: Id | None
    payee_account: Id | None
    created_at: datetime
    removed_at: datetime | None


class ShareAsk(Struct, frozen=True, forbid_unknown_fields=True):
    """One receiver's share: an amount in minor units, or a ratio of what the payment leaves after its fee."""

    receiver: IdText
    amount: Amount | None = None
    ratio_bp: Bp | None = None


Shares = Annotated[Sequence[ShareAsk], Meta(min_length=1, max_length=SHARES_MAX)]


class NewSharing(Struct, frozen=True, forbid_unknown_fields=True):
    """How an order is shared, said before it is paid and before its code is shown.

    shares  posted in the payment's own commit; left out: none yet
    hold    whether the rest is held until it is shared or released; without shares it must be
    """

    shares: Annotated[Sequence[ShareAsk], Meta(max_length=SHARES_MAX)] = ()
    hold: bool = False


class NewShares(Struct, frozen=True, forbid_unknown_fields=True):
    """Shares of what is held of a paid order.

    reference  the merchant's own number, unique for that order; sent again, it answers with the same
    finish     whether the rest is the merchant's after it
    """

    reference: Reference
    shares: Shares
    finish: bool = False


class NewClawback(Struct, frozen=True, forbid_unknown_fields=True):
    """What to take back of a share, minor units; left out: all that is left of it."""

    reference: Reference
    amount: Amount | None = None


class Share(Struct, frozen=True):
    """What a receiver has been given of an order; `returned_amount` of it came back with refunds or was clawed back."""

    id: str
    order: str
    receiver: str
    reference: str | None
    amount: int
    returned_amount: int
    created_at: str


class PlannedShare(Struct, frozen=True):
    """A share that the payment will bring."""

    receiver: str
    amount: int | None
    ratio_bp: int | None


class Sharing(Struct, frozen=True):
    """How an order is shared; amounts in minor units.

    status   `planned`: it is not paid; `held`: something may still be shared; `finished`: nothing is held any more;
             `not_shared`: it was paid before the sharing was known
    amount   what the payment left after its fee; null until paid
    held     what may still be shared, or released
    planned  what the payment brings, or should have brought: what a receiver could not take then is held
    """

    order: str
    status: Literal["planned", "held", "finished", "not_shared"]
    amount: int | None
    held: int
    planned: Sequence[PlannedShare]
    shares: Sequence[Share]


class Line(Struct, frozen=True):
    """A planned share as it is kept: ids in hex, and the ledger account that it goes to."""

    receiver: str
    account: str
    amount: int | None
    ratio_bp: int | None


class PlanRow(Struct, frozen=True):
    """How an order is shared, as it is kept."""

    order: Id
    merchant: Id
    lines: Sequence[Line]
    hold: bool
    created_at: datetime


class Move(Struct, frozen=True):
    """One transfer of an act, before it has an id."""

    debit: Id
    credit: Id
    amount: int
    code: TransferCode
    reference: str = ""


class Standing(Struct, frozen=True):
    """What the ledger holds of an order that may be shared.

    acts  how many acts have moved something of it: the next one claims the next place
    """

    payment: Posted | None
    fee: FeeStanding
    holds: Sequence[Posted]
    shares: Sequence[Posted]
    releases: Sequence[Posted]
    returns: Sequence[Posted]
    acts: int

    @property
    def net(self) -> int:
        """What the payment left its merchant."""
        assert self.payment is not None
        fee = self.fee.fee
        return self.payment.amount - (fee.amount if fee is not None and fee.code == TransferCode.FEE else 0)

    @property
    def held(self) -> int:
        """What may still be shared or released."""
        return _sum(self.holds) - _sum(self.shares) - _sum(self.releases)

    def returned(self, share: Posted) -> int:
        """What came back of a share."""
        return _sum([one for one in self.returns if one.reference[:32] == share.id.hex])

    @classmethod
    def of(cls, order: Id, posted: Sequence[Posted]) -> "Standing":
        """From all that is about the order, oldest first."""
        ids = {one.id for one in posted}
        acts = 0
        while claim("sharing", order, acts + 1, 0) in ids:
            acts += 1
        kinds = [[one for one in posted if one.code == code] for code in CODES]
        payment = next((one for one in posted if one.code in PAYMENTS), None)
        return cls(payment, FeeStanding.of(posted), kinds[0], kinds[1], kinds[2], kinds[3], acts)


def _sum(posted: Sequence[Posted]) -> int:
    return sum(one.amount for one in posted)


class ReceiversQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Which receivers: the newest first."""

    limit: Annotated[int, Meta(ge=1, le=100)] = 20
    cursor: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
