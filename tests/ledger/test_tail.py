"""The tail of the log: a batch of it is read at the cost of a batch, however much is unread and however many months."""

import asyncpg

from qrpay.background import store
from qrpay.database.pool import Database
from qrpay.ledger import reading
from qrpay.ledger.partitions import make_ahead
from tests.ledger.test_history import buffers

MONTHS = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'transfers'::regclass"
UNREAD = """
INSERT INTO transfers (id, debit, credit, amount, code, ledger, about, reference, flags, timeout_s, timestamp, xid)
SELECT (lpad(to_hex(extract(epoch FROM now())::bigint * 1000), 12, '0') || lpad(to_hex(n), 20, '0'))::uuid,
       gen_random_uuid(), gen_random_uuid(), 1, 1, 156, gen_random_uuid(), '', 0, 0, now(), (n / 100)::text::xid8
FROM generate_series($1::bigint, $2::bigint) AS n
"""


async def test_a_batch_costs_a_batch_over_9_25_and_121_months(fresh_database: Database, fresh_dsn: str) -> None:
    """The log and the ledger's readers touch hardly more pages with 30,000 unread than with 300; the plan is older.

    It holds however the function is told to plan: it says what the tail costs, and not that `enable_sort` is why.
    """
    superuser = await asyncpg.connect(fresh_dsn)
    await superuser.execute("SET session_replication_role = replica")  # these transfers have no accounts
    begin = store.Place()
    for months in (9, 25, 121):
        while await make_ahead(fresh_database, None, months - 3):
            pass
        assert await superuser.fetchval(MONTHS) == months
        await superuser.execute("TRUNCATE transfers")
        await superuser.execute(UNREAD, 100, 399)
        for last, xids in ((399, ("0",)), (30_099, ("0", "297"))):
            if last > 399:
                await superuser.execute(UNREAD, 400, last)
            costs = {
                statement: [
                    await buffers(fresh_database.ledger, statement, xid, begin.at, begin.id, 200) for xid in xids
                ]
                for statement in (store.STATEMENTS.unread.text, reading.STATEMENTS.tail.text)
            }
        for many, few in costs.values():
            assert many < few + 50, (months, many, few)
    await superuser.close()
