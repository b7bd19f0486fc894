"""What a reader sees: the table on the terminal, the JSON, the page and its plots."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Final

import msgspec
from rich.console import Console
from rich.table import Table

from benchmarks.figures import WORDS, Goal, Name, Run
from benchmarks.plots import draw

RESULTS: Final = Path(__file__).parent / "results"
MARKS: Final = {"stretch": "★★★ stretch", "target": "★★ target", "must": "★ must", "below must": "✗ below must"}
COLOURS: Final = {"stretch": "bold green", "target": "green", "must": "yellow", "below must": "bold red"}
BUSY: Final = 0.85
DISTURBED: Final = 0.15
CODES: Final = """\
Three kinds of codes are kept apart, since a worker need not check a signature twice:

- *issued here*: by `POST /v1/orders` on the same server some moments before, as in a shop. The worker remembers that it
  signed this code itself. The goals are read against these. Orders are issued in portions between the measured times,
  each portion is paid before the worker can have forgotten it.
- *scanned before*: issued elsewhere, then shown by `POST /v1/scans` to the wallet that pays it, as a wallet app does.
- *new to the worker*: issued elsewhere, never scanned; each signature is checked within the measured payment."""
HEADS: Final = (
    "", "callers", "a second", "/ echo", "p50", "p90", "p99", "max",
    "µs server", "µs database", "µs background", "refused",
)  # fmt: skip


def show(run: Run, console: Console) -> None:
    """Print it all."""
    rates = Table(
        title="Good answers a second, and latencies in milliseconds (medians of the rounds)", title_justify="left"
    )
    for head in HEADS:
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
    lines.append(f"{versions}; PostgreSQL {card.database['server_version']} ({settings}); web workers: {run.workers}")
    lines.append(f"A worker holds {run.rss_start_mb:.0f} MB before its first request, {run.rss_mb:.0f} MB at the end.")
    busiest = max(run.cells, key=lambda cell: cell.busy)
    lines.append(
        f"The generator used at most {busiest.busy:.0%} of a core ({WORDS[busiest.name]}, {busiest.callers} callers); "
        f"at {busiest.generator_us:.0f} µs a request it could send {1e6 / busiest.generator_us:,.0f} a second alone."
    )
    if batches := [(cell.callers, cell.batch) for cell in run.cells if cell.batch]:
        sizes = {callers: median([size for count, size in batches if count == callers]) for callers, _ in batches}
        said = ", ".join(f"{size:.0f} at {callers}" for callers, size in sizes.items())
        lines.append(f"Transfers a commit, by callers: {said}.")
    others = median([cell.others for cell in run.cells])
    if others > DISTURBED:
        lines.append(
            f"Other programs used {others:.1f} of the {card.cores} cores meanwhile. They slow a payment, which needs"
            " three processes at once, more than the echo, which needs one: on a quiet machine the ratios are better."
        )
    if busiest.busy > BUSY:
        lines.append("The generator itself was a bottleneck there: the server is faster than these figures.")
    return lines


def _rows(run: Run) -> list[list[str]]:
    kinds = sorted({(cell.callers, list(WORDS).index(cell.name)) for cell in run.cells})
    return [_row(run, list(WORDS)[place], callers) for callers, place in kinds]


def _row(run: Run, name: Name, callers: int) -> list[str]:
    cells = run.of(name, callers)

    def middle(value: str) -> float:
        return median([float(getattr(cell, value)) for cell in cells])

    other: Counter[str] = Counter()
    for cell in cells:
        other.update({status: count for status, count in cell.counts.items() if status not in ("200", "201")})
    ratio = run.ratio(name, "echo", callers)
    lone = name == "commit"
    return [
        WORDS[name], str(callers), f"{middle('rate'):,.0f}", "" if lone or ratio is None else f"{ratio.middle:.2f}",
        *(f"{middle(value):.2f}" for value in ("p50", "p90", "p99")), f"{middle('max'):.1f}",
        *("" if lone else f"{middle(value):.0f}" for value in ("server_us", "database_us", "background_us")),
        ", ".join(f"{status}: {count}" for status, count in sorted(other.items())),
    ]  # fmt: skip


def _goal(goal: Goal) -> list[str]:
    value = goal.value
    return [
        goal.name, f"{value.middle:.2f}", f"{value.low:.2f} to {value.high:.2f}",
        *(f"{'≤ ' if goal.less else ''}{bound:g}" for bound in (goal.must, goal.target, goal.stretch)),
    ]  # fmt: skip


def keep(run: Run, *, committed: bool) -> Path:
    """Write JSON, page and plots below results/local; `committed`: also the page and plots the repository keeps."""
    local = RESULTS / "local"
    local.mkdir(parents=True, exist_ok=True)
    (local / f"{run.at.replace(':', '')}.json").write_bytes(msgspec.json.format(msgspec.json.encode(run)))
    for folder in (local, RESULTS) if committed else (local,):
        (folder / "README.md").write_text(page(run, draw(run, folder)))
    return (RESULTS if committed else local).relative_to(RESULTS.parent.parent)


def page(run: Run, plots: Sequence[str]) -> str:
    """The results page, in Markdown."""
    callers = ",".join(str(count) for count in run.callers)
    command = f"python -m benchmarks --seconds {run.seconds:g} --callers {callers} --rounds {run.rounds}"
    command += f" --workers {run.workers}" * (run.workers != 1) + "".join(f" --set {one}" for one in run.settings)
    goals = [[*_goal(goal), MARKS[goal.mark]] for goal in run.goals()]
    parts = [
        "# Results",
        f"Made by the kit on {run.at} in {run.took_s:.0f} s, not by hand:",
        f"```\n{command} --keep\n```",
        "All figures come from one run on one machine, every kind of cell in turn, round by round; only ratios travel"
        " to other machines. A payment is a `POST /v1/payments` with a stored order's signed code: token, code, rules,"
        " durable commit, and the events of it written in the background on the same cores. Only a 201 counts.",
        CODES,
        f"**{zeros(run)}**",
        "## Goals",
        _markdown(["", "reached", "min to max", "must", "target", "stretch", ""], goals),
        *(f"![{name.partition('.')[0]}]({name})" for name in plots),
        "## Figures",
        _markdown(HEADS, _rows(run)),
        "µs: processor time per good answer: of the server's process, of PostgreSQL, and of the background, which also"
        " works after the cell has ended.",
        "## Machine",
        *notes(run),
    ]
    return "\n\n".join(parts) + "\n"


def _markdown(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    rule = "|".join("---" if not place else "---:" for place, _ in enumerate(heads))
    return "\n".join([f"| {' | '.join(heads)} |", f"|{rule}|", *(f"| {' | '.join(row)} |" for row in rows)])
