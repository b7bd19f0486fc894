"""Statements: what happened on a merchant's account, by day and month, signed."""

from qrpay.feature import Feature
from qrpay.features.statements import api, commands

feature = Feature(routes=[api.routes], commands=[commands.statements])
"""Its statements hold no invariant of their own: they are cut from the ledger's, which has its checks."""
