"""What one process remembers from the database: bounded, ageing, and told when it is wrong."""

import time
from typing import Generic, TypeVar

from qrpay.memory import Memory

K = TypeVar("K")
V = TypeVar("V")


class Remembered(Generic[K, V]):
    """Values by key, at most `limit`; the older half goes at once, and each value after `age_s_max` seconds.

    Whoever reads the database takes `reading` first and hands it back to `put`: what was read before
    somebody called `forget` is then not remembered after it.
    """

    def __init__(self, limit: int, age_s_max: float = float("inf")) -> None:
        self._age_s_max = age_s_max
        self._values: Memory[K, tuple[V, float]] = Memory(limit // 2)
        self.reading = 0

    def get(self, key: K) -> V | None:
        """The value, when it is remembered and young enough."""
        found = self._values.get(key)
        return found[0] if found is not None and time.monotonic() - found[1] <= self._age_s_max else None

    def put(self, key: K, value: V, reading: int) -> None:
        """Remember what was read since `reading`."""
        if reading != self.reading:
            return
        self._values.put(key, (value, time.monotonic()))

    def forget(self, key: K) -> None:
        """It changed."""
        self.reading += 1
        self._values.forget(key)

    def forget_all(self) -> None:
        """Anything may have changed."""
        self.reading += 1
        self._values.clear()
