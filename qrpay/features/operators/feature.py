"""Operators: people of the bank at their desk."""

from qrpay.desk import Finder
from qrpay.feature import Feature
from qrpay.features.operators import acts, api, commands, jobs, proposals, search, sessions, store
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
    finders=[
        Finder(prefix=acts.PREFIX, find=search.find_person),
        Finder(prefix=proposals.PREFIX, find=search.find_proposal),
    ],
    checks=store.STATEMENTS.checks,
    commands=[commands.operators],
)
