"""Which cores a process keeps to: with two or more for each web worker, each worker has one to itself.

What a worker wakes with every answer and every batch (its callers, PostgreSQL) would else be woken on its own core and
take its place there, while another core idles. docs/decisions/0035 says what it gains.
"""

import os
from collections.abc import Sequence, Set
from contextlib import suppress

from msgspec import Struct


class Shares(Struct, frozen=True):
    """Who keeps where.

    workers  the one core of each web worker; empty: there are too few, everybody runs anywhere
    others   the cores of everybody else: PostgreSQL, the background, the supervisor
    """

    workers: Sequence[Set[int]]
    others: Set[int]


def usable() -> Set[int]:
    """The cores this process may use; where the system does not say (macOS), as many numbers as there are."""
    if hasattr(os, "sched_getaffinity"):
        return os.sched_getaffinity(0)
    return set(range(os.cpu_count() or 1))


def shares(workers: int, there: Set[int]) -> Shares:
    """The cores `there` dealt out: one to each worker when at least as many are left for the others."""
    if not 0 < 2 * workers <= len(there):
        return Shares((), there)
    numbers = sorted(there)
    return Shares([{number} for number in numbers[:workers]], set(numbers[workers:]))


def keep(process: int, to: Set[int]) -> None:
    """Move a process there, and all that it starts from now on; 0: this one. One that is gone, or not ours, stays."""
    if hasattr(os, "sched_setaffinity"):
        with suppress(OSError):
            os.sched_setaffinity(process, to)
