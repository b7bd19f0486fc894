"""Reckoning: what each receiver gets, to the last cent. Nothing else."""

from collections.abc import Sequence
from typing import Final

WHOLE_BP: Final = 10_000


def amounts_of(net: int, shares: Sequence[tuple[int | None, int | None]]) -> list[int]:
    """What each share (its amount, or its ratio of `net` in 0.01 %) is, in minor units.

    Ratios together give their sum's ratio, rounded down; the cents that rounding leaves go, one each, to those whose
    remainder is largest, earlier ones first (Hamilton's method). So no order of rounding can give more than there is.
    """
    ratios = [ratio or 0 for _, ratio in shares]
    whole = net * sum(ratios) // WHOLE_BP
    parts = [divmod(net * ratio, WHOLE_BP) for ratio in ratios]
    left = whole - sum(part for part, _ in parts)
    largest = sorted(range(len(parts)), key=lambda place: (-parts[place][1], place))[:left]
    cents = set(largest)
    return [
        parts[place][0] + (place in cents) if amount is None else amount for place, (amount, _) in enumerate(shares)
    ]
