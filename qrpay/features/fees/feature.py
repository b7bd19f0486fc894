"""Fees: plans, and what is taken by them beside payments."""

from qrpay.feature import Feature
from qrpay.features.fees import api, commands, service, store

feature = Feature(
    routes=[api.routes],
    checks=store.STATEMENTS.checks,
    commands=[commands.fees],
    starts=[service.start],
)
