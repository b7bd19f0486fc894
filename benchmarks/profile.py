"""`qrpay bench profile`: a flame graph of a web worker under load, by py-spy, which samples it from outside.

    qrpay bench profile [--seconds 10] [--callers 64] [--kind issued] [--native] [--set QRPAY_NAME=value] [--out FILE]

The SVG is interactive in a browser: click zooms in, the search marks. Width is time on the processor, not waiting.
"""

import argparse
import asyncio
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final, get_args

import uvloop
from rich.console import Console

from benchmarks import generator, servers
from benchmarks.figures import Name
from benchmarks.portions import PORTION, Maker
from benchmarks.report import LOCAL
from benchmarks.seed import fill
from benchmarks.town import Town
from qrpay.app import open_core
from qrpay.settings import Settings, read_settings
from qrpay.shell import database

RATE: Final = 250
PEOPLE: Final = 5_000
SHOPS: Final = 100
KINDS: Final = ("issued", "scanned", "fresh", "spread", "declined", "till", "orders", "statements")


async def record(args: argparse.Namespace, settings: Settings, home: Path, console: Console) -> tuple[int, float]:
    """Load a worker for so long while py-spy looks at it; good answers, and seconds in which it was loaded."""
    with servers.qrpay(home, 1, args.set) as house:
        async with open_core(settings) as core:
            with console.status("seeding"):
                credentials = await fill(core, PEOPLE, SHOPS, url=house.address.url)
            maker = Maker(Town(credentials, house.address), house.address, core)
            good, loaded, spying = 0, 0.0, None
            while loaded < args.seconds:
                console.print(f"preparing; {loaded:.1f} of {args.seconds:g} s recorded", highlight=False)
                # Everything is sent once without a spy first, so that no start is seen.
                portion = await maker.make(args.kind, PORTION)
                if spying is None and good:
                    spying = _spy(args, house.web[0].pid)
                    await asyncio.sleep(0.5)
                shift = await generator.run(
                    house.address, portion.requests, callers=args.callers, seconds=args.seconds, good=portion.good
                )
                good += shift.within
                loaded += shift.seconds if spying else 0.0
            assert spying is not None
            spying.send_signal(signal.SIGINT)  # it draws what it has
            await asyncio.to_thread(spying.wait)
    return good, loaded


def _spy(args: argparse.Namespace, pid: int) -> "subprocess.Popen[bytes]":
    program = shutil.which("py-spy", path=str(Path(sys.executable).parent)) or shutil.which("py-spy")
    if program is None:
        raise SystemExit("py-spy is not installed: `make setup` brings it")
    command = [program, "record", "--pid", str(pid), "--output", str(args.out), "--rate", str(RATE)]
    command += ["--format", "flamegraph", "--duration", "unlimited", *(["--native"] if args.native else [])]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL)


def main(given: Sequence[str]) -> None:
    """Record and say where the picture is."""
    parser = argparse.ArgumentParser(
        prog="qrpay bench profile", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=10.0, help="how long the worker is under load")
    parser.add_argument("--callers", type=int, default=64)
    parser.add_argument("--kind", choices=[kind for kind in get_args(Name) if kind in KINDS], default="issued")
    parser.add_argument("--native", action="store_true", help="frames of C too: uvloop, msgspec, libpq's kin")
    parser.add_argument("--set", action="append", default=[], metavar="QRPAY_NAME=value", help="a setting to try")
    parser.add_argument("--out", type=Path, default=LOCAL / "flame.svg")
    args = parser.parse_args(given)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    console = Console()
    with (
        tempfile.TemporaryDirectory(prefix="qrpay-profile-", ignore_cleanup_errors=True) as folder,
        database(read_settings({}, home=folder)) as settings,
    ):
        good, loaded = uvloop.run(record(args, settings, Path(folder), console))
    if not args.out.exists():
        raise SystemExit("py-spy drew nothing: may it look at other processes here (root, or CAP_SYS_PTRACE)?")
    console.print(f"{good:,} good answers; {loaded:.1f} s under load, drawn in {args.out}: open it in a browser")
