"""What is run, in which order: every kind of cell in turn, round by round, so that all of them see the same machine."""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import asyncpg
import msgspec
from msgspec import Struct, structs

from benchmarks import generator, seed
from benchmarks.books import UNKNOWN, Books
from benchmarks.figures import Cell, Name
from benchmarks.generator import CREATED, OK, Shift
from benchmarks.servers import Cpu, House, Peer, machine_s
from benchmarks.town import AMOUNT_MAX, Customer, Due, Merchant, Payment, Town
from qrpay.core import Core
from qrpay.values import new_id

MEASURED_AT_64: Final[tuple[Name, ...]] = (
    "scanned", "fresh", "declined", "till", "orders", "statements", "for update",
)  # fmt: skip
WARM_S: Final = 0.4
FIRST_GUESS: Final = 4_000
ECHO_DISTINCT: Final = 1_000
METRICS_S: Final = 1.1
"""A worker carries its counts over once a second."""
PORTION: Final = 8_000
"""Codes issued, then paid, at a time: a worker remembers that it signed a code for at least 8,192 others (codes.Reader
keeps 16,384 by halves), so in a portion none is forgotten before it is paid. In a shop one is paid a minute later."""
PORTIONS_MAX: Final = 20
GOOD: Final = frozenset({OK, CREATED})
ENOUGH: Final = 0.95
PREPARERS: Final = 64
AGAIN_MAX: Final = 20


class Portion(Struct):
    """Requests made beforehand. `paid`: what the ledger must show of each, when the answer says yes."""

    requests: Sequence[bytes]
    paid: Callable[[int, bytes], Payment] | None = None
    good: Sequence[int] = (CREATED,)
    bodies: bool = False


class _Code(Struct):
    payload: str


class _Issued(Struct):
    """What is read of an order's answer."""

    id: str
    code: _Code | None = None


class _Shown(Struct):
    """What is read of a payment code's answer."""

    digits: str


def plan(callers: Sequence[int], only: Sequence[str] = ()) -> Iterator[tuple[Name, int]]:
    """The cells of one round; `only`: of these kinds."""
    for count in callers:
        names: list[Name] = ["echo", "issued", "spread"]
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
        core: Core,
        town: Town,
        house: House,
        peers: dict[str, Peer],
        peer: "asyncpg.Connection[asyncpg.Record]",
        seconds: float,
    ) -> None:
        self.core, self.town, self.house, self.peers, self.peer = core, town, house, peers, peer
        self.seconds = seconds
        self.books = Books()
        self.said: Callable[[str], None] = lambda _: None
        self._rates: dict[tuple[Name, int], float] = {}
        self._echoes: list[bytes] = []
        self._batches = (0.0, 0.0)

    async def warm(self, callers: Sequence[int], only: Sequence[str]) -> None:
        """Every kind once, for a moment, uncounted: plans get cached, and the rates are known roughly."""
        dues = await self._elsewhere(ECHO_DISTINCT)
        self._echoes = [self.town.pay(*pair) for pair in zip(dues, self.town.payers(len(dues)), strict=True)]
        for name, count in plan([min(64, max(callers))], only):
            cell = await self.cell(name, count, 0, WARM_S)
            for other in callers:
                self._rates[name, other] = cell.rate * (1.3 if other >= 64 else 1 if other > 8 else 0.3)

    async def cell(self, name: Name, callers: int, round: int, seconds: float | None = None) -> Cell:
        """One cell, in portions: requests made, the house at rest, then sent and counted."""
        seconds = seconds or self.seconds
        if name == "commit":
            return await self._commits(round, seconds)
        server = self.peers.get(name, self.house)
        shifts: list[Shift] = []
        server_s = others_s = settled_s = 0.0
        used = Cpu(0, 0)
        if round and name == "issued":
            await self._batch()
        while (left := seconds - sum(shift.seconds for shift in shifts)) > (1 - ENOUGH) * seconds:
            self.said("preparing")
            portion = await self._portion(name, callers, left)
            settled_s += await asyncio.to_thread(self.house.settle)
            self.said("measuring")
            before, own, all_before = self.house.cpu(), server.used(), machine_s()
            shift = await generator.run(
                server.address, portion.requests, callers=callers, seconds=left, good=portion.good,
                bodies=portion.bodies,
            )  # fmt: skip
            behind, worked = self.house.cpu().since(before), server.used() - own
            used, server_s = used.plus(behind), server_s + worked
            others_s += machine_s() - all_before - worked - behind.background - behind.database - shift.cpu_s
            self._rates[name, callers] = shift.rate
            shifts.append(shift)
            await self._enter(name, portion, shift)
            if len(shifts) == PORTIONS_MAX:
                break
        shift = Shift.together(shifts)
        cell = _cell(name, callers, round, shift, server_s, used, settled_s, max(0.0, others_s / shift.seconds))
        if round and name == "issued":
            cell = structs.replace(cell, batch=await self._batch())
        return cell

    # Requests made beforehand ------------------------------------------------------------------------------------

    async def _portion(self, name: Name, callers: int, seconds: float) -> Portion:
        town = self.town
        count = int(self._rates.get((name, callers), FIRST_GUESS) * seconds * 1.25) + 2 * callers
        match name:
            case "echo":
                return Portion(self._echoes * (1 + count // len(self._echoes)))
            case "orders":
                return Portion([request for request, _ in town.orders(town.payees(count, spread=True))])
            case "statements":
                readers = town.payers(count, spread=True)
                return Portion([town.statement(reader) for reader in readers], good=(OK,))
            case "for update":
                return Portion(self._for_update(count))
            case "till":
                return await self._till(min(PORTION, count))
            case "fresh":
                return self._payments(await self._elsewhere(count))
            case "scanned":
                # As a wallet does: it shows what a code says before it pays.
                dues = await self._elsewhere(min(PORTION, count))
                payers = town.payers(len(dues))
                scans = [town.scan(due, payer) for due, payer in zip(dues, payers, strict=True)]
                await generator.run(self.house.address, scans, callers=PREPARERS, seconds=60, good=(OK,))
                return self._payments(dues, payers=payers)
            case _:
                spread = name == "spread"
                dues = await self._issue(town.payees(min(PORTION, count), spread=spread))
                payers = town.payers(len(dues), spread=spread, declined=name == "declined")
                return self._payments(dues, payers=payers)

    def _payments(self, dues: Sequence[Due], payers: Sequence[Customer] | None = None) -> Portion:
        town = self.town
        pairs = list(zip(dues, payers or town.payers(len(dues)), strict=True))
        return Portion([town.pay(*pair) for pair in pairs], lambda place, _: town.payment(*pairs[place]))

    async def _elsewhere(self, count: int) -> list[Due]:
        draw = self.town.random
        amounts = [draw.randint(1, AMOUNT_MAX) for _ in range(count)]
        return await seed.issue_elsewhere(self.core, self.town.payees(count), amounts)

    async def _issue(self, payees: Sequence[Merchant]) -> list[Due]:
        """Orders opened on the server itself, as in a shop; their codes as its answers say."""
        asked = list(self.town.orders(payees))
        shift = await generator.run(
            self.house.address, [request for request, _ in asked], callers=PREPARERS, seconds=60, bodies=True
        )
        dues = []
        for place, status in enumerate(shift.statuses):
            if status == CREATED:
                order = msgspec.json.decode(shift.bodies[place], type=_Issued)
                assert order.code is not None
                dues.append(Due(order.id, payees[place].id, asked[place][1], order.code.payload))
        self.books.orders += len(dues)
        return dues

    async def _till(self, count: int) -> Portion:
        """Customers' codes, drawn on the server, and tills that report them."""
        town = self.town
        payers = town.payers(count)
        asks = [town.payment_code(payer) for payer in payers]
        shown = await generator.run(self.house.address, asks, callers=PREPARERS, seconds=60, bodies=True)
        codes = [msgspec.json.decode(body, type=_Shown).digits for body in shown.bodies]
        payees = town.payees(len(codes), spread=True)
        reports = list(town.reports(codes, payees))

        def paid(place: int, body: bytes) -> Payment:
            order = msgspec.json.decode(body, type=_Issued).id
            return town.charge(order, payers[place], payees[place], reports[place][1])

        return Portion([request for request, _ in reports], paid, (OK,), bodies=True)

    def _for_update(self, count: int) -> list[bytes]:
        """Requests to the hand-written server: many payers, one payee, who is account 0."""
        draw, people = self.town.random, self.town.people
        return [
            self.town.post(
                "/pay",
                draw.choice(people).access_token,
                {
                    "order": str(new_id()),
                    "payer": draw.randint(1, len(people)),
                    "payee": 0,
                    "amount": draw.randint(1, AMOUNT_MAX),
                },
            )
            for _ in range(count)
        ]

    # What came of them -------------------------------------------------------------------------------------------

    async def _enter(self, name: Name, portion: Portion, shift: Shift) -> None:
        """Into the books. Whoever got no answer, or none that says what stands, asks again until there is one."""
        if name == "orders":
            self.books.orders += shift.statuses.count(CREATED)
        if portion.paid is None:
            return
        statuses, bodies = list(shift.statuses), list(shift.bodies) or [b""] * shift.asked
        for _ in range(AGAIN_MAX):
            doubtful = [place for place, status in enumerate(statuses) if status in UNKNOWN]
            if not doubtful:
                break
            again = await generator.run(
                self.house.address, [portion.requests[place] for place in doubtful],
                callers=min(PREPARERS, len(doubtful)), seconds=30, bodies=True, patient=True,
            )  # fmt: skip
            for place, status, body in zip(doubtful, again.statuses, again.bodies, strict=False):
                statuses[place], bodies[place] = status, body
            await asyncio.sleep(0.2)
        for place, status in enumerate(statuses):
            if status in GOOD or (status in UNKNOWN and not portion.bodies):
                self.books.enter(status, portion.paid(place, bodies[place]))

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
    each = 1e6 / max(1, sum(shift.counts.get(good, 0) for good in ("200", "201")))
    return Cell(
        name, callers, round, shift.rate,
        shift.percentile(0.5), shift.percentile(0.9), shift.percentile(0.99), shift.percentile(1.0),
        shift.counts, shift.busy, server_s * each, used.background * each, used.database * each,
        shift.cpu_s * each, settled_s, others,
    )  # fmt: skip
