"""Orders: opened, shown, watched, closed, expired."""

from qrpay.feature import Feature
from qrpay.features.orders import api, commands, events, finders, jobs, list_store, store

feature = Feature(
    routes=[api.routes],
    events=events.events,
    consumers=events.consumers,
    jobs=jobs.jobs,
    checks=[*store.SQL.checks, *list_store.SQL.checks],
    finders=[finders.finder],
    commands=[commands.orders],
)
