"""Fee plans and fees, as they travel and as they are kept."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from qrpay.ledger.chart import TransferCode
from qrpay.ledger.model import Posted
from qrpay.values import AMOUNT_MAX, Amount, CurrencyCode, Id

PREFIX: Final = "fpl_"
TAKEN: Final = {"merchant": TransferCode.FEE, "bank": TransferCode.FEE_BORNE}
"""The transfer that takes a fee, by who bears it."""
Rounding = Literal["half_up", "half_even"]
BorneBy = Literal["merchant", "bank"]
Minor = Annotated[int, Meta(ge=0, le=AMOUNT_MAX, description="Minor units.")]


class Tier(Struct, frozen=True, forbid_unknown_fields=True):
    """What a payment of at least `from_amount` minor units costs, all of it: a rate in 0.01 % and a fixed part."""

    from_amount: Minor = 0
    rate_bp: Annotated[int, Meta(ge=0, le=10_000)] = 0
    fixed: Minor = 0


class FeeTerms(Struct, frozen=True, forbid_unknown_fields=True):
    """How a fee is reckoned (rules.md 6.2); amounts in minor units of the plan's currency.

    tiers     rising by `from_amount`; the last one that a payment reaches counts, and below the first nothing is due
    minimum   of a payment that reached a tier; never more than the payment itself
    maximum   the cap; None: there is none
    rounding  to the minor unit: half away from zero, or (where a contract says so) half to even
    borne_by  the merchant, from whose balance it is taken in the payment's own commit; or the bank. Never the payer
              (发改价格〔2016〕557号)
    """

    tiers: Annotated[Sequence[Tier], Meta(min_length=1, max_length=20)]
    minimum: Minor = 0
    maximum: Minor | None = None
    rounding: Rounding = "half_up"
    borne_by: BorneBy = "merchant"


class PlanRow(Struct, frozen=True):
    """A version of a plan; never edited. Neither merchant nor mcc: it is for all."""

    id: Id
    merchant: Id | None
    mcc: str | None
    currency: str
    number: int
    effective_on: date
    terms: FeeTerms
    set_by: str
    set_at: datetime


class NewPlan(Struct, frozen=True):
    """A version to be set; its first day is today or later."""

    currency: str
    effective_on: date
    terms: FeeTerms
    merchant: Id | None = None
    mcc: str | None = None


class FeePlan(Struct, frozen=True):
    """A version of a plan that concerns a merchant.

    applies_to  whom it is for: this merchant (`merchant`), all of its category (`mcc`), or all merchants (`all`)
    in_force    whether it counts today: the merchant's own before its category's before the one for all
    """

    id: str
    applies_to: Literal["merchant", "mcc", "all"]
    currency: CurrencyCode
    effective_on: date
    in_force: bool
    tiers: Sequence[Tier]
    minimum: int
    maximum: int | None
    rounding: Rounding
    borne_by: BorneBy


class FeePlans(Struct, frozen=True):
    """The versions that concern a merchant, newest first."""

    data: Sequence[FeePlan]


class QuoteQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """A payment to reckon the fee of; `on` is a bank date, today when left out."""

    amount: Amount
    currency: CurrencyCode
    on: date | None = None


class FeeQuote(Struct, frozen=True):
    """What a payment would cost; `plan` null: nothing, as there is none. `net` is the merchant's share of it."""

    amount: int
    currency: CurrencyCode
    on: date
    fee: int
    net: int
    borne_by: BorneBy | None
    plan: str | None


class Fee(Struct, frozen=True):
    """The fee of an order, from the ledger; minor units.

    taken     beside its payment
    returned  with its refunds, so far
    plan      the version it was reckoned by (`fpl_…`)
    """

    taken: int
    returned: int
    borne_by: BorneBy
    plan: str

    @property
    def borne(self) -> int:
        """What it costs the merchant as things stand."""
        return self.taken - self.returned if self.borne_by == "merchant" else 0


class FeeStanding(Struct, frozen=True):
    """The fee of an order as the ledger has it; `fee` None: there was none. `returned` in minor units."""

    fee: Posted | None
    returned: int

    @classmethod
    def of(cls, posted: Sequence[Posted]) -> "FeeStanding":
        """From all that is about the order."""
        fee = next((one for one in posted if one.code in TAKEN.values()), None)
        return cls(fee, sum(one.amount for one in posted if one.code == TransferCode.FEE_RETURN))
