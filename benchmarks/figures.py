"""What a run measured, and the ratios that are its claims: medians over the rounds, with their spread."""

from collections.abc import Callable, Sequence
from statistics import median
from typing import Final, Literal

from msgspec import Struct

from benchmarks.books import Verdict
from benchmarks.machine import Machine

Name = Literal["echo", "hot", "spread", "declined", "orders", "for update", "commit"]
WORDS: Final[dict[str, str]] = {
    "echo": "bare aiohttp echo",
    "hot": "payments, one hot merchant",
    "spread": "payments, many merchants (Zipf)",
    "declined": "payments, hot, 5 % of the payers without money",
    "orders": "orders opened, each with a signed code",
    "for update": "hand-written SELECT ... FOR UPDATE, hot",
    "commit": "one bare durable commit by asyncpg",
}


class Cell(Struct, frozen=True):
    """One cell of one round.

    rate       201s a second            p50 ... max  milliseconds        counts  answers by status
    busy       share of a core that the generator used
    worker_us, background_us, database_us, generator_us  processor time per 201, microseconds
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
    worker_us: float = 0.0
    background_us: float = 0.0
    database_us: float = 0.0
    generator_us: float = 0.0
    settled_s: float = 0.0


class Spread(Struct, frozen=True):
    """A median, and the smallest and largest it was taken from."""

    middle: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Of one value a round."""
        return cls(median(values), min(values), max(values))


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
    cells: Sequence[Cell]
    rss_mb: float
    verdict: Verdict
    took_s: float
    at: str

    def of(self, name: Name, callers: int) -> list[Cell]:
        """The cells of this kind, one a round."""
        return [cell for cell in self.cells if cell.name == name and cell.callers == callers]

    def spread(self, name: Name, callers: int, value: Callable[[Cell], float]) -> Spread:
        """A value of these cells over the rounds."""
        return Spread.of([value(cell) for cell in self.of(name, callers)])

    def ratio(self, one: Name, other: Name, callers: int, value: Callable[[Cell], float] = lambda c: c.rate) -> Spread:
        """One cell over the other, taken round by round."""
        pairs = zip(self.of(one, callers), self.of(other, callers), strict=True)
        return Spread.of([value(a) / value(b) for a, b in pairs])

    def goals(self) -> list[Goal]:
        """The rows of performance.md that this run can speak of."""
        rows = []
        if 64 in self.callers:
            rows += [
                Goal("payments to one hot merchant / echo, 64 callers", self.ratio("hot", "echo", 64), 0.8, 1.25, 1.5)
            ]
        if 256 in self.callers:
            rows += [Goal("the same, 256 callers", self.ratio("hot", "echo", 256), 1.0, 1.4, 2.0)]
        if 64 in self.callers:
            tail = self.spread("hot", 64, lambda cell: cell.p99 / cell.p50)
            rows += [
                Goal("payments spread (Zipf) / echo, 64 callers", self.ratio("spread", "echo", 64), 0.6, 0.9, 1.1),
                Goal("payments / hand-written FOR UPDATE, 64 callers, hot", self.ratio("hot", "for update", 64), 10, 20, 40),
                Goal("at 5 % declined payers / at none, 64 callers", self.ratio("declined", "hot", 64), 0.5, 0.65, 0.8),
                Goal("p99 / p50 of payments, 64 callers", tail, 4, 2.5, 2, less=True),
                Goal("orders opened / echo, 64 callers", self.ratio("orders", "echo", 64), 0.5, 0.8, 1.0),
            ]
        if 1 in self.callers:
            alone = self.ratio("hot", "commit", 1, lambda cell: cell.p50)
            rows += [Goal("one caller: time of a payment / of a bare commit", alone, 1.6, 1.3, 1.15, less=True)]
        rss = Spread(self.rss_mb, self.rss_mb, self.rss_mb)
        return [*rows, Goal("memory of a worker (RSS), MB", rss, 80, 60, 50, less=True)]
