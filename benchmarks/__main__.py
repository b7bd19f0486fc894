"""`make bench`, `qrpay bench`: payments over HTTP against the bare aiohttp echo and others, in one interleaved run.

    qrpay bench [options]      measure; the same as python -m benchmarks
    qrpay bench seed           write customers, tokens and signed codes in bulk, for this kit, k6 and Locust
    qrpay bench profile        draw a flame graph of a worker under load
    qrpay bench gate           hold the newest run to the kept one
    qrpay bench ledger         the ledger alone
    qrpay bench reconcile      compare a list of a million payments with the books, and fetch the day's files
    qrpay bench settling       a million payments settled in one run
    qrpay bench show [FILE]    show a run again, the newest when none is named, and draw it

It starts its own server on its own PostgreSQL in a temporary folder (TMPDIR says where: it must be a real disk), or
measures the one at --url. Afterwards it compares every payment that was acknowledged with the books.
"""

import argparse
import resource
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Final

import uvloop
from msgspec import structs
from rich.console import Console

from benchmarks import report
from benchmarks.attack import VICTIMS
from benchmarks.conduct import DAY_S, conduct
from benchmarks.peers import ASKED_FOR, BY_DEFAULT
from qrpay import logs
from qrpay.settings import read_settings
from qrpay.shell import database

FURTHER: Final = ("seed", "profile", "gate", "ledger", "reconcile", "settling", "show")
"""Subcommands, each a module with a main(arguments)."""
DESCRIPTORS_MAX: Final = 65_536
DESCRIPTORS_SPARE: Final = 500


def words(text: str) -> list[str]:
    """`a,b` as a list; none of an empty text."""
    return [word for word in text.split(",") if word]


def chosen(among: Sequence[str]) -> Callable[[str], list[str]]:
    """Words that are all among these; an underscore stands for a space."""

    def read(text: str) -> list[str]:
        found = [word.replace("_", " ") for word in words(text)]
        if strange := [word for word in found if word not in among]:
            raise argparse.ArgumentTypeError(f"{', '.join(strange)}: there are {', '.join(among)}")
        return found

    return read


def arguments(given: Sequence[str]) -> argparse.Namespace:
    """What was asked on the command line."""
    parser = argparse.ArgumentParser(
        prog="qrpay bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=1.5, help="length of a cell")
    parser.add_argument(
        "--callers", default="1,8,64,256,1024", type=lambda text: [int(part) for part in text.split(",")]
    )
    parser.add_argument("--rounds", type=int, default=3, help="how often all cells are run in turn")
    parser.add_argument("--minutes", type=float, default=9.5, help="begin no round that would end later; 0: no limit")
    parser.add_argument("--workers", type=int, default=1, help="web workers of qrpay")
    parser.add_argument("--set", action="append", default=[], metavar="QRPAY_NAME=value", help="a setting to try")
    parser.add_argument("--people", type=int, default=20_000, help="payers")
    parser.add_argument("--shops", type=int, default=1_000, help="merchants")
    parser.add_argument("--only", default=[], type=words, help="kinds of cells, such as issued,echo,open")
    parser.add_argument(
        "--peers", type=chosen((*BY_DEFAULT, *ASKED_FOR)), metavar="NAMES",
        help=f"beside which it is measured, such as for_update,hordak; if left out {', '.join(BY_DEFAULT)}",
    )  # fmt: skip
    parser.add_argument("--tigerbeetle", default="", metavar="ADDRESS", help="where a TigerBeetle of yours listens")
    parser.add_argument("--kill", default=[], type=chosen(tuple(VICTIMS)), help="worker,database,connections")
    parser.add_argument("--waiters", type=int, default=10_000, help="idle waiters; 0: none")
    parser.add_argument("--day", type=float, default=DAY_S, help="seconds into which a mixed day is pressed; 0: none")
    parser.add_argument("--url", default="", help="a server that runs already, such as http://bank.test:8080")
    parser.add_argument("--credentials", type=Path, default=Path("bench/credentials.json"), help="of qrpay bench seed")
    parser.add_argument("--codes", type=Path, help="of qrpay bench seed --codes: codes new to the worker, for --url")
    parser.add_argument("--watch", action="store_true", help="draw within cells too, at the cost of their figures")
    parser.add_argument("--quick", action="store_true", help="one short round at 1 and 64 callers, and noise")
    parser.add_argument("--keep", action="store_true", help="renew the page and plots that the repository keeps")
    args = parser.parse_args(given)
    if args.quick:
        args.rounds, args.callers, args.seconds = 1, [1, 64], min(args.seconds, 1.0)
        args.waiters, args.day = min(args.waiters, 1_000), min(args.day, 4.0)
    args.given = given
    if args.only:
        args.waiters = args.day = 0
    if args.url and args.kill:
        parser.error("--kill needs the server that the kit starts itself")
    return args


def _raise_descriptors(args: argparse.Namespace) -> None:
    """As many connections as we may have; the server inherits the limit. Fewer waiters where that is too little."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = DESCRIPTORS_MAX if most == resource.RLIM_INFINITY else min(most, DESCRIPTORS_MAX)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    if args.waiters > most - DESCRIPTORS_SPARE:
        args.waiters = max(0, most - DESCRIPTORS_SPARE)
        print(f"only {args.waiters:,} waiters: this process may open {most:,} files (ulimit -Hn)")


def main(given: Sequence[str]) -> None:
    """Measure, show, keep; exit status 1 when money is not where it must be."""
    if given and given[0] in FURTHER:
        import_module(f"benchmarks.{given[0]}").main(given[1:])
        return
    args = arguments(given)
    _raise_descriptors(args)
    logs.configure(structs.replace(read_settings({}), log_level="error", log_json=False))
    console = Console(width=None if sys.stdout.isatty() else 150)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # told to stop, it stops its servers first
    with tempfile.TemporaryDirectory(prefix="qrpay-bench-", ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        if args.url:
            run = uvloop.run(conduct(args, None, home, console))
        else:
            with database(read_settings({}, home=folder)) as settings:
                run = uvloop.run(conduct(args, settings, home, console))
    file = report.write(run)  # first of all: what was measured is not lost by how it is shown
    report.show(run, console)
    console.print(f"kept in {report.keep(run, committed=args.keep)}; the figures in {file}")
    raise SystemExit(0 if run.verdict.clean else 1)


if __name__ == "__main__":
    main(sys.argv[1:])
