"""`qrpay bench gate`: holds the newest run on this machine to the one that the repository keeps, by their ratios.

    qrpay bench gate [--new FILE] [--kept FILE]

A ratio has got worse when the whole spread of its rounds lies beyond that of the kept run, by more than SLACK. Exit
status 1 when one has, or when money was not where it must be. Ratios of different machines differ too: the gate says
when the machine is another one.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from benchmarks import report
from benchmarks.figures import Run, Spread
from benchmarks.goals import Ratio, ratios

SLACK: Final = 0.03
"""Beyond their noise, a ratio may differ by this share: a run of three rounds does not see all of its own noise."""


def verdict(new: Ratio, kept: Ratio) -> str:
    """`worse`, `better`, or `same` when the difference lies within the noise of both."""
    lower, higher = _beyond(new.value, kept.value), _beyond(kept.value, new.value)
    if new.less:
        lower, higher = higher, lower
    return "worse" if lower else "better" if higher else "same"


def _beyond(one: Spread, other: Spread) -> bool:
    """Whether all of one lies below all of the other, and not by a hair."""
    return one.high < other.low * (1 - SLACK)


def compare(new: Run, kept: Run) -> list[tuple[Ratio, Ratio, str]]:
    """Each ratio that both runs have: the new one, the kept one, and the verdict."""
    before = {ratio.name: ratio for ratio in ratios(kept)}
    return [
        (ratio, before[ratio.name], verdict(ratio, before[ratio.name])) for ratio in ratios(new) if ratio.name in before
    ]


def main(given: Sequence[str]) -> None:
    """Compare, show, and fail when something got worse."""
    parser = argparse.ArgumentParser(
        prog="qrpay bench gate", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--new", type=Path, default=report.newest(), help="if left out, the newest of this machine")
    parser.add_argument("--kept", type=Path, default=report.KEPT, help="if left out, the one in the repository")
    args = parser.parse_args(given)
    if args.new is None:
        raise SystemExit("nothing was measured here yet: `qrpay bench`")
    if not args.kept.exists():
        print("no run is kept yet, so there is nothing to hold this one to: `qrpay bench --keep`")
        return
    new, kept = report.read(args.new), report.read(args.kept)
    found = compare(new, kept)
    console = Console()
    console.print(table(found))
    if (new.machine.cpu, new.machine.cores) != (kept.machine.cpu, kept.machine.cores):
        console.print(
            f"[yellow]The kept run is of another machine ({kept.machine.cpu}, {kept.machine.cores} cores).[/]"
        )
    worse = [ratio.name for ratio, _, said in found if said == "worse"]
    if worse or not new.verdict.clean:
        raise SystemExit(f"worse than the kept run of {kept.at}: {', '.join(worse) or 'the books'}")
    console.print(f"[green]Nothing of {len(found)} ratios got worse beyond its noise, against the run of {kept.at}.[/]")


def table(found: Sequence[tuple[Ratio, Ratio, str]]) -> Table:
    """All of them, the worse ones marked."""
    shown = Table(title="Against the kept run (median, min to max of the rounds)", title_justify="left")
    for head in ("", "kept", "now", ""):
        shown.add_column(head, justify="right" if head else "left")
    colours = {"worse": "bold red", "better": "green", "same": "dim"}
    for new, kept, said in found:
        shown.add_row(new.name, _words(kept.value), _words(new.value), f"[{colours[said]}]{said}[/]")
    return shown


def _words(value: Spread) -> str:
    return f"{value.middle:.2f} ({value.low:.2f} to {value.high:.2f})"
