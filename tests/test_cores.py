"""Who keeps to which cores: a worker has one to itself only where enough are left for the others."""

from collections.abc import Sequence, Set

import pytest

from qrpay.cores import shares


@pytest.mark.parametrize(
    ("workers", "there", "own", "others"),
    [
        (1, {0, 1}, [{0}], {1}),
        (2, {4, 5, 6, 7, 9}, [{4}, {5}], {6, 7, 9}),
        (2, {0, 1}, [], {0, 1}),  # PostgreSQL needs as many as the workers
        (3, {0, 1, 2, 3, 4}, [], {0, 1, 2, 3, 4}),
        (0, {0, 1}, [], {0, 1}),
        (1, {3}, [], {3}),
    ],
)
def test_a_worker_has_a_core_to_itself_where_as_many_are_left(
    workers: int, there: Set[int], own: Sequence[Set[int]], others: Set[int]
) -> None:
    """With two cores or more for each web worker; otherwise everybody runs anywhere."""
    dealt = shares(workers, there)
    assert list(dealt.workers) == own
    assert dealt.others == others
