"""What timelines do by the clock: forget what was measured long ago."""

from qrpay.background.model import Job
from qrpay.features.timelines import service

jobs = [Job("traces forget", 60.0, service.forget)]
