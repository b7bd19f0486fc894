"""The ledger's curve: transfers a second at 0, 1, 3 (10) million rows, batches of 1 to 8,000, hot and Zipf, declines.

Batches are handed in whole, two under way, as another system's client would; nothing but the ledger is in it. Every
figure is a median of the rounds, and cells of one size are run in turn.
"""

import asyncio
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from itertools import accumulate
from pathlib import Path
from statistics import median
from typing import Any, Final

import asyncpg
import matplotlib as mpl
import msgspec
import psutil
from msgspec import Struct
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from benchmarks import cost
from benchmarks.figures import Cost
from benchmarks.report import LOCAL
from benchmarks.servers import Measure
from qrpay.ledger.engine import BATCH_MAX, Engine
from qrpay.ledger.model import Result, Transfer

mpl.use("Agg")
import matplotlib.pyplot as plt

ZIPF: Final = 1.0
FILL: Final = 5_000
WARM_S: Final = 0.5
DRAWN: Final = 50_000
"""Who pays whom is drawn so many at a time, outside of the measured time; ids are made within, as callers make them."""
TIGERBEETLE: Final = "TigerBeetle's Python client"
Pay = Callable[[Any, Any], Transfer]


class Point(Struct, frozen=True):
    """One cell: transfers answered a second, and what each cost in processor time, here and in PostgreSQL."""

    millions: float
    load: str
    declined: float
    batch: int
    rate: float
    low: float
    high: float
    client_us: float
    database_us: float


class Curve(Struct, frozen=True):
    """A whole run of the curve; `each` is the cost of one transfer at these millions of rows."""

    at: str
    seconds: float
    rounds: int
    points: Sequence[Point]
    each: dict[str, Cost]


class Crowd:
    """Draws who pays whom. `pay` makes the transfer; `payers`, `poor` and `shops` are accounts."""

    def __init__(self, payers: Sequence[Any], poor: Sequence[Any], shops: Sequence[Any], pay: Pay) -> None:
        self.payers, self.poor, self.shops, self.pay = payers, poor, shops, pay
        self._many = list(accumulate(1 / rank**ZIPF for rank in range(1, len(payers) + 1)))
        self._few = list(accumulate(1 / rank**ZIPF for rank in range(1, len(shops) + 1)))

    def pairs(self, load: str, declined: float, count: int = DRAWN) -> list[tuple[Any, Any]]:
        """Payer and payee of so many transfers."""
        hot = load == "hot"
        payers = random.choices(self.payers, cum_weights=None if hot else self._many, k=count)
        payees = [self.shops[0]] * count if hot else random.choices(self.shops, cum_weights=self._few, k=count)
        if declined:
            payers = [random.choice(self.poor) if random.random() < declined else payer for payer in payers]
        return list(zip(payers, payees, strict=True))


class Bench:
    """Posts batches and keeps count of what must stand in the end."""

    def __init__(self, engine: Engine, crowd: Crowd, owner: "asyncpg.Connection[asyncpg.Record]", lanes: int) -> None:
        self.engine, self.crowd, self.owner, self.lanes = engine, crowd, owner, lanes
        self.created = 0
        self.postmaster: psutil.Process | None = None

    async def run(self, load: str, declined: float, batch: int, seconds: float) -> Point:
        """Batches of this size for so long."""
        pairs = self.crowd.pairs(load, declined)
        answered = place = 0
        client, server, began = time.process_time(), self._database_s(), time.perf_counter()
        until = began + seconds

        async def lane() -> None:
            nonlocal answered, place
            while time.perf_counter() < until:
                place += batch
                chosen = [pairs[number % DRAWN] for number in range(place - batch, place)]
                outcomes = await self.engine.post_chain([self.crowd.pay(*pair) for pair in chosen])
                answered += batch
                self.created += sum(outcome.result is Result.CREATED for outcome in outcomes)

        await asyncio.gather(*(lane() for _ in range(self.lanes)))
        took = time.perf_counter() - began
        client_us, database_us = (
            (now - before) * 1e6 / max(1, answered)
            for now, before in ((time.process_time(), client), (self._database_s(), server))
        )
        rate = answered / took
        return Point(0, load, declined, batch, rate, rate, rate, client_us, database_us)

    async def fill(self, rows: int, told: Callable[[int], None]) -> None:
        """Post until the ledger has so many transfers."""
        pairs = self.crowd.pairs("zipf", 0)

        async def lane() -> None:
            while self.created < rows:
                chosen = random.choices(pairs, k=FILL)
                outcomes = await self.engine.post_chain([self.crowd.pay(*pair) for pair in chosen])
                self.created += sum(outcome.result is Result.CREATED for outcome in outcomes)
                told(self.created)

        await asyncio.gather(*(lane() for _ in range(self.lanes)))

    async def each(self, batch: int, seconds: float) -> Cost:
        """What one transfer costs in WAL, fsyncs and bytes."""
        await asyncio.sleep(cost.IDLE_S)
        before, created = await cost.look(self.owner), self.created
        await self.run("zipf", 0, batch, seconds)
        await asyncio.sleep(cost.IDLE_S)
        return cost.between(before, await cost.look(self.owner), self.created - created)

    def _database_s(self) -> float:
        """Processor time of PostgreSQL so far; 0 when it runs elsewhere."""
        total = 0.0
        if self.postmaster is not None:
            for process in (self.postmaster, *self.postmaster.children()):
                with suppress(psutil.NoSuchProcess):
                    times = process.cpu_times()
                    total += float(times.user + times.system)
        return total


async def postmaster_of(owner: "asyncpg.Connection[asyncpg.Record]") -> psutil.Process | None:
    """The server's own process, when it runs on this machine."""
    with suppress(OSError, ValueError, IndexError, psutil.Error):
        folder = Path(str(await owner.fetchval("SHOW data_directory")))
        return psutil.Process(int((folder / "postmaster.pid").read_text().split()[0]))
    return None


async def draw_curve(
    bench: Bench,
    millions: Sequence[float],
    batches: Sequence[int],
    declines: Sequence[float],
    *,
    seconds: float,
    rounds: int,
    beside: Measure | None,
) -> Curve:
    """All cells at each size. `beside`: measures TigerBeetle at a batch size, in the same rounds."""
    assert max(batches) <= BATCH_MAX
    found: list[Point] = []
    each: dict[str, Cost] = {}
    cells = [(load, declined, batch) for load in ("hot", "zipf") for declined in declines for batch in batches]
    columns = (
        TextColumn("{task.description:44}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        TimeRemainingColumn(),
    )  # fmt: skip
    # Drawn between cells and batches of filling only, so that it costs nothing that is measured.
    with Progress(*columns, auto_refresh=False) as progress:
        for size in millions:
            rows = round(size * 1e6)
            if rows > bench.created:
                filling = progress.add_task(f"filling up to {size:g} million rows", total=rows)
                await bench.fill(rows, partial(_fill_up, progress, filling))
                await bench.owner.execute("VACUUM ANALYZE")
            task = progress.add_task(f"at {size:g} million rows", total=rounds * len(cells))
            await bench.run("zipf", max(declines), min(200, max(batches)), WARM_S)
            taken: dict[tuple[str, float, int], list[Point]] = {cell: [] for cell in cells}
            aside: dict[int, list[float]] = {batch: [] for batch in batches}
            for _ in range(rounds):
                for load, declined, batch in cells:
                    taken[load, declined, batch].append(await bench.run(load, declined, batch, seconds))
                    progress.advance(task)
                    progress.refresh()
                if beside is not None:
                    for batch in batches:
                        aside[batch].append((await beside(batch, seconds)).rate)
            found += [_middle(size, points) for points in taken.values()]
            found += [
                Point(size, TIGERBEETLE, 0, batch, median(rates), min(rates), max(rates), 0, 0)
                for batch, rates in aside.items()
                if rates
            ]
            each[f"{size:g}"] = await bench.each(min(200, max(batches)), max(1.0, seconds))
    return Curve(datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), seconds, rounds, found, each)


def _fill_up(progress: Progress, task: TaskID, done: int) -> None:
    progress.update(task, completed=done, refresh=True)


def _middle(size: float, points: Sequence[Point]) -> Point:
    rates = [point.rate for point in points]
    first = points[0]
    return Point(
        size, first.load, first.declined, first.batch, median(rates), min(rates), max(rates),
        median([point.client_us for point in points]), median([point.database_us for point in points]),
    )  # fmt: skip


def show(curve: Curve, console: Console) -> None:
    """Print the table of each size, the sizes against each other, and the bytes."""
    sizes = sorted({point.millions for point in curve.points})
    for size in sizes:
        console.print(_table(curve, size))
    for size in sizes[1:]:
        ratios = [now.rate / before.rate for now, before in _pairs(curve, sizes[0], size)]
        console.print(f"at {size:g} million rows / at {sizes[0]:g}: median {median(ratios):.2f} of all cells")
    for size_text, each in curve.each.items():
        console.print(
            f"at {size_text} million rows a transfer takes {each.heap_bytes:.0f} bytes of heap, {each.index_bytes:.0f}"
            f" of indexes, {each.wal_bytes:.0f} of WAL ({each.pages:.3f} full pages), {each.fsyncs:.4f} fsyncs"
        )


def _table(curve: Curve, size: float) -> Table:
    table = Table(title=f"At {size:g} million rows: transfers a second", title_justify="left")
    for head in ("", "declined", "batch", "a second", "min to max", "of no decline", "µs client", "µs PostgreSQL"):
        table.add_column(head, justify="right" if head else "left")
    for point in (point for point in curve.points if point.millions == size):
        none = [
            other.rate
            for other in curve.points
            if (other.millions, other.load, other.batch, other.declined) == (size, point.load, point.batch, 0)
        ]
        table.add_row(
            point.load, f"{point.declined:.0%}", f"{point.batch:,}", f"{point.rate:,.0f}",
            f"{point.low:,.0f} to {point.high:,.0f}", f"{point.rate / none[0]:.2f}" if none else "",
            f"{point.client_us:.1f}", f"{point.database_us:.1f}",
        )  # fmt: skip
    return table


def _pairs(curve: Curve, one: float, other: float) -> Iterator[tuple[Point, Point]]:
    before = {(p.load, p.declined, p.batch): p for p in curve.points if p.millions == one}
    for point in curve.points:
        if point.millions == other and (found := before.get((point.load, point.declined, point.batch))):
            yield point, found


def keep(curve: Curve) -> list[str]:
    """Write figures and plot below results/local; their names."""
    LOCAL.mkdir(parents=True, exist_ok=True)
    figures = LOCAL / f"ledger-{curve.at.replace(':', '')}.json"
    figures.write_bytes(msgspec.json.format(msgspec.json.encode(curve)))
    picture = LOCAL / "ledger.png"
    figure, sides = plt.subplots(1, 2, figsize=(9.0, 4.0), layout="constrained", sharey=True)
    sizes = sorted({point.millions for point in curve.points})
    shares = sorted({point.declined for point in curve.points})
    for axes, load in zip(sides, ("hot", "zipf"), strict=True):
        for place, size in enumerate(sizes):
            for declined, look in zip(shares, ("-", "--", ":"), strict=False):
                line = [p for p in curve.points if (p.millions, p.load, p.declined) == (size, load, declined)]
                label = f"{size:g} million rows" + (f", {declined:.0%} declined" if declined else "")
                sizes_of_batch, rates = [p.batch for p in line], [p.rate for p in line]
                axes.plot(sizes_of_batch, rates, look, marker="o", markersize=3, color=f"C{place}", label=label)
        axes.set(xscale="log", yscale="log", xlabel="transfers a batch (log)", title=load)
        axes.grid(alpha=0.3)
    sides[0].set_ylabel("transfers a second (log)")
    figure.legend(*sides[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False, fontsize=8)
    figure.savefig(picture, dpi=130, metadata={"Software": None})
    plt.close(figure)
    return [str(figures), str(picture)]
