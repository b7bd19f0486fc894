"""What clearing does by the clock: writes, sends, fetches, believes."""

from typing import Final

import structlog

from qrpay.background.model import Job
from qrpay.core import Core
from qrpay.features.clearing import service
from qrpay.features.clearing.channel import HttpClearing

log = structlog.get_logger()

EVERY_S: Final = 1.0


async def turn(core: Core) -> int:
    """Send what waits, and believe what came. Without QRPAY_CLEARING_URL payments wait."""
    if not core.settings.clearing_url:
        return await service.work(core)
    channel = HttpClearing(core.settings)
    try:
        done = await service.write_messages(core) + await service.send(core, channel)
        try:
            done += await service.receive(core, channel)
        except OSError as defect:
            log.warning("clearing_house_away", why=str(defect))
        return done + await service.work(core)
    finally:
        await channel.close()


jobs: Final = [Job("clearing", EVERY_S, turn)]
