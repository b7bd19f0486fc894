"""Trials: a test payer that pays any order of a test merchant."""

from qrpay.feature import Feature
from qrpay.features.trials import api

feature = Feature(routes=[api.routes])
