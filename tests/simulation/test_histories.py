"""Short histories on the real thing, with faults on the session's server; and with PostgreSQL killed on its own."""

from datetime import date, datetime
from pathlib import Path

import asyncpg
import pytest
from msgspec.structs import replace
from rich.console import Console

from qrpay.database.migrator import APPLICATION
from qrpay.database.pool import dsn_as
from qrpay.ledger.counters import Counters
from qrpay.ledger.model import FROZEN, Result
from qrpay.settings import Settings
from qrpay.simulation import play
from qrpay.simulation.clock import WorldClock
from qrpay.simulation.history import History
from qrpay.simulation.plan import ON_A_SERVER_OF_OTHERS, STARTS, Call, Fault, Plan, Round, drawn
from qrpay.simulation.play import played
from qrpay.simulation.proxy import Proxy, Trap
from qrpay.simulation.served import played_over_http, served_plan
from qrpay.simulation.stage import stage
from qrpay.simulation.verdict import judged
from qrpay.simulation.worker import Worker
from tests.conftest import BINARIES

pytestmark = pytest.mark.xdist_group("simulation")


async def history_of(settings: Settings, seed: int, minutes: float, *kinds: str) -> History:
    """One history on a stage of its own."""
    async with stage(settings) as place:
        return await played(place, drawn(seed, minutes, 10, kinds))  # type: ignore[arg-type] # names of kinds


@pytest.mark.parametrize("seed", [1, 2])
async def test_a_history_with_faults_is_explained(server_dsn: str, tmp_path: Path, seed: int) -> None:
    """Half a minute of ten clients and every fault that spares the server: nothing is left open or unexplained."""
    settings = Settings(home=str(tmp_path), migration_url=server_dsn)
    history = await history_of(settings, seed, 1.0, *ON_A_SERVER_OF_OTHERS)
    verdict = judged(history)
    assert verdict.violations == []
    assert sum(history.injected.values()) > 0
    assert verdict.checks["answers explained"] > 50
    assert verdict.checks["transfers replayed by the rules"] > 20


async def test_postgresql_is_killed_in_a_history(tmp_path: Path) -> None:
    """The server of the simulation's own is killed and comes back from its log."""
    history = await history_of(Settings(home=str(tmp_path)), 11, 0.5, "postgres_killed")
    assert history.bitten["postgres_killed"] > 0
    assert judged(history).violations == []


async def test_a_worker_whose_database_dies_under_its_start_is_followed_by_another(
    server_dsn: str, tmp_path: Path
) -> None:
    """At whichever statement of its start the line is cut, it ends; the next one comes up and answers."""
    bitten: list[str] = []
    crashed: list[str] = []
    async with stage(Settings(home=str(tmp_path), migration_url=server_dsn)) as place, place.database() as dsn:
        proxy = Proxy(tmp_path / "line", place.socket, bitten.append)
        await proxy.open()
        for statements in range(9):
            proxy.set(Trap("cut_unsent", "qrpay", after=statements))
        through = dsn_as(dsn.replace(str(place.socket), str(proxy.folder)), APPLICATION)
        settings = replace(place.settings, database_url=through, migration_url="")
        worker = Worker(0, settings, WorldClock(datetime.fromisoformat(STARTS[0])), proxy, crashed.append)
        worker.start()
        await worker.up()
        proxy.disarm()
        assert await worker.ask(lambda core: core.ledger.lookup_accounts([])) == {}
        await worker.close()
        await proxy.close()
    assert len(bitten) > 3, "it came up before anything broke"
    assert crashed == []


async def test_a_hold_that_ran_out_gives_back_its_cap(
    server_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Customer 6 may spend 400 a day: 47 were held and ran out, 274 are sent, and 151 more are refused by those 274."""
    monkeypatch.setattr(play, "ROUND_S", 60.0)
    calls = [Call(0, "hold", 0, 0, thing=24), *(Call(n, "send", 0, 0, thing=n, other=1) for n in (6, 22, 30))]
    plan = Plan(0, 1, STARTS[0], [Round(pause_s, [call]) for pause_s, call in zip((1, 1, 1, 20), calls, strict=True)])
    async with stage(Settings(home=str(tmp_path), migration_url=server_dsn)) as place:
        history = await played(place, plan)
    [outcome] = history.asked[-1].answer.outcomes if history.asked[-1].answer else ()
    assert (outcome.result, outcome.used, outcome.left) == (Result.EXCEEDS_CAP_DAY, 274, 126)
    assert judged(history).violations == []


async def test_a_refusal_on_a_day_that_is_undone_leaves_that_day(
    server_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Customer 6 is refused after midnight, the clock goes back, 47 are sent: they count for the day that was shown.

    The rules leave a refusal without a trace; a judge that goes by them alone expects nothing on the new day.
    """
    monkeypatch.setattr(play, "ROUND_S", 60.0)  # each call is answered before the next one begins
    rounds = [
        Round(1, [Call(0, "freeze", 0, 0, thing=3, other=1)]),
        Round(1, [Call(1, "send", 0, 0, thing=6, other=1)], [Fault("clock_jump", by_s=30)]),
        Round(1, [Call(2, "unfreeze", 0, 0, thing=3)], [Fault("clock_jump", by_s=-40)]),
        Round(1, [Call(3, "send", 0, 0, thing=14, other=1)]),
        Round(60, [Call(4, "balance", 0, 0, payer=6)]),
    ]
    async with stage(Settings(home=str(tmp_path), migration_url=server_dsn)) as place:
        history = await played(place, Plan(0, 1, STARTS[3], rounds))
    answers = [one.answer for one in history.asked]
    assert [answer.word for answer in answers if answer] == ["changed", "credits_frozen", "changed", "created", "seen"]
    assert answers[-1] is not None
    seen = answers[-1].seen
    assert (seen.used_on, seen.day_used) == (date(2026, 12, 31), 1 + 14 * 29 % 180)
    assert judged(history).violations == []


async def test_a_clone_gives_out_no_number_twice(tmp_path: Path) -> None:
    """A sequence goes on behind where it was when PostgreSQL was killed; the template's write-ahead is none of it."""

    async def number(dsn: str) -> int:
        connection = await asyncpg.connect(dsn, timeout=10.0)
        try:
            drawn_: int = await connection.fetchval("SELECT nextval(pg_get_serial_sequence('caps', 'id'))")
            await connection.execute("SELECT pg_current_xact_id()")  # a transaction of note, whose commit is flushed
            return drawn_
        finally:
            await connection.close()

    async with stage(Settings(home=str(tmp_path))) as place, place.database() as dsn:
        first = await number(dsn)
        assert await place.kill_postgres()
        assert await number(dsn) > first


async def test_a_served_house_is_killed_and_explained(tmp_path: Path) -> None:
    """Ten seconds over HTTP against two worker processes: both are killed, PostgreSQL twice: every answer was true.

    The second worker and PostgreSQL are killed together, so a house comes up while its database is down or dying.
    """
    plan = served_plan(1, 10, 12)
    both = [Fault("worker_killed", worker=1), Fault("postgres_killed")]
    faults = [Fault("worker_killed")], [Fault("postgres_killed")], both
    rounds = [replace(one, faults=faults[n // 3 - 1] if n in (3, 6, 9) else []) for n, one in enumerate(plan.rounds)]
    settings = Settings(home=str(tmp_path), postgres_bin=str(BINARIES or ""))
    history = await played_over_http(settings, replace(plan, rounds=rounds), Console(quiet=True))
    assert history.bitten == {"worker_killed": 2, "postgres_killed": 2}
    words = {asked.answer.word for asked in history.asked if asked.answer}
    assert {"paid", "closed"} <= words and words & {"lost", "unavailable"}, "nobody noticed, so nothing was tested"
    verdict = judged(history)
    assert verdict.violations == []
    assert verdict.checks["answers explained"] > 50


async def test_the_judge_hears_a_lie(server_dsn: str, tmp_path: Path) -> None:
    """Take away one transfer, one event or one fen of what the database holds: each is told, by name."""
    history = await history_of(Settings(home=str(tmp_path), migration_url=server_dsn), 8, 0.5)
    assert judged(history).violations == []
    books = history.books

    def told(**changed: object) -> set[str]:
        return {one.check for one in judged(replace(history, books=replace(books, **changed))).violations}

    lost = next(n for n, kept in enumerate(books.transfers) if kept.posted.code == 10)
    assert {"counters", "answers"} <= told(transfers=[*books.transfers[:lost], *books.transfers[lost + 1 :]])
    paid = next(n for n, event in enumerate(books.events) if event.type == "order.paid")
    assert told(events=[*books.events[:paid], *books.events[paid + 1 :]]) == {"events"}
    assert told(events=[*books.events, books.events[paid]]) >= {"events"}
    frozen = next(n for n, one in enumerate(books.changes) if one.flags & FROZEN)
    assert told(changes=[*books.changes[:frozen], *books.changes[frozen + 1 :]])
    unlimited = next(n for n, one in enumerate(books.changes) if any(one.limits))
    lifted = replace(books.changes[unlimited], limits=(None,) * 9)
    assert "changes" in told(changes=[*books.changes[:unlimited], lifted, *books.changes[unlimited + 1 :]])
    owner, lines = next((id, lines) for id, lines in books.statements.items() if len(lines) > 3)
    assert told(statements=books.statements | {owner: [*lines[:2], *lines[3:]]}) == {"statements"}
    late = next(n for n, (_, _, counters) in enumerate(books.balances) if counters is not None)
    wrong_then = (*books.balances[late][:2], Counters(credits_posted=7))
    assert told(balances=[*books.balances[:late], wrong_then, *books.balances[late + 1 :]]) == {"statements"}
    account = next(one for one in books.accounts.values() if one.debits_posted)
    richer = replace(account, credits_posted=account.credits_posted + 1)
    assert told(accounts=books.accounts | {account.id: richer}) == {"counters", "balance"}
    poor = next(one for one in history.asked if one.answer and one.answer.outcomes[:1] and one.answer.outcomes[0].result
                is Result.CREATED)  # fmt: skip
    assert poor.answer is not None
    wrong = replace(poor.answer.outcomes[0], result=Result.EXCEEDS_CREDITS)
    poor.answer = replace(poor.answer, outcomes=(wrong, *poor.answer.outcomes[1:]))
    assert "answers" in {one.check for one in judged(history).violations}
