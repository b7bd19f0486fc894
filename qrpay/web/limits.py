"""Rate limits: GCRA, one time stamp a caller, in this worker's memory."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from time import monotonic
from typing import Final

from qrpay.problem import rate_limited

REMEMBERED_MAX: Final = 20_000


class Limit:
    """At most `rate_s` a second, in bursts of at most `burst` (generic cell rate algorithm).

    A caller's only state is the time at which its bucket will be empty again.
    """

    def __init__(self, rate_s: float, burst: int, now: Callable[[], float] = monotonic) -> None:
        self._step = 1.0 / rate_s
        self._slack = self._step * burst
        self._burst = burst
        self._now = now
        self._empty_at: OrderedDict[Hashable, float] = OrderedDict()

    def take(self, caller: Hashable) -> None:
        """Count one request; `rate_limited` (429, Retry-After, RateLimit) when it is one too many."""
        now = self._now()
        empty_at = self._empty_at.get(caller, now)
        empty_at = (empty_at if empty_at > now else now) + self._step
        if empty_at - now > self._slack:
            self.refuse(empty_at - self._slack - now)
        self._empty_at[caller] = empty_at
        if len(self._empty_at) > REMEMBERED_MAX:
            self._empty_at.popitem(last=False)

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
