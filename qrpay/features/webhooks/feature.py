"""Webhooks: endpoints merchants register, and the sender that calls them."""

from typing import Final

from qrpay.feature import Feature
from qrpay.features.webhooks import api, commands, events, jobs
from qrpay.features.webhooks.store import STATEMENTS

feature: Final = Feature(
    routes=[api.routes],
    consumers=events.consumers,
    jobs=jobs.jobs,
    checks=STATEMENTS.checks,
    commands=[commands.listen, commands.trigger_command],
)
