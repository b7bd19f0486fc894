"""`/readyz` tells the truth, part by part; counting is cheap and loses nothing."""

import asyncio
import time
from types import SimpleNamespace
from typing import Any

from qrpay.database.batcher import BatchStats
from qrpay.database.migrator import APPLICATION
from qrpay.database.pool import Database, dsn_to
from qrpay.measures import Counter, Histogram, render
from qrpay.settings import Settings
from qrpay.web.metrics import HistogramTally, Tally
from qrpay.web.operations import Readiness, Worker, readiness


def core_on(database: Database, **queues: BatchStats) -> Any:
    """The part of a Core that readiness asks."""
    return SimpleNamespace(database=database, settings=Settings(queue_max=100), queues=queues)


async def test_a_worker_with_everything_in_place_is_ready(database: Database) -> None:
    """Database, migrations, queue and serving: all ok."""
    said = await readiness(core_on(database, transfers=BatchStats()), Worker())
    assert said == Readiness("ready", "ok", "ok", "ok", "ok")


async def test_a_full_queue_is_not_ready(database: Database) -> None:
    """At its bound the next caller would be refused: say so before."""
    full = BatchStats()
    full.depth = 100
    said = await readiness(core_on(database, transfers=full), Worker())
    assert (said.status, said.queue, said.database, said.retry_after) == ("not_ready", "down", "ok", 1)


async def test_a_draining_worker_is_not_ready_at_once(database: Database) -> None:
    """Told to stop, it says so in the next answer, whatever it remembered."""
    worker = Worker()
    assert (await readiness(core_on(database), worker)).status == "ready"
    worker.draining = True
    said = await readiness(core_on(database), worker)
    assert (said.status, said.serving) == ("not_ready", "down")


async def test_a_migration_that_is_missing_is_not_ready(fresh_database: Database, fresh_dsn: str) -> None:
    """A database of an older release answers, and yet cannot be served from."""
    owner = await Database.open(fresh_dsn, ledger_connections=0)
    await owner.execute("DELETE FROM migrations WHERE name = (SELECT min(name) FROM migrations)")
    await owner.close()
    said = await readiness(core_on(fresh_database), Worker())
    assert (said.status, said.database, said.migrations) == ("not_ready", "ok", "down")


async def test_a_database_that_is_away_is_not_ready(fresh_dsn: str, server_dsn: str) -> None:
    """Within little more than a second it is said that the database does not answer; when it does, that it does."""
    database = await Database.open(fresh_dsn, role=APPLICATION)
    admin = await Database.open(dsn_to(server_dsn, "postgres"), ledger_connections=0)
    name = fresh_dsn.partition("://")[2].partition("/")[2].partition("?")[0]
    worker = Worker()
    await admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    await admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)
    began = time.monotonic()
    said = await readiness(core_on(database), worker)
    assert (said.status, said.database) == ("not_ready", "down")
    assert time.monotonic() - began < 2

    await admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    await asyncio.sleep(0.3)
    assert (await readiness(core_on(database), worker)).status == "ready"
    await admin.close()
    await database.close()


async def test_many_who_ask_cost_one_question(database: Database) -> None:
    """A thousand probes at once are one round trip."""
    asked = 0

    class Counting:
        async def fetch(self, query: str) -> Any:
            nonlocal asked
            asked += 1
            return await database.fetch(query)

    core: Any = SimpleNamespace(database=Counting(), settings=Settings(), queues={})
    worker = Worker()
    said = await asyncio.gather(*(readiness(core, worker) for _ in range(1_000)))
    assert {one.status for one in said} == {"ready"}
    assert asked == 1


def test_a_tally_carries_what_grew() -> None:
    """However often it is carried over, the counter shows the plain number."""
    counter = Counter("test_tally_carries", "For this test.", ["code"])
    tally = Tally(counter)
    for count in (0, 3, 3, 10):
        tally.carry(count, "overloaded")
    assert b'test_tally_carries_total{code="overloaded"} 10.0' in render()


def test_a_histogram_is_carried_whole() -> None:
    """Batches counted plainly show up as a Prometheus histogram: cumulative buckets, count and sum."""
    stats = BatchStats()
    histogram = Histogram("test_batch_size", "For this test.", buckets=stats.size.bounds)
    tally = HistogramTally(histogram)
    for size in (1, 1, 7, 300, 9_000):
        stats.size.observe(size)
        tally.carry(stats.size)
    lines = render().decode().splitlines()
    assert 'test_batch_size_bucket{le="1.0"} 2.0' in lines
    assert 'test_batch_size_bucket{le="10.0"} 3.0' in lines
    assert 'test_batch_size_bucket{le="500.0"} 4.0' in lines
    assert 'test_batch_size_bucket{le="+Inf"} 5.0' in lines
    assert "test_batch_size_sum 9309.0" in lines
