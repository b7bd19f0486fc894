"""Operators: people of the bank at their desk."""

from qrpay.feature import Feature
from qrpay.features.operators import acts, api, commands, jobs, proposals, sessions, store
from qrpay.web.callers import Credential, Operator

feature = Feature(
    routes=[api.routes],
    credentials=[
        Credential(
            prefix="ops_",
            caller=Operator,
            check=sessions.check,
            remember_s=0.0,  # a session that was ended is refused at once
            cookie=sessions.COOKIE,
            noted=acts.note,
        )
    ],
    jobs=jobs.jobs,
    reviews=proposals.reviews,
    checks=store.STATEMENTS.checks,
    commands=[commands.operators],
)
