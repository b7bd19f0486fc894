"""Reckoning: what a fee is and what a refund gives back of it, in whole minor units (rules.md 6.2). Nothing else."""

from qrpay.features.fees.model import FeeTerms, Rounding

WHOLE_BP = 10_000


def fee_of(terms: FeeTerms, amount: int) -> int:
    """The fee of a payment of `amount` minor units: between nothing and the payment itself."""
    tier = None
    for each in terms.tiers:
        if each.from_amount <= amount:
            tier = each
    if tier is None:
        return 0
    fee = max(terms.minimum, rounded(amount * tier.rate_bp, WHOLE_BP, terms.rounding) + tier.fixed)
    return min(fee, amount if terms.maximum is None else terms.maximum, amount)


def rounded(numerator: int, denominator: int, rounding: Rounding) -> int:
    """A quotient of what is not negative, in whole units."""
    if rounding == "half_up":
        return (2 * numerator + denominator) // (2 * denominator)
    whole, rest = divmod(numerator, denominator)
    return whole + (2 * rest > denominator or (2 * rest == denominator and whole % 2))


def part_of(whole: int, refunded: int, paid: int) -> int:
    """What `refunded` of `paid` gives back of a fee (or a share), in all: the k-th refund gives back this less what
    the others before it did, so that the parts add up to the whole."""
    return rounded(whole * refunded, paid, "half_up")
