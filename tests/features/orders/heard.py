"""The background's part in lists of orders, done once and now."""

from qrpay.app import features
from qrpay.background.consumers import Listening
from qrpay.background.log import LogWriter
from qrpay.core import Core
from tests.background.world import emptied


async def heard(core: Core) -> None:
    """Return once the log has told everything, and lists of orders have heard it."""
    sources = [source for feature in features() for source in feature.events]
    await emptied(core, LogWriter(core, sources, lambda _last: None))
    [consumer] = [one for feature in features() for one in feature.consumers if one.name == "orders"]
    listening = Listening(core, consumer)
    while await listening.step():
        pass
