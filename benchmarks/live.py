"""The live view: a bar, the cell that runs, and the newest figures. It is drawn between cells, so that drawing costs
nothing that is measured; with --watch, and where no ratio is taken, also twice a second within them.
"""

import sys
import time
from collections import deque
from types import TracebackType
from typing import Final

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from benchmarks.figures import WORDS, Cell

SHOWN: Final = 14


class View:
    """What is seen while a run goes on. Without a terminal: a line a cell."""

    def __init__(self, console: Console, total: int) -> None:
        self._console = console
        self._live = Live(console=console, auto_refresh=False, transient=True) if sys.stdout.isatty() else None
        self._progress = Progress(
            TextColumn("{task.description:64}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
            TimeRemainingColumn(), auto_refresh=False,
        )  # fmt: skip
        self._task = self._progress.add_task("starting", total=total)
        self._cells: deque[Cell] = deque(maxlen=SHOWN)
        self._about = ""
        self._now = ""
        self._last = (0, 0.0)

    def __enter__(self) -> "View":
        if self._live:
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._live:
            self._live.stop()

    def begin(self, about: str) -> None:
        """This is what comes now."""
        self._about, self._now, self._last = about, "", (0, time.perf_counter())
        self._draw()

    def say(self, what: str) -> None:
        """How far it is."""
        self._now, self._last = what, (0, time.perf_counter())
        self._draw()

    def watch(self, good: int) -> None:
        """So many good answers since this began to be measured."""
        (before, at), now = self._last, time.perf_counter()
        if good >= before and now > at:
            self._now = f"{(good - before) / (now - at):,.0f} a second"
        self._last = good, now
        self._draw()

    def done(self, cell: Cell) -> None:
        """A cell has ended."""
        self._cells.append(cell)
        self._progress.advance(self._task)
        if not self._live:
            self._console.print(
                f"{cell.round}  {WORDS[cell.name]:52} {_load(cell):>7} {cell.rate:>8,.0f} a second"
                f"  p50 {cell.p50:8.2f}  p99 {cell.p99:8.2f} ms",
                highlight=False,
            )
        self._draw()

    def leave_out(self, cells: int) -> None:
        """So many cells are not run, since the time is over."""
        total = self._progress.tasks[0].total or 0
        self._progress.update(self._task, total=total - cells)
        self._console.print(f"the time is over: {cells} cells of further rounds are left out")

    def step(self) -> None:
        """Something that is no cell has ended."""
        self._progress.advance(self._task)
        self._draw()

    def _draw(self) -> None:
        if self._live is None:
            return
        self._progress.update(self._task, description=f"{self._about}  {self._now}")
        table = Table(box=None, pad_edge=False)
        for head in ("round", "", "callers", "a second", "p50 ms", "p99 ms", "generator"):
            table.add_column(head, justify="left" if not head else "right")
        for cell in self._cells:
            table.add_row(
                str(cell.round), WORDS[cell.name], _load(cell), f"{cell.rate:,.0f}", f"{cell.p50:.2f}",
                f"{cell.p99:.2f}", f"{cell.busy:.0%}",
            )  # fmt: skip
        self._live.update(Group(table, self._progress), refresh=True)


def _load(cell: Cell) -> str:
    return f"{cell.share:.0%}" if cell.share else str(cell.callers)
