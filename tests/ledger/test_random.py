"""Random stories: whatever comes in, the engine answers and keeps what the oracle answers and keeps, by every route.

A few seconds each; `pytest --hypothesis-profile=long tests/ledger/test_random.py` tries twenty times as many stories.
What fails is printed as a case of the conformance table: paste it there (tests/ledger/conformance.py), and every route
plays it from then on.
"""

from collections.abc import Callable, Sequence

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from qrpay.database.pool import Database
from qrpay.ledger.engine import Engine, Route
from qrpay.ledger.oracle import Oracle
from tests.ledger.statement import Play, Time
from tests.ledger.stories import LINKED, Batch, Line, Told, batches, case_of, many, written

by_every_route = pytest.mark.parametrize("route", list(Route))


def examples(number: int) -> Callable[[Callable[..., object]], Callable[..., object]]:
    """So many stories, or as many times more as the profile asks for."""
    asked = settings().max_examples  # 100, if no profile says otherwise
    return settings(
        max_examples=max(1, number * asked // 100),
        deadline=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )


@by_every_route
@examples(30)
@given(story=batches)
async def test_small_batches(database: Database, route: Route, story: Sequence[Batch]) -> None:
    """Batches of a few, of every kind, with freezes and steps over midnight and New Year between them."""
    await _same(database, route, written(story))


@by_every_route
@examples(10)
@given(story=many())
async def test_batches_of_all_sizes(database: Database, route: Route, story: Sequence[Batch]) -> None:
    """Batches of up to several hundred."""
    await _same(database, route, written(story))


@pytest.mark.parametrize("route", [Route.ADAPTIVE, Route.ALONE])
@examples(20)
@given(story=batches)
async def test_one_by_one(database: Database, route: Route, story: Sequence[Batch]) -> None:
    """Every transfer comes alone, so that a plain payment takes the short way; a chain stays together."""
    await _same(database, route, written([(chain, "wait 0 s") for batch, _ in story for chain in _chains(batch)]))


@examples(5)
@given(story=many())
async def test_what_is_printed_replays(database: Database, story: Sequence[Batch]) -> None:
    """A story as it is printed is a case of the conformance table."""
    time = Time()
    told = await Told(Oracle(clock=time), time, at_once=True).tell(written(story))
    time = Time()
    await Play(Oracle(clock=time), time, at_once=True).run(case_of(told))


async def _same(database: Database, route: Route, story: Sequence[str]) -> None:
    time = Time()
    oracle = Told(Oracle(clock=time), time, at_once=True)
    expected = await oracle.tell(story)
    time = Time()
    engine = Engine(database, clock=time, route=route)
    played = Told(engine, time, at_once=True)
    told = await played.tell(story)
    for number, (ours, theirs) in enumerate(zip(told, expected, strict=True)):
        if ours != theirs:
            text = "\n".join(["== A story that a random run told.", *expected])
            pytest.fail(f"by {route}, line {number} came out as\n{ours}\nof this case:\n\n{text}\n", pytrace=False)
    assert await played.books() == await oracle.books(), "\n".join(expected)
    await engine.close()


def _chains(batch: Sequence[Line]) -> list[list[Line]]:
    """A batch cut into its chains."""
    found: list[list[Line]] = [[]]
    for line in batch:
        found[-1].append(line)
        if not line[LINKED]:
            found.append([])
    return [chain for chain in found if chain]
