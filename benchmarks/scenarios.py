"""What is run, in which order: every kind of cell in turn, round by round, so that all of them see the same machine."""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import asyncpg
from msgspec import structs

from benchmarks import generator
from benchmarks.books import Books
from benchmarks.figures import Cell, Name
from benchmarks.generator import CREATED, Shift
from benchmarks.seed import Town
from benchmarks.servers import Cpu, House, Peer, machine_s

MEASURED_AT_64: Final[tuple[Name, ...]] = ("scanned", "declined", "orders", "for update")
WARM_S: Final = 0.4
FIRST_GUESS: Final = 4_000
ECHO_DISTINCT: Final = 1_000
METRICS_S: Final = 1.1
"""A worker carries its counts over once a second."""


def plan(callers: Sequence[int], only: Sequence[str] = ()) -> Iterator[tuple[Name, int]]:
    """The cells of one round; `only`: of these kinds."""
    for count in callers:
        names: list[Name] = ["echo", "hot", "spread"]
        if count == 1:
            names.append("commit")
        if count == 64:
            names += MEASURED_AT_64
        for name in names:
            if not only or name in only:
                yield name, count


class Bench:
    """Runs cells. `peers` are echo and FOR UPDATE, by their cells; `peer` is a connection for bare commits."""

    def __init__(
        self,
        town: Town,
        house: House,
        peers: dict[str, Peer],
        peer: "asyncpg.Connection[asyncpg.Record]",
        seconds: float,
    ) -> None:
        self.town, self.house, self.peers, self.peer, self.seconds = town, house, peers, peer, seconds
        self.books = Books()
        self.said: Callable[[str], None] = lambda _: None
        self._rates: dict[tuple[Name, int], float] = {}
        self._echoes: list[bytes] = []
        self._batches = (0.0, 0.0)

    async def warm(self, callers: Sequence[int], only: Sequence[str]) -> None:
        """Every kind once, for a moment, uncounted: plans get cached, and the rates are known roughly."""
        self._echoes, _ = await self.town.payments(ECHO_DISTINCT, spread=False)
        for name, count in plan([min(64, max(callers))], only):
            cell = await self.cell(name, count, 0, WARM_S)
            for other in callers:
                self._rates[name, other] = cell.rate * (1.3 if other >= 64 else 1 if other > 8 else 0.3)

    async def cell(self, name: Name, callers: int, round: int, seconds: float | None = None) -> Cell:
        """One cell: its requests made, sent, counted, and the house given time to come to rest."""
        seconds = seconds or self.seconds
        if name == "commit":
            return await self._commits(round, seconds)
        count = int(self._rates.get((name, callers), FIRST_GUESS) * seconds * 1.25) + 2 * callers
        self.said("preparing")
        payments = None
        match name:
            case "echo":
                requests = self._echoes * (1 + int(40_000 * seconds / len(self._echoes)))
            case "orders":
                requests = self.town.orders(count)
            case "for update":
                requests = self.town.for_update(count, len(self.town.people))
            case _:
                requests, payments = await self.town.payments(
                    count, spread=name == "spread", declined=name == "declined"
                )
        if name == "scanned":
            # As a wallet does: it shows what a code says before it pays. The worker remembers the last
            # 8,192 to 16,384 of them, so in a long cell some are verified again.
            scans = [self.town.scan(request) for request in requests]
            await generator.run(self.house.port, scans, callers=64, seconds=60)
        settled_s = await asyncio.to_thread(self.house.settle)
        if round and name == "hot":
            await self._batch()
        self.said("measuring")
        server = self.peers.get(name, self.house)
        before, own, all_before = self.house.cpu(), server.used(), machine_s()
        shift = await generator.run(server.port, requests, callers=callers, seconds=seconds)
        used, server_s, all_s = self.house.cpu().since(before), server.used() - own, machine_s() - all_before
        others = (all_s - server_s - used.background - used.database - shift.cpu_s) / shift.seconds
        if payments is not None:
            self.books.enter(payments, shift)
        if name == "orders":
            self.books.orders += shift.statuses.count(CREATED)
        self._rates[name, callers] = shift.rate
        cell = _cell(name, callers, round, shift, server_s, used, settled_s, max(0.0, others))
        if round and name == "hot":
            cell = structs.replace(cell, batch=await self._batch())
        return cell

    async def _batch(self) -> float:
        """Transfers a commit since the last look."""
        await asyncio.sleep(METRICS_S)
        before, self._batches = self._batches, await asyncio.to_thread(self.house.batches)
        return (self._batches[0] - before[0]) / max(1.0, self._batches[1] - before[1])

    async def _commits(self, round: int, seconds: float) -> Cell:
        """One row inserted and committed after the other, prepared, from one connection."""
        insert = await self.peer.prepare("INSERT INTO peer_commits (amount) VALUES ($1)")
        latencies: list[float] = []
        until = (began := time.perf_counter()) + seconds
        while began < until:
            await insert.fetch(1)
            latencies.append((now := time.perf_counter()) - began)
            began = now
        latencies.sort()
        shift = Shift(len(latencies), [CREATED] * len(latencies), seconds, len(latencies), latencies, 0.0)
        return _cell("commit", 1, round, shift, 0.0, Cpu(0, 0), 0.0)


def _cell(
    name: Name,
    callers: int,
    round: int,
    shift: Shift,
    server_s: float,
    used: Cpu,
    settled_s: float,
    others: float = 0.0,
) -> Cell:
    each = 1e6 / max(1, shift.counts.get("201", 0))
    return Cell(
        name, callers, round, shift.rate,
        shift.percentile(0.5), shift.percentile(0.9), shift.percentile(0.99), shift.percentile(1.0),
        shift.counts, shift.busy, server_s * each, used.background * each, used.database * each,
        shift.cpu_s * each, settled_s, others,
    )  # fmt: skip
