"""Reckoning fees: the figures of rules.md 6.2, and that parts add up to the whole whatever they are."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qrpay.features.fees.model import FeeTerms, Rounding, Tier
from qrpay.features.fees.reckoning import fee_of, part_of
from qrpay.values import AMOUNT_MAX


@pytest.mark.parametrize(
    ("amount", "rate_bp", "half_up", "half_even"),
    [
        (1234, 38, 5, 5), (83, 60, 0, 0), (131, 38, 0, 0), (132, 38, 1, 1), (250, 60, 2, 2), (750, 60, 5, 4),
        (AMOUNT_MAX, 10_000, AMOUNT_MAX, AMOUNT_MAX),
    ],
)  # fmt: skip
def test_a_rate_is_rounded_once(amount: int, rate_bp: int, half_up: int, half_even: int) -> None:
    """Half away from zero, or half to even where a contract says so."""
    roundings: list[tuple[Rounding, int]] = [("half_up", half_up), ("half_even", half_even)]
    for rounding, fee in roundings:
        assert fee_of(FeeTerms([Tier(rate_bp=rate_bp)], rounding=rounding), amount) == fee


def test_caps_minimums_and_tiers() -> None:
    """The last tier reached counts for all of the payment; never less than the minimum, more than the cap or it."""
    assert fee_of(FeeTerms([Tier(rate_bp=35)], maximum=1_300), 371_429) == 1_300
    terms = FeeTerms([Tier(100, 60, 2), Tier(10_000, 38)], minimum=5)
    expected = {1: 0, 99: 0, 100: 5, 9_999: 62, 10_000: 38, 100_000: 380}
    assert {amount: fee_of(terms, amount) for amount in expected} == expected
    assert fee_of(FeeTerms([Tier(fixed=50)]), 20) == 20


@pytest.mark.parametrize(
    ("paid", "fee", "refunds", "expected"),
    [
        (1_000, 6, [333, 333, 334], [2, 2, 2]),
        (1_000, 4, [333, 333, 334], [1, 2, 1]),
        (999, 4, [500, 499], [2, 2]),
    ],
)
def test_a_fee_goes_back_in_parts(paid: int, fee: int, refunds: list[int], expected: list[int]) -> None:
    """The k-th part is what is due in all, less what went back before."""
    due = [part_of(fee, sum(refunds[:number]), paid) for number in range(len(refunds) + 1)]
    assert [after - before for before, after in pairwise(due)] == expected


@given(st.integers(1, AMOUNT_MAX), st.data())
def test_parts_add_up_to_the_fee(paid: int, data: st.DataObject) -> None:
    """However a payment is given back in parts, no part of the fee is below zero and all of them are the fee."""
    fee = data.draw(st.integers(0, paid))
    cuts = sorted(data.draw(st.lists(st.integers(0, paid), max_size=20)))
    due = [part_of(fee, refunded, paid) for refunded in (0, *cuts, paid)]
    assert due == sorted(due)
    assert (due[0], due[-1]) == (0, fee)
