"""Settlement: what merchants are owed leaves for their bank accounts, once."""

from qrpay.feature import Feature
from qrpay.features.settlement import api, commands, finders, jobs, store

feature = Feature(
    routes=[api.routes],
    jobs=jobs.jobs,
    checks=store.STATEMENTS.checks,
    finders=[finders.finder],
    commands=[commands.settle, commands.settlement],
)
