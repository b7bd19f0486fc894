"""Reconciliation: a merchant's own list against the ledger, by digests, so that only what differs is looked at."""

from qrpay.feature import Feature
from qrpay.features.reconciliation import api, commands

feature = Feature(routes=[api.routes], commands=[commands.reconcile])
