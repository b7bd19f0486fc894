"""Openings: accounts opened online."""

from qrpay.feature import Feature
from qrpay.features.openings import api, commands, jobs, reviews, service, store
from qrpay.web.callers import Applicant, Credential

feature = Feature(
    routes=[api.routes],
    credentials=[Credential(prefix=service.TOKEN, caller=Applicant, check=service.check_token, remember_s=60.0)],
    jobs=jobs.jobs,
    checks=store.STATEMENTS.checks,
    commands=[commands.openings],
    reviews=[reviews.review],
    sandboxes=[commands.identity, commands.sms],
)
