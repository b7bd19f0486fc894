"""The bank's business calendar: workdays, holidays and make-up workdays."""

from qrpay.feature import Feature
from qrpay.features.calendar import api, commands, jobs

feature = Feature(routes=[api.routes], jobs=jobs.jobs, commands=[commands.calendar])
