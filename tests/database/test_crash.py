"""PostgreSQL killed in the middle of load: what was acknowledged stands, once."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from qrpay.database.batcher import Batcher
from qrpay.database.embedded import EmbeddedServer
from qrpay.database.pool import Database
from qrpay.problem import Refused
from qrpay.values import Id, new_id
from tests.database.conftest import SMALL, kill, postmaster


async def test_a_killed_server_loses_no_acknowledged_item_and_doubles_none(home: Path) -> None:
    """Batches are replayed when it is back: callers wait, and none of them sees the crash."""
    held = EmbeddedServer(home, **SMALL)
    database = await Database.open(await asyncio.to_thread(held.start))
    await database.execute("CREATE TABLE things (id uuid PRIMARY KEY, times int NOT NULL DEFAULT 1)")
    acknowledged: list[Id] = []
    enough = asyncio.Event()
    over = asyncio.Event()

    async def send(ids: Sequence[Id]) -> Sequence[Id]:
        await database.ledger.execute("INSERT INTO things SELECT unnest($1::uuid[]) ON CONFLICT DO NOTHING", list(ids))
        return ids

    async def caller() -> None:
        while not over.is_set():
            acknowledged.append(await batcher.add(new_id()))
            if len(acknowledged) % 1000 == 0:
                enough.set()

    batcher = Batcher(send, name="things", replayable=True, deadline_s=30)
    callers = [asyncio.ensure_future(caller()) for _ in range(32)]
    for _ in range(2):
        enough.clear()
        await enough.wait()
        kill(postmaster(home))
        await asyncio.to_thread(held.start)
    enough.clear()
    await enough.wait()
    over.set()
    failed = [answer for answer in await asyncio.gather(*callers, return_exceptions=True) if answer is not None]

    kept = {row["id"] for row in await database.fetch("SELECT id FROM things")}
    assert failed == []
    assert len(set(acknowledged)) == len(acknowledged)
    assert kept == set(acknowledged)
    assert batcher.stats.replays >= 2
    await batcher.close()
    await database.close()
    held.stop()


async def test_an_outage_longer_than_the_deadline_is_said_and_then_over(home: Path) -> None:
    """Callers hear `unavailable` in time; the same id, sent again later, goes through once."""
    held = EmbeddedServer(home, **SMALL)
    database = await Database.open(await asyncio.to_thread(held.start))
    await database.execute("CREATE TABLE things (id int PRIMARY KEY)")

    async def send(ids: Sequence[int]) -> Sequence[int]:
        await database.ledger.execute("INSERT INTO things SELECT unnest($1::int[]) ON CONFLICT DO NOTHING", list(ids))
        return ids

    batcher = Batcher(send, name="things", replayable=True, deadline_s=0.5)
    kill(postmaster(home))
    answer = (await asyncio.gather(batcher.add(1), return_exceptions=True))[0]
    assert isinstance(answer, Refused)
    assert (answer.problem.code, answer.headers) == ("unavailable", {"Retry-After": "1"})

    await asyncio.to_thread(held.start)
    while not await batcher_says(batcher, 1):
        await asyncio.sleep(0.05)

    assert [row["id"] for row in await database.fetch("SELECT id FROM things")] == [1]
    await batcher.close()
    await database.close()
    held.stop()


async def batcher_says(batcher: Batcher[int, int], item: int) -> bool:
    """Whether it went through this time."""
    try:
        return await batcher.add(item) == item
    except Refused:
        return False
