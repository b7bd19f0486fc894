"""Many at once: several engines, as in several workers, on the same accounts and ids."""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import asyncpg

from qrpay.ledger.engine import Engine
from qrpay.ledger.model import Entry, Outcome, Posted, Result, Transfer, TransferFlag
from qrpay.ledger.rules import expiry_of
from qrpay.values import Id, new_id
from tests.ledger.teller import Teller, all_of, payment

HOLD = int(TransferFlag.PENDING)


def to_and_fro(accounts: Sequence[Id]) -> Transfer:
    """A payment of one fen between two of these."""
    payer, payee = random.sample(accounts, 2)
    return payment(payer, payee, 1)


async def read_on(engine: Engine, cursor: str, count: int) -> tuple[list[Posted], str]:
    """So many transfers from the cursor on. A transaction of any database of the server may hold them up a while."""
    read: list[Posted] = []
    async with asyncio.timeout(20):
        while len(read) < count:
            page, cursor = await engine.tail(cursor, 50)
            read += page
            if not page:
                await asyncio.sleep(0.002)
    return read, cursor


def counted(outcomes: Sequence[Outcome]) -> Counter[Result]:
    """How often each result came out."""
    return Counter(outcome.result for outcome in outcomes)


async def test_last_fen(engines: Sequence[Engine]) -> None:
    """Sixty payments of the last fen: exactly one passes, the others learn that nothing is left."""
    teller = Teller(engines[0])
    payer, shop = await teller.account(1), await teller.account()

    outcomes = await all_of(engines, [payment(payer, shop, 1) for _ in range(60)])

    assert counted(outcomes) == {Result.CREATED: 1, Result.EXCEEDS_CREDITS: 59}
    assert await teller.balance(shop) == 1


async def test_cap_at_its_edge(engines: Sequence[Engine]) -> None:
    """A hundred payments at the edge of a cap: their sum reaches it and never passes it."""
    teller = Teller(engines[0])
    payer, shop = await teller.account(1_000, day_limit=500), await teller.account()

    outcomes = await all_of(engines, [payment(payer, shop, 10) for _ in range(100)])

    assert counted(outcomes) == {Result.CREATED: 50, Result.EXCEEDS_CAP_DAY: 50}
    assert await teller.balance(shop) == 500


async def test_a_refusal_was_true_at_some_moment(engines: Sequence[Engine], fresh_dsn: str) -> None:
    """A payment commits between a decision and its write: what was refused by a balance that never was is seen anew."""
    teller = Teller(engines[0])
    payer, shop = await teller.account(1_000), await teller.account()
    capped = await teller.account(60, balance_limit=100)
    between = await asyncpg.connect(fresh_dsn)
    transaction = between.transaction()
    await transaction.start()
    spend = payment(capped, shop, 40)
    await between.execute(
        "SELECT ledger_post_one($1, $2, $3, 40::bigint, 10::smallint, 156, 40::bigint, 3::smallint, NULL)",
        spend.id,
        capped,
        shop,
    )
    # The money that is on its way out is not seen yet; the first fits beside it, the second only once it is gone.
    asked = asyncio.ensure_future(engines[1].post_chain([payment(payer, capped, 30), payment(payer, capped, 20)]))
    async with asyncio.timeout(10):
        while not await between.fetchval("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)"):
            await asyncio.sleep(0.002)
    await transaction.commit()
    await between.close()

    assert counted(await asked) == {Result.CREATED: 2}
    assert await teller.balance(capped) == 60 - 40 + 30 + 20


async def test_a_retry_that_waited_for_the_first_hears_that_it_stands(
    engines: Sequence[Engine], fresh_dsn: str
) -> None:
    """The first of two equal requests takes the last fen while the second waits: that one is not told to be poor."""
    teller = Teller(engines[0])
    payer, other, shop = await teller.account(40), await teller.account(5), await teller.account()
    last = payment(payer, shop, 40)
    between = await asyncpg.connect(fresh_dsn)
    transaction = between.transaction()
    await transaction.start()
    await between.execute(
        "SELECT ledger_post_one($1, $2, $3, 40::bigint, 10::smallint, 156, 40::bigint, 3::smallint, NULL)",
        last.id,
        payer,
        shop,
    )
    asked = asyncio.ensure_future(engines[1].post_chain([last, payment(other, shop, 5)]))
    async with asyncio.timeout(10):
        while not await between.fetchval("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)"):
            await asyncio.sleep(0.002)
    await transaction.commit()
    await between.close()

    assert [outcome.result for outcome in await asked] == [Result.EXISTS, Result.CREATED]
    assert await teller.balance(shop) == 45


async def test_one_order_many_wallets(engines: Sequence[Engine]) -> None:
    """One wallet pays the order; each other is told that somebody did, and keeps its money."""
    teller = Teller(engines[0])
    shop, order = await teller.account(), new_id()
    wallets = [await teller.account(10) for _ in range(12)]

    outcomes = await all_of(engines, [payment(wallet, shop, 10, order) for wallet in wallets])

    assert counted(outcomes) == {Result.CREATED: 1, Result.EXISTS_WITH_DIFFERENT_DEBIT_ACCOUNT: 11}
    assert await teller.balance(shop) == 10
    assert sum([await teller.balance(wallet) for wallet in wallets]) == 110


async def test_same_request_a_hundred_times(engines: Sequence[Engine]) -> None:
    """One transfer, and the same answer each time."""
    teller = Teller(engines[0])
    asked = payment(await teller.account(10), await teller.account(), 10)

    outcomes = await all_of(engines, [asked] * 100)

    assert all(outcome.result.stands for outcome in outcomes)
    assert len({outcome.timestamp for outcome in outcomes}) == 1


async def test_hold_is_resolved_once(engines: Sequence[Engine]) -> None:
    """Post, void and expiry of one hold at once: one of them wins, and the money is in one place."""
    teller = Teller(engines[0])
    payer, shop = await teller.account(90), await teller.account()
    for _ in range(9):
        hold = Transfer(new_id(), payer, shop, 10, 20, 156, flags=HOLD)
        assert (await engines[0].post(hold)).result is Result.CREATED
        standing = (await engines[0].lookup_transfers([hold.id]))[hold.id]
        rivals = [Transfer.of_hold(new_id(), hold.id), Transfer.of_hold(new_id(), hold.id, void=True)]
        outcomes = await all_of(engines, [*rivals, expiry_of(standing)])
        assert counted(outcomes)[Result.CREATED] == 1
    conservation = await engines[0].conservation()
    assert [total.debits_pending for total in conservation.ledgers] == [0]


async def test_spread_accounts_never_wait_in_a_circle(engines: Sequence[Engine]) -> None:
    """Payments to and fro between few accounts, many ids in no order: no deadlock, and every fen is there."""
    teller = Teller(engines[0])
    accounts = [await teller.account(1_000) for _ in range(12)]
    transfers = [to_and_fro(accounts) for _ in range(1_500)]
    random.shuffle(transfers)

    outcomes = await all_of(engines, transfers)

    assert counted(outcomes) == {Result.CREATED: 1_500}
    assert sum([await teller.balance(account) for account in accounts]) == 12_000
    assert [stats.replays for engine in engines for _, stats in engine.stats] == [0] * 6


async def test_payments_that_come_alone_race_for_their_ids(engines: Sequence[Engine]) -> None:
    """Three workers post the same payments one after the other: each is made once, and all hear the same time."""
    teller = Teller(engines[0])
    accounts = [await teller.account(1_000) for _ in range(4)]
    transfers = [to_and_fro(accounts) for _ in range(60)]

    async def one_by_one(engine: Engine) -> list[Outcome]:
        return [await engine.post(transfer) for transfer in transfers]

    heard = await asyncio.gather(*(one_by_one(engine) for engine in engines))

    assert sum((counted(outcomes) for outcomes in heard), Counter()) == {Result.CREATED: 60, Result.EXISTS: 120}
    assert all(len({outcome.timestamp for outcome in each}) == 1 for each in zip(*heard, strict=True))
    assert sum([await teller.balance(account) for account in accounts]) == 4_000


async def test_payments_that_come_alone_reach_the_last_fen(engines: Sequence[Engine]) -> None:
    """Three workers pay from one purse and its cap one payment at a time: as many pass as it holds, never one more."""
    teller = Teller(engines[0])
    payer, shop = await teller.account(100, day_limit=35), await teller.account()

    async def one_by_one(engine: Engine) -> list[Outcome]:
        return [await engine.post(payment(payer, shop, 1)) for _ in range(20)]

    heard = await asyncio.gather(*(one_by_one(engine) for engine in engines))

    outcomes = [outcome for each in heard for outcome in each]
    assert counted(outcomes) == {Result.CREATED: 35, Result.EXCEEDS_CAP_DAY: 25}
    assert await teller.balance(shop) == 35
    assert await teller.balance(payer) == 65


async def test_connections_lost_under_load(engines: Sequence[Engine], server_dsn: str) -> None:
    """Connections are cut again and again: every payment is answered and stands once."""
    teller = Teller(engines[0])
    payer, shop = await teller.account(100_000), await teller.account()
    root = await asyncpg.connect(server_dsn)

    async def pay(engine: Engine) -> list[Outcome]:
        return [await engine.post(payment(payer, shop, 1)) for _ in range(15)]

    paying = [asyncio.ensure_future(pay(engine)) for engine in engines for _ in range(10)]
    for _ in range(4):
        await root.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE '%ledger%'"
        )
        await asyncio.sleep(0.03)
    outcomes = [outcome for outcomes in await asyncio.gather(*paying) for outcome in outcomes]
    await root.close()

    assert all(outcome.result.stands for outcome in outcomes)
    assert await teller.balance(shop) == len(outcomes) == 450


async def test_tail_waits_for_a_stalled_writer(engines: Sequence[Engine], fresh_dsn: str) -> None:
    """A reader by cursor passes no transaction that still runs, so what commits late is read, in its place."""
    teller = Teller(engines[0])
    payer, shop = await teller.account(100), await teller.account()
    _, cursor = await read_on(engines[0], "", 1)
    stalled = await asyncpg.connect(fresh_dsn)
    transaction = stalled.transaction()
    await transaction.start()
    late = new_id()
    await stalled.execute(
        "INSERT INTO transfers VALUES ($1, $2, $3, 0, 11, 156, $1, '', 0, NULL, 0, clock_timestamp())",
        late,
        payer,
        shop,
    )
    quick = payment(payer, shop, 1)
    assert (await engines[0].post(quick)).result is Result.CREATED

    assert (await engines[0].tail(cursor, 100)) == ([], cursor)
    await transaction.commit()
    await stalled.close()
    read, cursor = await read_on(engines[0], cursor, 2)

    assert [posted.id for posted in read] == [late, quick.id]
    assert (await engines[1].tail(cursor, 100)) == ([], cursor)


async def test_tail_under_load_reads_each_transfer_once(engines: Sequence[Engine]) -> None:
    """While three workers write, a reader that goes on from its cursor sees every transfer, once."""
    teller = Teller(engines[0])
    accounts = [await teller.account(1_000) for _ in range(6)]
    transfers = [to_and_fro(accounts) for _ in range(600)]
    writing = asyncio.ensure_future(all_of(engines, transfers))
    read, cursor = await read_on(engines[2], "", 606)
    await writing

    assert await engines[2].tail(cursor, 50) == ([], cursor)
    assert len(read) == len({posted.id for posted in read}) == 606
    assert {posted.id for posted in read} >= {transfer.id for transfer in transfers}


async def test_statement_lists_newest_first(engines: Sequence[Engine]) -> None:
    """Pages of an account's statement follow each other without a gap, in falling and distinct times."""
    teller = Teller(engines[0])
    payer, shop = await teller.account(100), await teller.account()
    await all_of(engines, [payment(payer, shop, 1) for _ in range(25)])
    lines: list[Entry] = []
    before = None
    while page := await engines[0].entries(payer, limit=10, before=before):
        lines += page
        before = page[-1].cursor

    assert len(lines) == 26
    assert all(newer.transfer.timestamp > older.transfer.timestamp for newer, older in pairwise(lines))
