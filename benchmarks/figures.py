"""What a run measured, and the ratios that are its claims: medians over the rounds, with their spread."""

from collections.abc import Callable, Sequence
from statistics import median
from typing import Final, Literal

from msgspec import Struct

from benchmarks.books import Verdict
from benchmarks.machine import Machine

Name = Literal[
    "echo", "issued", "scanned", "fresh", "spread", "declined", "till", "orders", "statements", "for update", "commit"
]
WORDS: Final[dict[Name, str]] = {
    "echo": "bare aiohttp echo",
    "issued": "payments, hot, codes issued here",
    "scanned": "payments, hot, codes scanned before",
    "fresh": "payments, hot, codes new to the worker",
    "spread": "payments, many merchants (Zipf), codes issued here",
    "declined": "payments, hot, 5 % of the payers without money",
    "till": "tills scan payment codes, many merchants (Zipf)",
    "orders": "orders opened, each with a signed code",
    "statements": "statements read, 20 lines",
    "for update": "hand-written SELECT ... FOR UPDATE, hot",
    "commit": "one bare durable commit by asyncpg",
}


class Cell(Struct, frozen=True):
    """One cell of one round.

    rate       good answers a second           p50 ... max  milliseconds        counts  answers by status
    busy       share of a core that the generator used
    server_us, background_us, database_us, generator_us  processor time per 201, microseconds
    batch      transfers a commit of the ledger, where it was looked at; otherwise 0
    others     cores that other programs used meanwhile
    settled_s  how long the background worked on afterwards, before the next cell began
    """

    name: Name
    callers: int
    round: int
    rate: float
    p50: float
    p90: float
    p99: float
    max: float
    counts: dict[str, int]
    busy: float = 0.0
    server_us: float = 0.0
    background_us: float = 0.0
    database_us: float = 0.0
    generator_us: float = 0.0
    settled_s: float = 0.0
    others: float = 0.0
    batch: float = 0.0


class Spread(Struct, frozen=True):
    """A median, and the smallest and largest it was taken from."""

    middle: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread | None":
        """Of one value a round; None when there is none."""
        return cls(median(values), min(values), max(values)) if values else None


class Goal(Struct, frozen=True):
    """A row of performance.md and where this run stands; `less` when a smaller value is better."""

    name: str
    value: Spread
    must: float
    target: float
    stretch: float
    less: bool = False

    @property
    def mark(self) -> str:
        """The best step that was reached."""
        for step, bound in (("stretch", self.stretch), ("target", self.target), ("must", self.must)):
            if (self.value.middle <= bound) if self.less else (self.value.middle >= bound):
                return step
        return "below must"


class Run(Struct, frozen=True):
    """A whole run, as it is kept."""

    machine: Machine
    seconds: float
    rounds: int
    workers: int
    callers: Sequence[int]
    settings: Sequence[str]
    cells: Sequence[Cell]
    rss_start_mb: float
    rss_mb: float
    verdict: Verdict
    took_s: float
    at: str

    def of(self, name: Name, callers: int) -> list[Cell]:
        """The cells of this kind, one a round."""
        return [cell for cell in self.cells if cell.name == name and cell.callers == callers]

    def spread(self, name: Name, callers: int, value: Callable[[Cell], float]) -> Spread | None:
        """A value of these cells over the rounds; None when they were not run."""
        return Spread.of([value(cell) for cell in self.of(name, callers)])

    def ratio(
        self, one: Name, other: Name, callers: int, value: Callable[[Cell], float] | None = None
    ) -> Spread | None:
        """One cell over the other (their rates, unless told otherwise), round by round; None when one was not run."""
        value = value or _rate
        pairs = zip(self.of(one, callers), self.of(other, callers), strict=False)
        return Spread.of([value(a) / value(b) for a, b in pairs])

    def goals(self) -> list[Goal]:
        """The rows of performance.md that this run can speak of."""
        declined, orders = self.ratio("declined", "issued", 64), self.ratio("orders", "echo", 64)
        tail, alone = self.spread("issued", 64, _tail), self.ratio("issued", "commit", 1, _p50)
        rows = (
            ("payments to one hot merchant / echo, 64 callers", self.ratio("issued", "echo", 64), 0.8, 1.25, 1.5),
            ("the same, 256 callers", self.ratio("issued", "echo", 256), 1.0, 1.4, 2.0),
            ("payments spread (Zipf) / echo, 64 callers", self.ratio("spread", "echo", 64), 0.6, 0.9, 1.1),
            ("payments / hand-written FOR UPDATE, hot, 64 callers", self.ratio("issued", "for update", 64), 10, 20, 40),
            ("at 5 % declined payers / at none, hot, 64 callers", declined, 0.5, 0.65, 0.8),
            ("p99 / p50 of payments, hot, 64 callers", tail, 4, 2.5, 2, True),
            ("one caller: time of a payment / of a bare commit", alone, 1.6, 1.3, 1.15, True),
            ("orders opened / echo, 64 callers", orders, 0.5, 0.8, 1.0),
            ("memory of a worker (RSS), MB", Spread.of([self.rss_mb]), 80, 60, 50, True),
        )
        return [Goal(name, value, *bounds) for name, value, *bounds in rows if value is not None]


def _rate(cell: Cell) -> float:
    return cell.rate


def _p50(cell: Cell) -> float:
    return cell.p50


def _tail(cell: Cell) -> float:
    return cell.p99 / cell.p50
