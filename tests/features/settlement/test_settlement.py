"""Settlement: exact cuts of the ledger's history, each transfer once, paid by proof, carried when it cannot be."""

import asyncio
import contextlib
from datetime import date, timedelta
from typing import Any

import asyncpg
import pytest

from qrpay.core import Core
from qrpay.features.calendar.service import bank_day
from qrpay.features.clearing.feature import feature as clearing_feature
from qrpay.features.clearing.jobs import turn
from qrpay.features.settlement import looks, service
from qrpay.features.settlement.feature import feature
from qrpay.features.settlement.model import PayoutAccount, TransfersQuery
from qrpay.ledger.model import AccountChange
from qrpay.problem import Refused
from qrpay.values import id_text
from tests.features.clearing.conftest import Sandbox
from tests.features.served import bearer, served
from tests.features.settlement.conftest import PAYOUT, DayClock, Shop, shop, until

DAY = timedelta(days=1)
MONDAY = date(2026, 11, 23)


async def settled(core: Core, clock: DayClock, day: date, hour: float = 2.0) -> None:
    """The next morning: the business date `day` is settled."""
    clock.set(day + DAY, hour)
    await service.settle(core, day)


async def transfers_of(core: Core, one: Shop, settlement: str) -> list[str]:
    """The ids of all transfers that a settlement covers, page by page."""
    found: list[str] = []
    cursor: str | None = None
    while True:
        page = await looks.transfers(core, one.merchant, settlement, TransfersQuery(limit=2, cursor=cursor))
        found += [line.id for line in page.data]
        if page.next_cursor is None:
            return found
        cursor = page.next_cursor


async def test_a_day_is_cut_where_it_ends_and_every_transfer_is_settled_once(core: Core, clock: DayClock) -> None:
    """A payment at 23:59:59 belongs to the day, one at 00:00:01 to the next, however late the settlement runs."""
    mart = await shop(core)
    clock.set(MONDAY)
    ids = [await mart.paid(1_000), await mart.paid(250), await mart.refunds(300)]
    clock.set(MONDAY, 23.9999)
    ids.append(await mart.paid(7))
    clock.set(MONDAY + DAY, 0.0001)
    later = await mart.paid(5_000)

    await settled(core, clock, MONDAY)
    clock.set(MONDAY + DAY)
    await settled(core, clock, MONDAY + DAY)

    first, second = await mart.settlements()
    assert (first.opening, first.movement, first.amount, first.closing) == (0, 957, 957, 0)
    assert [(line.kind, line.direction, line.count, line.amount) for line in first.lines] == [
        ("payment", "credit", 3, 1_257), ("refund", "debit", 1, 300),
    ]  # fmt: skip
    assert await transfers_of(core, mart, first.id) == [id_text("", one) for one in ids]
    assert (second.movement, second.amount, second.transfers) == (5_000, 5_000, 2)
    assert await transfers_of(core, mart, second.id) == [id_text("", later), first.id[4:]]


async def test_settling_again_or_twice_at_once_changes_nothing(core: Core, clock: DayClock) -> None:
    """Ids are claimed: whoever comes second finds what stands."""
    shops = [await shop(core) for _ in range(5)]
    clock.set(MONDAY)
    for one in shops:
        await one.paid(100)
    clock.set(MONDAY + DAY, 2)
    await asyncio.gather(*(service.settle(core, MONDAY) for _ in range(4)))
    before = [await one.settlements() for one in shops]
    await service.settle(core, MONDAY)
    assert [await one.settlements() for one in shops] == before
    assert [await one.balance() for one in shops] == [(100, 100)] * 5


async def test_t_plus_1_waits_for_a_workday_and_d_plus_1_does_not(core: Core, clock: DayClock) -> None:
    """Friday, Saturday and Sunday are one settlement on Monday; with D+1 they are three."""
    friday = date(2026, 11, 20)
    weekly, daily = await shop(core, cycle="T+1"), await shop(core)
    for n in range(3):
        clock.set(friday + n * DAY)
        await weekly.paid(100 + n)
        await daily.paid(100 + n)
        clock.set(friday + (n + 1) * DAY, 2)
        await service.by_the_clock(core)
    assert [(one.business_date, one.amount) for one in await weekly.settlements()] == [(friday + 2 * DAY, 303)]
    assert [one.amount for one in await daily.settlements()] == [100, 101, 102]


async def test_t_plus_1_pays_on_a_made_up_saturday_and_not_in_the_festival(core: Core, clock: DayClock) -> None:
    """National Day 2026: nothing from the 1st to the 7th of October; Saturday the 10th is a workday."""
    mart = await shop(core, cycle="T+1")
    for day in (date(2026, 9, 30), date(2026, 10, 3), date(2026, 10, 9)):
        clock.set(day)
        await mart.paid(100)
    for n in range(12):
        clock.set(date(2026, 10, 1) + n * DAY, 2)
        await service.by_the_clock(core)
    assert [(one.business_date, one.amount) for one in await mart.settlements()] == [
        (date(2026, 10, 7), 200), (date(2026, 10, 9), 100),
    ]  # fmt: skip


async def test_t_plus_0_pays_the_same_day_up_to_its_hour(core: Core, clock: DayClock) -> None:
    """What comes after it is the next day's. A new merchant has to wait 90 days for it."""
    clock.set(MONDAY - 100 * DAY)
    mart = await shop(core)
    await mart.paid(1)
    with pytest.raises(Refused) as refused:
        await mart.agrees(cycle="T+0")
    assert refused.value.problem.code == "settlement_too_early"
    clock.set(MONDAY, 9)
    clock.move(days=200)  # ids are of today, so the 90 days count from there
    with_day = bank_day(clock())
    await mart.agrees(cycle="T+0")
    await mart.paid(500)
    for day, coming in ((with_day, 40), (with_day + DAY, 0)):
        clock.set(day, 22.5)
        if coming:
            await mart.paid(coming)
        with contextlib.suppress(Refused):  # T+1 of a year that nobody has entered yet
            await service.by_the_clock(core)
    assert [(one.business_date, one.amount) for one in await mart.settlements()] == [
        (with_day, 501), (with_day + DAY, 40),
    ]  # fmt: skip


async def test_days_that_were_missed_are_in_the_next_settlement(core: Core, clock: DayClock) -> None:
    """The house was down for three days; nothing falls between."""
    mart = await shop(core)
    for n in range(3):
        clock.set(MONDAY + n * DAY)
        await mart.paid(10)
    await settled(core, clock, MONDAY + 2 * DAY)
    [one] = await mart.settlements()
    assert (one.amount, one.transfers, one.business_date) == (30, 3, MONDAY + 2 * DAY)


async def test_an_earlier_day_settled_late_takes_nothing_of_the_later_ones(core: Core, clock: DayClock) -> None:
    """Monday is settled on Thursday: only what Monday brought, although more is there."""
    mart = await shop(core)
    for n in range(3):
        clock.set(MONDAY + n * DAY)
        await mart.paid(10 + n)
    clock.set(MONDAY + 3 * DAY)
    for n in range(3):
        await service.settle(core, MONDAY + n * DAY)
    assert [one.amount for one in await mart.settlements()] == [10, 11, 12]


async def test_a_refund_after_the_cut_takes_from_what_was_planned(core: Core, clock: DayClock) -> None:
    """The ledger decides what is there; the next settlement begins below zero, and pays when that is made up."""
    mart = await shop(core)
    clock.set(MONDAY)
    await mart.paid(1_000)
    clock.set(MONDAY + DAY, 1.5)
    await mart.refunds(400)
    await settled(core, clock, MONDAY)
    clock.set(MONDAY + DAY)
    await mart.paid(100)
    await settled(core, clock, MONDAY + DAY)
    clock.set(MONDAY + 2 * DAY)
    await mart.paid(50)
    await settled(core, clock, MONDAY + 2 * DAY)
    first, second, third = await mart.settlements()
    assert (first.amount, first.closing, first.reason) == (600, 400, "balance_was_less")
    assert (second.opening, second.movement, second.amount) == (400, -300, 100)
    assert (third.opening, third.amount) == (0, 50)


async def test_a_negative_balance_is_carried(core: Core, clock: DayClock) -> None:
    """More was given back than came in since the last settlement: nothing is paid until it is made up."""
    mart = await shop(core)
    clock.set(MONDAY)
    await mart.paid(1_000)
    await settled(core, clock, MONDAY)
    clock.set(MONDAY + DAY)
    await mart.paid(300)
    clock.set(MONDAY + 2 * DAY, 1)  # after the cut of the second day, before it is settled
    await mart.refunds(300)
    await settled(core, clock, MONDAY + DAY)
    clock.set(MONDAY + 2 * DAY)
    await mart.paid(20)
    await mart.refunds(15)
    await settled(core, clock, MONDAY + 2 * DAY)
    second, third = (await mart.settlements())[1:]
    assert (second.status, second.amount, second.closing, second.reason) == ("carried", 0, 300, "balance_was_less")
    assert (third.opening, third.movement, third.amount, third.closing) == (300, -295, 5, 0)


@pytest.mark.parametrize(
    ("agreed", "amount", "reason"),
    [
        ({"minimum": 1_001}, 0, "below_minimum"),
        ({"minimum": 1_000}, 1_000, None),
        ({"reserve": 300}, 700, None),
        ({"reserve": 1_000}, 0, "reserve"),
        ({"reserve_bp": 1_000, "reserve_days": 30}, 900, None),
        ({"hold": "dispute 7"}, 0, "hold: dispute 7"),
        ({"payout": None}, 0, "no_payout_account"),
    ],
    ids=["below", "at minimum", "reserve", "all reserved", "rolling", "hold", "nowhere"],
)
async def test_what_is_agreed_keeps_money_back_and_the_next_settlement_carries_it(
    core: Core, clock: DayClock, agreed: dict[str, object], amount: int, reason: str | None
) -> None:
    """Once the terms are lifted, all of it is paid."""
    mart = await shop(core, **agreed)
    clock.set(MONDAY)
    await mart.paid(1_000)
    await settled(core, clock, MONDAY)
    [first] = await mart.settlements()
    assert (first.amount, first.closing, first.reason) == (amount, 1_000 - amount, reason)

    await mart.agrees(minimum=1, reserve=0, reserve_bp=0, hold=None, payout=PAYOUT)
    clock.set(MONDAY + DAY)
    await settled(core, clock, MONDAY + DAY)
    rest = (await mart.settlements())[1:]
    assert [one.amount for one in rest] == ([1_000 - amount] if amount < 1_000 else [])


async def test_a_rolling_reserve_counts_the_days_before(core: Core, clock: DayClock) -> None:
    """10 % of what was paid in three days: of the third day's own money, and of the two before."""
    mart = await shop(core, reserve_bp=1_000, reserve_days=3)
    for n in range(4):
        clock.set(MONDAY + n * DAY)
        await mart.paid(1_000)
        await settled(core, clock, MONDAY + n * DAY)
    assert [(one.amount, one.closing) for one in await mart.settlements()] == [
        (900, 100), (900, 200), (900, 300), (1_000, 300),
    ]  # fmt: skip


async def test_it_is_paid_by_the_banks_proof_and_the_merchant_hears(
    core: Core, clock: DayClock, house: Sandbox
) -> None:
    """Pending until then, also when the house has promised."""
    mart = await shop(core)
    clock.set(MONDAY)
    await mart.paid(1_000)
    await house.behave(silent=True)
    await settled(core, clock, MONDAY)
    await turn(core)
    assert ((await mart.settlements())[0].status, await mart.balance()) == ("pending", (1_000, 1_000))

    clock.set(MONDAY + DAY)
    await mart.paid(500)
    await house.behave()
    await settled(core, clock, MONDAY + DAY)
    paid = await until(core, mart, "paid")
    assert (paid.amount, await mart.balance()) == (500, (1_000, 1_000))
    assert paid.payout is not None and paid.payout.account == "****7890"
    told = await core.database.fetch("SELECT type, about, data FROM outbox WHERE receiver = $1", mart.merchant)
    assert [(row["type"], id_text("set_", row["about"])) for row in told] == [("settlement.paid", paid.id)]
    assert '"status":"paid"' in told[0]["data"]


async def test_a_rejected_payout_is_held_until_the_account_is_put_right_then_paid(core: Core, clock: DayClock) -> None:
    """The money stands in the balance again at once, and the merchant learns why."""
    mart = await shop(core, payout=PayoutAccount("张三", "6217000000000404", "102100099996"))
    clock.set(MONDAY)
    await mart.paid(1_000)
    await settled(core, clock, MONDAY)
    rejected = await until(core, mart, "rejected")
    assert (rejected.reason or "").startswith("AC04")
    assert await mart.balance() == (1_000, 0)

    clock.set(MONDAY + DAY)
    await mart.paid(1)
    await settled(core, clock, MONDAY + DAY)
    held = (await mart.settlements())[-1]
    assert (held.status, held.closing) == ("carried", 1_001)
    assert (held.reason or "").startswith("hold: payout account refused: AC04")

    await mart.agrees(hold=None, payout=PAYOUT)
    clock.set(MONDAY + 2 * DAY)
    await settled(core, clock, MONDAY + 2 * DAY)
    assert (await until(core, mart, "paid")).amount == 1_001
    assert await mart.balance() == (0, 0)


async def test_a_payout_that_comes_back_is_owed_again(core: Core, clock: DayClock) -> None:
    """It was paid, then returned by the merchant's bank."""
    mart = await shop(core, payout=PayoutAccount("张三", "6217000000000505", "102100099996"))
    clock.set(MONDAY)
    await mart.paid(1_000)
    await settled(core, clock, MONDAY)
    await until(core, mart, "returned")
    assert await mart.balance() == (1_000, 0)
    await mart.agrees(hold=None, payout=PAYOUT)
    clock.set(MONDAY + DAY)
    await settled(core, clock, MONDAY + DAY)
    last = await until(core, mart, "paid")
    assert (last.movement, last.amount) == (1_000, 1_000)
    assert [(line.kind, line.amount) for line in last.lines] == [("payout_return", 1_000)]


async def test_a_test_merchant_is_settled_and_never_paid_out(core: Core, clock: DayClock) -> None:
    """What it sold for trying is added up and carried: no instruction ever reaches the clearing house."""
    mart = await shop(core, test=True)
    clock.set(MONDAY)
    await mart.paid(1_000)

    await settled(core, clock, MONDAY)

    [carried] = await mart.settlements()
    assert (carried.status, carried.reason, carried.closing) == ("carried", "test_merchant", 1_000)
    assert await mart.balance() == (1_000, 0)
    assert await core.database.fetchval("SELECT count(*) FROM clearing_instructions") == 0


async def test_a_frozen_account_is_not_paid_out(core: Core, clock: DayClock) -> None:
    """By the ledger's own freeze."""
    mart = await shop(core)
    clock.set(MONDAY)
    await mart.paid(1_000)
    await core.ledger.change_accounts([AccountChange.frozen(mart.account, credits_too=False)])
    await settled(core, clock, MONDAY)
    [one] = await mart.settlements()
    assert (one.status, one.reason, one.closing) == ("carried", "account_frozen", 1_000)


async def test_a_day_that_has_not_ended_is_not_settled(core: Core, clock: DayClock) -> None:
    """Nor is one whose T+1 nobody can tell."""
    clock.set(MONDAY)
    with pytest.raises(Refused) as refused:
        await service.settle(core, MONDAY)
    assert refused.value.problem.code == "settlement_day_open"
    clock.set(date(2031, 3, 4))
    with pytest.raises(Refused) as refused:
        await service.settle(core, date(2031, 3, 3))
    assert refused.value.problem.code == "calendar_unknown"


async def test_it_waits_for_a_transaction_that_began_before_the_cut(
    core: Core, clock: DayClock, fresh_dsn: str
) -> None:
    """A writer that was stalled may hold an earlier entry: without waiting, that would be settled never."""
    mart = await shop(core)
    clock.set(MONDAY)
    await mart.paid(1_000)
    clock.set(MONDAY + DAY, 2)
    stalled = await asyncpg.connect(fresh_dsn)
    try:
        transaction = stalled.transaction()
        await transaction.start()
        await stalled.execute("SELECT pg_current_xact_id()")
        running = asyncio.create_task(service.settle(core, MONDAY))
        await asyncio.sleep(0.2)
        assert not running.done()
        await transaction.commit()
        assert (await asyncio.wait_for(running, 10)).paid_out == 1
    finally:
        await stalled.close()


async def test_a_merchant_sees_its_own_settlements_only(core: Core, clock: DayClock) -> None:
    """By list, by id and by their transfers; another's is unknown."""
    mart, other = await shop(core), await shop(core)
    clock.set(MONDAY)
    order = await mart.paid(1_000)
    await settled(core, clock, MONDAY)
    async with served(core, [feature, clearing_feature]) as house:
        mine, theirs = bearer("sk_", mart.merchant.hex), bearer("sk_", other.merchant.hex)

        async def get(path: str, headers: dict[str, str]) -> tuple[int, Any]:
            async with house.session.get(path, headers=headers) as answer:
                return answer.status, await answer.json()

        status, page = await get("/v1/settlements?from=2026-11-23&to=2026-11-23", mine)
        [one] = page["data"]
        assert (status, one["amount"], one["business_date"]) == (200, 1_000, "2026-11-23")
        assert (await get(f"/v1/settlements/{one['id']}", mine))[1] == one
        _, lines = await get(f"/v1/settlements/{one['id']}/transfers", mine)
        assert [line["about"] for line in lines["data"]] == [id_text("ord_", order)]
        assert (await get("/v1/settlements", theirs))[1] == {"data": [], "next_cursor": None}
        for path in (f"/v1/settlements/{one['id']}", f"/v1/settlements/{one['id']}/transfers", "/v1/settlements/set_x"):
            assert (await get(path, theirs))[0] == 404
        assert (await get("/v1/settlement-terms", mine))[1]["cycle"] == "D+1"
