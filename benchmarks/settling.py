"""A day's payments settled in one run: time per payment, and the memory that it takes.

    qrpay bench settling [--payments 1000000] [--shops 1000] [--dsn postgresql://owner@host/postgres]

It fills a database of its own with payments of yesterday, settles that day as `qrpay settle` does, and looks at the
books afterwards. With --shops 1 all of them are one merchant's.
"""

import argparse
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Final

import asyncpg
import psutil
import uvloop
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from benchmarks.curve import postmaster_of
from benchmarks.ledger import bench_database
from qrpay.app import open_core
from qrpay.database.invariants import rows_against
from qrpay.database.migrator import APPLICATION
from qrpay.database.pool import Database, dsn_as
from qrpay.features.calendar.service import bank_day
from qrpay.features.settlement import service
from qrpay.features.settlement.feature import feature
from qrpay.ledger.chart import AccountCode, TransferCode
from qrpay.ledger.engine import Engine
from qrpay.ledger.model import AccountFlag, NewAccount, Transfer
from qrpay.settings import read_settings
from qrpay.values import Id, claim, new_id, utc_now

CNY: Final = 156
BATCH: Final = 5_000
PAYMENTS_MAX: Final = 10_000_000
SHOPS_MAX: Final = 100_000
MERCHANTS: Final = """
INSERT INTO merchants (id, name, name_latin, city, mcc, country, test)
SELECT id, 'Shop', 'Shop', 'BEIJING', '5999', 'CN', false FROM unnest($1::uuid[]) AS id
"""
ACCOUNTS: Final = """
INSERT INTO merchant_accounts (account, merchant, currency)
SELECT account, merchant, 'CNY' FROM unnest($1::uuid[], $2::uuid[]) AS u (account, merchant)
"""
TERMS: Final = """
INSERT INTO settlement_terms (merchant, number, cycle, minimum, reserve, reserve_bp, reserve_days, name, account, bank,
                              set_by, set_at)
SELECT id, 1, 'D+1', 1, 0, 0, 0, 'Shop', '6217001234567890', '102100099996', 'the benchmark', now()
FROM unnest($1::uuid[]) AS id
"""


async def payments_of_yesterday(
    dsn: str, payments: int, shops: int, told: Callable[[int], None] = lambda _more: None
) -> Sequence[Id]:
    """So many payments of yesterday, one to each shop in turn, of amounts from 1 to 97; the shops' accounts, sorted."""
    owner, database = await asyncpg.connect(dsn), await Database.open(dsn_as(dsn, APPLICATION), size=2)
    yesterday = utc_now() - timedelta(days=1)
    engine = Engine(database, clock=lambda: yesterday)
    merchants, funds = [new_id() for _ in range(shops)], new_id()
    accounts = [claim("merchant_account", merchant, "CNY") for merchant in merchants]
    guard = int(AccountFlag.DEBITS_MUST_NOT_EXCEED_CREDITS)
    await engine.create_accounts([NewAccount(funds, CNY, AccountCode.MARKER)])
    await engine.create_accounts([NewAccount(one, CNY, AccountCode.MERCHANT, guard) for one in accounts])
    await owner.execute(MERCHANTS, merchants)
    await owner.execute(ACCOUNTS, accounts, merchants)
    await owner.execute(TERMS, merchants)
    for start in range(0, payments, BATCH):
        batch = [
            Transfer(new_id(), funds, accounts[n % shops], 1 + n % 97, TransferCode.PAYMENT, CNY)
            for n in range(start, min(start + BATCH, payments))
        ]
        outcomes = await engine.post_chain(batch)
        assert all(outcome.result.stands for outcome in outcomes)
        told(len(batch))
    await engine.close()
    await database.close()
    await owner.close()
    return sorted(accounts)


async def measure(args: argparse.Namespace) -> None:
    """Fill, settle, and print."""
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn(),
    )  # fmt: skip
    async with bench_database(args.dsn) as dsn:
        with tempfile.TemporaryDirectory(prefix="qrpay-bench-") as home, Progress(*columns) as bars:
            filling = bars.add_task("payments of yesterday", total=args.payments)
            await payments_of_yesterday(dsn, args.payments, args.shops, lambda more: bars.advance(filling, more))
            owner = await asyncpg.connect(dsn)
            await owner.execute("VACUUM ANALYZE")
            postmaster = await postmaster_of(owner)
            settings = read_settings(os.environ | {"QRPAY_HOME": home, "QRPAY_DATABASE_URL": dsn_as(dsn, APPLICATION)})
            async with open_core(settings) as core:
                settling = bars.add_task("entries added up", total=args.payments)
                before, busy, began = _memory(), _busy_s(postmaster), time.perf_counter()
                client = time.process_time()
                summary = await service.settle(
                    core, bank_day(utc_now() - timedelta(days=1)), ["D+1"],
                    progress=lambda _done, _total, entries: bars.update(settling, completed=entries),
                )  # fmt: skip
                took, client, busy = (
                    time.perf_counter() - began,
                    time.process_time() - client,
                    _busy_s(postmaster) - busy,
                )
                after = _memory()
                broken = [check.name for check in feature.checks if await rows_against(core.database, check)]
            settled = await owner.fetchval("SELECT sum(entries)::bigint FROM settlements")
            await owner.close()
    each = 1e6 / args.payments
    print(f"{args.payments:,} payments of {args.shops:,} merchants in {summary.paid_out:,} settlements: {took:.2f} s")
    print(f"a payment {took * each:.2f} µs; processor {client * each:.2f} µs here, {busy * each:.2f} µs in PostgreSQL")
    print(f"memory at most {after / 2**20:.0f} MiB, {max(0, after - before) / 2**20:.1f} MiB of it for settling")
    if settled != args.payments or broken or summary.unsettled:
        raise SystemExit(f"the books do not agree: {settled} entries settled, broken: {broken}, {summary}")
    print("every payment is in exactly one settlement, and the books agree")


def _memory() -> int:
    """The most that this process has used so far, bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1_024


def _busy_s(postmaster: psutil.Process | None) -> float:
    """Processor time of PostgreSQL's processes that live; 0 when it runs elsewhere."""
    total = 0.0
    for process in [] if postmaster is None else [postmaster, *postmaster.children()]:
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += float(times.user + times.system)
    return total


def _up_to(most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not 1 <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"from 1 to {most:,}")
        return int(text)

    return read


def main(given: Sequence[str]) -> None:
    """Measure as asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--payments", type=_up_to(PAYMENTS_MAX), default=1_000_000)
    parser.add_argument("--shops", type=_up_to(SHOPS_MAX), default=1_000)
    parser.add_argument("--dsn", help="a PostgreSQL to use, as its superuser; default: an embedded one")
    uvloop.run(measure(parser.parse_args(given)))


if __name__ == "__main__":
    main(sys.argv[1:])
