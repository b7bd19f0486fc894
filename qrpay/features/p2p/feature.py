"""P2P: customers pay each other, ask for money, split bills."""

from qrpay.background.model import Job
from qrpay.feature import Feature
from qrpay.features.p2p import api, events, service, store

feature = Feature(
    routes=[api.routes],
    events=events.events,
    jobs=[Job("p2p_give_back", 60.0, service.give_back)],
    checks=store.STATEMENTS.checks,
)
