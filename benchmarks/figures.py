"""What a run measured, and the ratios that are its claims: medians over the rounds, with their spread."""

from collections.abc import Callable, Sequence
from statistics import median
from typing import Final, Literal

from msgspec import Struct

from benchmarks.machine import Machine

Name = Literal[
    "echo",
    "issued",
    "scanned",
    "fresh",
    "spread",
    "declined",
    "till",
    "orders",
    "statements",
    "for update",
    "running balance",
    "hordak",
    "tpcb",
    "tigerbeetle",
    "commit",
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
    "running balance": "entries with running balance, one SQL function, hot",
    "hordak": "django-hordak, without HTTP, hot",
    "tpcb": "pgbench TPC-B (scale 20), without HTTP",
    "tigerbeetle": "TigerBeetle's Python client, batches, without HTTP, hot",
    "commit": "one bare durable commit by asyncpg",
}


class Cell(Struct, frozen=True):
    """One cell of one round.

    rate       good answers a second           p50 ... max  milliseconds        counts  answers by status
    busy       share of a core that the generator used
    server_us, background_us, database_us, generator_us  processor time per 201, microseconds
    batch      transfers a commit of the ledger, where it was looked at; otherwise 0
    others     cores that other programs used meanwhile
    share, offered  open loop: of the closed loop's rate, and requests due a second; otherwise 0, as late_ms
    late_ms    how much later than due the generator sent the median request; within the latencies
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
    share: float = 0.0
    offered: float = 0.0
    late_ms: float = 0.0


class Spread(Struct, frozen=True):
    """A median, and the smallest and largest it was taken from."""

    middle: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread | None":
        """Of one value a round; None when there is none."""
        return cls(median(values), min(values), max(values)) if values else None


class Verdict(Struct, frozen=True):
    """What must be zero.

    missing     acknowledged, and not in the ledger as it was asked
    doubled     acknowledged twice, or standing in the ledger although it was refused or never asked for
    unbalanced  ledgers whose sides differ, and rows that break one of the house's invariants
    outside     taken through the API alone, not from the ledger
    """

    payments: int
    missing: int
    doubled: int
    unbalanced: int
    orders: int
    orders_missing: int
    broken: Sequence[str] = ()
    outside: bool = False

    @property
    def clean(self) -> bool:
        """Whether all are zero."""
        return not (self.missing or self.doubled or self.unbalanced or self.orders_missing)


class Cost(Struct, frozen=True):
    """Of one payment, its events and their delivery included, taken from `payments` of them.

    wal_bytes    written to the log      pages   full page images among them (after a checkpoint there are more)
    fsyncs       of the log              heap_bytes, index_bytes  by which tables and indexes grew
    heap, index  of these, by table and index, where it is more than a byte
    """

    payments: int
    wal_bytes: float
    pages: float
    fsyncs: float
    heap_bytes: float
    index_bytes: float
    heap: dict[str, float]
    index: dict[str, float]


class Waiters(Struct, frozen=True):
    """What so many idle waiters cost, and how soon those whose order was paid heard of it.

    bytes_each     resident memory of the worker, by how much it grew a waiter
    idle_cores     processor time of worker, background and PostgreSQL while all wait and nothing happens
    heard, failed  of the paid ones: were answered `paid`; got no answer
    news_ms        from the payer's 201 to the waiter's answer, median and 99 of 100; below zero counts as zero
    rate           payments a second, while all waited
    """

    count: int
    bytes_each: float
    idle_cores: float
    heard: int
    failed: int
    news_p50_ms: float
    news_p99_ms: float
    rate: float


class Hour(Struct, frozen=True):
    """Requests due in an hour of that day, answered well, and their latencies in milliseconds."""

    offered: int
    good: int
    p50: float
    p99: float


class Kind(Struct, frozen=True):
    """All requests of one kind."""

    name: str
    count: int
    refused: int
    p50: float
    p99: float


class Day(Struct, frozen=True):
    """A mixed day. `rate` are good answers a second over all of it, `peak` those of the busiest hour."""

    seconds: float
    rate: float
    peak: float
    hours: Sequence[Hour]
    kinds: Sequence[Kind]
    busy: float
    late_ms: float


Victim = Literal["worker", "database", "connections"]


class Attack(Struct, frozen=True):
    """What callers felt: `gap_s` is the longest time in which nobody was paid; `asked_again` had no clear answer."""

    victim: Victim
    seconds: float
    rate: float
    gap_s: float
    counts: dict[str, int]
    asked_again: int


class Run(Struct, frozen=True):
    """A whole run, as it is kept. What a URL cannot show is None; `peers` are the versions of those that have one.

    own_cores  the worker, and each peer's server in its turn, had a core to itself; all others shared the rest
    """

    machine: Machine
    command: str
    seconds: float
    rounds: int
    workers: int
    callers: Sequence[int]
    cells: Sequence[Cell]
    verdict: Verdict
    took_s: float
    at: str
    url: str = ""
    rss_start_mb: float | None = None
    rss_mb: float | None = None
    cost: Cost | None = None
    waiters: Waiters | None = None
    day: Day | None = None
    attacks: Sequence[Attack] = ()
    own_cores: bool = False

    def of(self, name: Name, callers: int) -> list[Cell]:
        """The cells of this kind in a closed loop, one a round."""
        return [cell for cell in self.cells if cell.name == name and cell.callers == callers and not cell.share]

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


def _rate(cell: Cell) -> float:
    return cell.rate
