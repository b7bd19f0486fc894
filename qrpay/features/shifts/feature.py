"""Shifts: opened and closed with a count of the cash; what each till and each of the staff took."""

from qrpay.feature import Feature
from qrpay.features.shifts import api, store

feature = Feature(routes=[api.routes], checks=store.SQL.checks)
