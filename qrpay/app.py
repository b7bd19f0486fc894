"""The list of features, and how one process is put together."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Final

from qrpay.background.run import run as run_background
from qrpay.codes.reader import Reader
from qrpay.codes.signing import Keyring
from qrpay.core import Core
from qrpay.database.pool import Database
from qrpay.feature import Feature
from qrpay.hub import Hub
from qrpay.ledger.engine import Engine
from qrpay.settings import Settings
from qrpay.values import Clock, utc_now
from qrpay.vault import Vault

FEATURES: Final = (
    # In order of dependency: a feature may use those above it, never those below.
    "keys",  # what we sign with: made, published, rotated, revoked
    "calendar",  # workdays, holidays, make-up workdays
    "clearing",  # payments through the clearing house, out and back
    "merchants",  # shops, tills, credentials
    "e_accounts",  # customers, their accounts, tokens and PINs
    "fees",  # what merchants pay the bank for their payments
    "openings",  # e-accounts opened online: identity, phone, bound account, consent
    "orders",  # what is owed: opened, shown, closed
    "collect_codes",  # codes by which a customer is paid by another
    "static_codes",  # codes on a wall or counter, paid again and again
    "offline_codes",  # codes that a terminal signs while it has no network
    "sharing",  # what a merchant is paid goes on to others
    "payments",  # a wallet scans and pays; receipts
    "payment_codes",  # a till scans a customer's code
    "refunds",  # giving money back
    "p2p",  # customers pay each other, and ask each other for money
    "withdrawals",  # a customer's money goes to the bound account
    "shifts",  # of tills: cash counted, what each took
    "settlement",  # paying merchants out
    "onboarding",  # how a company becomes a merchant
    "trials",  # a test payer, for test merchants
    "statements",  # what happened on a merchant's account, by day and month, signed
    "events",  # what happened, by polling and as a stream
    "webhooks",  # what happened, told to whoever wants to be called
    "timelines",  # what became of an order, step by step, measured
    "reconciliation",  # a merchant's own list against the ledger, by digests
    "operators",  # people of the bank: sign-in, roles, decisions by two, the log of what they did
)


def features() -> Sequence[Feature]:
    """The features, in order."""
    found = [import_module(f"qrpay.features.{name}.feature").feature for name in FEATURES]
    assert all(isinstance(feature, Feature) for feature in found)
    return found


@asynccontextmanager
async def open_core(settings: Settings, clock: Clock = utc_now) -> AsyncIterator[Core]:
    """Everything a process works with, started; and closed again, what was asked finished first.

    The settings name a database. A clock that is handed in counts for the ledger too, which otherwise goes by the
    server's. Raises DatabaseUnusableError, BadSettings.
    """
    vault = Vault.open(settings)
    # One connection more than clean batches in flight: what is decided one by one waits for none of them.
    database = await Database.open(
        settings.database_url, size=settings.pool_size, ledger_connections=settings.ledger_connections + 1
    )
    keyring = Keyring()
    engine = Engine(
        database,
        clock=None if clock is utc_now else clock,
        in_flight=settings.ledger_connections,
        queue_max=settings.queue_max,
        deadline_s=settings.deadline_s,
    )
    engine.traces.measure(settings.trace_per_s)
    core = Core(
        settings=settings, clock=clock, database=database, ledger=engine, keyring=keyring,
        reader=Reader(keyring, settings.code_guid), vault=vault, hub=Hub(),
        sources=[source for feature in features() for source in feature.events],
        reviews=[review for feature in features() for review in feature.reviews],
        checks=[check for feature in features() for check in feature.checks],
        finders=[finder for feature in features() for finder in feature.finders],
    )  # fmt: skip
    try:
        for feature in features():
            for start in feature.starts:
                await start(core)
        yield core
    finally:
        for batcher in core.batchers.values():
            await batcher.close()
        await engine.close()
        await database.close()


Work = Callable[[Core], Awaitable[None]]
__all__ = ["FEATURES", "features", "open_core", "run_background"]
