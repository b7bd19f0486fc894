"""What openings do by the clock."""

from typing import Final

from qrpay.background.model import Job
from qrpay.features.openings import deciding

jobs: Final = [Job("openings", 15.0, deciding.sweep), Job("openings hear", 2.0, deciding.hear)]
