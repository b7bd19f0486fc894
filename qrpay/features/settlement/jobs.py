"""What settlement does by the clock: settles what is due, and hears how payouts ended."""

from typing import Final

from qrpay.background.model import Job
from qrpay.features.settlement import service

jobs: Final = [Job("settlement", 30.0, service.by_the_clock), Job("settlement hear", 1.0, service.hear)]
