"""Customers, merchants, tokens and signed codes in bulk, by the house's own services; no request of it is measured.

    qrpay bench seed [--people 1000] [--shops 100] [--codes 0] [--processes N] [--url URL] [--out bench]

It works on the database that the server works on (QRPAY_HOME, or QRPAY_DATABASE_URL and QRPAY_MASTER_KEY), and writes
`credentials.json` and, asked for codes, `codes.ndjson`: a stored order a line, with its signed code, twelve hours long.
Both files are secrets of a test bank: whoever has them can pay.
"""

import argparse
import asyncio
import multiprocessing
import os
import shutil
from collections.abc import Callable, Sequence
from datetime import timedelta
from itertools import accumulate
from multiprocessing.queues import Queue
from pathlib import Path
from queue import Empty
from random import Random
from typing import Final

import msgspec
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from benchmarks.town import AMOUNT_MAX, CURRENCY, Credentials, Customer, Due, Merchant, known, order_text
from qrpay.app import open_core
from qrpay.codes.payload import CodeContent, sign_code
from qrpay.core import Core
from qrpay.features.e_accounts import service as e_accounts
from qrpay.features.e_accounts.masks import masked_name
from qrpay.features.e_accounts.tokens import token_of
from qrpay.features.merchants import service as merchants
from qrpay.features.merchants.model import NewMerchant
from qrpay.features.orders import store as orders
from qrpay.features.orders.model import OrderRow
from qrpay.ledger.chart import AccountCode, TransferCode
from qrpay.ledger.model import AccountFlag, NewAccount, Transfer
from qrpay.settings import Settings, read_settings
from qrpay.shell import database
from qrpay.values import CURRENCIES, id_text, new_id, rfc3339
from qrpay.web.callers import Wallet

CNY: Final = CURRENCIES[CURRENCY].numeric
RICH: Final = 10_000_000_000
LIFE: Final = timedelta(hours=12)
CHUNK: Final = 5_000
Told = Callable[[int], None]
"""Is told how many more are done."""


def _nobody(_: int) -> None:
    """Nobody is told."""


async def fill(core: Core, people: int, shops: int, *, url: str, told: Told = _nobody) -> Credentials:
    """Take shops on, open accounts, put money in; `told` hears of each shop, account and top-up."""
    found = [await _shop(core, number, told) for number in range(shops)]
    rich = await _open(core, people, told=told)
    poor = await _open(core, max(50, people // 20), first=people, told=told)
    cash = await e_accounts.bank_cash(core, CURRENCY)
    for start in range(0, people, CHUNK):
        chunk = [
            Transfer(new_id(), cash, known("acc_", person.account), RICH, TransferCode.TOP_UP, CNY)
            for person in rich[start : start + CHUNK]
        ]
        await core.ledger.post_chain(chunk)
        told(len(chunk))
    return Credentials(url, rfc3339(core.clock() + LIFE), found, rich, poor)


async def _shop(core: Core, number: int, told: Told) -> Merchant:
    taken = await merchants.add(core, NewMerchant(f"Shop {number}"))
    await merchants.ensure_account(core, taken.merchant.id, CURRENCY)
    card = taken.merchant
    told(1)
    return Merchant(
        id_text("mer_", card.id), taken.secret.text, card.name_latin, card.city, card.mcc, card.country
    )  # fmt: skip


async def _open(core: Core, count: int, first: int = 0, *, told: Told) -> list[Customer]:
    """Customers with an account and a token; without a PIN, whose Argon2 would take a minute for a thousand."""
    ids = [(new_id(), new_id(), f"Payer {first + number}") for number in range(count)]
    guarded = int(AccountFlag.DEBITS_MUST_NOT_EXCEED_CREDITS)
    for start in range(0, count, CHUNK):
        chunk = ids[start : start + CHUNK]
        await core.ledger.create_accounts(
            [
                NewAccount(account, CNY, AccountCode.CUSTOMER, guarded, day_limit=RICH, year_limit=RICH)
                for _, account, _ in chunk
            ]
        )
        await core.database.execute(
            "INSERT INTO customers (id, name_sealed, name_masked, phone_hash, phone_sealed, phone_masked)"
            " SELECT * FROM unnest($1::uuid[], $2::bytea[], $3::text[], $4::bytea[], $5::bytea[], $6::text[])",
            [customer for customer, _, _ in chunk],
            [core.vault.seal("customer-name", name.encode()) for _, _, name in chunk],
            [masked_name(name) for _, _, name in chunk],
            [core.vault.mac("customer-phone", customer.bytes) for customer, _, _ in chunk],
            [core.vault.seal("customer-phone", name.encode()) for _, _, name in chunk],
            ["138****0000"] * len(chunk),
        )
        await core.database.execute(
            "INSERT INTO e_accounts (id, customer, class, currency)"
            " SELECT a, c, 'II', $3 FROM unnest($1::uuid[], $2::uuid[]) AS t (a, c)",
            [account for _, account, _ in chunk],
            [customer for customer, _, _ in chunk],
            CURRENCY,
        )
        told(len(chunk))
    until = int((core.clock() + LIFE).timestamp())
    return [
        Customer(
            id_text("cus_", customer),
            id_text("acc_", account),
            token_of(core.vault, Wallet(customer, account, CNY, until, masked_name(name))),
        )
        for customer, account, name in ids
    ]


async def issue_elsewhere(core: Core, payees: Sequence[Merchant], amounts: Sequence[int]) -> list[Due]:
    """Stored orders with their signed codes, which the workers of the server under test have never seen."""
    assert all(1 <= amount <= AMOUNT_MAX for amount in amounts)
    now = core.clock()
    now = now.replace(microsecond=now.microsecond // 1_000 * 1_000)
    until = now.replace(microsecond=0) + LIFE
    expires_at = int(until.timestamp())
    signer, guid = core.keyring.signer("code", now), core.settings.code_guid
    dues, rows = [], []
    for shop, amount in zip(payees, amounts, strict=True):
        merchant, order = known("mer_", shop.id), new_id()
        content = CodeContent(
            merchant, order, amount, CURRENCY, shop.name, shop.city, shop.mcc, shop.country, expires_at=expires_at
        )
        dues.append(Due(order_text(order), shop.id, amount, sign_code(content, signer, guid)))
        rows.append(
            OrderRow(order, merchant, order.hex, amount, CURRENCY, None, None, None, None, "merchant", None, now, until)
        )
    for start in range(0, len(rows), CHUNK):
        await orders.keep(core.database, rows[start : start + CHUNK])
    return dues


# In bulk, for other generators ---------------------------------------------------------------------------------------


def main(given: Sequence[str]) -> None:
    """Write the files."""
    parser = argparse.ArgumentParser(
        prog="qrpay bench seed", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--people", type=int, default=1_000, help="customers with money; one in twenty more has none")
    parser.add_argument("--shops", type=int, default=100, help="merchants")
    parser.add_argument("--codes", type=int, default=0, help="stored orders with signed codes, Zipf over the merchants")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="that sign and store side by side")
    parser.add_argument("--url", help="where the server is reached; QRPAY_HOST and QRPAY_PORT when left out")
    parser.add_argument("--out", type=Path, default=Path("bench"))
    args = parser.parse_args(given)
    args.out.mkdir(parents=True, exist_ok=True)
    columns = (
        TextColumn("{task.description:10}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        TimeRemainingColumn(),
    )  # fmt: skip
    with database(read_settings()) as settings, Progress(*columns) as progress:
        # Each shop, account and top-up is one step.
        poor = max(50, args.people // 20)
        people = progress.add_task("people", total=args.shops + 2 * args.people + poor)

        def told(more: int) -> None:
            progress.advance(people, more)

        credentials = asyncio.run(_filled(settings, args, told))
        file = args.out / "credentials.json"
        _write_secret(file, msgspec.json.format(msgspec.json.encode(credentials)))
        if args.codes:
            codes = progress.add_task("codes", total=args.codes)
            _codes(settings, credentials.merchants, args, lambda more: progress.advance(codes, more))
    print(f"{file}: {args.people:,} customers, {args.shops:,} merchants, for {args.url or settings.url}")
    if args.codes:
        print(f"{args.out / 'codes.ndjson'}: {args.codes:,} codes")
    print(f"Tokens and codes end at {credentials.expires_at}.")


async def _filled(settings: Settings, args: argparse.Namespace, told: Told) -> Credentials:
    async with open_core(settings) as core:
        return await fill(core, args.people, args.shops, url=args.url or settings.url, told=told)


def _write_secret(file: Path, content: bytes) -> None:
    file.touch(mode=0o600)
    file.chmod(0o600)
    file.write_bytes(content)


def _codes(settings: Settings, shops: Sequence[Merchant], args: argparse.Namespace, told: Told) -> None:
    """Sign and store in several processes, each its part of the file; then put the parts together."""
    context = multiprocessing.get_context("spawn")
    done: Queue[int] = context.Queue()
    parts, running = [], []
    for number in range(args.processes):
        count = args.codes // args.processes + (number < args.codes % args.processes)
        parts.append(args.out / f"codes.{number}.part")
        part = (settings, shops, count, parts[-1], number, done)
        running.append(context.Process(target=_part, args=part))
    for process in running:
        process.start()
    while any(process.is_alive() for process in running) or not done.empty():
        try:
            told(done.get(timeout=0.2))
        except Empty:
            continue
    file = args.out / "codes.ndjson"
    _write_secret(file, b"")
    with file.open("ab") as whole:
        for path in parts:
            if path.exists():
                with path.open("rb") as content:
                    shutil.copyfileobj(content, whole)
                path.unlink()
    if any(process.exitcode for process in running):
        raise SystemExit("a process that signed codes died: what it says stands above")


def _part(settings: Settings, shops: Sequence[Merchant], count: int, file: Path, seed: int, done: "Queue[int]") -> None:
    """One process's part."""
    random = Random(f"{seed} {os.getpid()}")
    busy = list(accumulate(1 / rank for rank in range(1, len(shops) + 1)))
    encode = msgspec.json.Encoder().encode

    async def work() -> None:
        async with open_core(settings) as core:
            for start in range(0, count, CHUNK):
                size = min(CHUNK, count - start)
                payees = random.choices(shops, cum_weights=busy, k=size)
                amounts = [random.randint(1, AMOUNT_MAX) for _ in range(size)]
                dues = await issue_elsewhere(core, payees, amounts)
                lines.write(b"".join(encode(due) + b"\n" for due in dues))
                done.put(size)

    file.touch(mode=0o600)
    with file.open("wb") as lines:
        asyncio.run(work())
