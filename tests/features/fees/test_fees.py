"""Fees over HTTP: taken beside the payment, by the plan of its day, and back with refunds; what stands wins."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from click.testing import CliRunner

from qrpay.database.pool import Database
from qrpay.features.calendar.service import bank_day
from qrpay.features.fees import service, store
from qrpay.features.fees.commands import fees as fees_command
from qrpay.features.fees.model import FeeTerms, NewPlan, PlanRow, Tier
from qrpay.features.merchants import service as merchants
from qrpay.features.merchants.commands import merchants as merchants_command
from qrpay.ledger.chart import TransferCode
from qrpay.ledger.model import AccountChange, AccountFlag
from qrpay.values import Id, id_from_text, id_text, utc_now
from tests.features.test_commands import OwnShell, shell, types
from tests.web.house import House, house
from tests.web.world import fresh

__all__ = ["shell"]


@pytest.fixture
async def home(database: Database) -> AsyncIterator[House]:
    """A house whose clock the test moves, with shops and customers of its own."""
    async with house(database, balance=100_000) as running:
        yield running


def shop_of(home: House) -> Id:
    """The shop's id."""
    merchant = id_from_text("mer_", home.api.demo.merchant.id)
    assert merchant is not None
    return merchant


async def plan(home: House, terms: FeeTerms, *, in_days: int = 0, **whom: Any) -> PlanRow:
    """Set a plan, for the shop unless `whom` says otherwise."""
    day = bank_day(home.core.clock()) + timedelta(days=in_days)
    new = NewPlan("CNY", day, terms, **(whom or {"merchant": shop_of(home)}))
    return await service.set_plan(home.core, new, "ana")


async def paid(home: House, amount: int = 1_000) -> dict[str, Any]:
    """An order that Ana has paid, as its merchant reads it."""
    order = await home.api.order(amount=amount)
    assert (await home.api.pay(home.api.ana, order)).status == 201
    told: dict[str, Any] = (await home.api.get(f"/v1/orders/{order['id']}", home.api.shop)).json
    return told


async def has(home: House) -> int:
    """What the shop can spend."""
    [line] = (await home.api.get("/v1/balance", home.api.shop)).json["data"]
    return int(line["balance"]["available"])


async def about(home: House, order: str) -> list[tuple[str, int]]:
    """All that stands about an order, oldest first."""
    id_ = id_from_text("ord_", order)
    assert id_ is not None
    found = await home.core.ledger.about_many([id_], list(TransferCode))
    return [(TransferCode(one.code).name, one.amount) for one in found[id_]]


async def test_a_fee_is_taken_and_goes_back_with_its_payment(home: House) -> None:
    """The shop has the rest at once; order, list, quote and plan agree; refunds give back their part to the cent."""
    assert (await paid(home))["fee"] == 0
    row = await plan(home, FeeTerms([Tier(rate_bp=38)]))
    order = await paid(home)
    assert (order["fee"], await has(home)) == (4, 1_996)
    listed = (await home.api.get("/v1/orders", home.api.shop)).json["data"]
    assert [one["fee"] for one in listed] == [4, 0]
    quoted = (await home.api.get("/v1/fee-plan/quote?amount=1000&currency=CNY", home.api.shop)).json
    assert (quoted["fee"], quoted["net"], quoted["plan"]) == (4, 996, id_text("fpl_", row.id))
    [shown] = (await home.api.get("/v1/fee-plan", home.api.shop)).json["data"]
    assert (shown["id"], shown["in_force"], shown["applies_to"]) == (quoted["plan"], True, "merchant")

    back = []
    for amount in (333, 333, 334):
        before = await has(home)
        ask = {"reference": fresh("F"), "amount": amount}
        assert (await home.api.post(f"/v1/orders/{order['id']}/refunds", home.api.shop, ask)).status == 201
        back.append(await has(home) - before + amount)
    assert back == [1, 2, 1]
    told = (await home.api.get(f"/v1/orders/{order['id']}", home.api.shop)).json
    assert (told["fee"], told["refunded_amount"], await has(home)) == (0, 1_000, 1_000)
    id_ = id_from_text("ord_", order["id"])
    assert id_ is not None
    assert (await service.fees_of(home.core, [id_]))[id_].returned == 4


async def test_a_shop_with_nothing_left_gives_all_back(home: House) -> None:
    """It has only what the payment left it: the fee comes back first, and refunds that race come to the payment."""
    await plan(home, FeeTerms([Tier(rate_bp=60, fixed=3)]))
    order = await paid(home, 10_000)
    assert await has(home) == 9_937
    path = f"/v1/orders/{order['id']}/refunds"
    asks = [{"reference": fresh("F"), "amount": 2_500} for _ in range(6)]
    said = await asyncio.gather(*(home.api.post(path, home.api.shop, ask) for ask in asks))
    assert sorted(one.status for one in said) == [201] * 4 + [409] * 2
    assert await has(home) == 0
    assert sum(amount for kind, amount in await about(home, order["id"]) if kind == "FEE_RETURN") == 63


async def test_what_stands_wins_over_the_plan_of_today(home: House) -> None:
    """Paid again under another plan, with one where there was none, with none where there was one: the same payment."""
    free = await home.api.order(amount=1_000)
    assert (await home.api.pay(home.api.ana, free)).status == 201
    await plan(home, FeeTerms([Tier(rate_bp=100)]))
    dear = await home.api.order(amount=1_000)
    assert (await home.api.pay(home.api.ana, dear)).status == 201
    for terms in (FeeTerms([Tier(rate_bp=50)]), FeeTerms([Tier()])):
        await plan(home, terms)
        for order in (free, dear):
            again = await home.api.pay(home.api.ana, order)
            assert (again.status, again.json["amount"]) == (200, 1_000)
            assert (await home.api.pay(home.api.bo, order)).verdict == (409, "order_paid")
    assert await about(home, free["id"]) == [("PAYMENT", 1_000)]
    assert await about(home, dear["id"]) == [("PAYMENT", 1_000), ("FEE", 10)]


async def test_a_till_that_scans_pays_the_fee_too(home: House) -> None:
    """A payment code is used, paid and charged for in one commit; the report sent again answers the same."""
    await plan(home, FeeTerms([Tier(rate_bp=100)]))
    digits, reference = await home.api.digits(home.api.ana), fresh("S")
    first = await home.api.report(home.api.shop, digits, reference=reference)
    assert (first.status, first.json["status"], first.json["fee"]) == (200, "paid", 9)
    await plan(home, FeeTerms([Tier(rate_bp=200)]))
    again = await home.api.report(home.api.shop, digits, reference=reference)
    assert (again.status, again.json["fee"]) == (200, 9)
    assert await has(home) == 871


async def test_plans_begin_on_their_day_and_the_nearest_counts(home: House) -> None:
    """A merchant's own before its category's; not before the day; never edited, and not in the past."""
    await plan(home, FeeTerms([Tier(fixed=7)]), mcc="9402")
    assert (await paid(home))["fee"] == 0, "another category"
    await plan(home, FeeTerms([Tier(fixed=2)]))
    await plan(home, FeeTerms([Tier(fixed=3)], borne_by="bank"), in_days=1)
    assert (await paid(home))["fee"] == 2
    tomorrow = bank_day(home.core.clock()) + timedelta(days=1)
    quoted = await home.api.get(f"/v1/fee-plan/quote?amount=500&currency=CNY&on={tomorrow}", home.api.shop)
    assert (quoted.json["fee"], quoted.json["net"], quoted.json["borne_by"]) == (3, 500, "bank")
    home.clock.move(days=1)
    order = await paid(home)
    assert (order["fee"], (await about(home, order["id"]))[1]) == (0, ("FEE_BORNE", 3))
    with pytest.raises(Exception, match="fee_plan_in_the_past"):
        await plan(home, FeeTerms([Tier()]), in_days=-1)


async def test_a_closed_merchant_gives_back_without_its_fee(home: House) -> None:
    """It takes nothing any more, not even its fee; its payer has all back. Revived, the next refund makes up for it."""
    await plan(home, FeeTerms([Tier(rate_bp=100)]))
    order = await paid(home)
    await paid(home)
    account = merchants.account_of(shop_of(home), "CNY")
    path = f"/v1/orders/{order['id']}/refunds"
    await home.core.ledger.change_accounts([AccountChange(account, int(AccountFlag.CREDITS_FROZEN))])
    said = await home.api.post(path, home.api.shop, {"reference": fresh("F"), "amount": 500})
    assert (said.status, said.json["status"], await has(home)) == (201, "succeeded", 1_480)
    await home.core.ledger.change_accounts([AccountChange.unfrozen(account)])
    assert (await home.api.post(path, home.api.shop, {"reference": fresh("F")})).status == 201
    assert await has(home) == 990


async def test_the_fee_checks_hold(home: House) -> None:
    """Every fee of this database is what its plan says, and went back by its part."""
    await plan(home, FeeTerms([Tier(rate_bp=60, fixed=1), Tier(10_000, 38)], minimum=2, rounding="half_even"))
    for amount in (1, 750, 9_999, 12_345):
        await paid(home, amount)
    assert [row for check in store.STATEMENTS.checks for row in await home.core.database.fetch(check)] == []


def test_plans_on_the_command_line(shell: OwnShell) -> None:
    """Set, shown, reckoned, the category's plan before the one for all; who it is for must be said."""
    result = CliRunner().invoke(fees_command, ["plan", "--rate-bp", "38"], obj=shell)
    assert (result.exit_code, "--merchant" in result.output) == (2, True)
    printed = types(shell, merchants_command, "add", "Tea", "--mcc", "5411")
    shop = next(word for word in printed if word.startswith("mer_"))
    today = str(bank_day(utc_now()))
    for_all = ("--all", "--tier", "0:60", "--tier", "10000:38:1", "--maximum", "1300", "--from", today)
    assert "0.60" in types(shell, fees_command, "plan", *for_all)
    assert "0.62" in types(shell, fees_command, "quote", shop, "16000")
    types(shell, fees_command, "plan", "--mcc", "5411", "--fixed", "2", "--from", today)
    assert "0.02" in types(shell, fees_command, "quote", shop, "16000")
    assert {"mcc", "all", "*"} <= set(types(shell, fees_command, "show", shop))
