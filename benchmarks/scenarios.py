"""What is run, in which order: every kind of cell in turn, round by round, so that all of them see the same machine."""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from statistics import median
from typing import Final

from msgspec import structs

from benchmarks import generator
from benchmarks.books import UNKNOWN, Books
from benchmarks.figures import Cell, Name
from benchmarks.generator import CREATED, OK, Address, Shift
from benchmarks.loops import Watch
from benchmarks.portions import PORTION, PREPARERS, Maker, Portion
from benchmarks.servers import Cpu, House, Peer, Stranger, machine_s

AT_64: Final[tuple[Name, ...]] = ("scanned", "fresh", "declined", "till", "orders", "statements")
PEERS_AT_64: Final[tuple[Name, ...]] = ("for update", "running balance", "hordak", "tpcb", "tigerbeetle")
OF_PEERS: Final = frozenset({"echo", "commit", *PEERS_AT_64})
SHARES: Final = (0.25, 0.5, 0.75, 0.9)
"""Open loop: offered rates, as shares of what the closed loop of 64 callers reached in the first round."""
OPEN_CONNECTIONS: Final = 256
WARM_S: Final = 0.4
FIRST_GUESS: Final = 4_000
ECHO_DISTINCT: Final = 1_000
METRICS_S: Final = 1.1
"""A worker carries its counts over once a second."""
PORTIONS_MAX: Final = 20
GOOD: Final = frozenset({OK, CREATED})
ENOUGH: Final = 0.95
AGAIN_MAX: Final = 20
AGAIN_S: Final = 0.2


def plan(callers: Sequence[int], only: Sequence[str], there: Sequence[str]) -> Iterator[tuple[Name, int, float]]:
    """The cells of one round: kind, callers and, in an open loop, the share. `there`: the kinds that can be run."""
    cells: list[tuple[Name, int, float]] = []
    for count in callers:
        cells += [("echo", count, 0.0), ("issued", count, 0.0), ("spread", count, 0.0)]
        if count == 1:
            cells.append(("commit", 1, 0.0))
        if count == 64:
            cells += [(name, 64, 0.0) for name in (*AT_64, *PEERS_AT_64)]
    if 64 in callers:
        cells += [("issued", 0, share) for share in SHARES]
    for name, count, share in cells:
        if name in there and (not only or ("open" if share else name) in only):
            yield name, count, share


class Bench:
    """Runs cells against one house; `peers` are what it is measured beside, by their cells."""

    def __init__(
        self, maker: Maker, house: House | Stranger, peers: Mapping[Name, Peer], seconds: float, watched: Watch | None
    ) -> None:
        self.maker, self.house, self.peers, self.seconds = maker, house, peers, seconds
        self.watched = watched
        self.books = Books()
        self.said: Callable[[str], None] = lambda _: None
        self._rates: dict[tuple[Name, int], float] = {}
        self._closed: list[float] = []
        self._echoes: list[bytes] = []
        self._batches = (0.0, 0.0)

    @property
    def address(self) -> Address:
        """Where the house listens."""
        return self.house.address

    async def warm(self, cells: Sequence[tuple[Name, int, float]], callers: Sequence[int]) -> None:
        """Every kind once, for a moment, uncounted: plans get cached, and the rates are known roughly."""
        town = self.maker.town
        dues = await self.maker.issue(town.payees(ECHO_DISTINCT))
        self._echoes = [town.pay(*pair) for pair in zip(dues, town.payers(len(dues)), strict=True)]
        for name in dict.fromkeys(name for name, _, _ in cells):
            cell = await self.cell(name, min(64, max(callers)), 0, seconds=WARM_S)
            for other in {*callers, 64}:
                self._rates[name, other] = cell.rate * (1.3 if other >= 64 else 1 if other > 8 else 0.3)

    async def cell(
        self, name: Name, callers: int, round: int, share: float = 0.0, seconds: float | None = None
    ) -> Cell:
        """One cell, in portions: requests made, the house at rest, then sent and counted."""
        seconds = seconds or self.seconds
        peer = self.peers.get(name)
        if peer is not None and peer.measure is not None:
            self.said("measuring")
            return _cell(name, callers, round, await peer.measure(callers, seconds), 0.0, Cpu(0, 0), 0.0)
        if share:
            return await self._offered(name, round, share, seconds)
        shifts: list[Shift] = []
        others: list[float] = []
        server_s = settled_s = 0.0
        used = Cpu(0, 0)
        if round and name == "issued":
            await self._batch()
        while (left := seconds - sum(shift.seconds for shift in shifts)) > (1 - ENOUGH) * seconds:
            self.said("preparing")
            portion = await self._portion(name, callers, left)
            settled_s += await asyncio.to_thread(self.house.settle)
            self.said("measuring")
            server = peer or self.house
            began, before, own, all_before = time.perf_counter(), self.house.cpu(), server.used(), machine_s()
            shift = await generator.run(
                server.address, portion.requests, callers=callers, seconds=left, good=portion.good,
                bodies=portion.bodies, dealt=portion.dealt, watched=self.watched,
            )  # fmt: skip
            behind, worked = self.house.cpu().since(before), server.used() - own
            used, server_s = used.plus(behind), server_s + worked
            elsewhere = machine_s() - all_before - worked - behind.background - behind.database - shift.cpu_s
            others.append(max(0.0, elsewhere / (time.perf_counter() - began)))
            self._rates[name, callers] = shift.rate
            shifts.append(shift)
            await self.enter(name, portion, shift)
            if len(shifts) == PORTIONS_MAX:
                break
        shift = Shift.together(shifts)
        if round and (name, callers) == ("issued", 64):
            self._closed.append(shift.rate)
        cell = _cell(name, callers, round, shift, server_s, used, settled_s, median(others))
        if round and name == "issued":
            cell = structs.replace(cell, batch=await self._batch())
        return cell

    async def _portion(self, name: Name, callers: int, seconds: float) -> Portion:
        count = int(self.rate(name, callers) * seconds * 1.25) + 2 * callers
        if name == "echo":
            return Portion(self._echoes * (1 + count // len(self._echoes)))
        return await self.maker.make(name, count, wallets=callers)

    def rate(self, name: Name, callers: int) -> float:
        """What was reached last."""
        return self._rates.get((name, callers), FIRST_GUESS)

    async def _offered(self, name: Name, round: int, share: float, seconds: float) -> Cell:
        """An open loop: so large a share of the closed loop's rate is offered, whatever the server does."""
        offered = share * (self._closed[0] if self._closed else self.rate("issued", 64))
        seconds = min(seconds * 2, PORTION / offered)
        due = generator.moments(offered, seconds, self.maker.town.random)
        self.said("preparing")
        portion = await self.maker.make(name, len(due))
        due = due[: len(portion.requests)]
        settled_s = await asyncio.to_thread(self.house.settle)
        self.said("measuring")
        began, before, own, all_before = time.perf_counter(), self.house.cpu(), self.house.used(), machine_s()
        shift = await generator.run_open(
            self.address, portion.requests, due, connections=OPEN_CONNECTIONS, seconds=seconds, good=portion.good,
            watched=self.watched,
        )  # fmt: skip
        used, server_s = self.house.cpu().since(before), self.house.used() - own
        elsewhere = machine_s() - all_before - server_s - used.background - used.database - shift.cpu_s
        others = elsewhere / (time.perf_counter() - began)
        await self.enter(name, portion, shift)
        cell = _cell(name, 0, round, shift, server_s, used, settled_s, max(0.0, others))
        late_ms = generator.percentile(shift.late, 0.5) * 1_000
        return structs.replace(cell, share=share, offered=len(due) / seconds, late_ms=late_ms)

    async def enter(self, name: Name, portion: Portion, shift: Shift) -> int:
        """Into the books. Whoever got no answer, or none that says what stands, asks again until there is one.

        Answers how many had to ask again.
        """
        if name == "orders":
            self.maker.issued += shift.statuses.count(CREATED)
        if portion.paid is None:
            return 0
        statuses, bodies = list(shift.statuses[: len(portion.requests)]), list(shift.bodies)
        bodies += [b""] * (len(statuses) - len(bodies))
        asked_again = 0
        for _ in range(AGAIN_MAX):
            doubtful = [place for place, status in enumerate(statuses) if status in UNKNOWN]
            if not doubtful:
                break
            asked_again = max(asked_again, len(doubtful))
            again = await generator.run(
                self.address, [portion.requests[place] for place in doubtful],
                callers=min(PREPARERS, len(doubtful)), seconds=30, bodies=True, patient=True,
            )  # fmt: skip
            for place, status, body in zip(doubtful, again.statuses, again.bodies, strict=False):
                statuses[place], bodies[place] = status, body
            await asyncio.sleep(AGAIN_S)
        for place, status in enumerate(statuses):
            if status in GOOD or (status in UNKNOWN and not portion.bodies):
                self.books.enter(status, portion.paid(place, bodies[place]))
        return asked_again

    async def _batch(self) -> float:
        """Transfers a commit since the last look."""
        await asyncio.sleep(METRICS_S)
        before, self._batches = self._batches, await asyncio.to_thread(self.house.batches)
        return (self._batches[0] - before[0]) / max(1.0, self._batches[1] - before[1])


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
    each = 1e6 / max(1, sum(shift.counts.get(good, 0) for good in ("200", "201")))
    return Cell(
        name, callers, round, shift.rate,
        shift.percentile(0.5), shift.percentile(0.9), shift.percentile(0.99), shift.percentile(1.0),
        shift.counts, shift.busy, server_s * each, used.background * each, used.database * each,
        shift.cpu_s * each, settled_s, others,
    )  # fmt: skip
