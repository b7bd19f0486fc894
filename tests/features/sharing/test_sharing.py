"""Sharing over HTTP: in the payment's commit or later, with fees and refunds; every cent is somewhere, once."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from qrpay.core import Core
from qrpay.database.pool import Database
from qrpay.features.calendar.service import bank_day
from qrpay.features.e_accounts import service as e_accounts
from qrpay.features.e_accounts.model import NO_CAPS, NewCustomer
from qrpay.features.fees import service as fees
from qrpay.features.fees.model import FeeTerms, NewPlan, Tier
from qrpay.features.merchants import service as merchants
from qrpay.features.sharing import acts, store
from qrpay.ledger.model import AccountChange, AccountFlag
from qrpay.values import Id, id_from_text, id_text, new_id
from tests.web.house import House, house
from tests.web.world import Api, Said, fresh, nothing_moves


@pytest.fixture
async def home(database: Database) -> AsyncIterator[House]:
    """A house with shops and customers of its own; the shop pays 1 % of what it is paid."""
    async with house(database, balance=100_000, sharing_max_bp=5_000) as running:
        terms = FeeTerms([Tier(rate_bp=100)])
        plan = NewPlan("CNY", bank_day(running.core.clock()), terms, merchant=idof(running.api.demo.merchant.id))
        await fees.set_plan(running.core, plan, "ana")
        yield running


def idof(text: str) -> Id:
    """The id in a text."""
    found = id_from_text(text[:4], text)
    assert found is not None
    return found


async def receiver(api: Api, **whom: str) -> str:
    """Somebody to share with."""
    said = await api.post("/v1/receivers", api.shop, {"reference": fresh("W"), **whom})
    assert said.status == 201, said.body
    return str(said.json["id"])


async def both(api: Api) -> tuple[str, str]:
    """The other shop and Bo, as receivers."""
    shop = await receiver(api, merchant=api.demo.other_merchant.id)
    return shop, await receiver(api, account=api.demo.customers[1].account)


async def shared(api: Api, how: dict[str, Any], amount: int = 10_000) -> str:
    """An order that is shared so, paid by Ana."""
    order = await api.order(amount=amount)
    said = await api.post(f"/v1/orders/{order['id']}/sharing", api.shop, how)
    assert (said.status, said.json["status"]) == (200, "planned"), said.body
    assert (await api.pay(api.ana, order)).status == 201
    return str(order["id"])


async def refund(api: Api, order: str, **ask: Any) -> Said:
    """The shop gives back."""
    return await api.post(f"/v1/orders/{order}/refunds", api.shop, {"reference": fresh("F"), **ask})


async def has(api: Api, key: str) -> int:
    """What a shop can spend."""
    lines = (await api.get("/v1/balance", key)).json["data"]
    return int(lines[0]["balance"]["available"]) if lines else 0


async def has_held(core: Core, api: Api) -> int:
    """What is held of the shop for sharing."""
    account = acts.account_of(idof(api.demo.merchant.id), "CNY")
    row = (await core.ledger.lookup_accounts([account]))[account]
    return row.credits_posted - row.debits_posted


async def everybody(home: House) -> tuple[int, int, int, int]:
    """What shop, other shop, Bo and the sharing account have."""
    api = home.api
    return (
        await has(api, api.shop),
        await has(api, api.other_shop),
        await api.available(api.bo),
        await has_held(home.core, api),
    )


async def test_shares_leave_in_the_payments_commit_and_come_back_with_refunds(home: House) -> None:
    """By ratio and by amount; paid again it is the same; refunds take back each part, and all in the end."""
    api = home.api
    shop, bo = await both(api)
    how = {"shares": [{"receiver": shop, "ratio_bp": 3_333}, {"receiver": bo, "amount": 1_000}]}
    order = await shared(api, how)
    assert await everybody(home) == (9_900 - 3_299 - 1_000, 3_299, 101_000, 0)
    again = await api.post("/v1/payments", api.ana, {"order": order})
    assert (again.status, (await everybody(home))[1]) == (200, 3_299)
    told = (await api.get(f"/v1/orders/{order}/sharing", api.shop)).json
    assert (told["status"], told["amount"], [one["amount"] for one in told["shares"]]) == (
        "finished",
        9_900,
        [3_299, 1_000],
    )
    line = (await api.get(f"/v1/accounts/{api.demo.customers[1].account}/entries?limit=1", api.bo)).json["data"][0]
    assert (line["kind"], line["amount"], line["order"]) == ("share", 1_000, order)

    assert (await refund(api, order, amount=3_333)).status == 201
    assert await everybody(home) == (5_601 - 3_333 + 33 + 1_100 + 333, 3_299 - 1_100, 101_000 - 333, 0)
    assert (await refund(api, order)).status == 201
    assert await everybody(home) == (0, 0, 100_000, 0)
    assert [row for check in store.SQL.checks for row in await home.core.database.fetch(check)] == []


async def test_what_is_held_is_shared_later_and_the_rest_released(home: House) -> None:
    """Nothing is the shop's before; within the bank's limit; sent again the same; racing requests share it once."""
    api = home.api
    shop, bo = await both(api)
    order = await shared(api, {"hold": True})
    assert await everybody(home) == (0, 0, 100_000, 9_900)
    path = f"/v1/orders/{order}/shares"
    ask = {"reference": fresh("S"), "shares": [{"receiver": shop, "ratio_bp": 1_000}, {"receiver": bo, "ratio_bp": 1}]}
    first = await api.post(path, api.shop, ask)
    assert (first.status, first.json["held"]) == (201, 9_900 - 990)
    again = await api.post(path, api.shop, ask)
    assert (again.json, again.headers["Idempotent-Replayed"]) == (first.json, "true")
    other = {**ask, "shares": [{"receiver": shop, "amount": 5}]}
    assert (await api.post(path, api.shop, other)).verdict == (409, "reference_reused")

    asks = [{"reference": fresh("S"), "shares": [{"receiver": bo, "amount": 1_000}]} for _ in range(6)]
    said = await asyncio.gather(*(api.post(path, api.shop, one) for one in asks))
    assert sorted(one.status for one in said) == [201] * 3 + [409] * 3, "half of what was paid may be shared"
    too_much = next(one for one in said if one.status == 409)
    assert (too_much.code, too_much.json["shareable"]) == ("sharing_exceeds", 960)
    finished = await api.post(f"{path}/finish", api.shop)
    assert (finished.json["status"], finished.json["held"]) == ("finished", 0)
    assert await everybody(home) == (9_900 - 3_990, 990, 103_000, 0)
    assert (await api.post(f"{path}/finish", api.shop)).headers["Idempotent-Replayed"] == "true"


async def test_refunds_and_shares_race_for_what_is_held(home: House) -> None:
    """Whatever wins, the payer has what was given back, nobody has a cent twice, and nothing is left behind."""
    api = home.api
    shop, _ = await both(api)
    order = await shared(api, {"hold": True})
    share = {"shares": [{"receiver": shop, "amount": 700}]}
    said = await asyncio.gather(
        *(api.post(f"/v1/orders/{order}/shares", api.shop, {"reference": fresh("S"), **share}) for _ in range(4)),
        *(refund(api, order, amount=2_500) for _ in range(4)),
    )
    assert all(one.status in (201, 409) for one in said), [one.body for one in said]
    assert [one.status for one in said[4:]] == [201] * 4
    assert await everybody(home) == (0, 0, 100_000, 0)


async def test_a_receiver_that_cannot_take_or_give_stops_neither_payer_nor_refund(home: House) -> None:
    """Its share is held, and shared later; what it has spent, the shop gives back and claws back when it is there."""
    api = home.api
    shop, bo = await both(api)
    bo_account = idof(api.demo.customers[1].account)
    await home.core.ledger.change_accounts([AccountChange(bo_account, int(AccountFlag.CREDITS_FROZEN))])
    order = await shared(api, {"shares": [{"receiver": bo, "amount": 1_000}, {"receiver": shop, "amount": 500}]})
    assert await everybody(home) == (8_400, 0, 100_000, 1_500)
    path = f"/v1/orders/{order}/shares"
    ask = {"reference": fresh("S"), "shares": [{"receiver": bo, "amount": 1_000}, {"receiver": shop, "amount": 500}]}
    async with nothing_moves(api):
        refused = await api.post(path, api.shop, ask)
        assert (refused.verdict, refused.json["receiver"]) == ((422, "receiver_cannot_take"), bo)
    await home.core.ledger.change_accounts([AccountChange.unfrozen(bo_account)])
    given = await api.post(path, api.shop, ask)
    assert (given.status, given.json["status"]) == (201, "finished")
    share = next(one["id"] for one in given.json["shares"] if one["receiver"] == shop)

    assert (await api.pay(api.ana, await api.order(amount=1_000))).status == 201
    other = merchants.account_of(idof(api.demo.other_merchant.id), "CNY")
    await home.core.ledger.change_accounts([AccountChange(other, int(AccountFlag.DEBITS_FROZEN))])
    assert (await refund(api, order)).status == 201
    assert await everybody(home) == (490, 500, 100_000, 0)
    claw, path = {"reference": fresh("C")}, f"/v1/shares/{share}/clawback"
    assert (await api.post(path, api.shop, claw)).verdict == (422, "receiver_cannot_take")
    await home.core.ledger.change_accounts([AccountChange.unfrozen(other)])
    back = await api.post(path, api.shop, claw)
    assert (back.status, back.json["returned_amount"]) == (200, 500)
    assert (await api.post(path, api.shop, claw)).json == back.json
    assert (await api.post(path, api.shop, {"reference": fresh("C")})).verdict == (409, "clawback_exceeds_share")
    assert await everybody(home) == (990, 0, 100_000, 0)


async def test_what_cannot_be_shared_is_refused(home: House) -> None:
    """Each with its reason, and nothing moves: too much, twice, to oneself, too late, of somebody else's order."""
    api = home.api
    shop, bo = await both(api)
    own = await api.post("/v1/receivers", api.shop, {"reference": fresh("W"), "merchant": api.demo.merchant.id})
    assert own.verdict == (422, "receivers_same")
    order = await api.order(amount=1_000)
    path = f"/v1/orders/{order['id']}/sharing"
    async with nothing_moves(api):
        for how, verdict in (
            ({"shares": [{"receiver": bo, "amount": 501}]}, (409, "sharing_exceeds")),
            ({"shares": [{"receiver": bo, "amount": 1}, {"receiver": bo, "amount": 1}]}, (422, "invalid_field")),
            ({"shares": [{"receiver": bo}]}, (422, "invalid_field")),
            ({"shares": [{"receiver": bo, "amount": 1}] * 51}, (422, "invalid_field")),
            ({}, (422, "invalid_field")),
        ):
            assert (await api.post(path, api.shop, how)).verdict == verdict, how
        assert (await api.post(path, api.other_shop, {"hold": True})).verdict == (404, "not_found")
    assert (await api.post(path, api.shop, {"hold": True})).status == 200
    assert (await api.post(path, api.shop, {"hold": True})).status == 200
    changed = {"shares": [{"receiver": shop, "amount": 1}]}
    assert (await api.post(path, api.shop, changed)).verdict == (409, "sharing_decided")
    plain = await api.order(amount=1_000)
    assert (await api.pay(api.ana, plain)).status == 201
    assert (await api.post(f"/v1/orders/{plain['id']}/sharing", api.shop, changed)).verdict == (409, "order_paid")
    shares = {"reference": fresh("S"), **changed}
    assert (await api.post(f"/v1/orders/{plain['id']}/shares", api.shop, shares)).verdict == (409, "order_not_shared")
    assert (await api.post(f"/v1/receivers/{shop}/remove", api.shop)).json["removed_at"]
    gone = await api.order(amount=1_000)
    assert (await api.post(f"/v1/orders/{gone['id']}/sharing", api.shop, changed)).verdict == (422, "invalid_field")
    assert [one["id"] for one in (await api.get("/v1/receivers", api.shop)).json["data"]] == [bo, shop]


async def test_fifty_receivers_share_in_one_commit(home: House) -> None:
    """Each by its ratio, and the cents go to the largest remainders."""
    api = home.api
    named = [await receiver(api, account=(await a_customer(home))) for _ in range(50)]
    order = await shared(api, {"shares": [{"receiver": one, "ratio_bp": 99} for one in named]}, amount=10_101)
    told = (await api.get(f"/v1/orders/{order}/sharing", api.shop)).json
    assert sorted(one["amount"] for one in told["shares"]) == [99] * 50
    assert await has(api, api.shop) == 10_000 - 50 * 99


async def a_customer(home: House) -> str:
    """A new customer's account."""
    phone = f"13{new_id().int % 10**9:09d}"
    opened = await e_accounts.add_customer(home.core, NewCustomer(name="Cai", phone=phone, pin="246810", caps=NO_CAPS))
    return id_text("acc_", opened.account.id)
