"""Payment codes: shown by a phone, charged by a till."""

from qrpay.feature import Feature
from qrpay.features.payment_codes import api, jobs, store

feature = Feature(routes=[api.routes], jobs=jobs.jobs, checks=store.SQL.checks)
