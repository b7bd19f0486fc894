"""Caps: the table, on engine and oracle; many callers at the edge; the walk through a class; what nobody may change."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

import asyncpg
import pytest

from qrpay.database.pool import Database
from qrpay.ledger import capping
from qrpay.ledger.caps import bank_day
from qrpay.ledger.chart import CapClass, TransferCode
from qrpay.ledger.engine import Engine
from qrpay.ledger.limits import CapKind, NewCap, SharedCaps
from qrpay.ledger.model import AccountFlag, NewAccount, Result, Transfer
from qrpay.ledger.oracle import Oracle
from qrpay.values import Id, new_id, utc_now
from tests.ledger.caps_table import CASES
from tests.ledger.statement import CNY, Case, Play, Time
from tests.ledger.teller import Teller, all_of, payment

by_claim = pytest.mark.parametrize("case", CASES, ids=lambda case: case.claim)
both_ways = pytest.mark.parametrize("at_once", [False, True], ids=["line by line", "at once"])
GUARDED = int(AccountFlag.DEBITS_MUST_NOT_EXCEED_CREDITS)


@both_ways
@by_claim
async def test_oracle(case: Case, time: Time, at_once: bool) -> None:
    """The oracle answers as the table says."""
    await Play(Oracle(clock=time), time, at_once=at_once).run(case)


@both_ways
@by_claim
async def test_engine(case: Case, timed_engine: Engine, time: Time, at_once: bool) -> None:
    """The engine answers as the table says."""
    await Play(timed_engine, time, at_once=at_once).run(case)


async def e_accounts(engine: Engine, teller: Teller, count: int) -> list[Id]:
    """Accounts of class II with money in them."""
    ids = [new_id() for _ in range(count)]
    await engine.create_accounts([NewAccount(id, CNY, 10, GUARDED, cap_class=CapClass.CLASS_II) for id in ids])
    for id in ids:
        await engine.post(Transfer(new_id(), teller.bank, id, 10_000_000, TransferCode.TOP_UP, CNY))
    return ids


async def test_racing_payments_of_one_person_over_several_accounts(engines: Sequence[Engine]) -> None:
    """Three accounts, three workers, two hundred payments by static codes: together they reach 500.00, and stop."""
    teller = Teller(engines[0])
    shop = await teller.account()
    accounts = await e_accounts(engines[0], teller, 3)
    group = new_id()
    await engines[0].share_caps(SharedCaps([(account, group) for account in accounts], new_id()))
    asked = [Transfer(new_id(), accounts[n % 3], shop, 5_00, TransferCode.PAYMENT_STATIC, CNY) for n in range(200)]

    outcomes = await all_of(engines, asked)

    assert Counter(o.result for o in outcomes) == {Result.CREATED: 100, Result.EXCEEDS_CAP_CODE_D: 100}
    assert await teller.balance(shop) == 500_00
    refused = next(outcome for outcome in outcomes if outcome.result is not Result.CREATED)
    assert (refused.limit, refused.left is not None and refused.left < 5_00) == (500_00, True)


async def test_racing_deposits_of_one_person_while_payments_run(engines: Sequence[Engine]) -> None:
    """Two accounts, three workers: what comes in reaches the cap of their class and stops; payments go on meanwhile."""
    teller = Teller(engines[0])
    shop = await teller.account()
    accounts = await e_accounts(engines[0], teller, 2)
    group = new_id()
    await engines[0].share_caps(SharedCaps([(account, group) for account in accounts], new_id()))
    inflow = [Transfer(new_id(), teller.bank, accounts[n % 2], 500_00, TransferCode.DEPOSIT, CNY) for n in range(40)]
    paid = [payment(accounts[n % 2], shop, 1_00) for n in range(40)]

    outcomes = await all_of(engines, [each for pair in zip(inflow, paid, strict=True) for each in pair])

    assert Counter(o.result for o in outcomes[::2]) == {Result.CREATED: 20, Result.EXCEEDS_CAP_INFLOW_DAY: 20}
    assert Counter(o.result for o in outcomes[1::2]) == {Result.CREATED: 40}
    use = (await engines[1].cap_use(accounts))[accounts[1]].caps
    assert (use[CapKind.INFLOW_DAY].left, use[CapKind.INFLOW_YEAR].used) == (0, 10_000_00)


async def test_accounts_begin_to_share_while_they_pay(engines: Sequence[Engine]) -> None:
    """What was paid before and after it adds up to the cap, whoever was on the way at that moment."""
    teller = Teller(engines[0])
    shop = await teller.account()
    accounts = await e_accounts(engines[0], teller, 2)
    shared = SharedCaps([(account, new_id()) for account in accounts], new_id())
    asked = [Transfer(new_id(), accounts[n % 2], shop, 10_00, TransferCode.PAYMENT, CNY) for n in range(400)]

    async def share() -> None:
        await asyncio.sleep(0.01)
        await engines[1].share_caps(shared)

    outcomes, _ = await asyncio.gather(all_of(engines, asked), share())
    paid = 10_00 * sum(outcome.result is Result.CREATED for outcome in outcomes)

    use = (await engines[0].cap_use(accounts))[accounts[0]]
    assert use.shared
    assert use.caps[CapKind.CODE_C].used == paid
    assert 1_000_00 <= paid <= 2_000_00, "each had a cap of its own until they shared, and none after that"


async def test_a_cap_of_a_class_reaches_everybody_while_they_pay(engines: Sequence[Engine], fresh_dsn: str) -> None:
    """Set while payments run and accounts are opened: from then on nobody spends by the old one."""
    teller = Teller(engines[0])
    shop = await teller.account()
    accounts = await e_accounts(engines[0], teller, 20)
    walked: list[int] = []
    today = bank_day(utc_now())
    cap = NewCap(CNY, CapKind.DAY, 7_00, today, "the test", cap_class=CapClass.CLASS_II)

    async def meanwhile() -> list[Id]:
        assert await engines[1].set_cap(cap, walked.append)
        return await e_accounts(engines[2], teller, 3)

    asked = [payment(account, shop, 1_00) for account in accounts for _ in range(10)]
    _, more = await asyncio.gather(all_of(engines, asked), meanwhile())

    for account in [*accounts, *more]:
        outcome = await engines[2].post(payment(account, shop, 8_00))
        assert (outcome.result, outcome.limit) == (Result.EXCEEDS_CAP_DAY, 7_00)
    assert sum(walked) >= 20
    connection = await asyncpg.connect(fresh_dsn)
    assert await connection.fetchval("SELECT max(set_by) FROM caps WHERE amount = 700") == "the test"
    await connection.close()


async def test_a_walk_through_many_accounts_goes_in_steps(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each step is a transaction of its own, and tells how many accounts it looked at."""
    monkeypatch.setattr(capping, "STEP", 3)
    teller = Teller(engine)
    await teller.account()
    await e_accounts(engine, teller, 5)
    walked: list[int] = []
    tomorrow = bank_day(utc_now()) + timedelta(days=1)

    await engine.set_cap(
        NewCap(999_983, CapKind.DAY, 1, tomorrow, "the test", cap_class=CapClass.CLASS_II), walked.append
    )

    assert max(walked) == 3
    assert sum(walked) >= 7
    [kept] = await engine.caps(ledger=999_983)
    assert (kept.amount, kept.effective_on, kept.set_by, kept.set_at is not None) == (1, tomorrow, "the test", True)


async def test_a_refusal_says_what_would_pass(engine: Engine) -> None:
    """Limit, used and left of the cap that said no; and the amount that all of them and the balance would let pass."""
    teller = Teller(engine)
    payer, shop = await teller.account(80_00, day_limit=100_00, year_limit=60_00), await teller.account()

    outcome = await engine.post(payment(payer, shop, 101_00))
    richer = await engine.post(Transfer(new_id(), teller.bank, payer, 920_00, TransferCode.TOP_UP, CNY))
    capped = await engine.post(payment(payer, shop, 101_00))

    assert richer.result is Result.CREATED
    assert (outcome.result, outcome.left, outcome.passes) == (Result.EXCEEDS_CREDITS, 80_00, 60_00)
    assert (capped.result, capped.limit, capped.used, capped.left) == (Result.EXCEEDS_CAP_DAY, 100_00, 0, 100_00)
    assert capped.passes == 60_00
    assert (await engine.post(payment(payer, shop, 60_00))).result is Result.CREATED


@pytest.mark.parametrize("statement", ["UPDATE caps SET amount = 1", "DELETE FROM caps", "TRUNCATE caps"])
async def test_a_cap_that_was_set_stands(database_dsn: str, database: Database, statement: str) -> None:
    """Not even the owner of the table changes it; the application can only set another one."""
    connection = await asyncpg.connect(database_dsn)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute(statement)
    await connection.close()
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await database.execute("INSERT INTO caps (ledger) VALUES (1)")
