"""Offline codes: keys of terminals certified and revoked; orders adopted when a terminal comes back."""

from qrpay.feature import Feature
from qrpay.features.offline_codes import api, store

feature = Feature(routes=[api.routes], checks=store.SQL.checks)
