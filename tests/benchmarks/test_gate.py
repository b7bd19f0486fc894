"""The gate: it fails for what got worse beyond its noise, and for nothing else."""

import pytest

from benchmarks.figures import Spread
from benchmarks.gate import verdict
from benchmarks.goals import Ratio


@pytest.mark.parametrize(
    ("kept", "new", "less", "expected"),
    [
        ((1.0, 1.1, 1.2), (1.0, 1.1, 1.2), False, "same"),
        ((1.0, 1.1, 1.2), (0.8, 0.9, 1.0), False, "same"),  # they touch
        ((1.0, 1.1, 1.2), (0.8, 0.9, 0.98), False, "same"),  # apart, by less than what three rounds can miss
        ((1.0, 1.1, 1.2), (0.8, 0.9, 0.96), False, "worse"),
        ((1.0, 1.1, 1.2), (1.3, 1.4, 1.5), False, "better"),
        ((1.0, 1.1, 1.2), (1.3, 1.4, 1.5), True, "worse"),
        ((1.0, 1.1, 1.2), (0.8, 0.9, 0.96), True, "better"),
        ((1.0, 1.0, 1.0), (0.5, 0.5, 0.5), False, "worse"),
    ],
)
def test_a_ratio_is_worse_when_all_its_rounds_are(
    kept: tuple[float, float, float], new: tuple[float, float, float], less: bool, expected: str
) -> None:
    """Low, median and high of the rounds; `less` when a smaller figure is better."""
    assert verdict(Ratio("r", _spread(new), less), Ratio("r", _spread(kept), less)) == expected


def _spread(of: tuple[float, float, float]) -> Spread:
    return Spread(middle=of[1], low=of[0], high=of[2])
