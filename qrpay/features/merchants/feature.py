"""Merchants: who they are and what they call with."""

from qrpay.feature import Feature
from qrpay.features.merchants import api, commands, finders, jobs, keys, service, signatures, store
from qrpay.web.callers import Credential, Merchant

feature = Feature(
    routes=[api.routes],
    credentials=[
        Credential(prefix="sk_", caller=Merchant, check=keys.check_secret, remember_s=5.0, signed=signatures.check)
    ],
    jobs=jobs.jobs,
    checks=store.STATEMENTS.checks,
    finders=finders.finders,
    commands=[commands.merchants],
    starts=[service.start],
)
