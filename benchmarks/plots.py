"""The pictures of a run: throughput against callers, latency percentiles, and how far each goal was reached."""

from pathlib import Path
from statistics import median
from textwrap import fill
from typing import Final

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, NullLocator

from benchmarks.figures import WORDS, Name, Run

COLOURS: Final[dict[Name, str]] = {"echo": "#7a7a7a", "issued": "#0b62a8", "spread": "#d1711b"}
STEPS: Final = {"below must": "#b3261e", "must": "#c9a227", "target": "#4f9d4f", "stretch": "#1d6b2f"}
INCHES: Final = (7.2, 4.2)
DPI: Final = 130


def draw(run: Run, folder: Path) -> list[str]:
    """Write the plots that this run has figures for; their file names."""
    mpl.rcParams.update({"font.size": 10, "axes.spines.top": False, "axes.spines.right": False})
    drawn = []
    if any(cell.name in COLOURS for cell in run.cells):
        _throughput(run, folder / "throughput.png")
        _latency(run, folder / "latency.png")
        drawn += ["throughput.png", "latency.png"]
    _goals(run, folder / "goals.png")
    return [*drawn, "goals.png"]


def _throughput(run: Run, file: Path) -> None:
    figure, axes = plt.subplots(figsize=INCHES, layout="constrained")
    for name, colour in COLOURS.items():
        rates = {count: [cell.rate for cell in run.of(name, count)] for count in run.callers if run.of(name, count)}
        if not rates:
            continue
        counts, found = list(rates), list(rates.values())
        axes.plot(counts, [median(one) for one in found], "o-", color=colour, label=WORDS[name])
        axes.fill_between(counts, [min(one) for one in found], [max(one) for one in found], color=colour, alpha=0.15)
    axes.set_xscale("log", base=2)
    axes.set_xticks(list(run.callers), [str(count) for count in run.callers])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.set_xlabel("callers, closed loop")
    axes.set_ylabel("good answers a second")
    axes.grid(axis="y", alpha=0.3)
    axes.set_title("Throughput (medians; the band is min to max of the rounds)", loc="left", fontsize=11)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    _save(figure, file)


def _latency(run: Run, file: Path) -> None:
    figure, axes = plt.subplots(figsize=INCHES, layout="constrained")
    width = 0.24
    for offset, (name, colour) in zip((-width, 0.0, width), COLOURS.items(), strict=True):
        for place, count in enumerate(run.callers):
            cells = run.of(name, count)
            if not cells:
                continue
            p50, p90, p99 = (median([getattr(cell, part) for cell in cells]) for part in ("p50", "p90", "p99"))
            at = place + offset
            axes.plot([at, at], [p50, p99], color=colour, linewidth=6, alpha=0.25, solid_capstyle="round")
            for value, mark in ((p50, "o"), (p90, "s"), (p99, "^")):
                axes.plot(at, value, mark, color=colour, markersize=6)
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_xticks(range(len(run.callers)), [f"{count} caller{'s' * (count > 1)}" for count in run.callers])
    axes.set_ylabel("milliseconds (log)")
    axes.grid(axis="y", alpha=0.3)
    axes.set_title("Latency: ● p50   ■ p90   ▲ p99 (medians of the rounds)", loc="left", fontsize=11)
    shown = [
        Line2D([], [], color=colour, linewidth=6, alpha=0.6, label=WORDS[name]) for name, colour in COLOURS.items()
    ]
    figure.legend(handles=shown, loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    _save(figure, file)


def _goals(run: Run, file: Path) -> None:
    """Bars as multiples of `must`, so that goals of every kind stand on one axis; longer is better."""
    goals = run.goals()
    figure, axes = plt.subplots(figsize=(INCHES[0], 1.3 + 0.55 * len(goals)), layout="constrained")
    for place, goal in enumerate(goals):

        def reach(value: float, must: float = goal.must, less: bool = goal.less) -> float:
            return must / value if less else value / must

        middle, ends = reach(goal.value.middle), sorted((reach(goal.value.low), reach(goal.value.high)))
        axes.barh(place, middle, color=STEPS[goal.mark], height=0.5)
        axes.plot(ends, [place, place], color="black", linewidth=1)
        for step, look in ((goal.target, ":"), (goal.stretch, "-")):
            axes.plot([reach(step)] * 2, [place - 0.36, place + 0.36], color="#444444", linestyle=look, linewidth=1.5)
        axes.text(1.02, place, f"{goal.value.middle:.2f}", transform=axes.get_yaxis_transform(), va="center")
    axes.axvline(1, color="#b3261e", linewidth=1)
    axes.set_yticks(range(len(goals)), [fill(goal.name, 30) for goal in goals], fontsize=9)
    axes.invert_yaxis()
    axes.set_xlim(left=0)
    axes.set_xlabel("multiple of must (red line); dotted: target, solid: stretch")
    figure.suptitle("Goals (line: min to max of the rounds; right: the figure)", fontsize=11)
    _save(figure, file)


def _save(figure: Figure, file: Path) -> None:
    figure.savefig(file, dpi=DPI, metadata={"Software": None})
    plt.close(figure)
