"""`qrpay bench show [FILE]`: a run that was measured before, shown and drawn again; nothing is measured."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from benchmarks import report


def main(given: Sequence[str]) -> None:
    """Show the named run, or the newest."""
    file = Path(given[0]) if given else report.newest()
    if file is None:
        raise SystemExit("nothing was measured here yet: `qrpay bench`")
    run = report.read(file)
    console = Console()
    report.show(run, console)
    console.print(f"drawn in {report.keep(run, committed=False)}")
