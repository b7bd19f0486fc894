"""The conformance table against oracle and engine, line by line and as whole batches: four times the same answers."""

import pytest

from qrpay.ledger.engine import Engine
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


@both_ways
@by_claim
async def test_engine(case: Case, timed_engine: Engine, time: Time, at_once: bool) -> None:
    """The engine answers as the table says."""
    await Play(timed_engine, time, at_once=at_once).run(case)
