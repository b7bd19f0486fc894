"""`make bench`: payments over HTTP against the bare aiohttp echo, in one interleaved run, the money checked afterwards.

    python -m benchmarks [--seconds 1.5] [--callers 1,16,64,256] [--rounds 3] [--workers 1] [--quick] [--keep]

It starts its own server on its own PostgreSQL in a temporary folder (TMPDIR says where: it must be a real disk).
"""

import argparse
import signal
import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import asyncpg
import uvloop
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from benchmarks import machine, report, servers
from benchmarks.figures import WORDS, Cell, Run
from benchmarks.peers.for_update import TABLES
from benchmarks.scenarios import Bench, plan
from benchmarks.seed import RICH, fill
from benchmarks.town import Town
from qrpay.app import open_core
from qrpay.database.pool import dsn_to
from qrpay.settings import Settings, read_settings
from qrpay.shell import database

PEERS = "peers"
console = Console(width=None if sys.stdout.isatty() else 150)


async def measure(args: argparse.Namespace, settings: Settings, home: Path, stack: ExitStack) -> Run:
    """Seed, run all cells, compare the books."""
    began = time.perf_counter()
    owner = await asyncpg.connect(settings.migration_url)
    await owner.execute(f"CREATE DATABASE {PEERS}")
    shown = ("server_version", "fsync", "synchronous_commit", "full_page_writes", "shared_buffers", "max_wal_size")
    durability = {name: str(await owner.fetchval(f"SHOW {name}")) for name in shown}
    await owner.close()
    card = machine.look(home, durability)
    dsn = dsn_to(settings.migration_url, PEERS)
    peer = await asyncpg.connect(dsn)
    await peer.execute(TABLES)
    await peer.execute(f"INSERT INTO peer_accounts SELECT n, {RICH} FROM generate_series(0, {args.people}) AS n")
    peers: dict[str, servers.Peer] = {}
    for name, module, more in (("echo", "echo", []), ("for update", "for_update", [dsn])):
        port = servers.free_port()
        command = ["-m", f"benchmarks.peers.{module}", str(port), *more]
        running = stack.enter_context(servers.process(command, port, home / f"{module}.log"))
        peers[name] = servers.Peer(port, running.pid)
    with servers.qrpay(home, args.workers, args.set) as house:
        rss_start_mb = house.rss_mb()
        async with open_core(settings) as core:
            with console.status(f"seeding {args.people:,} payers and {args.shops:,} merchants"):
                credentials = await fill(core, args.people, args.shops, url=house.address.url)
            bench = Bench(core, Town(credentials, house.address), house, peers, peer, args.seconds)
            cells = await _all_cells(args, bench)
            rss_mb = house.rss_mb()
            with console.status("comparing the books, id by id"):
                verdict = await bench.books.compare(core)
            await peer.close()
    return Run(
        machine=card, seconds=args.seconds, rounds=args.rounds, workers=args.workers, callers=args.callers,
        settings=args.set, cells=cells,
        rss_start_mb=rss_start_mb, rss_mb=rss_mb, verdict=verdict, took_s=time.perf_counter() - began,
        at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    )  # fmt: skip


async def _all_cells(args: argparse.Namespace, bench: Bench) -> list[Cell]:
    columns = (
        TextColumn("{task.description:72}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
    )  # fmt: skip
    cells = []
    # The bar moves between cells only: drawing it must not cost what is measured.
    with Progress(*columns, console=console, auto_refresh=False) as progress:
        task = progress.add_task("warming up", total=args.rounds * len(list(plan(args.callers, args.only))))
        progress.refresh()
        await bench.warm(args.callers, args.only)
        for round in range(1, args.rounds + 1):
            for name, callers in plan(args.callers, args.only):
                cell = f"round {round}: {WORDS[name]}, {callers}"
                bench.said = partial(_say, progress, task, cell)
                cells.append(await bench.cell(name, callers, round))
                progress.update(task, advance=1, refresh=True)
        progress.update(task, description="measured", refresh=True)
    return cells


def _say(progress: Progress, task: TaskID, cell: str, what: str) -> None:
    progress.update(task, description=f"{cell}, {what}", refresh=True)


def arguments() -> argparse.Namespace:
    """What was asked on the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=1.5, help="length of a cell")
    parser.add_argument("--callers", default="1,16,64,256", type=lambda text: [int(part) for part in text.split(",")])
    parser.add_argument("--rounds", type=int, default=3, help="how often all cells are run in turn")
    parser.add_argument("--workers", type=int, default=1, help="web workers of qrpay")
    parser.add_argument("--set", action="append", default=[], metavar="QRPAY_NAME=value", help="a setting to try")
    parser.add_argument("--people", type=int, default=20_000, help="payers")
    parser.add_argument("--shops", type=int, default=1_000, help="merchants")
    parser.add_argument(
        "--only", default=[], type=lambda text: text.split(","), help="kinds of cells, such as issued,echo"
    )
    parser.add_argument("--quick", action="store_true", help="one round at 1 and 64 callers: seconds, and noise")
    parser.add_argument("--keep", action="store_true", help="renew the page and plots that the repository keeps")
    args = parser.parse_args()
    if args.quick:
        args.rounds, args.callers, args.seconds = 1, [1, 64], min(args.seconds, 1.0)
    return args


def main() -> None:
    """Measure, show, keep; exit status 1 when money is not where it must be."""
    args = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # told to stop, it stops its servers first
    with tempfile.TemporaryDirectory(prefix="qrpay-bench-", ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        with database(read_settings({}, home=folder)) as settings, ExitStack() as stack:
            run = uvloop.run(measure(args, settings, home, stack))
    report.show(run, console)
    kept = report.keep(run, committed=args.keep)
    console.print(f"kept in {kept}")
    raise SystemExit(0 if run.verdict.clean else 1)


if __name__ == "__main__":
    main()
