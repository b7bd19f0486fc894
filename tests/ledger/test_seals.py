"""The log under seal: each transfer once, in commit order; closing figures by day; edited accounts are named."""

import asyncio
import hashlib
import random
import struct
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from math import inf
from typing import Any

import asyncpg

from qrpay.database.pool import Database
from qrpay.ledger.chart import AccountCode, TransferCode
from qrpay.ledger.counters import Counters
from qrpay.ledger.engine import Engine
from qrpay.ledger.model import NewAccount, Transfer, TransferFlag
from qrpay.ledger.seals import AFTER_MAX, STATEMENTS, Books
from qrpay.values import new_id
from tests.ledger.statement import CNY, Time
from tests.ledger.teller import Teller, payment
from tests.ledger.test_history import buffers

OIDS = {"uuid": 2950, "bigint": 20, "smallint": 21, "integer": 23, "text": 25, "timestamptz": 1184, "xid8": 5069}
COLUMNS = {
    "id": "uuid", "debit": "uuid", "credit": "uuid", "amount": "bigint", "code": "smallint", "ledger": "integer",
    "about": "uuid", "reference": "text", "flags": "smallint", "pending_id": "uuid", "timeout_s": "integer",
    "timestamp": "timestamptz", "xid": "xid8",
}  # fmt: skip


def leaf(row: Any) -> bytes:
    """A transfer's leaf, made by hand from the documented form (functions/digest.sql)."""
    written = [struct.pack(">i", len(COLUMNS))]
    for name, kind in COLUMNS.items():
        value = row[name]
        match kind:
            case "uuid":
                raw = None if value is None else value.bytes
            case "text":
                raw = value.encode()
            case "timestamptz":
                since = value - datetime.fromisoformat("2000-01-01T00:00:00+00:00")
                raw = struct.pack(">q", since // timedelta(microseconds=1))
            case _:
                raw = struct.pack({"smallint": ">h", "integer": ">i"}.get(kind, ">q"), int(value))
        written.append(struct.pack(">Ii", OIDS[kind], -1 if raw is None else len(raw)) + (raw or b""))
    return bytes(row["id"].bytes) + hashlib.sha256(b"".join(written)).digest()[:12]


async def sealed(database: Database) -> Sequence[asyncpg.Record]:
    """All seals."""
    return await database.fetch("SELECT * FROM seals ORDER BY number")


async def until_all_is_sealed(books: Books, database: Database) -> None:
    """Transactions of other tests on the same server come first."""
    async with asyncio.timeout(20):
        while await database.fetchval("SELECT count(*) FROM transfers") > (await books.head()).position:
            await books.catch_up()


async def test_every_transfer_is_sealed_once_in_commit_order(fresh_database: Database) -> None:
    """Two engines post while two processes follow: the leaves are the log's, and anybody can compute the root."""
    first, second = Engine(fresh_database), Engine(fresh_database)
    teller = Teller(first)
    payer, shop = await teller.account(10_000), await teller.account()

    async def pays(engine: Engine) -> None:
        for _ in range(60):
            await asyncio.gather(*(engine.post(payment(payer, shop, 1)) for _ in range(random.randint(1, 12))))

    async def follows(engine: Engine) -> None:
        while not paying.done():
            await engine.books.follow()

    paying = asyncio.ensure_future(asyncio.gather(pays(first), pays(second)))
    await asyncio.gather(paying, follows(first), follows(second))
    await until_all_is_sealed(first.books, fresh_database)
    for engine in (first, second):
        await engine.close()

    rows = await fresh_database.fetch("SELECT * FROM transfers ORDER BY xid, timestamp, id")
    seals = await sealed(fresh_database)
    leaves = b"".join(seal["leaves"] for seal in seals)
    assert leaves == b"".join(leaf(row) for row in rows)
    root = hashlib.sha256(b"qrpay").digest()
    for seal in seals[1:]:
        root = hashlib.sha256(root + seal["leaves"]).digest()
        assert seal["root"] == root
    head = await first.books.head()
    assert (head.position, head.root) == (len(rows), root)
    assert all(seal["size"] >= 256 for seal in seals[1:-1])


async def test_a_late_commit_is_not_passed_by(fresh_database: Database, fresh_dsn: str) -> None:
    """While an older transaction runs, what came after it is not sealed; then all is, in the order of the log."""
    engine = Engine(fresh_database)
    teller = Teller(engine)
    payer, shop, other = await teller.account(100), await teller.account(), await teller.account(100)
    await until_all_is_sealed(engine.books, fresh_database)
    stalled = await asyncpg.connect(fresh_dsn)
    transaction = stalled.transaction()
    await transaction.start()
    late = new_id()
    post = "SELECT ledger_post_one($1, $2, $3, 7::bigint, 10::smallint, 156, 7::bigint, 3::smallint, null)"
    await stalled.fetchval(post, late, payer, shop)
    quick = payment(other, teller.bank, 1)
    await engine.post(quick)

    assert await engine.books.follow() == 0
    assert (await engine.conservation()).balanced
    await transaction.commit()
    await stalled.close()
    await until_all_is_sealed(engine.books, fresh_database)

    assert (await sealed(fresh_database))[-1]["leaves"][-56:-28].startswith(late.bytes)
    assert (await sealed(fresh_database))[-1]["leaves"][-28:].startswith(quick.id.bytes)
    await engine.close()


async def test_a_trial_balance_of_each_day(fresh_database: Database) -> None:
    """Three days of Beijing, a hold over midnight: each day's figures are what a sum over its transfers says."""
    time = Time()
    engine = Engine(fresh_database, clock=time)
    teller = Teller(engine)
    payer, shop = await teller.account(1_000), new_id()
    await engine.create_accounts([NewAccount(shop, CNY, AccountCode.MERCHANT, 1)])
    time.now = datetime.fromisoformat("2027-03-02T23:59:59+08:00")
    hold = Transfer(new_id(), payer, shop, 50, TransferCode.HOLD, CNY, flags=int(TransferFlag.PENDING))
    await engine.post_chain([payment(payer, shop, 100), hold])
    time.now = datetime.fromisoformat("2027-03-03T00:00:00+08:00")
    await until_all_is_sealed(engine.books, fresh_database)
    await engine.post_chain([Transfer.of_hold(new_id(), hold.id, amount=20), payment(payer, shop, 1)])
    unsealed = [await engine.books.trial_balance(date(2027, 3, day)) for day in (2, 3)]
    await until_all_is_sealed(engine.books, fresh_database)
    await engine.close()
    assert [await engine.books.trial_balance(date(2027, 3, day)) for day in (2, 3)] == unsealed

    async def of(day: int) -> dict[tuple[int, int], tuple[int, int, int, int]]:
        closings = await engine.books.trial_balance(date(2027, 3, day))
        return {
            (one.ledger, one.code): (
                one.before.balance, one.after.debits_posted - one.before.debits_posted,
                one.after.credits_posted - one.before.credits_posted, one.after.balance,
            )
            for one in closings
        }  # fmt: skip

    cash, customer, merchant = (CNY, 30), (CNY, 10), (CNY, 20)
    assert await of(1) == {cash: (0, 1_000, 0, -1_000), customer: (0, 0, 1_000, 1_000)}
    assert await of(2) == {
        cash: (-1_000, 0, 0, -1_000), customer: (1_000, 100, 0, 900), merchant: (0, 0, 100, 100)
    }  # fmt: skip
    assert (await of(3))[customer] == (900, 21, 0, 879)
    assert await of(9) == {cash: (-1_000, 0, 0, -1_000), customer: (879, 0, 0, 879), merchant: (121, 0, 0, 121)}
    held = [one.after.debits_pending for one in await engine.books.trial_balance(date(2027, 3, 2)) if one.code == 10]
    assert held == [50]


async def test_an_edited_account_turns_the_light_red_and_is_named(fresh_database: Database, fresh_dsn: str) -> None:
    """A superuser gives an account ten yuan: the light is red with its name and sum, and green when it is undone."""
    engine = Engine(fresh_database)
    teller = Teller(engine)
    payer, idle = await teller.account(100), await teller.account(50)
    assert (await engine.conservation()).balanced
    superuser = await asyncpg.connect(fresh_dsn)
    edit = "UPDATE accounts SET credits_posted = credits_posted + $2 WHERE id = $1"

    await superuser.execute(edit, idle, 1_000)  # nobody moves it, so it is found in turn
    await engine.books.follow()
    light = await engine.conservation()
    assert not light.balanced
    assert [(one.account, one.excess) for one in light.discrepancies] == [(idle, Counters(credits_posted=1_000))]
    assert light.ledgers[0].credits_posted - light.ledgers[0].debits_posted == 1_000

    await superuser.execute(edit, payer, -1_000 + 950)
    await engine.post(payment(payer, idle, 1))  # it moves, and differs by as much as before
    async with asyncio.timeout(10):  # a transaction elsewhere on this server may hold the log back
        while {one.account for one in (await engine.conservation()).discrepancies} != {idle, payer}:
            await asyncio.sleep(0.05)
    await superuser.execute(edit, idle, -1_000)
    await superuser.execute(edit, payer, 50)
    light = await engine.conservation()
    assert (light.balanced, light.discrepancies) == (True, [])
    await superuser.close()
    await engine.close()


async def test_an_account_that_is_gone_is_named(fresh_database: Database, fresh_dsn: str) -> None:
    """Its transfers still say what it had."""
    engine = Engine(fresh_database)
    teller = Teller(engine)
    gone = await teller.account(50)
    await engine.conservation()
    superuser = await asyncpg.connect(fresh_dsn)
    await superuser.execute("DELETE FROM accounts WHERE id = $1", gone)
    await superuser.close()

    await engine.post(payment(teller.bank, gone, 1))  # refused, so nothing moves
    engine.books._waiting[gone] = 0.0
    light = await engine.conservation()

    assert [(one.account, one.ledger) for one in light.discrepancies] == [(gone, 0)]
    assert not light.balanced
    await engine.close()


async def test_conservation_costs_what_changed(fresh_database: Database) -> None:
    """Eight thousand transfers are sealed; asking again after one more reads what is new and some entries."""
    engine = Engine(fresh_database)
    teller = Teller(engine)
    payer, shop = await teller.account(100_000), await teller.account()
    for _ in range(40):
        await engine.post_chain([payment(payer, shop, 1) for _ in range(200)])
    await until_all_is_sealed(engine.books, fresh_database)
    assert (await engine.conservation()).balanced
    await engine.post(payment(payer, shop, 1))
    await fresh_database.execute("SELECT pg_stat_force_next_flush()")
    counters = "SELECT sum(idx_tup_fetch + seq_tup_read) FROM pg_stat_xact_user_tables WHERE relname = 'transfers'"

    async with fresh_database.transaction() as within:
        await within.fetch("SELECT * FROM ledger_follow(4000, 100)")
        await within.fetch("SELECT * FROM ledger_verify($1)", [payer, shop])
        assert await within.fetchval(counters) < 1_500
    await engine.close()


async def test_asked_again_with_nothing_new_the_light_compares_no_account(fresh_database: Database) -> None:
    """Accounts are compared in turn once a second, however often somebody asks."""
    engine = Engine(fresh_database)
    await Teller(engine).account(50)
    await until_all_is_sealed(engine.books, fresh_database)
    await engine.conservation()
    engine.books._patrol_at = inf
    seen = "SELECT idx_scan FROM pg_stat_user_tables WHERE relname = 'checkpoints'"

    async def scans() -> int:
        for on in (fresh_database, fresh_database.ledger, fresh_database.ledger):
            await on.execute("SELECT pg_stat_force_next_flush()")
        return int(await fresh_database.fetchval(seen))

    counts = [await scans()]  # sealing compares too, as often as it had to be waited for
    for patrols in (False, True):
        for _ in range(10):
            await engine.conservation()
            engine.books._patrol_at = 0.0 if patrols else inf
        counts.append(await scans())
    await engine.close()

    before, not_due, due = counts
    assert due > not_due, "compared when it is due, which also shows that the count moves"
    assert not_due - before <= 2, counts


async def test_a_trial_balance_and_the_light_cost_the_same_on_a_long_history(fresh_database: Database) -> None:
    """As many pages with 200 transfers under seal as with 8,000."""
    engine = Engine(fresh_database)
    teller = Teller(engine)
    payer, shop = await teller.account(100_000), await teller.account()
    pages = []
    for batches in (1, 39):
        for _ in range(batches):
            await engine.post_chain([payment(payer, shop, 1) for _ in range(200)])
        await until_all_is_sealed(engine.books, fresh_database)
        on = fresh_database.ledger
        balance = await buffers(on, STATEMENTS.trial_balance.text, date(2027, 1, 1), AFTER_MAX)
        pages.append((balance, await buffers(on, STATEMENTS.totals.text, AFTER_MAX)))
    await engine.close()

    for few, many in zip(*pages, strict=True):
        assert many < few + 20, pages
