"""Settlement: what merchants are owed leaves for their bank accounts, once."""

from qrpay.feature import Feature
from qrpay.features.settlement import api, commands, jobs, store

feature = Feature(
    routes=[api.routes],
    jobs=jobs.jobs,
    checks=store.STATEMENTS.checks,
    commands=[commands.settle, commands.settlement],
)
