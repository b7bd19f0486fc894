"""Reckoning shares: the largest remainder, and that shares, fee and rest are the payment, whatever they are."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from qrpay.features.fees.model import FeeTerms, Tier
from qrpay.features.fees.reckoning import fee_of, part_of
from qrpay.features.sharing.reckoning import amounts_of
from qrpay.values import AMOUNT_MAX

RATIOS = st.lists(st.integers(1, 10_000), max_size=50).filter(lambda ratios: sum(ratios) <= 10_000)


def test_the_largest_remainder_has_the_cent() -> None:
    """100 in three thirds and a rest: the earlier ones first; an amount stays what it is."""
    assert amounts_of(100, [(None, 3_333), (None, 3_333), (None, 3_334)]) == [33, 33, 34]
    assert amounts_of(101, [(None, 3_333), (None, 3_333), (None, 3_334)]) == [34, 33, 34]
    assert amounts_of(1, [(None, 5_000), (None, 5_000)]) == [1, 0]
    assert amounts_of(100, [(7, None), (None, 1_999)]) == [7, 19]


@given(st.integers(1, AMOUNT_MAX), st.integers(0, 10_000), RATIOS, st.lists(st.integers(0, AMOUNT_MAX), max_size=8))
def test_shares_fee_and_rest_are_the_payment(amount: int, rate_bp: int, ratios: list[int], refunds: list[int]) -> None:
    """No share is more than a cent from its ratio, the rest is not below zero; and refunds in parts take back all."""
    fee = fee_of(FeeTerms([Tier(rate_bp=rate_bp)]), amount)
    net = amount - fee
    shares = amounts_of(net, [(None, ratio) for ratio in ratios])
    assert all(
        abs(share - net * ratio / 10_000) <= max(1, net / 2**50) for share, ratio in zip(shares, ratios, strict=True)
    )
    assert sum(shares) == net * sum(ratios) // 10_000
    assert fee + sum(shares) <= amount

    cuts = [0, *sorted(cut for cut in refunds if cut <= amount), amount]
    for whole in (fee, *shares):
        due = [part_of(whole, cut, amount) for cut in cuts]
        assert due == sorted(due)
        assert due[-1] == whole
    for before, after in pairwise(cuts):
        back = sum(part_of(whole, after, amount) - part_of(whole, before, amount) for whole in (fee, *shares))
        assert back <= after - before + len(shares) + 1, "what rounds up is bounded by a cent each"
