"""Connections: what statements answer, and what callers are told when the database is away."""

import asyncio
from pathlib import Path

import asyncpg
import pytest

from qrpay.database.connections import STATEMENTS_MAX
from qrpay.database.pool import Database, DatabaseAway, DatabaseUnusableError, dsn_to
from qrpay.problem import Refused
from qrpay.simulation.proxy import Proxy, Trap


async def test_json_goes_in_and_comes_out_as_it_was(database: Database) -> None:
    """jsonb is spoken in plain Python values."""
    value = {"reference": "订单-1", "amounts": [1, 2_000_000_000_000], "left": None}

    assert await database.fetchval("SELECT $1::jsonb", value) == value


async def test_the_application_cannot_make_tables(database: Database) -> None:
    """The application's role reads and calls; the house is built by another."""
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await database.execute("CREATE TABLE mine (id int)")


async def test_a_transaction_leaves_nothing_when_its_block_raises(fresh_database: Database) -> None:
    """What a block did is undone together with it."""
    with pytest.raises(ConnectionRefusedError):
        async with fresh_database.transaction() as tx:
            await tx.execute("SELECT set_config('qrpay.seen', 'yes', true)")
            raise ConnectionRefusedError

    assert await fresh_database.fetchval("SELECT current_setting('qrpay.seen', true)") in (None, "")


@pytest.mark.parametrize("ended_by", ["its time-out", "its caller"])
async def test_a_ledger_statement_that_is_given_up_is_never_cancelled(fresh_dsn: str, ended_by: str) -> None:
    """The caller is gone or hears `unavailable`; the statement goes on and commits, so that no standby is skipped."""
    slow = await Database.open(fresh_dsn, ledger_connections=1, command_timeout_s=0.2)
    patient = await Database.open(fresh_dsn)
    await patient.execute("CREATE TABLE seen (at timestamptz)")
    running = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'INSERT INTO seen%' AND state = 'active'"

    caller = asyncio.ensure_future(slow.ledger.execute("INSERT INTO seen SELECT now() FROM pg_sleep(0.6)"))
    while ended_by == "its caller" and not await patient.fetchval(running):
        await asyncio.sleep(0.01)
    if ended_by == "its caller":
        caller.cancel()
    with pytest.raises((DatabaseAway, asyncio.CancelledError)):
        await caller

    while await patient.fetchval(running):
        await asyncio.sleep(0.02)
    assert await patient.fetchval("SELECT count(*) FROM seen") == 1
    assert await slow.ledger.fetchval("SELECT 1") == 1, "the next statement has a new connection"
    await slow.close()
    await patient.close()


async def test_statements_recover_when_the_server_drops_every_connection(fresh_dsn: str) -> None:
    """One caller hears `unavailable`, with its cause; the next finds a new connection."""
    database = await Database.open(fresh_dsn, ledger_connections=1)
    killer = await asyncpg.connect(fresh_dsn)

    for door in (database, database.ledger):
        running = asyncio.ensure_future(door.fetchval("SELECT pg_sleep(30)"))
        while not await killer.fetchval(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(30)'"
        ):
            await asyncio.sleep(0.01)
        with pytest.raises(DatabaseAway) as refused:
            await running
        assert refused.value.problem.retry
        assert refused.value.__cause__ is not None
        assert await door.fetchval("SELECT 1") == 1

    await killer.close()
    await database.close()


async def test_statements_that_wait_for_a_connection_are_bounded(fresh_dsn: str) -> None:
    """Beyond the bound callers are refused at once; those who wait get their answer."""
    database = await Database.open(fresh_dsn, size=1)
    async with database.transaction():
        waiting = [asyncio.ensure_future(database.fetchval("SELECT 1")) for _ in range(STATEMENTS_MAX - 1)]
        await asyncio.sleep(0)
        with pytest.raises(Refused) as refused:
            await database.fetchval("SELECT 1")
        assert refused.value.problem.code == "overloaded"

    assert set(await asyncio.gather(*waiting)) == {1}
    await database.close()


async def test_a_listener_hears_again_after_its_connection_was_cut(fresh_dsn: str) -> None:
    """It reconnects by itself and says so, since what was sent meanwhile is lost."""
    database = await Database.open(fresh_dsn)
    heard: asyncio.Queue[str] = asyncio.Queue()
    reconnected = asyncio.Event()
    await database.listen("events", heard.put_nowait, reconnected.set)
    await database.execute("SELECT pg_notify('events', 'one')")
    assert await asyncio.wait_for(heard.get(), 5) == "one"

    cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'qrpay listener'"
    await database.execute(cut + " AND datname = current_database()")
    await asyncio.wait_for(reconnected.wait(), 5)
    await database.execute("SELECT pg_notify('events', 'two')")

    assert await asyncio.wait_for(heard.get(), 5) == "two"
    await database.close()


async def test_of_two_channels_each_hears_its_own(fresh_dsn: str) -> None:
    """One connection serves every channel."""
    database = await Database.open(fresh_dsn)
    orders: asyncio.Queue[str] = asyncio.Queue()
    refunds: asyncio.Queue[str] = asyncio.Queue()
    await database.listen("orders", orders.put_nowait)
    await database.listen("refunds", refunds.put_nowait)

    await database.execute("SELECT pg_notify('refunds', 'r'), pg_notify('orders', 'o')")

    assert await asyncio.wait_for(refunds.get(), 5) == "r"
    assert await asyncio.wait_for(orders.get(), 5) == "o"
    await database.close()


async def test_a_server_that_dies_while_we_come_in_is_waited_for(fresh_dsn: str, tmp_path: Path) -> None:
    """It let us in and then cut the line, as one does that was killed: opening goes on until it is back."""
    bitten: list[str] = []
    socket = fresh_dsn.partition("host=")[2].partition("&")[0]
    proxy = Proxy(tmp_path / "p", Path(socket), bitten.append)
    await proxy.open()
    for _ in range(3):
        proxy.set(Trap("cut_unsent", "qrpay"))

    database = await Database.open(fresh_dsn.replace(socket, str(proxy.folder)))

    assert bitten == ["cut_unsent"] * 3
    assert await database.fetchval("SELECT 1") == await database.ledger.fetchval("SELECT 1") == 1
    await database.close()
    await proxy.close()


async def test_an_absent_server_is_named_in_time() -> None:
    """The message says where to look, within the time given."""
    with pytest.raises(DatabaseUnusableError, match="QRPAY_DATABASE_URL"):
        await Database.open("postgresql://qrpay@127.0.0.1:1/postgres", wait_s=0.2)


async def test_a_database_that_does_not_exist_is_said_at_once(server_dsn: str) -> None:
    """There is no waiting for what will never come."""
    with pytest.raises(DatabaseUnusableError, match="no_such_database"):
        await Database.open(dsn_to(server_dsn, "no_such_database"))
