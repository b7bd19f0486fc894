"""Looking back: balances at a moment and after each line, exact while payments run, at a cost that does not grow."""

import asyncio
import json
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from qrpay.database.pool import Database, Queries
from qrpay.ledger import history
from qrpay.ledger.chart import TransferCode
from qrpay.ledger.counters import Counters
from qrpay.ledger.engine import Engine
from qrpay.ledger.model import (
    Entry,
    Ledger,
    Result,
    Transfer,
    TransferFlag,
)
from qrpay.ledger.oracle import Oracle
from qrpay.ledger.rules import gained
from qrpay.problem import Refused
from qrpay.values import Id, new_id, utc_now
from tests.ledger.statement import CNY, Time
from tests.ledger.teller import Teller, payment

HOLD = int(TransferFlag.PENDING)


def hold(payer: Id, payee: Id, amount: int, timeout_s: int = 0) -> Transfer:
    """A reservation."""
    return Transfer(new_id(), payer, payee, amount, TransferCode.HOLD, CNY, flags=HOLD, timeout_s=timeout_s)


async def everything(ledger: Ledger, account: Id) -> list[Entry]:
    """The whole statement, page by page, oldest first."""
    found: list[Entry] = []
    while page := await ledger.entries(account, limit=7, before=found[-1].cursor if found else None):
        found += page
    return found[::-1]


async def a_story(ledger: Ledger, time: Time) -> tuple[Id, Id, list[datetime]]:
    """A payer and a shop, what they did, and a moment after each step."""
    teller = Teller(ledger)
    payer, shop = await teller.account(1_000), await teller.account()
    first, second, third = hold(payer, shop, 100), hold(payer, shop, 200), hold(payer, shop, 300, timeout_s=60)
    order = payment(payer, shop, 50)
    steps: Sequence[Transfer | int] = [
        order, first, second, third, 5, Transfer.of_hold(new_id(), first.id, amount=40),
        Transfer.of_hold(new_id(), second.id, void=True), 120, payment(payer, shop, 1),
        Transfer(new_id(), shop, payer, 20, TransferCode.CORRECTION, CNY, about=order.id),
    ]  # fmt: skip
    moments = []
    for step in steps:
        time.now += timedelta(seconds=step if isinstance(step, int) else 1)
        if isinstance(step, int):
            await ledger.release_due_holds()
        else:
            assert (await ledger.post(step)).result is Result.CREATED
        moments.append(time.now + timedelta(milliseconds=500))
    return payer, shop, moments


async def test_engine_and_oracle_remember_the_same(timed_engine: Engine, time: Time) -> None:
    """Holds posted in part, voided, run out; a correction: the same balances after each line and at each moment."""
    payer, shop, moments = await a_story(timed_engine, time)
    oracle, again = Oracle(clock=(clock := Time())), Time()
    clock.now = again.now
    other_payer, other_shop, other_moments = await a_story(oracle, clock)

    for account, other in ((payer, other_payer), (shop, other_shop)):
        lines, expected = await everything(timed_engine, account), await everything(oracle, other)
        assert [line.after for line in lines] == [line.after for line in expected]
        assert [line.effective_at < line.transfer.timestamp for line in lines] == [
            line.effective_at < line.transfer.timestamp for line in expected
        ]
        for moment, other_moment in zip(moments, other_moments, strict=True):
            assert await timed_engine.balance_at(account, moment) == await oracle.balance_at(other, other_moment)


async def test_all_about_several_things_at_once(engine: Engine) -> None:
    """What is about each, of the kinds asked for, oldest first, its own transfer too; the oracle says the same."""
    for ledger in (engine, Oracle()):
        teller = Teller(ledger)
        payer, shop = await teller.account(1_000), await teller.account()
        orders = [payment(payer, shop, amount) for amount in (50, 60, 70)]
        backs = [
            Transfer(new_id(), shop, payer, 10 + n, TransferCode.REFUND, CNY, about=orders[n % 2].id) for n in range(4)
        ]
        for transfer in [*orders, *backs]:
            assert (await ledger.post(transfer)).result is Result.CREATED
        abouts = [order.id for order in orders] + [new_id()]
        refunds = await ledger.about_many(abouts, [TransferCode.REFUND])
        assert {key: [one.amount for one in found] for key, found in refunds.items()} == {
            orders[0].id: [10, 12], orders[1].id: [11, 13]
        }  # fmt: skip
        both = await ledger.about_many(abouts, [TransferCode.REFUND, TransferCode.PAYMENT])
        assert [one.amount for one in both[orders[0].id]] == [50, 10, 12]
        assert [one.id for one in both[orders[2].id]] == [orders[2].id]


async def test_each_line_says_the_balance_then_and_when_it_belongs(timed_engine: Engine, time: Time) -> None:
    """The last balance is the account's own; each is the balance at its time; what ran out belongs to its due time."""
    payer, _shop, _moments = await a_story(timed_engine, time)
    lines = await everything(timed_engine, payer)
    standing = (await timed_engine.lookup_accounts([payer]))[payer]

    assert [line.after.balance for line in lines] == [1000, 950, 950, 950, 950, 910, 910, 910, 909, 929]
    assert [line.after.debits_pending for line in lines] == [0, 0, 100, 300, 600, 500, 300, 0, 0, 0]
    assert lines[-1].after == Counters(
        standing.debits_pending, standing.debits_posted, standing.credits_pending, standing.credits_posted
    )
    for line in lines:
        assert await timed_engine.balance_at(payer, line.transfer.timestamp) == line.after
    *plain, expired, _last, corrected = lines
    assert all(line.effective_at == line.transfer.timestamp for line in plain)
    assert expired.effective_at == lines[4].transfer.timestamp + timedelta(seconds=60) < expired.transfer.timestamp
    assert corrected.effective_at == lines[1].transfer.timestamp


async def test_before_the_first_entry_there_is_nothing_and_nobody_is_unknown(engine: Engine) -> None:
    """An account of today had nothing in 2020; an account that does not exist has no balance."""
    account = await Teller(engine).account(10)
    then = datetime(2020, 1, 1, tzinfo=UTC)

    assert await engine.balance_at(account, then) == Counters()
    assert await engine.balance_at(account, datetime.now(UTC) + timedelta(days=1)) == Counters(credits_posted=10)
    assert await engine.balance_at(new_id(), then) is None


async def test_checkpoints_change_no_answer(engine: Engine, database: Database) -> None:
    """1,000 entries, some of them holds: every balance is the same before there are checkpoints and after."""
    teller = Teller(engine)
    payer, shop = await teller.account(10_000), await teller.account()
    for _ in range(2):
        holds = [hold(payer, shop, 2) for _ in range(150)]
        await engine.post_chain([payment(payer, shop, 1) for _ in range(200)] + holds)
        await engine.post_chain([Transfer.of_hold(new_id(), each.id, void=n % 3 == 0) for n, each in enumerate(holds)])
    before = [await engine.entries(shop, limit=1_000), await engine.entries(payer, limit=1_001)]

    assert await history.verify(database, [payer, shop]) == ({}, [])

    count = await database.fetchval("SELECT count(*) FROM checkpoints WHERE account = ANY ($1)", [payer, shop])
    assert count == 1_000 // 256 + 1_001 // 256
    assert [await engine.entries(shop, limit=1_000), await engine.entries(payer, limit=1_001)] == before
    for line in random.sample(list(before[0][:-1]), 20):
        assert await engine.balance_at(shop, line.transfer.timestamp) == line.after
        assert (await engine.entries(shop, limit=1, before=line.cursor))[0].after == line.after.minus(
            gained(line.transfer, shop, 2 if line.transfer.pending_id else 0)
        )


async def test_a_balance_of_the_past_never_changes_while_payments_run(engine: Engine, database: Database) -> None:
    """Asked again when all is over, each balance of a moment that had passed is the one that was told at once."""
    teller, other = Teller(engine), Engine(database)
    payer, shop = await teller.account(1_000_000), await teller.account()
    told: list[tuple[datetime, Counters | None]] = []

    async def pays(ledger: Engine) -> None:
        for _ in range(40):
            await asyncio.gather(*(ledger.post(payment(payer, shop, 1)) for _ in range(10)))

    async def asks() -> None:
        while not paying.done():
            at = await database.fetchval("SELECT clock_timestamp()")
            told.append((at, await engine.balance_at(shop, at)))
            await history.verify(database, [shop])

    paying = asyncio.ensure_future(asyncio.gather(pays(engine), pays(other)))
    await asyncio.gather(paying, asks())
    await other.close()

    assert len(told) > 5
    assert [(at, await engine.balance_at(shop, at)) for at, _ in told] == told
    assert (await engine.balance_at(shop, datetime.now(UTC))) == Counters(credits_posted=800)


async def test_a_transfer_under_way_is_waited_for(
    engine: Engine, database: Database, database_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A commit that hangs: who asks for a moment after its transfer is not told a balance that would change."""
    teller = Teller(engine)
    payer, shop = await teller.account(100), await teller.account()
    hanging = await asyncpg.connect(database_dsn)
    transaction = hanging.transaction()
    await transaction.start()
    posted = await hanging.fetchval(
        "SELECT ledger_post_one($1, $2, $3, 7::bigint, 10::smallint, 156, 7::bigint, 3::smallint, null)",
        new_id(),
        payer,
        shop,
    )
    assert posted is not None
    at = await database.fetchval("SELECT clock_timestamp()")

    asking = asyncio.create_task(engine.balance_at(shop, at))
    await asyncio.sleep(0.1)
    assert not asking.done()
    monkeypatch.setattr(history, "WAIT_S", 0.05)
    with pytest.raises(Refused, match="unavailable"):
        await engine.balance_at(payer, at)
    await transaction.commit()
    await hanging.close()

    assert await asking == Counters(credits_posted=7)
    assert await engine.balance_at(payer, at) == Counters(debits_posted=7, credits_posted=100)


async def buffers(database: Queries, statement: str, *args: object) -> int:
    """Pages that a statement touches: the least of three, since whoever plans afresh also reads the catalogue.

    A function's statements are planned while it runs, and planned again when autovacuum has counted a table in between.
    """

    async def once() -> int:
        plan = await database.fetchval(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}", *args)
        top: dict[str, Any] = (plan if isinstance(plan, list) else json.loads(plan))[0]["Plan"]
        return int(top["Shared Hit Blocks"] + top["Shared Read Blocks"])

    return min([await once() for _ in range(3)])


async def test_the_cost_does_not_grow_with_the_history(engine: Engine, database: Database) -> None:
    """The same pages, give or take the height of an index, for an account with 200 entries and one with 20,000."""
    teller = Teller(engine)
    payer = await teller.account(100_000)
    few, many = await teller.account(), await teller.account()
    middle: dict[Id, datetime] = {}
    for shop, count in ((few, 100), (many, 10_000)):
        for half in range(2):
            for size in range(0, count, 5_000):
                await engine.post_chain([payment(payer, shop, 1) for _ in range(min(5_000, count - size))])
            if not half:
                middle[shop] = (await engine.entries(shop, limit=1))[0].transfer.timestamp
    waiting: Sequence[Id] = [few, many, payer]
    while waiting:
        differing, waiting = await history.verify(database, waiting)
        assert not differing

    balance, page = history.STATEMENTS.balance_at.text, history.STATEMENTS.entries.text
    for shop, at in middle.items():
        assert await engine.balance_at(shop, at) == Counters(credits_posted=100 if shop == few else 10_000)
    for cost_of_few, cost_of_many in (
        [await buffers(database, balance, shop, middle[shop], None) for shop in (few, many)],
        [await buffers(database, page, shop, None, None, 20) for shop in (few, many)],
    ):
        assert cost_of_many < 2 * cost_of_few + 40, (cost_of_few, cost_of_many)
        assert cost_of_many < 1_500, cost_of_many


async def test_a_look_back_plans_nothing_anew(database: Database) -> None:
    """The function over an account's entries is part of each statement's plan, which is kept."""
    account, now = new_id(), utc_now()
    for statement, *args in (
        (history.STATEMENTS.balance_at.text, account, now, None),
        (history.STATEMENTS.entries.text, account, None, None, 20),
    ):
        plan = "\n".join(row[0] for row in await database.ledger.fetch(f"EXPLAIN {statement}", *args))
        assert "Function Scan" not in plan, plan
