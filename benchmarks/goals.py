"""The goals of performance.md, and which of them a run reaches; the ratios that the gate holds a next run to."""

from typing import Final

from msgspec import Struct

from benchmarks.figures import Cell, Name, Run, Spread

PEERS: Final[dict[Name, str]] = {
    "for update": "hand-written SELECT ... FOR UPDATE", "running balance": "entries with running balance",
    "hordak": "django-hordak", "tpcb": "pgbench TPC-B", "tigerbeetle": "TigerBeetle's Python client",
}  # fmt: skip


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


def goals(run: Run) -> list[Goal]:
    """The rows of performance.md that this run can speak of."""
    declined, orders = run.ratio("declined", "issued", 64), run.ratio("orders", "echo", 64)
    tail, alone = run.spread("issued", 64, _tail), run.ratio("issued", "commit", 1, _p50)
    memory = None if run.rss_mb is None else Spread.of([run.rss_mb])
    rows = (
        ("payments to one hot merchant / echo, 64 callers", run.ratio("issued", "echo", 64), 0.8, 1.25, 1.5),
        ("the same, 256 callers", run.ratio("issued", "echo", 256), 1.0, 1.4, 2.0),
        ("payments spread (Zipf) / echo, 64 callers", run.ratio("spread", "echo", 64), 0.6, 0.9, 1.1),
        ("payments / hand-written FOR UPDATE, hot, 64 callers", run.ratio("issued", "for update", 64), 10, 20, 40),
        ("at 5 % declined payers / at none, hot, 64 callers", declined, 0.5, 0.65, 0.8),
        ("p99 / p50 of payments, hot, 64 callers", tail, 4, 2.5, 2, True),
        ("one caller: time of a payment / of a bare commit", alone, 1.6, 1.3, 1.15, True),
        ("orders opened / echo, 64 callers", orders, 0.5, 0.8, 1.0),
        ("memory of a worker (RSS), MB", memory, 80, 60, 50, True),
    )
    # Of somebody else's server only what stands by itself: its echo is another machine's.
    found = [Goal(name, value, *bounds) for name, value, *bounds in rows if value is not None]
    return [goal for goal in found if not (run.url and "echo" in goal.name)]


class Ratio(Struct, frozen=True):
    """A ratio that a next run is held to."""

    name: str
    value: Spread
    less: bool = False


def ratios(run: Run) -> list[Ratio]:
    """Everything of a run that travels to another one: the goals' figures, and payments over each peer and kind."""
    found = [Ratio(goal.name, goal.value, goal.less) for goal in goals(run)]
    for name, words in PEERS.items():
        if name != "for update" and (value := run.ratio("issued", name, 64)):
            found.append(Ratio(f"payments / {words}, 64 callers", value))
    more: tuple[tuple[Name, str], ...] = (
        ("scanned", "codes scanned before / echo"), ("fresh", "codes new to the worker / echo"),
        ("till", "tills scan payment codes / echo"), ("statements", "statements read / echo"),
    )  # fmt: skip
    for name, words in () if run.url else more:
        if value := run.ratio(name, "echo", 64):
            found.append(Ratio(f"{words}, 64 callers", value))
    found += [
        Ratio(f"payments / echo, {callers} callers", value)
        for callers in run.callers
        if callers not in (64, 256) and not run.url and (value := run.ratio("issued", "echo", callers))
    ]
    return found


def _p50(cell: Cell) -> float:
    return cell.p50


def _tail(cell: Cell) -> float:
    return cell.p99 / cell.p50
