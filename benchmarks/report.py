"""What a reader sees: the table on the terminal, the JSON, the page and its plots."""

from pathlib import Path
from typing import Final

import msgspec
from rich.console import Console
from rich.table import Table

from benchmarks.figures import WORDS, Goal, Name, Run, Spread

RESULTS: Final = Path(__file__).parent / "results"
MARKS: Final = {"stretch": "★★★ stretch", "target": "★★ target", "must": "★ must", "below must": "✗ below must"}
COLOURS: Final = {"stretch": "bold green", "target": "green", "must": "yellow", "below must": "bold red"}
BUSY: Final = 0.85
PAYING: Final[tuple[Name, ...]] = ("echo", "hot", "spread")


def show(run: Run, console: Console) -> None:
    """Print it all."""
    rates = Table(title="201s a second, and latencies in milliseconds (medians of the rounds)", title_justify="left")
    for head in ("", "callers", "a second", "/ echo", "p50", "p90", "p99", "max", "µs worker", "µs database", "not 201"):
        rates.add_column(head, justify="left" if not head else "right")
    for row in _rows(run):
        rates.add_row(*row)
    console.print(rates)
    goals = Table(title="Goals of performance.md (ratios of one run; min to max of the rounds)", title_justify="left")
    for head in ("", "reached", "spread", "must", "target", "stretch", ""):
        goals.add_column(head, justify="right" if head else "left")
    for goal in run.goals():
        goals.add_row(*_goal(goal), f"[{COLOURS[goal.mark]}]{MARKS[goal.mark]}[/]")
    console.print(goals)
    for line in notes(run):
        console.print(line)
    verdict = run.verdict
    colour = "green" if verdict.clean else "bold red"
    console.print(f"[{colour}]{zeros(run)}[/]")


def zeros(run: Run) -> str:
    """The sentence about the money."""
    verdict = run.verdict
    broken = f" ({', '.join(verdict.broken)})" if verdict.broken else ""
    return (
        f"{verdict.payments:,} payments acknowledged, each compared with the ledger by its id: "
        f"missing {verdict.missing}, doubled {verdict.doubled}, unbalanced {verdict.unbalanced}{broken}. "
        f"{verdict.orders:,} orders acknowledged: missing {verdict.orders_missing}."
    )


def notes(run: Run) -> list[str]:
    """The machine, and what a reader must know before believing."""
    card, lines = run.machine, []
    versions = ", ".join(f"{name} {number}" for name, number in card.versions.items())
    settings = ", ".join(f"{name} {value}" for name, value in card.database.items() if name != "server_version")
    lines.append(
        f"{card.cpu}, {card.cores} cores shared by server, database and generator, {card.memory_gb} GB, {card.system}, "
        f"{card.fsyncs_per_s:,} fsyncs/s, load {card.load} at the start"
    )
    lines.append(f"{versions}; PostgreSQL {card.database['server_version']} ({settings}); {run.workers} web worker")
    busiest = max(run.cells, key=lambda cell: cell.busy)
    echo = max((cell for cell in run.cells if cell.name == "echo"), key=lambda cell: cell.callers)
    lines.append(
        f"The generator used at most {busiest.busy:.0%} of a core ({WORDS[busiest.name]}, {busiest.callers} callers); "
        f"at {echo.generator_us:.0f} µs a request it could send {1e6 / echo.generator_us:,.0f} a second alone."
    )
    if busiest.busy > BUSY:
        lines.append("The generator itself was a bottleneck there: the server is faster than these figures.")
    return lines


def _rows(run: Run) -> list[list[str]]:
    kinds = sorted({(cell.callers, list(WORDS).index(cell.name)) for cell in run.cells})
    rows = []
    for callers, place in kinds:
        name: Name = list(WORDS)[place]  # type: ignore[assignment]
        cells = run.of(name, callers)

        def middle(value: str, cells: object = cells) -> float:
            return Spread.of([getattr(cell, value) for cell in cells]).middle  # type: ignore[attr-defined]

        other: dict[str, int] = {}
        for cell in cells:
            for status, count in cell.counts.items():
                if status != "201":
                    other[status] = other.get(status, 0) + count
        ratio = "" if name in ("echo", "commit") else f"{run.ratio(name, 'echo', callers).middle:.2f}"
        rows.append(
            [
                WORDS[name], str(callers), f"{middle('rate'):,.0f}", ratio,
                *(f"{middle(value):.2f}" for value in ("p50", "p90", "p99")), f"{middle('max'):.1f}",
                f"{middle('worker_us'):.0f}" if name not in ("echo", "commit", "for update") else "",
                f"{middle('database_us'):.0f}" if name not in ("echo", "commit") else "",
                ", ".join(f"{status}: {count}" for status, count in sorted(other.items())),
            ]
        )  # fmt: skip
    return rows


def _goal(goal: Goal) -> list[str]:
    value = goal.value
    return [
        goal.name, f"{value.middle:.2f}", f"{value.low:.2f} to {value.high:.2f}",
        *(f"{'≤ ' if goal.less else ''}{bound:g}" for bound in (goal.must, goal.target, goal.stretch)),
    ]  # fmt: skip


def keep(run: Run, *, committed: bool) -> Path:
    """Write JSON, page and plots; `committed`: also those that the repository keeps."""
    local = RESULTS / "local"
    local.mkdir(parents=True, exist_ok=True)
    (local / f"{run.at.replace(':', '')}.json").write_bytes(msgspec.json.format(msgspec.json.encode(run)))
    return local.relative_to(RESULTS.parent.parent)
