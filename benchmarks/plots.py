"""The pictures of a run: throughput against latency, percentiles, the open loop, a day, goals, and peers."""

from collections.abc import Callable
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
from benchmarks.goals import PEERS, goals

COLOURS: Final[dict[Name, str]] = {"echo": "#7a7a7a", "issued": "#0b62a8", "spread": "#d1711b"}
STEPS: Final = {"below must": "#b3261e", "must": "#c9a227", "target": "#4f9d4f", "stretch": "#1d6b2f"}
INCHES: Final = (7.2, 4.2)
DPI: Final = 130


def draw(run: Run, folder: Path) -> list[str]:
    """Write the plots that this run has figures for; their file names."""
    mpl.rcParams.update({"font.size": 10, "axes.spines.top": False, "axes.spines.right": False})
    closed = any(cell.name in COLOURS and not cell.share for cell in run.cells)
    pictures: dict[str, tuple[bool, Callable[[Run, Path], None]]] = {
        "throughput.png": (closed, _throughput),
        "latency.png": (closed, _latency),
        "open.png": (any(cell.share for cell in run.cells), _open),
        "day.png": (run.day is not None, _day),
        "goals.png": (bool(goals(run)), _goals),
        "peers.png": (any(run.ratio("issued", name, 64) for name in PEERS), _peers),
    }
    for name, (there, picture) in pictures.items():
        if there:
            picture(run, folder / name)
        else:
            (folder / name).unlink(missing_ok=True)
    return [name for name, (there, _) in pictures.items() if there]


def _throughput(run: Run, file: Path) -> None:
    """Each curve goes through the numbers of callers; upwards and to the left is better."""
    figure, axes = plt.subplots(figsize=INCHES, layout="constrained")
    for name, colour in COLOURS.items():
        counts = [count for count in run.callers if run.of(name, count)]
        if not counts:
            continue
        cells = [run.of(name, count) for count in counts]
        rates = [median([cell.rate for cell in one]) for one in cells]
        for part, look in (("p50", "o-"), ("p99", "^:")):
            latencies = [median([getattr(cell, part) for cell in one]) for one in cells]
            axes.plot(latencies, rates, look, color=colour, markersize=5, label=f"{WORDS[name]}, {part}")
            if part == "p50":
                below = [rate - min(cell.rate for cell in one) for rate, one in zip(rates, cells, strict=True)]
                above = [max(cell.rate for cell in one) - rate for rate, one in zip(rates, cells, strict=True)]
                axes.errorbar(latencies, rates, yerr=[below, above], fmt="none", ecolor=colour, alpha=0.5, capsize=3)
                for count, x, y in zip(counts, latencies, rates, strict=True):
                    axes.annotate(str(count), (x, y), (0, 6), textcoords="offset points", fontsize=8, color=colour)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.set_xlabel("latency, milliseconds (log)")
    axes.set_ylabel("good answers a second")
    axes.grid(alpha=0.3)
    axes.set_title("Throughput against latency (numbers: callers; bars: the rounds)", loc="left", fontsize=11)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False, fontsize=8)
    _save(figure, file)


def _open(run: Run, file: Path) -> None:
    figure, axes = plt.subplots(figsize=INCHES, layout="constrained")
    shares = sorted({cell.share for cell in run.cells if cell.share})
    by_share = [[cell for cell in run.cells if cell.share == share] for share in shares]
    offered = [median([cell.offered for cell in cells]) for cells in by_share]
    for part, colour in (("p50", "#0b62a8"), ("p90", "#d1711b"), ("p99", "#b3261e")):
        found = [[getattr(cell, part) for cell in cells] for cells in by_share]
        axes.plot(offered, [median(one) for one in found], "o-", color=colour, label=part)
        axes.fill_between(offered, [min(one) for one in found], [max(one) for one in found], color=colour, alpha=0.15)
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_xticks(offered, [f"{rate:,.0f}\n({share:.0%})" for rate, share in zip(offered, shares, strict=True)])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("payments offered a second (share of what 64 closed callers reach)")
    axes.set_ylabel("milliseconds from when it was due (log)")
    axes.grid(alpha=0.3)
    axes.set_title("Open loop, one hot merchant (bands: the rounds)", loc="left", fontsize=11)
    axes.legend(frameon=False, fontsize=9)
    _save(figure, file)


def _day(run: Run, file: Path) -> None:
    day = run.day
    assert day is not None
    figure, axes = plt.subplots(figsize=INCHES, layout="constrained")
    hour_s, hours = day.seconds / len(day.hours), range(len(day.hours))
    axes.bar(
        hours, [hour.good / hour_s for hour in day.hours], color="#0b62a8", alpha=0.6, label="good answers a second"
    )
    axes.step(
        hours, [hour.offered / hour_s for hour in day.hours], where="mid", color="black", linewidth=1, label="offered"
    )
    axes.set_xticks(range(0, len(day.hours), 3), [f"{hour}:00" for hour in range(0, len(day.hours), 3)])
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.set_ylabel("requests a second")
    slow = axes.twinx()
    slow.spines["right"].set_visible(True)
    slow.plot(
        hours,
        [hour.p50 or float("nan") for hour in day.hours],
        "o-",
        color="#4f9d4f",
        markersize=4,
        label="p50, ms (right)",
    )
    slow.plot(
        hours,
        [hour.p99 or float("nan") for hour in day.hours],
        "^-",
        color="#b3261e",
        markersize=4,
        label="p99, ms (right)",
    )
    slow.set_yscale("log")
    slow.set_ylabel("milliseconds from when it was due (log)")
    slow.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_title(f"A mixed day in {day.seconds:.0f} s", loc="left", fontsize=11)
    figure.legend(loc="outside lower center", ncols=4, frameon=False, fontsize=8)
    _save(figure, file)


def _peers(run: Run, file: Path) -> None:
    found = [(words, ratio) for name, words in PEERS.items() if (ratio := run.ratio("issued", name, 64))]
    figure, axes = plt.subplots(figsize=(INCHES[0], 1.3 + 0.55 * len(found)), layout="constrained")
    for place, (_, ratio) in enumerate(found):
        axes.barh(place, ratio.middle, color="#0b62a8" if ratio.middle >= 1 else "#b3261e", height=0.5, alpha=0.8)
        axes.plot([ratio.low, ratio.high], [place, place], color="black", linewidth=1)
        axes.text(1.02, place, f"{ratio.middle:.2f}", transform=axes.get_yaxis_transform(), va="center")
    axes.axvline(1, color="black", linewidth=1)
    axes.set_xscale("log")
    ends = [end for _, ratio in found for end in (ratio.low, ratio.high)]
    axes.set_xlim(min(0.5, *ends) * 0.9, max(2.0, *ends) * 1.1)
    ticks = [tick for tick in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100) if tick <= max(2.0, *ends)]
    axes.set_xticks([tick for tick in ticks if tick >= min(0.5, *ends) * 0.9])
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_yticks(range(len(found)), [fill(words, 30) for words, _ in found], fontsize=9)
    axes.invert_yaxis()
    axes.set_xlabel("our payments over theirs (log); left of the line they are faster")
    figure.suptitle("Beside others, hot, 64 callers (line: min to max of the rounds)", fontsize=11)
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
    figure.legend(handles=shown, loc="outside lower center", ncols=2, frameon=False, fontsize=8)
    _save(figure, file)


def _goals(run: Run, file: Path) -> None:
    """Bars as multiples of `must`, so that goals of every kind stand on one axis; longer is better."""
    found = goals(run)
    figure, axes = plt.subplots(figsize=(INCHES[0], 1.3 + 0.55 * len(found)), layout="constrained")
    for place, goal in enumerate(found):

        def reach(value: float, must: float = goal.must, less: bool = goal.less) -> float:
            return must / value if less else value / must

        middle, ends = reach(goal.value.middle), sorted((reach(goal.value.low), reach(goal.value.high)))
        axes.barh(place, middle, color=STEPS[goal.mark], height=0.5)
        axes.plot(ends, [place, place], color="black", linewidth=1)
        for step, look in ((goal.target, ":"), (goal.stretch, "-")):
            axes.plot([reach(step)] * 2, [place - 0.36, place + 0.36], color="#444444", linestyle=look, linewidth=1.5)
        axes.text(1.02, place, f"{goal.value.middle:.2f}", transform=axes.get_yaxis_transform(), va="center")
    axes.axvline(1, color="#b3261e", linewidth=1)
    axes.set_yticks(range(len(found)), [fill(goal.name, 30) for goal in found], fontsize=9)
    axes.invert_yaxis()
    axes.set_xlim(left=0)
    axes.set_xlabel("multiple of must (red line); dotted: target, solid: stretch")
    figure.suptitle("Goals (line: min to max of the rounds; right: the figure)", fontsize=11)
    _save(figure, file)


def _save(figure: Figure, file: Path) -> None:
    figure.savefig(file, dpi=DPI, metadata={"Software": None})
    plt.close(figure)
