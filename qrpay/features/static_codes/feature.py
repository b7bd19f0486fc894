"""Static codes: made, listed, printed, withdrawn."""

from qrpay.feature import Feature
from qrpay.features.static_codes import api, store

feature = Feature(routes=[api.routes], checks=store.SQL.checks)
