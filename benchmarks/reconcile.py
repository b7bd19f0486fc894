"""`qrpay bench reconcile`: how long it takes to compare a list of a million payments with the books.

It fills a PostgreSQL of its own in a temporary folder with a merchant's day, serves it with one worker, alters some
lines of its list, and runs `qrpay reconcile` as the merchant would, whose output says when each step was done.
Then the day's files are fetched.
"""

import argparse
import asyncio
import csv
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Final
from urllib.request import Request, urlopen

from msgspec import Struct
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn

from benchmarks import seed, servers
from benchmarks.town import CURRENCY
from qrpay.app import open_core
from qrpay.core import Core
from qrpay.features.merchants import service as merchants
from qrpay.features.orders import store as orders
from qrpay.features.orders.model import OrderRow
from qrpay.ledger.caps import bank_day
from qrpay.ledger.chart import TransferCode
from qrpay.ledger.model import Transfer
from qrpay.settings import Settings, read_settings
from qrpay.shell import database
from qrpay.values import Id, id_from_text, new_id, utc_now

CHUNK: Final = 1_000
DAY: Final = timedelta(days=1)


class Seeded(Struct, frozen=True):
    """One merchant, its key, and the business day on which it was paid."""

    merchant: Id
    key: str
    day: date


def main(given: Sequence[str]) -> None:
    """Fill, compare, fetch."""
    parser = argparse.ArgumentParser(prog="qrpay bench reconcile", description=__doc__)
    parser.add_argument("--lines", type=int, default=1_000_000, help="payments of the day")
    parser.add_argument("--altered", type=int, default=10, help="lines of the list that are not as in the books")
    args = parser.parse_args(given)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        seeded = _fill(home, args.lines)
        listed = home / "list.csv"
        _write_list(listed, args.lines, args.altered)
        with servers.qrpay(home, 1) as house:
            url = f"http://127.0.0.1:{house.address.port}"
            _reconcile(listed, url, seeded)
            for name in ("trade.csv", "fund.csv", "trade.xlsx", "camt.053.xml"):
                _fetch(f"{url}/v1/statements/{seeded.day}/{name}", seeded.key)


def _fill(home: Path, lines: int) -> Seeded:
    settings = read_settings({}, home=str(home), log_level="warning")

    async def work(core: Core, progress: Progress) -> Seeded:
        town = await seed.fill(core, 50, 1, url="http://127.0.0.1:1")
        shop = town.merchants[0]
        merchant = id_from_text("mer_", shop.id)
        assert merchant is not None
        account = merchants.account_of(merchant, CURRENCY)
        payers = [id_from_text("acc_", one.account) for one in town.customers]
        task = progress.add_task("payments", total=lines)
        for first in range(0, lines, CHUNK):
            numbers = range(first, min(first + CHUNK, lines))
            now = core.clock()
            rows = [
                OrderRow(new_id(), merchant, f"R-{n}", 100 + n % 900, CURRENCY, None, None, None, None, "merchant",
                         None, now, now)
                for n in numbers
            ]  # fmt: skip
            await orders.keep(core.database, rows)
            await core.ledger.post_chain([
                Transfer(row.id, payers[n % 50], account, row.amount, TransferCode.PAYMENT, seed.CNY)  # type: ignore[arg-type] # ids of ours
                for n, row in zip(numbers, rows, strict=True)
            ])  # fmt: skip
            progress.advance(task, len(rows))
        return Seeded(merchant, shop.secret_key, bank_day(now))

    async def run(found: Settings) -> Seeded:
        with Progress(BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()) as progress:
            async with open_core(found, clock=lambda: utc_now() - DAY) as core:
                return await work(core, progress)

    with database(settings) as found:
        return asyncio.run(run(found))


def _write_list(place: Path, lines: int, altered: int) -> None:
    wrong = {n * lines // max(1, altered) for n in range(altered)}
    with place.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("reference", "amount"))
        rows.writerows((f"R-{n}", 100 + n % 900 + (n in wrong)) for n in range(lines))


def _reconcile(listed: Path, url: str, seeded: Seeded) -> None:
    command = [sys.executable, "-m", "qrpay", "reconcile", str(listed), "--from", str(seeded.day), "--api", url]
    environment = {**os.environ, "QRPAY_API_KEY": seeded.key}
    began = time.perf_counter()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    took = time.perf_counter() - began
    print(done.stderr, end="")
    print(f"reconcile     {took:6.1f} s, {len(done.stdout.splitlines()) - 1} lines differ")


def _fetch(url: str, key: str) -> None:
    began = time.perf_counter()
    with urlopen(Request(url, headers={"Authorization": f"Bearer {key}"}), timeout=600) as answer:
        size = 0
        while block := answer.read(1 << 20):
            size += len(block)
    print(f"{url.rpartition('/')[2]:12}  {time.perf_counter() - began:6.1f} s, {size / 1e6:.1f} MB")
