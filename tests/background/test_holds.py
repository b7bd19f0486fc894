"""A hold that ran out of time frees its money though nobody calls: the background does."""

import asyncio
from datetime import timedelta

import asyncpg

from qrpay.core import Core
from qrpay.ledger.audit import broken
from qrpay.ledger.chart import AccountCode, TransferCode
from qrpay.ledger.model import AccountFlag, NewAccount, Result, Transfer, TransferFlag
from qrpay.ledger.rules import expiry_of_hold
from qrpay.values import new_id
from tests.background.world import CNY, working

HOLD = int(TransferFlag.PENDING)
CLOSES = HOLD | int(TransferFlag.CLOSING_DEBIT)


async def test_due_holds_are_given_back_though_nobody_calls(fresh_core: Core, fresh_dsn: str) -> None:
    """Ten payers, nobody asks anything of the ledger: soon each has its money back, and closed accounts are open."""
    guarded = int(AccountFlag.DEBITS_MUST_NOT_EXCEED_CREDITS)
    bank, shop, payers = new_id(), new_id(), [new_id() for _ in range(10)]
    ledger = fresh_core.ledger
    await ledger.create_accounts(
        [NewAccount(bank, CNY, AccountCode.BANK_CASH), NewAccount(shop, CNY, AccountCode.MERCHANT, guarded)]
        + [NewAccount(payer, CNY, AccountCode.CUSTOMER, guarded) for payer in payers]
    )
    await ledger.post_chain([Transfer(new_id(), bank, payer, 100, TransferCode.TOP_UP, CNY) for payer in payers])
    holds = [
        Transfer(new_id(), payer, shop, 100, TransferCode.HOLD, CNY, flags=flags, timeout_s=1)
        for payer, flags in zip(payers, [HOLD, CLOSES] * 5, strict=True)
    ]
    patient = Transfer(new_id(), bank, shop, 7, TransferCode.HOLD, CNY, flags=HOLD, timeout_s=3_600)
    assert {outcome.result for outcome in await ledger.post_chain([*holds, patient])} == {Result.CREATED}
    watcher = await asyncpg.connect(fresh_dsn)
    async with working(fresh_core):
        async with asyncio.timeout(30):
            while await watcher.fetchval("SELECT sum(debits_pending) FROM accounts WHERE id = ANY ($1)", payers):
                await asyncio.sleep(0.05)

    rows = await watcher.fetch("SELECT id, pending_id, timestamp FROM transfers WHERE pending_id IS NOT NULL")
    held = {row["id"]: row["timestamp"] for row in await watcher.fetch("SELECT id, timestamp FROM transfers")}
    assert {row["id"] for row in rows} == {expiry_of_hold(hold.id) for hold in holds}
    assert all(row["timestamp"] - held[row["pending_id"]] >= timedelta(seconds=1) for row in rows)
    assert await watcher.fetchval("SELECT count(*) FROM accounts WHERE flags & 32 <> 0") == 0
    assert await watcher.fetchval("SELECT credits_pending FROM accounts WHERE id = $1", shop) == 7
    assert await broken(fresh_core.database) == {}
    await watcher.close()
