"""What payment codes do by the clock: old ones are forgotten."""

from qrpay.background.model import Job
from qrpay.features.payment_codes import service

jobs = [Job("payment_codes_forget", 60.0, service.forget)]
