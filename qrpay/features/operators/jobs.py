"""What operators leave to the clock."""

from typing import Final

from qrpay.background.model import Job
from qrpay.features.operators import passkeys, proposals, service

jobs: Final = [
    Job("operator_decisions", 60.0, service.carry_out_undone),
    Job("operator_challenges", 300.0, passkeys.forget_challenges),
    Job("operator_freezes", 5.0, proposals.lift_what_is_over),
]
