"""What the calendar does by the clock: it says in time that a year is missing."""

from typing import Final

import structlog

from qrpay.background.model import Job
from qrpay.core import Core
from qrpay.features.calendar import service

log = structlog.get_logger()

EVERY_S: Final = 6 * 3_600.0


async def look_ahead(core: Core) -> int:
    """Warn when a day of the coming weeks is unknown: then T+1 would stop."""
    if (year := await service.missing_year(core)) is not None:
        log.warning("calendar_year_missing", year=year, advice="qrpay calendar load")
    return 0


jobs: Final = [Job("calendar look ahead", EVERY_S, look_ahead)]
