"""Loops of the background: each in a guard of its own, so that one that fails neither stops nor slows another."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

import structlog

from qrpay.background import metrics
from qrpay.background.model import Job
from qrpay.database.errors import DatabaseAway

if TYPE_CHECKING:
    from qrpay.core import Core

log = structlog.get_logger()

FIRST_PAUSE_S: Final = 0.25
PAUSE_S_MAX: Final = 30.0
BREATH_S: Final = 0.01


async def guarded(name: str, round_: Callable[[], Awaitable[None]]) -> None:
    """Run `round_` again and again until cancelled; after a failure log it, wait, and wait longer each time."""
    pause_s = FIRST_PAUSE_S
    failures = metrics.job_failures_total.labels(name)
    while True:
        try:
            await round_()
            pause_s = FIRST_PAUSE_S
            continue
        except DatabaseAway:
            log.warning("background_database_away", name=name)
        except Exception:  # the background's one net: whatever a loop meets, the others go on
            log.exception("background_failed", name=name)
        failures.inc()
        await asyncio.sleep(jittered(pause_s))
        pause_s = min(PAUSE_S_MAX, pause_s * 2)


async def by_the_clock(core: "Core", job: Job) -> None:
    """One round of a job: do it, and when there was nothing left to do, wait for its next time."""
    # Even one that always says there is more lets the others breathe.
    await asyncio.sleep(BREATH_S if await job.run(core) else jittered(job.every_s))


def jittered(seconds: float) -> float:
    """About as long: 0.8 to 1.2 times, so that what failed together does not come back together."""
    return seconds * random.uniform(0.8, 1.2)  # noqa: S311 - no secret


async def news_or(news: asyncio.Event, seconds: float) -> bool:
    """Whether there was news within this time.

    Not by wait_for: in Python 3.11 it swallows a cancellation that comes together with the news, and a loop that
    was told to end would go on for ever.
    """
    try:
        async with asyncio.timeout(seconds):
            await news.wait()
    except TimeoutError:
        return False
    return True
