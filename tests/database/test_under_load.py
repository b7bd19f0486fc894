"""Changing the ledger's tables while payments run: none fails, none waits long, and the books balance."""

import asyncio
import shutil
from pathlib import Path

import pytest

from qrpay.database.migrator import folders, migrate
from qrpay.database.pool import Database
from qrpay.ledger.audit import broken
from qrpay.ledger.chart import AccountCode, TransferCode
from qrpay.ledger.engine import Engine
from qrpay.ledger.model import NewAccount, Result, Transfer
from qrpay.values import new_id

CALLERS = 16
WAIT_S_MAX = 6.0
"""A change waits for its lock for 4 s at most before it lets payments pass, and this machine is shared."""

CHANGES = {
    "9000_ledger_column.sql": "ALTER TABLE accounts ADD note text;",
    "9001_ledger_another.sql": "ALTER TABLE transfers ADD note text;",
    "9002_ledger_index.sql": "-- no transaction\nCREATE INDEX CONCURRENTLY accounts_code ON accounts (code);",
    "9003_ledger_check.sql": "ALTER TABLE transfers ADD CONSTRAINT short_note CHECK (char_length(note) < 9) NOT VALID;",
    "9004_ledger_valid.sql": "ALTER TABLE transfers VALIDATE CONSTRAINT short_note;",
    "9005_ledger_gone.sql": "ALTER TABLE transfers DROP note;",
    "9006_ledger_gone_too.sql": "ALTER TABLE accounts DROP note;",
}


@pytest.fixture
def places(tmp_path: Path) -> list[Path]:
    """The house's migrations with seven more, each of which changes one table: two would deadlock with a batch."""
    numbered = tmp_path / "migrations"
    shutil.copytree(folders()[0], numbered)
    for name, text in CHANGES.items():
        (numbered / name).write_text(text)
    return [numbered, *folders()[1:]]


async def test_the_ledgers_tables_change_while_payments_run(
    fresh_database: Database, fresh_dsn: str, places: list[Path]
) -> None:
    """Columns, an index, a constraint come and go; a long reader is in the way of one of them for a while."""
    engine = Engine(fresh_database)
    cash, shop = new_id(), new_id()
    await engine.create_accounts(
        [NewAccount(cash, 156, AccountCode.BANK_CASH), NewAccount(shop, 156, AccountCode.MERCHANT)]
    )
    loop = asyncio.get_running_loop()
    over = asyncio.Event()
    waited: list[float] = []

    async def caller() -> None:
        while not over.is_set():
            began = loop.time()
            outcome = await engine.post(Transfer(new_id(), cash, shop, 1, TransferCode.TOP_UP, 156))
            assert outcome.result is Result.CREATED
            waited.append(loop.time() - began)

    async def reader() -> None:
        async with fresh_database.transaction() as report:
            await report.fetchval("SELECT count(*) FROM transfers")
            await asyncio.sleep(1.0)

    callers = [asyncio.ensure_future(caller()) for _ in range(CALLERS)]
    reading = asyncio.ensure_future(reader())
    await asyncio.sleep(0.2)
    before = len(waited)
    applied = await migrate(fresh_dsn, places)
    during = len(waited) - before
    over.set()
    await asyncio.gather(*callers, reading)

    assert applied == list(CHANGES)
    assert during > CALLERS, "payments went on meanwhile"
    assert max(waited) < WAIT_S_MAX
    assert await fresh_database.fetchval("SELECT credits_posted FROM accounts WHERE id = $1", shop) == len(waited)
    assert await fresh_database.fetchval("SELECT indisvalid FROM pg_index WHERE indexrelid = 'accounts_code'::regclass")
    assert await broken(fresh_database) == {}
    await engine.close()
