"""The clearing house: money that leaves the bank, and the messages that prove it."""

from qrpay.feature import Feature
from qrpay.features.clearing import commands, jobs, store

feature = Feature(
    jobs=jobs.jobs,
    checks=store.STATEMENTS.checks,
    commands=[commands.clearing],
    sandboxes=[commands.sandbox],
)
