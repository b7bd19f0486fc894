"""Keys: made, published, rotated, revoked."""

from qrpay.feature import Feature
from qrpay.features.keys import api, commands, jobs, service, store

feature = Feature(
    routes=[api.routes],
    jobs=jobs.jobs,
    checks=store.STATEMENTS.checks,
    commands=[commands.keys],
    starts=[service.start],
)
