"""What the database itself refuses, and whether the alarms ring: roles, counters, clocks, checks."""

from datetime import timedelta
from itertools import pairwise

import asyncpg
import pytest
from msgspec.structs import replace

from qrpay.database.pool import Database
from qrpay.ledger.audit import CHECKS, broken
from qrpay.ledger.chart import CapClass, Unit
from qrpay.ledger.engine import Engine
from qrpay.ledger.model import COUNTER_MAX, NewAccount, Result, Transfer
from qrpay.values import new_id
from tests.ledger.statement import Time
from tests.ledger.teller import Teller, payment


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE transfers SET amount = 1",
        "DELETE FROM transfers",
        "TRUNCATE transfers",
        "INSERT INTO transfers SELECT * FROM transfers",
        "UPDATE accounts SET credits_posted = 1",
        "INSERT INTO accounts (id, ledger, code, flags) VALUES (gen_random_uuid(), 156, 10, 0)",
        "DELETE FROM accounts",
        "DELETE FROM open_holds",
        "SELECT ledger_keep_holds('{}', '{}', '{}', '{}', '{}', '{}', now(), '{}')",
        "SELECT ledger_do_besides('{}', current_date)",
        "UPDATE accounts SET flags = 0",
    ],
)
async def test_application_role_cannot(database: Database, statement: str) -> None:
    """The application's role writes by the ledger's functions only."""
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await database.execute(statement)


@pytest.mark.parametrize(
    "statement", ["UPDATE transfers SET amount = 1", "DELETE FROM transfers", "TRUNCATE transfers"]
)
async def test_owner_cannot_change_a_transfer(database_dsn: str, statement: str) -> None:
    """A posted transfer stands even before the owner of the table."""
    connection = await asyncpg.connect(database_dsn)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute(statement)
    await connection.close()


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO accounts (id, ledger, code, flags) VALUES (gen_random_uuid(), 0, 10, 0)",
        "INSERT INTO accounts (id, ledger, code, flags) VALUES (gen_random_uuid(), 156, 0, 0)",
        "INSERT INTO accounts (id, ledger, code, flags) VALUES (gen_random_uuid(), 156, 10, 32)",
        "INSERT INTO accounts (id, ledger, code, flags, day_limit) VALUES (gen_random_uuid(), 156, 10, 0, -1)",
        "INSERT INTO accounts (id, ledger, code, flags, day_used) VALUES (gen_random_uuid(), 156, 10, 0, -1)",
        "INSERT INTO accounts (id, ledger, code, flags, debits_posted) VALUES (gen_random_uuid(), 156, 10, 1, 1)",
        "INSERT INTO accounts (id, ledger, code, flags, credits_posted) VALUES (gen_random_uuid(), 156, 10, 2, 1)",
    ],
)
async def test_owner_cannot_break_an_account(database_dsn: str, statement: str) -> None:
    """No account stands beyond its guards, whoever writes it."""
    connection = await asyncpg.connect(database_dsn)
    with pytest.raises(asyncpg.CheckViolationError):
        await connection.execute(statement)
    await connection.close()


async def test_nobody_writes_between_two_ledgers(engine: Engine, database_dsn: str) -> None:
    """The engine refuses, the database's functions do, and so does the table, whoever inserts; within one it takes."""
    yuan, points, bank = new_id(), new_id(), new_id()
    await engine.create_accounts(
        [NewAccount(yuan, 156, 10), NewAccount(points, Unit.POINTS, 10), NewAccount(bank, 156, 30)]
    )
    between = Transfer(new_id(), yuan, points, 1, 10, 156)
    assert (await engine.post(between)).result is Result.ACCOUNTS_MUST_HAVE_THE_SAME_LEDGER
    insert = (
        "INSERT INTO transfers (id, debit, credit, amount, code, ledger, about, reference, flags, timeout_s, timestamp)"
        " VALUES ($1, $2, $3, $4, 10, $5, $1, '', $6, 0, now())"
    )
    owner = await asyncpg.connect(database_dsn)
    one = "SELECT ledger_post_one($1, $2, $3, 1, 10::smallint, $4, 0, 0::smallint, NULL)"
    assert await owner.fetchval(one, between.id, yuan, points, 156) is None
    assert await owner.fetchval(one, between.id, points, yuan, 1001) is None
    for debit, credit, ledger in ((yuan, points, 156), (yuan, points, 1001), (points, yuan, 156), (yuan, bank, 1001)):
        for amount, flags in ((1, 0), (0, 66)):  # a payment, and a closing transfer of nothing
            with pytest.raises(asyncpg.ForeignKeyViolationError, match="must be of its ledger"):
                await owner.execute(insert, new_id(), debit, credit, amount, ledger, flags)
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="for life"):
        await owner.execute("UPDATE accounts SET ledger = 1001 WHERE id = $1", yuan)
    transaction = owner.transaction()
    await transaction.start()
    await owner.execute(insert, new_id(), yuan, bank, 1, 156, 0)
    await transaction.rollback()
    await owner.close()


async def test_overflow_is_an_answer(engine: Engine, database_dsn: str) -> None:
    """A counter that would pass 2^63 - 1 is a result, never an error of the database; others of the batch go on."""
    teller = Teller(engine)
    payer, shop, other = await teller.account(100), await teller.account(), await teller.account()
    connection = await asyncpg.connect(database_dsn)
    await connection.execute("UPDATE accounts SET credits_posted = $2 WHERE id = $1", shop, COUNTER_MAX - 5)
    await connection.execute("UPDATE accounts SET debits_posted = $2 WHERE id = $1", teller.bank, COUNTER_MAX - 5)

    outcomes = await engine.post_chain(
        [payment(payer, shop, 6), payment(payer, other, 6), payment(payer, shop, 5), payment(teller.bank, other, 6)]
    )

    results = [Result.OVERFLOWS_CREDITS, Result.CREATED, Result.CREATED, Result.OVERFLOWS_DEBITS]
    assert [outcome.result for outcome in outcomes] == results
    assert (await engine.post(payment(payer, shop, 1))).result is Result.OVERFLOWS_CREDITS
    assert (await engine.post(payment(teller.bank, other, 6))).result is Result.OVERFLOWS_DEBITS
    await connection.execute("UPDATE accounts SET credits_posted = 5 WHERE id = $1", shop)
    await connection.execute("UPDATE accounts SET debits_posted = 100 WHERE id = $1", teller.bank)
    await connection.close()


async def test_timestamps_increase_though_the_clock_goes_back(timed_engine: Engine, time: Time) -> None:
    """The clock goes back five minutes, and each account's transfers still follow each other in time."""
    teller = Teller(timed_engine)
    payer, late, shop = await teller.account(100), await teller.account(100), await teller.account()
    asked = [payment(payer, shop, 1) for _ in range(6)]
    for transfer in asked[:3]:
        await timed_engine.post(transfer)
    time.now -= timedelta(minutes=5)
    between = payment(late, payer, 1)
    await timed_engine.post_chain([asked[3], between, asked[4]])
    after = payment(late, shop, 1)
    for transfer in (after, asked[5]):
        await timed_engine.post(transfer)

    for account, count in ((payer, 8), (late, 3), (shop, 7)):
        lines = await timed_engine.entries(account, limit=20)
        assert len(lines) == count
        assert all(newer.transfer.timestamp > older.transfer.timestamp for newer, older in pairwise(lines))


async def test_account_opened_twice(engine: Engine) -> None:
    """Opening an account again answers that it exists, or what differs."""
    account = await Teller(engine).account(10)
    standing = (await engine.lookup_accounts([account]))[account]
    same = NewAccount(account, 156, standing.code, standing.flags)

    results = await engine.create_accounts([same, replace(same, code=99), replace(same, ledger=344)])

    assert results == [Result.EXISTS, Result.EXISTS_WITH_DIFFERENT_CODE, Result.EXISTS_WITH_DIFFERENT_LEDGER]


BREAKS = {
    "debits_equal_credits": "UPDATE accounts SET debits_posted = debits_posted + 1 WHERE flags = 0",
    "counters_equal_transfers": "UPDATE accounts SET debits_posted = debits_posted + 1 WHERE flags = 0",
    "no_transfer_without_accounts": "DELETE FROM accounts WHERE flags = 1",
    "no_account_beyond_its_guards": "ALTER TABLE accounts DROP CONSTRAINT debits_must_not_exceed_credits;"
    "UPDATE accounts SET debits_posted = credits_posted + 1 WHERE flags = 1",
    "no_hold_is_resolved_twice": "DELETE FROM open_holds",
    "closed_by_a_pending_transfer": "UPDATE accounts SET flags = flags & ~32",
    "accounts_know_the_caps_of_their_class": "INSERT INTO caps (ledger, cap_class, kind, amount, effective_on, set_by,"
    " source) VALUES (156, 2, 'day', 1, '2020-01-01', 'nobody who walks', '')",
}


@pytest.mark.parametrize("check", [check.name for check in CHECKS])
async def test_check_rings(fresh_database: Database, fresh_dsn: str, check: str) -> None:
    """Each check is silent on good books, and rings when what it watches is broken behind our back."""
    engine = Engine(fresh_database)
    teller = Teller(engine)
    payer, shop = await teller.account(100), await teller.account()
    await engine.post(Transfer(new_id(), payer, shop, 10, 20, 156, flags=2))
    await engine.post(Transfer(new_id(), shop, payer, 0, 16, 156, flags=2 | 64))
    await engine.create_accounts([NewAccount(capped := new_id(), 156, 10, 1, cap_class=CapClass.CLASS_II)])
    assert (await engine.post(Transfer(new_id(), payer, capped, 10, 14, 156))).result is Result.CREATED
    assert await broken(fresh_database) == {}

    connection = await asyncpg.connect(fresh_dsn)
    await connection.execute(BREAKS[check])
    await connection.close()

    assert check in await broken(fresh_database)
    await engine.close()
