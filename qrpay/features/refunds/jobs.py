"""What refunds do by the clock: those left unfinished are finished, those that wait for their payer are tried again."""

from qrpay.background.model import Job
from qrpay.features.refunds import held, service

jobs = [Job("refunds_finish", 15.0, service.sweep), Job("refunds_held", 15.0, held.retry)]
