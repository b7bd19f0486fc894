"""What a reader sees: the tables on the terminal, the JSON, the page and its plots."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec
from rich.console import Console
from rich.table import Table

from benchmarks.figures import Run
from benchmarks.plots import draw
from benchmarks.sheets import CODES, MARKS, notes, sheets, zeros

RESULTS: Final = Path(__file__).parent / "results"
LOCAL: Final = RESULTS / "local"
KEPT: Final = RESULTS / "last.json"
COLOURS: Final = {"stretch": "bold green", "target": "green", "must": "yellow", "below must": "bold red"}


def show(run: Run, console: Console) -> None:
    """Print it all."""
    painted = {MARKS[mark]: f"[{colour}]{MARKS[mark]}[/]" for mark, colour in COLOURS.items()}
    for sheet in sheets(run):
        table = Table(title=sheet.title, title_justify="left")
        for head in sheet.heads:
            table.add_column(head, justify="right" if head else "left")
        for row in sheet.rows:
            table.add_row(*(painted.get(value, value) for value in row))
        console.print(table)
    for line in notes(run):
        console.print(line)
    console.print(f"[{'green' if run.verdict.clean else 'bold red'}]{zeros(run)}[/]")


def write(run: Run) -> Path:
    """Write all figures as JSON below results/local; where."""
    LOCAL.mkdir(parents=True, exist_ok=True)
    file = LOCAL / f"{run.at.replace(':', '')}.json"
    file.write_bytes(msgspec.json.format(msgspec.json.encode(run)))
    return file.relative_to(RESULTS.parent.parent)


def read(file: Path) -> Run:
    """A run as it was kept."""
    return msgspec.json.decode(file.read_bytes(), type=Run)


def newest() -> Path | None:
    """The file of the newest run on this machine."""
    return max(LOCAL.glob("*T*Z.json"), default=None)


def keep(run: Run, *, committed: bool) -> Path:
    """Write page and plots below results/local; `committed`: also what the repository keeps, with the figures."""
    if committed:
        KEPT.write_bytes(msgspec.json.format(msgspec.json.encode(run)) + b"\n")
    for folder in (LOCAL, RESULTS) if committed else (LOCAL,):
        (folder / "README.md").write_text(page(run, draw(run, folder)))
    return (RESULTS if committed else LOCAL).relative_to(RESULTS.parent.parent)


def page(run: Run, plots: Sequence[str]) -> str:
    """The results page, in Markdown."""
    parts = [
        "# Results",
        f"Made by the kit on {run.at} in {run.took_s:.0f} s, not by hand:",
        f"```\n{run.command}\n```",
        "All figures come from one run on one machine, every kind of cell in turn, round by round; only ratios travel"
        " to other machines. A payment is a `POST /v1/payments` with a stored order's signed code: token, code, rules,"
        " durable commit, and the events of it written in the background on the same cores. Only a 201 counts.",
        CODES,
        f"**{zeros(run)}**",
    ]
    for place, sheet in enumerate(sheets(run)):
        parts += [f"## {sheet.title}", _markdown(sheet.heads, sheet.rows), *sheet.said]
        if not place:
            parts += [f"![{name.partition('.')[0]}]({name})" for name in plots]
    return "\n\n".join([*parts, "## Machine", *notes(run)]) + "\n"


def _markdown(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    rule = "|".join("---" if not place else "---:" for place, _ in enumerate(heads))
    return "\n".join([f"| {' | '.join(heads)} |", f"|{rule}|", *(f"| {' | '.join(row)} |" for row in rows)])
