"""Refunds: given, read, finished, held for payers whose account cannot take them."""

from qrpay.feature import Feature
from qrpay.features.refunds import api, events, finders, jobs, store

feature = Feature(
    routes=[api.routes], events=events.events, jobs=jobs.jobs, checks=store.SQL.checks, finders=[finders.finder]
)
