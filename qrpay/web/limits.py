"""Rate limits: GCRA, one time stamp a caller, in this worker's memory."""

from collections.abc import Callable, Hashable
from itertools import islice
from time import monotonic
from typing import Final

from qrpay.problem import rate_limited

REMEMBERED_MAX: Final = 20_000
SWEEP_MIN: Final = 2_000


class Limit:
    """At most `rate_s` a second, in bursts of at most `burst` (generic cell rate algorithm).

    A caller's only state is the time at which its bucket will be empty again; once that has passed there is none.
    """

    def __init__(self, rate_s: float, burst: int, now: Callable[[], float] = monotonic) -> None:
        self._step = 1.0 / rate_s
        self._slack = self._step * burst
        self._burst = burst
        self._now = now
        self._empty_at: dict[Hashable, float] = {}
        self._sweep_at = SWEEP_MIN

    def take(self, caller: Hashable) -> None:
        """Count one request; `rate_limited` (429, Retry-After, RateLimit) when it is one too many."""
        now = self._now()
        empty_at = self._empty_at.get(caller, now)
        empty_at = (empty_at if empty_at > now else now) + self._step
        if empty_at - now > self._slack:
            self.refuse(empty_at - self._slack - now)
        self._empty_at[caller] = empty_at
        if len(self._empty_at) >= self._sweep_at:
            self._sweep(now)

    def _sweep(self, now: float) -> None:
        """Forget whose bucket is empty, and of the others the longest known half when they are too many."""
        busy = {caller: empty_at for caller, empty_at in self._empty_at.items() if empty_at > now}
        if len(busy) > REMEMBERED_MAX // 2:
            busy = dict(islice(busy.items(), len(busy) - REMEMBERED_MAX // 2, None))
        self._empty_at = busy
        self._sweep_at = max(SWEEP_MIN, 2 * len(busy))

    def full(self, caller: Hashable) -> bool:
        """Whether the next one would be refused; counts nothing."""
        now = self._now()
        return max(self._empty_at.get(caller, now), now) + self._step - now > self._slack

    def refuse(self, wait_s: float) -> None:
        """Say no, and when to come back."""
        seconds = max(1, int(wait_s + 0.999))
        raise rate_limited(
            retry_after=seconds,
            headers={"Retry-After": str(seconds), "RateLimit": f'"default";r=0;t={seconds}'},
        )
