"""Events: three doors to one log; this folder is two of them, polling and the stream."""

from typing import Final

from qrpay.background.store import STATEMENTS
from qrpay.feature import Feature
from qrpay.features.events import api, feed

feature: Final = Feature(routes=[api.routes], checks=STATEMENTS.checks, starts=[feed.start])
