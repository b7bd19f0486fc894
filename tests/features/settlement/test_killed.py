"""Some thousands of payments are settled by `qrpay settle`, which is killed half-way and started again."""

import asyncio
import os
import signal
import sys
from datetime import timedelta
from pathlib import Path

import asyncpg

from benchmarks.settling import payments_of_yesterday
from qrpay.database.migrator import APPLICATION
from qrpay.database.pool import dsn_as, dsn_to
from qrpay.features.calendar.service import bank_day
from qrpay.features.clearing.feature import feature as clearing_feature
from qrpay.features.settlement import service
from qrpay.features.settlement.feature import feature
from qrpay.ledger.audit import CHECKS
from qrpay.values import new_id, utc_now

SHOPS = service.PAGE + 20
"""Two pages of accounts; the last account of all is in the second."""
PAYMENTS = 4_000
SETTLED = """
SELECT merchant, business_date, number, entries, movement, opening, planned, amount, closing, to_at FROM settlements
ORDER BY account, number
"""
HANG = """
CREATE FUNCTION hang() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(600); RETURN NEW; END $$;
CREATE TRIGGER hang BEFORE UPDATE ON settlements FOR EACH ROW WHEN (NEW.account = '{account}') EXECUTE FUNCTION hang()
"""
HANGING = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'"
DONE = "SELECT count(*) FROM settlements WHERE status <> 'planned'"


async def settle(dsn: str, home: Path) -> asyncio.subprocess.Process:
    """`qrpay settle` of yesterday, begun."""
    day = bank_day(utc_now() - timedelta(days=1))
    clean = {name: value for name, value in os.environ.items() if not name.startswith("QRPAY_")}
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "qrpay", "settle", "--day", str(day),
        env=clean | {"QRPAY_DATABASE_URL": dsn_as(dsn, APPLICATION), "QRPAY_HOME": str(home)},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip


async def test_killed_half_way_and_started_again_it_gives_the_same_settlements(
    server_dsn: str, fresh_dsn: str, tmp_path: Path
) -> None:
    """The last shop's settlement hangs as it is finished, with the first page done: there it is killed with -9.

    Its twin, a copy of the database from before, is settled in one go.
    """
    accounts = await payments_of_yesterday(fresh_dsn, PAYMENTS, SHOPS)
    twin = f"twin_{new_id().hex[:16]}"
    root = await asyncpg.connect(server_dsn)
    await root.execute(f"CREATE DATABASE {twin} TEMPLATE {fresh_dsn.partition('?')[0].rpartition('/')[2]}")
    eyes = await asyncpg.connect(fresh_dsn)
    await eyes.execute(HANG.format(account=accounts[-1]))

    first = await settle(fresh_dsn, tmp_path)
    async with asyncio.timeout(60):
        while not await eyes.fetchval(f"SELECT EXISTS ({HANGING})"):
            assert first.returncode is None, (await first.communicate())[0]
            await asyncio.sleep(0.02)
    done = await eyes.fetchval(DONE)
    os.kill(first.pid, signal.SIGKILL)
    await first.wait()
    await eyes.execute(f"SELECT pg_terminate_backend(pid) FROM ({HANGING}) AS hanging")
    await eyes.execute("DROP FUNCTION hang CASCADE")
    assert 0 < done < SHOPS

    for dsn in (fresh_dsn, dsn_to(server_dsn, twin)):
        again = await settle(dsn, tmp_path)
        said = (await again.communicate())[0].decode()
        assert again.returncode == 0, said
    whole = await asyncpg.connect(dsn_to(server_dsn, twin))
    assert await eyes.fetch(SETTLED) == await whole.fetch(SETTLED)
    assert await eyes.fetchval("SELECT sum(entries) FROM settlements") == PAYMENTS
    paid = "SELECT count(*), sum(amount)::bigint FROM transfers WHERE code = 50"
    assert tuple(await eyes.fetchrow(paid) or ()) == (SHOPS, sum(1 + n % 97 for n in range(PAYMENTS)))
    for check in (*CHECKS, *clearing_feature.checks, *feature.checks):
        assert await eyes.fetch(check.text) == [], check.name
    for connection in (eyes, whole):
        await connection.close()
    await root.execute(f"DROP DATABASE {twin} WITH (FORCE)")
    await root.close()
