"""A payer whose account cannot take a refund: the money waits, is tried again, or goes to another account; row 24."""

import asyncio
from typing import Any

import msgspec
import pytest

from qrpay.database.pool import Database
from qrpay.features.e_accounts import service as e_accounts
from qrpay.features.e_accounts.model import NO_CAPS, Caps
from qrpay.features.merchants import service as merchants
from qrpay.features.refunds import held, store
from qrpay.ledger.model import AccountChange, Transfer
from qrpay.values import Id, id_from_text, id_text, new_id
from tests.features.refunds.test_refunds import paid, refund, run_checks, shop_has
from tests.web.house import House, house
from tests.web.world import Api, fresh, nothing_moves


def account_of(api: Api) -> Id:
    """Ana's account."""
    account = id_from_text("acc_", api.demo.customers[0].account)
    assert account
    return account


async def tried(home: House, **later: float) -> None:
    """The job runs, so much later."""
    home.clock.move(**later)
    while await held.retry(home.core):
        pass


CHANGES = [
    ("account_frozen", AccountChange.frozen, {"credits_too": True}, AccountChange.unfrozen),
    ("account_closed", AccountChange.closed, {}, AccountChange.reopened),
]


@pytest.mark.parametrize(("because", "change", "how", "back"), CHANGES, ids=[row[0] for row in CHANGES])
async def test_an_account_that_takes_nothing(
    database: Database, because: str, change: Any, how: dict[str, bool], back: Any
) -> None:
    """Frozen or closed: the shop has given it back, the payer is told why it waits, and has it as soon as it can."""
    async with house(database) as home:
        api, account = home.api, account_of(home.api)
        order = await paid(api)
        await home.core.ledger.change_accounts([change(account, **how)])
        before = await api.available(api.ana)
        ask = {"reference": fresh("F"), "amount": 300, "reason": "cold"}
        made = await api.post(f"/v1/orders/{order}/refunds", api.shop, ask)
        assert (made.status, made.json["status"], made.json["succeeded_at"]) == (201, "pending", None)
        assert await shop_has(api) == 700
        assert (await api.get(f"/v1/orders/{order}", api.shop)).json["refunded_amount"] == 300
        again = await api.post(f"/v1/orders/{order}/refunds", api.shop, ask)
        assert (again.status, again.json, await shop_has(api)) == (201, made.json, 700)
        [waits] = (await api.get("/v1/held-refunds", api.ana)).json["data"]
        assert (waits["refund"], waits["amount"], waits["because"]) == (made.json["id"], 300, because)
        assert (waits["status"], waits["reason"], waits["payee"]["name"]) == ("pending", "cold", "Tea")
        assert (await api.get("/v1/held-refunds", api.bo)).json["data"] == []
        await tried(home, seconds=held.FIRST_PAUSE_S + 1)
        assert (await api.get(f"/v1/refunds/{made.json['id']}", api.shop)).json["status"] == "pending"
        await home.core.ledger.change_accounts([back(account)])
        await tried(home, seconds=held.PAUSE_S_MAX)
        done = (await api.get(f"/v1/refunds/{made.json['id']}", api.shop)).json
        assert (done["status"], done["succeeded_at"] is None) == ("succeeded", False)
        assert await api.available(api.ana) == before + 300
        assert (await api.get("/v1/held-refunds", api.ana)).json["data"] == []
        await tried(home, seconds=held.PAUSE_S_MAX)
        assert await api.available(api.ana) == before + 300
        assert await run_checks(home.core) == []


async def test_a_full_wallet_takes_it_into_another_account(database: Database) -> None:
    """Above the balance cap the refund waits whole; another account of the payer takes it, once, and no other does."""
    async with house(database, balance=2_000, caps=Caps(balance=2_000)) as home:
        api, core = home.api, home.core
        order = await paid(api, amount=500)
        await e_accounts.top_up(core, account_of(api), 499, fresh("T"))
        made = await refund(api, order, amount=500)
        assert (made.status, made.json["status"]) == (201, "pending")
        path = f"/v1/held-refunds/{made.json['id']}/claim"
        customer = id_from_text("cus_", api.demo.customers[0].id)
        assert customer
        other = await e_accounts.open_account(core, customer, "II", "CNY", NO_CAPS)
        dollars = await e_accounts.open_account(core, customer, "II", "USD", NO_CAPS)
        other_text = id_text("acc_", other.id)
        async with nothing_moves(api):
            full = await api.post(path, api.ana)
            assert (full.verdict, full.json["left"]) == ((422, "balance_cap_exceeded"), 1)
            wrong = await api.post(path, api.ana, {"account": id_text("acc_", dollars.id)})
            assert wrong.verdict == (422, "currency_mismatch")
            bos = await api.post(path, api.ana, {"account": api.demo.customers[1].account})
            assert bos.verdict == (404, "not_found")
            assert (await api.post(path, api.bo)).verdict == (404, "not_found")
            bad = await api.post(path, api.ana, {"account": "acc_" + "!" * 26})
            assert (bad.verdict, bad.places) == ((422, "invalid_field"), ["/account"])
            assert (await api.post(path, api.shop)).verdict == (403, "wrong_caller")
        answers = await asyncio.gather(*(api.post(path, api.ana, {"account": other_text}) for _ in range(10)))
        assert {said.status for said in answers} == {200}
        assert len({said.body for said in answers}) == 1
        assert answers[0].json["account"] == other_text
        second = await api.post(path, api.ana)
        assert second.verdict == (409, "refund_not_held")
        found = (await core.ledger.lookup_accounts([other.id]))[other.id]
        assert found.credits_posted == 500
        await tried(home, seconds=held.PAUSE_S_MAX)
        done = (await api.get(f"/v1/refunds/{made.json['id']}", api.shop)).json
        assert done["status"] == "succeeded"
        assert await run_checks(core) == []


async def test_a_refund_that_is_taken_at_once_does_not_wait(api: Api) -> None:
    """Nobody claims what has arrived: 404, as for one that never was."""
    order = await paid(api)
    made = await refund(api, order, amount=1)
    said = await api.post(f"/v1/held-refunds/{made.json['id']}/claim", api.ana)
    assert said.verdict == (404, "not_found")


async def test_a_worker_that_dies_on_the_way_leaves_nothing_behind(database: Database) -> None:
    """Its story is kept and its money is not set aside: the retry of the job ends it, the merchant's begins it anew."""
    async with house(database) as home:
        api, core, account = home.api, home.core, account_of(home.api)
        order = await paid(api)
        made = await refund(api, order, amount=100)
        id = id_from_text("ref_", made.json["id"])
        assert id
        row = msgspec.structs.replace((await store.by_id(core.database, [id]))[id], id=new_id(), reference=fresh("F"))
        await store.keep(core.database, [row])
        await core.ledger.change_accounts([AccountChange.closed(account)])
        never_posted = Transfer(new_id(), new_id(), account, 100, 14, 156, about=row.order)
        refused = await core.ledger.post(msgspec.structs.replace(never_posted, debit=(await _shop(home))))
        await held.set_aside(core, row, never_posted, refused)
        async with nothing_moves(api):
            await tried(home, seconds=held.FIRST_PAUSE_S + 1)
        assert (await api.get("/v1/held-refunds", api.ana)).json["data"] == []
        ask = {"reference": row.reference, "amount": 100}
        again = await api.post(f"/v1/orders/{order}/refunds", api.shop, ask)
        assert (again.status, again.json["status"]) == (201, "pending")
        await core.ledger.change_accounts([AccountChange.reopened(account)])
        before = await api.available(api.ana)
        await tried(home, seconds=held.FIRST_PAUSE_S + 1)
        assert await api.available(api.ana) == before + 100


async def _shop(home: House) -> Id:
    shop = id_from_text("mer_", home.api.demo.merchant.id)
    assert shop
    return merchants.account_of(shop, "CNY")
