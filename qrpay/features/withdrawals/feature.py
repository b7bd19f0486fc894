"""Withdrawals: to the bound account, through the clearing house."""

from qrpay.background.model import Job
from qrpay.feature import Feature
from qrpay.features.withdrawals import api, service, store

feature = Feature(
    routes=[api.routes],
    jobs=[Job("withdrawals", 5.0, service.send_due), Job("withdrawals hear", 2.0, service.hear)],
    checks=store.STATEMENTS.checks,
)
