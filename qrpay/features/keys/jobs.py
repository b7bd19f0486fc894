"""What happens to keys by the clock."""

from typing import Final

from qrpay.background.model import Job
from qrpay.features.keys import service

jobs: Final = (Job("rotate_keys_that_end", 3_600, service.rotate_what_ends),)
