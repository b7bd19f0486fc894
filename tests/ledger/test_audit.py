"""The full audit: silent on good books; whatever a superuser did behind the application's back is found and named."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta

import asyncpg
import pytest

from qrpay.database.pool import Database
from qrpay.ledger import audit, history
from qrpay.ledger.audit import Audit
from qrpay.ledger.chart import TransferCode
from qrpay.ledger.engine import Engine
from qrpay.ledger.model import Result, Transfer, TransferFlag
from qrpay.values import Id, new_id, utc_now
from tests.ledger.statement import CNY
from tests.ledger.teller import Teller, payment
from tests.ledger.test_seals import until_all_is_sealed


class Notary:
    """Signs by writing the message down."""

    def sign(self, message: bytes) -> tuple[str, bytes]:
        return "key", message[::-1]

    def holds(self, kid: str, signature: bytes, message: bytes) -> bool:
        return kid == "key" and signature == message[::-1]


class Town:
    """A payer, a shop and what they did, all of it sealed; and a superuser."""

    def __init__(self, database: Database, engine: Engine, superuser: "asyncpg.Connection[asyncpg.Record]") -> None:
        self.database, self.engine, self.superuser = database, engine, superuser
        self.payer = self.shop = self.bank = new_id()
        self.orders: list[Id] = []

    async def grow(self, payments: int = 300) -> None:
        """Open the accounts and pay."""
        teller = Teller(self.engine)
        self.payer, self.shop, self.bank = await teller.account(100_000), await teller.account(), teller.bank
        hold = Transfer(new_id(), self.payer, self.shop, 50, TransferCode.HOLD, CNY, flags=int(TransferFlag.PENDING))
        await self.engine.post_chain([hold])
        await self.engine.post_chain([Transfer.of_hold(new_id(), hold.id, amount=20)])
        for size in range(0, payments, 100):
            batch = [payment(self.payer, self.shop, 10) for _ in range(min(100, payments - size))]
            assert all(outcome.result is Result.CREATED for outcome in await self.engine.post_chain(batch))
            self.orders += [transfer.id for transfer in batch]
        await until_all_is_sealed(self.engine.books, self.database)
        await history.verify(self.database, [self.payer, self.shop])

    async def tamper(self, *statements: str, **ids: Id) -> None:
        """What a superuser can do: no trigger and no guard stops it."""
        async with self.superuser.transaction():
            await self.superuser.execute("SET LOCAL session_replication_role = replica")
            for statement in statements:
                named = re.sub(r"(?<!:):([a-z]+)", lambda match: f"'{ids[match[1]]}'", statement)
                await self.superuser.execute(named)

    async def audit(self) -> Audit:
        """A full audit."""
        return await audit.run(
            self.database, self.engine.books, Notary(), utc_now, lambda _stage, done, total: _at_most(done, total)
        )

    async def findings(self) -> set[tuple[str, str]]:
        """What a full audit finds, and in which rows."""
        return {(one.kind, one.what) for one in (await self.audit()).findings}


def _at_most(done: int, total: int) -> None:
    assert 0 <= done <= total


@pytest.fixture
async def town(fresh_database: Database, fresh_dsn: str) -> AsyncIterator[Town]:
    """A ledger of its own with 300 payments."""
    engine, superuser = Engine(fresh_database), await asyncpg.connect(fresh_dsn)
    grown = Town(fresh_database, engine, superuser)
    await grown.grow()
    yield grown
    await superuser.close()
    await engine.close()


async def test_nothing_is_found_where_nothing_is_wrong(town: Town) -> None:
    """All is looked at, once more while payments run, and nothing is said."""
    first = await town.audit()

    async def pays() -> None:
        for _ in range(20):
            await asyncio.gather(*(town.engine.post(payment(town.payer, town.shop, 1)) for _ in range(10)))

    second, _ = await asyncio.gather(town.audit(), pays())

    assert (first.findings, first.transfers, first.accounts, first.checkpoints) == ([], 303, 3, 2)
    assert second.findings == []
    assert second.number > first.number
    assert second.ended_at is not None


async def test_an_accounts_counter(town: Town) -> None:
    """(a) Somebody is given money: the account is named."""
    await town.tamper("UPDATE accounts SET credits_posted = credits_posted + 500 WHERE id = :payer", payer=town.payer)

    found = await town.audit()

    assert [(one.kind, one.what) for one in found.findings] == [("account_differs", town.payer.hex)]
    assert "credits posted 500 too high" in found.findings[0].detail


async def test_a_transfers_amount_with_both_accounts_made_consistent(town: Town) -> None:
    """(b) No sum betrays it, but the seal does, and the checkpoints of both accounts."""
    order = town.orders[50]
    await town.tamper(
        "UPDATE transfers SET amount = amount - 9 WHERE id = :order",
        "UPDATE accounts SET debits_posted = debits_posted - 9 WHERE id = :payer",
        "UPDATE accounts SET credits_posted = credits_posted - 9 WHERE id = :shop",
        order=order, payer=town.payer, shop=town.shop,
    )  # fmt: skip
    assert await audit.broken(town.database) == {}, "what only adds up sees nothing"

    found = await town.findings()

    assert ("transfer_changed", order.hex) in found
    assert {what for kind, what in found if kind == "checkpoint_differs"} == {town.payer.hex, town.shop.hex}
    assert {what for kind, what in found if kind.startswith("transfer")} == {order.hex}


@pytest.mark.parametrize(
    "change",
    ["reference = 'x'", "about = :payer", "timestamp = timestamp - interval '1 hour'", "xid = '1'", "code = 14"],
)
async def test_whatever_is_changed_in_a_transfer(town: Town, change: str) -> None:
    """Each column is under the seal, and the transfer is named, wherever it is moved to."""
    order = town.orders[120]
    await town.tamper(f"UPDATE transfers SET {change} WHERE id = :order", order=order, payer=town.payer)

    assert ("transfer_changed", order.hex) in await town.findings()


async def test_a_transfer_that_is_gone(town: Town) -> None:
    """(c) With both accounts made consistent, it is named by the seal that holds its id."""
    order = town.orders[-1]
    await town.tamper(
        "DELETE FROM transfers WHERE id = :order",
        "UPDATE accounts SET debits_posted = debits_posted - 10 WHERE id = :payer",
        "UPDATE accounts SET credits_posted = credits_posted - 10 WHERE id = :shop",
        order=order, payer=town.payer, shop=town.shop,
    )  # fmt: skip

    found = await town.findings()

    assert {what for kind, what in found if kind == "transfer_removed"} == {order.hex}


INSERT = (
    "INSERT INTO transfers"
    " (id, debit, credit, amount, code, ledger, about, reference, flags, timeout_s, timestamp, xid)"
    " SELECT :forged, debit, credit, 77, code, ledger, about, '', 0, 0, {} FROM transfers WHERE id = :order"
)


async def test_a_transfer_put_in_among_the_old_ones(town: Town) -> None:
    """(d) Backdated, with both accounts made consistent: it is not in the seal."""
    forged, order = new_id(), town.orders[10]
    await town.tamper(
        INSERT.format("timestamp + interval '1 microsecond' / 2, xid"),
        "UPDATE accounts SET debits_posted = debits_posted + 77 WHERE id = :payer",
        "UPDATE accounts SET credits_posted = credits_posted + 77 WHERE id = :shop",
        forged=forged, order=order, payer=town.payer, shop=town.shop,
    )  # fmt: skip

    found = await town.findings()

    assert {(kind, what) for kind, what in found if kind.startswith("transfer")} == {("transfer_put_in", forged.hex)}


async def test_a_transfer_put_in_now_without_its_accounts(town: Town) -> None:
    """(d) As if it had just been posted, but nobody's counters moved: both accounts are named, and so is the row."""
    forged = new_id()
    await town.tamper(INSERT.format("clock_timestamp(), pg_current_xact_id()"), forged=forged, order=town.orders[10])

    found = await town.findings()

    assert ("transfer_put_in", forged.hex) in found
    assert {what for kind, what in found if kind == "account_differs"} == {town.payer.hex, town.shop.hex}


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("UPDATE seals SET leaves = overlay(leaves placing '\\x00'::bytea from 40) WHERE number = 1", "seal_broken"),
        ("DELETE FROM seals WHERE number = 1", "seal_broken"),
        ("UPDATE checkpoints SET credits_posted = credits_posted + 1 WHERE account = :shop", "checkpoint_differs"),
        ("UPDATE closings SET debits_posted = debits_posted + 1 WHERE code = 30", "figures_differ"),
        ("DELETE FROM accounts WHERE id = :shop", "account_differs"),
    ],
)
async def test_what_is_kept_beside_the_ledger(town: Town, statement: str, kind: str) -> None:
    """Seals, checkpoints and closing figures are looked at as well, and so is an account that is gone."""
    await town.engine.post(payment(town.payer, town.shop, 1))
    await until_all_is_sealed(town.engine.books, town.database)
    await town.tamper(statement, shop=town.shop)

    assert kind in {kind for kind, _ in await town.findings()}


async def test_a_log_that_is_sealed_anew(town: Town) -> None:
    """Transfers, seals and roots rewritten so that all agree: the signature does not, nor what an earlier audit saw."""
    await town.audit()
    order = town.orders[-1]
    head = await town.engine.books.head()
    await town.tamper(
        "UPDATE transfers SET reference = 'x' WHERE id = :order",
        "UPDATE seals s SET leaves = (SELECT string_agg(ledger_digest(t.id, t.debit, t.credit, t.amount, t.code,"
        " t.ledger, t.about, t.reference, t.flags, t.pending_id, t.timeout_s, t.timestamp, t.xid),"
        " '' ORDER BY xid, timestamp, id)"
        f" FROM (SELECT * FROM transfers ORDER BY xid, timestamp, id OFFSET {head.position} - s.size) t)"
        f" WHERE number = {head.number}",
        f"UPDATE seals s SET root = sha256((SELECT root FROM seals WHERE number = s.number - 1) || leaves)"
        f" WHERE number = {head.number}",
        order=order,
    )  # fmt: skip

    found = await town.findings()

    assert found == {("signature_broken", str(head.number)), ("seal_broken", str(head.position))}


async def test_an_audit_that_was_interrupted_goes_on(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cancelled between two pages it keeps its place and its findings; a day later it begins anew."""
    monkeypatch.setattr(audit, "SEALS", 1)
    await town.tamper("UPDATE transfers SET amount = 11 WHERE id = :order", order=town.orders[0])
    seen: list[tuple[str, int]] = []

    def progress(stage: str, done: int, _total: int) -> None:
        seen.append((stage, done))
        if stage == "checkpoints":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await audit.run(town.database, town.engine.books, Notary(), utc_now, progress)
    [interrupted] = await audit.latest(town.database)
    assert (interrupted.ended_at, interrupted.stage) == (None, "checkpoints")
    assert [one.kind for one in interrupted.findings] == ["transfer_changed"]

    done = await town.audit()

    assert (done.number, done.transfers) == (interrupted.number, interrupted.transfers)
    assert done.ended_at is not None
    assert "transfer_changed" in {one.kind for one in done.findings}
    with pytest.raises(KeyboardInterrupt):
        await audit.run(town.database, town.engine.books, Notary(), utc_now, progress)
    anew = await audit.run(
        town.database, town.engine.books, Notary(), lambda: utc_now() + timedelta(days=1), lambda *_: None
    )
    numbers: Sequence[int] = [one.number for one in await audit.latest(town.database, 3)]
    assert numbers[0] == anew.number > done.number + 1
