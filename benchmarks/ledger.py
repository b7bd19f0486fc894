"""How many transfers the ledger posts a second: hot, spread, with declines; money is checked afterwards.

    python -m benchmarks.ledger [--dsn postgresql://owner@host/postgres] [--seconds 3] [--callers 64] [--rounds 3]
    python -m benchmarks.ledger --rows 0,1,3 [--batches 1,8,50,200,1000,8000] [--declines 0,0.05,0.2] [--seconds 1]
                                [--tigerbeetle ADDRESS]

Callers wait for each answer before they ask again (closed loop). With --rows (millions; 10 takes minutes to fill) it is
the curve over rows, batch sizes, hot and Zipf, and declines, with bytes a transfer. Only ratios of cells of one run
mean something.
"""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import uvloop
from rich.console import Console

from qrpay.database.embedded import EmbeddedServer
from qrpay.database.migrator import migrate
from qrpay.database.pool import Database, dsn_to
from qrpay.ledger.audit import broken
from qrpay.ledger.chart import AccountCode, TransferCode
from qrpay.ledger.engine import Engine, Route
from qrpay.ledger.model import AccountFlag, NewAccount, Result, Transfer
from qrpay.values import new_id

CNY = 156
PAYERS = 10_000
RICH = 10_000_000_000
NAME = "qrpay_bench_ledger"
Draw = Callable[[], Transfer]


class Bank:
    """Accounts with money in them, and transfers drawn between them."""

    def __init__(self) -> None:
        self.cash = new_id()
        self.poor = [new_id() for _ in range(PAYERS // 20)]
        self.payers = [new_id() for _ in range(PAYERS)]
        self.shops = [new_id() for _ in range(1_000)]

    async def open(self, engine: Engine) -> None:
        """Open all accounts, and give every payer money."""
        guarded = int(AccountFlag.DEBITS_MUST_NOT_EXCEED_CREDITS)
        await engine.create_accounts(
            [NewAccount(self.cash, CNY, AccountCode.BANK_CASH)]
            + [NewAccount(shop, CNY, AccountCode.MERCHANT, guarded) for shop in self.shops]
            + [
                NewAccount(payer, CNY, AccountCode.CUSTOMER, guarded, day_limit=RICH, year_limit=RICH)
                for payer in [*self.payers, *self.poor]
            ]
        )
        for start in range(0, PAYERS, 5_000):
            await engine.post_chain(
                [
                    Transfer(new_id(), self.cash, payer, RICH, TransferCode.TOP_UP, CNY)
                    for payer in self.payers[start : start + 5_000]
                ]
            )

    def draw(self, shops: int, declined: float) -> Draw:
        """A payment of a random payer, to one of so many shops; this share of them has no money."""
        payers, few, poor = self.payers, self.shops[:shops], self.poor
        choice, chance = random.choice, random.random

        def one() -> Transfer:
            payer = choice(poor if declined and chance() < declined else payers)
            return Transfer(new_id(), payer, choice(few), 1, TransferCode.PAYMENT, CNY)

        return one


async def run(engine: Engine, draw: Draw, *, callers: int, seconds: float) -> tuple[float, int]:
    """Transfers answered a second, and how many of them were created."""
    answered = created = 0
    began = time.perf_counter()
    until = began + seconds

    async def call() -> None:
        nonlocal answered, created
        while time.perf_counter() < until:
            outcome = await engine.post(draw())
            answered += 1
            created += outcome.result is Result.CREATED

    await asyncio.gather(*(call() for _ in range(callers)))
    return answered / (time.perf_counter() - began), created


@asynccontextmanager
async def bench_database(dsn: str | None) -> AsyncIterator[str]:
    """A migrated database of its own, on this server or on an embedded one that is thrown away."""
    with tempfile.TemporaryDirectory(prefix="qrpay-bench-", ignore_cleanup_errors=True) as home:
        server = None if dsn else EmbeddedServer(Path(home))
        root = dsn or (server.start() if server else "")
        connection = await asyncpg.connect(root)
        await connection.execute(f"DROP DATABASE IF EXISTS {NAME} WITH (FORCE)")
        await connection.execute(f"CREATE DATABASE {NAME}")
        await migrate(dsn_to(root, NAME))
        try:
            yield dsn_to(root, NAME)
        finally:
            await connection.execute(f"DROP DATABASE {NAME} WITH (FORCE)")
            await connection.close()
            if server:
                server.stop()


async def measure(args: argparse.Namespace) -> None:
    """Measure each cell in turn, several rounds, and print the best of each."""
    async with bench_database(args.dsn) as dsn:
        database = await Database.open(dsn, role="qrpay_app", ledger_connections=args.in_flight + 1)
        engine = Engine(database, in_flight=args.in_flight, route=Route(args.route))
        bank = Bank()
        await bank.open(engine)
        if args.rows:
            await _curve(args, dsn, engine, bank)
            return
        cells: Sequence[tuple[str, Draw]] = [
            ("hot", bank.draw(1, 0)),
            ("spread", bank.draw(1_000, 0)),
            ("hot, 5 % declined", bank.draw(1, 0.05)),
            ("spread, 5 % declined", bank.draw(1_000, 0.05)),
        ]
        best = dict.fromkeys([name for name, _ in cells], 0.0)
        created = PAYERS
        for _ in range(args.rounds):
            for name, draw in cells:
                rate, made = await run(engine, draw, callers=args.callers, seconds=args.seconds)
                best[name] = max(best[name], rate)
                created += made
        for name, rate in best.items():
            print(f"{name:22} {rate:9,.0f} a second   {rate / best['hot']:.2f} of hot")
        stored = await database.fetchval("SELECT count(*) FROM transfers")
        conservation = await engine.conservation()
        faults = await broken(database)
        print(f"acknowledged {created}, in the ledger {stored}, balanced: {conservation.balanced}, faults: {faults}")
        await engine.close()
        await database.close()
        if stored != created or not conservation.balanced or faults:
            raise SystemExit("the books do not agree with what was acknowledged")


async def _curve(args: argparse.Namespace, dsn: str, engine: Engine, bank: Bank) -> None:
    """The curve, and the books afterwards."""
    from benchmarks import curve, peers  # what the short form need not load

    crowd = curve.Crowd(
        bank.payers, bank.poor, bank.shops,
        lambda payer, shop: Transfer(new_id(), payer, shop, 1, TransferCode.PAYMENT, CNY),
    )  # fmt: skip
    owner = await asyncpg.connect(dsn)
    bench = curve.Bench(engine, crowd, owner, args.in_flight)
    bench.created = PAYERS
    bench.postmaster = await curve.postmaster_of(owner)
    async with peers.beside_ledger(args.tigerbeetle) as beside:
        found = await curve.draw_curve(
            bench, args.rows, args.batches, args.declines, seconds=args.seconds, rounds=args.rounds, beside=beside
        )
    curve.show(found, Console(width=None if sys.stdout.isatty() else 120))
    print(f"kept in {', '.join(curve.keep(found))}")
    stored = await owner.fetchval("SELECT count(*) FROM transfers")
    balanced = (await engine.conservation()).balanced
    print(f"acknowledged {bench.created:,}, in the ledger {stored:,}, balanced: {balanced}")
    await owner.close()
    await engine.close()
    if stored != bench.created or not balanced:
        raise SystemExit("the books do not agree with what was acknowledged")


def numbers(text: str) -> list[float]:
    """Numbers between commas."""
    return [float(part) for part in text.split(",")]


def main(given: Sequence[str]) -> None:
    """Measure as asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dsn", help="a PostgreSQL to use, as its superuser; default: an embedded one")
    parser.add_argument("--seconds", type=float, default=3.0, help="length of a cell")
    parser.add_argument("--callers", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--in-flight", type=int, default=2)
    parser.add_argument("--route", choices=list(Route), default=Route.ADAPTIVE, help="hold the engine to one way")
    parser.add_argument("--rows", default=[], type=numbers, help="the curve at so many million rows, such as 0,1,3")
    parser.add_argument(
        "--batches", default=[1, 8, 50, 200, 1_000, 8_000], type=lambda text: [int(part) for part in text.split(",")]
    )
    parser.add_argument("--declines", default=[0.0, 0.05, 0.2], type=numbers, help="shares of payers without money")
    parser.add_argument("--tigerbeetle", default="", metavar="ADDRESS", help="where a TigerBeetle of yours listens")
    uvloop.run(measure(parser.parse_args(given)))


if __name__ == "__main__":
    main(sys.argv[1:])
