"""Orders: opened, shown, watched, closed, expired."""

from qrpay.feature import Feature
from qrpay.features.orders import api, events, finders, jobs, store

feature = Feature(
    routes=[api.routes], events=events.events, jobs=jobs.jobs, checks=store.SQL.checks, finders=[finders.finder]
)
