"""The conformance table against oracle and engine, line by line and as whole batches, by every route: one answer."""

import pytest

from qrpay.database.pool import Database
from qrpay.ledger.engine import Engine, Route
from qrpay.ledger.oracle import Oracle
from tests.ledger.conformance import CASES
from tests.ledger.statement import Case, Play, Time

by_claim = pytest.mark.parametrize("case", CASES, ids=lambda case: case.claim)
both_ways = pytest.mark.parametrize("at_once", [False, True], ids=["line by line", "at once"])


@both_ways
@by_claim
async def test_oracle(case: Case, time: Time, at_once: bool) -> None:
    """The oracle answers as the table says."""
    await Play(Oracle(clock=time), time, at_once=at_once).run(case)


@pytest.mark.parametrize(
    ("at_once", "route"),
    [(False, Route.ADAPTIVE), (True, Route.ADAPTIVE), (False, Route.SET), (True, Route.ALONE), (True, Route.EXACT)],
)
@by_claim
async def test_engine(case: Case, database: Database, time: Time, at_once: bool, route: Route) -> None:
    """The engine answers as the table says, whichever way it posts."""
    engine = Engine(database, clock=time, route=route)
    await Play(engine, time, at_once=at_once).run(case)
    await engine.close()
