"""Onboarding: applications with papers and checks, and a decision by two people of the bank."""

from qrpay.feature import Feature
from qrpay.features.onboarding import api, commands, finders, jobs, operators, reviews, service, store
from qrpay.web.callers import Credential, MerchantApplicant

feature = Feature(
    routes=[api.routes, operators.routes],
    credentials=[
        Credential(prefix=service.PREFIX, caller=MerchantApplicant, check=service.check_token, remember_s=60.0)
    ],
    jobs=jobs.jobs,
    checks=store.STATEMENTS.checks,
    commands=commands.commands,
    reviews=[reviews.review],
    finders=[finders.finder],
)
