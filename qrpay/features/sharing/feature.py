"""Sharing: receivers, shares in the payment's commit or later, and taking them back."""

from qrpay.feature import Feature
from qrpay.features.sharing import api, plans, store

feature = Feature(routes=[api.routes], checks=store.SQL.checks, starts=[plans.start])
