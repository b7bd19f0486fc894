"""What merchants do by the clock."""

from typing import Final

from qrpay.background.model import Job
from qrpay.features.merchants import signatures

jobs: Final = [Job("signature_nonces", 60.0, signatures.forget_nonces)]
