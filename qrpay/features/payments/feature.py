"""Payments: a wallet scans and pays; receipts."""

from qrpay.feature import Feature
from qrpay.features.payments import api, events

feature = Feature(routes=[api.routes], events=events.events)
