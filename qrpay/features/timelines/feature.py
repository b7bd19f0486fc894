"""Timelines: for merchants, for the bank's operators, and on the command line."""

from qrpay.feature import Feature
from qrpay.features.timelines import api, commands, jobs, operators

feature = Feature(routes=[api.routes, operators.routes], jobs=jobs.jobs, commands=[commands.explain])
