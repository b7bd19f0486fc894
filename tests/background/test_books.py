"""The keeper of the books: the log is sealed and signed, and once a night everything is audited."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import asyncpg
import msgspec

from qrpay.background.books import Keeper, Keys, audited, nightly
from qrpay.background.store import STATEMENTS
from qrpay.core import Core
from qrpay.features.keys import service as keys
from qrpay.ledger import audit
from qrpay.ledger.seals import sealed_message
from qrpay.values import utc_now
from tests.background.world import open_shop, sales, working
from tests.features.conftest import HandClock


async def test_the_leader_seals_and_signs_what_was_posted(fresh_core: Core) -> None:
    """The newest seal bears a signature of the house over its position and root; a stranger's does not hold."""
    await keys.start(fresh_core)
    shop = await open_shop(fresh_core)
    await shop.pay_many(20)
    async with working(fresh_core, sales), asyncio.timeout(20):
        while not (head := await fresh_core.ledger.books.head()).signed or head.position < 21:
            await Keeper().follow(fresh_core)
            await asyncio.sleep(0.02)

    row = await fresh_core.database.fetchrow("SELECT * FROM seals ORDER BY number DESC LIMIT 1")
    assert row is not None
    message = sealed_message(head.position, head.root)
    assert head.position == 21
    assert Keys(fresh_core).holds(row["kid"], row["signature"], message) is True
    assert Keys(fresh_core).holds(row["kid"], row["signature"], message + b"x") is False
    assert Keys(fresh_core).holds("stranger", row["signature"], message) is None


async def test_each_night_there_is_one_audit(fresh_core: Core, clock: HandClock) -> None:
    """Not before its hour in the bank's zone; then once; the next night again, and not by day when it was missed."""
    await keys.start(fresh_core)
    await (await open_shop(fresh_core)).pay_many(5)

    async def audits_at(hour: int, day: int) -> int:
        clock.ahead = datetime(2027, 3, day, hour, 30, tzinfo=UTC) - timedelta(hours=8) - utc_now()
        await nightly(fresh_core)
        return len(await audit.latest(fresh_core.database, 10))

    hours = [(2, 9), (3, 9), (4, 9), (15, 9), (2, 10), (3, 10)]
    assert [await audits_at(hour, day) for hour, day in hours] == [0, 1, 1, 1, 1, 2]
    assert [await audits_at(hour, 11) for hour in (12, 23)] == [2, 2]
    assert all(one.ended_at and not one.findings for one in await audit.latest(fresh_core.database, 10))


async def test_the_audit_looks_at_the_features_invariants(fresh_core: Core, fresh_dsn: str) -> None:
    """A superuser forgets a transfer that was told, an event a span later: the nightly audit names the invariant."""
    await keys.start(fresh_core)
    shop = await open_shop(fresh_core)
    order = (await shop.pay_many(3))[0]
    async with working(fresh_core, sales), asyncio.timeout(20):
        while not await fresh_core.database.fetchval("SELECT EXISTS (SELECT FROM events WHERE transfer = $1)", order):
            await asyncio.sleep(0.02)
    superuser = await asyncpg.connect(fresh_dsn)
    await superuser.execute("SET session_replication_role = replica")
    await superuser.execute("UPDATE event_spans SET transfers = array_replace(transfers, $1, $2)", order, uuid4())
    await superuser.close()
    steps: list[tuple[str, int, int]] = []

    done = await audited(
        msgspec.structs.replace(fresh_core, checks=STATEMENTS.checks), lambda *step: steps.append(step)
    )

    assert [(one.kind, one.what) for one in done.findings] == [("check_broken", "every_event_has_its_transfer")]
    assert ("checks", 2, len(STATEMENTS.checks)) in steps


async def test_what_an_audit_finds_is_kept_and_counted(fresh_core: Core, fresh_dsn: str) -> None:
    """A superuser changes an account: the audit names it, and its row can be read afterwards."""
    await keys.start(fresh_core)
    shop = await open_shop(fresh_core)
    superuser = await asyncpg.connect(fresh_dsn)
    await superuser.execute("UPDATE accounts SET credits_posted = 7 WHERE id = $1", shop.merchant)
    await superuser.close()

    done = await audited(fresh_core, lambda *_: None)

    assert [(one.kind, one.what) for one in done.findings] == [("account_differs", shop.merchant.hex)]
    assert await audit.latest(fresh_core.database) == [done]
