"""The background process: the log writer, the consumers and the jobs, while this process leads."""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

from qrpay.background import books
from qrpay.background.consumers import Listening
from qrpay.background.jobs import by_the_clock, guarded
from qrpay.background.leader import lead
from qrpay.background.log import LogWriter
from qrpay.background.model import Job
from qrpay.ledger.partitions import make_ahead

if TYPE_CHECKING:
    from qrpay.core import Core
    from qrpay.feature import Feature

HOLDS_S: Final = 1.0
PARTITIONS_S: Final = 3_600.0


async def run(core: "Core", features: "Sequence[Feature]", stop: asyncio.Event) -> None:
    """Work whenever this process leads, until `stop`; returns once everything under way has come to rest."""
    await lead(core.database, partial(work, core, features), stop)


async def work(core: "Core", features: "Sequence[Feature]") -> None:
    """Everything the leader does, until cancelled."""
    hearing = [Listening(core, consumer) for feature in features for consumer in feature.consumers]

    def ring(last: int) -> None:
        for listening in hearing:
            listening.ring(last)

    sources = [source for feature in features for source in feature.events]
    keeper = Job("ledger books", books.EVERY_S, books.Keeper().follow)
    jobs = [holds, months, keeper, audit, *(job for feature in features for job in feature.jobs)]
    async with asyncio.TaskGroup() as group:
        group.create_task(guarded("event log", LogWriter(core, sources, ring).run))
        for listening in hearing:
            group.create_task(guarded(listening.name, listening.run))
        for job in jobs:
            group.create_task(guarded(job.name, partial(by_the_clock, core, job)))


async def _release_due_holds(core: "Core") -> int:
    """Give back the money of holds whose time has come."""
    return await core.ledger.release_due_holds()


async def _make_months(core: "Core") -> int:
    """Make the months of transfers that come; one that is late harms no payment (docs/decisions/0013)."""
    return await make_ahead(core.database, core.clock)


holds: Final = Job("release due holds", HOLDS_S, _release_due_holds)
months: Final = Job("make months of transfers", PARTITIONS_S, _make_months)
audit: Final = Job("ledger audit", books.NIGHTLY_S, books.nightly)
