"""The kit attacks what it measures: a worker, the database, or all connections die while payments run."""

import asyncio
import signal
from typing import Final

import asyncpg

from benchmarks import generator
from benchmarks.figures import Attack, Victim
from benchmarks.generator import Shift
from benchmarks.scenarios import Bench
from benchmarks.servers import House

VICTIMS: Final[dict[Victim, str]] = {
    "worker": "a web worker is killed (SIGKILL)",
    "database": "PostgreSQL is killed (SIGKILL)",
    "connections": "all connections of the application are cut",
}
CALLERS: Final = 64
STRIKE_AT: Final = 0.3
"""When it happens, as a share of the time."""


async def attack(bench: Bench, house: House, owner_dsn: str, victim: Victim, seconds: float) -> Attack:
    """Pay for so long, and strike; whoever got no answer asks again, and the books are compared later as ever."""
    portion = await bench.maker.make("fresh", int(bench.rate("issued", CALLERS) * seconds * 2) + CALLERS)
    await asyncio.to_thread(house.settle)
    paying = asyncio.create_task(
        generator.run(
            house.address, portion.requests, callers=CALLERS, seconds=seconds, patient=True, watched=bench.watched
        )
    )
    await asyncio.sleep(seconds * STRIKE_AT)
    match victim:
        case "worker":
            house.web[0].send_signal(signal.SIGKILL)
        case "database":
            house.postmaster.send_signal(signal.SIGKILL)
        case "connections":
            owner = await asyncpg.connect(owner_dsn)
            await owner.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'qrpay_app'")
            await owner.close()
    shift: Shift = await paying
    await house.up()
    doubtful = await bench.enter("fresh", portion, shift)
    return Attack(victim, shift.seconds, shift.rate, shift.gap_s, shift.counts, doubtful)
