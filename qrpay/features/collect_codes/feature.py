"""Collect codes: a customer is paid by whoever scans."""

from qrpay.background.model import Job
from qrpay.feature import Feature
from qrpay.features.collect_codes import api, service

feature = Feature(routes=[api.routes], jobs=[Job("collect_codes", 3_600.0, service.forget)])
