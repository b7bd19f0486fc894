"""Giving back over HTTP: what a refund moves, what is refused, and that the sum never passes the payment (43 to 46)."""

import asyncio
from base64 import urlsafe_b64decode
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from qrpay.core import Core
from qrpay.database.pool import Database
from qrpay.features.e_accounts.model import Caps
from qrpay.features.merchants import service as merchants
from qrpay.features.merchants.keys import check_secret
from qrpay.features.refunds import service, store
from qrpay.ledger.chart import TransferCode
from qrpay.ledger.model import AccountChange, Transfer
from qrpay.values import Id, id_from_text, id_text, new_id
from tests.features.merchants.test_tills import a_till, somebody
from tests.web.house import House, house
from tests.web.world import Api, Said, fresh, nothing_moves, verdicts


@pytest.fixture
async def home(database: Database) -> AsyncIterator[House]:
    """A house whose clock the test moves, with shops and customers of its own."""
    async with house(database, balance=100_000) as running:
        yield running


async def paid(api: Api, amount: int = 1_000, **more: Any) -> str:
    """An order that Ana has paid."""
    order = await api.order(amount=amount, **more)
    assert (await api.pay(api.ana, order)).status == 201
    return str(order["id"])


async def refund(api: Api, order: str, key: str = "", **ask: Any) -> Said:
    """The shop gives something back."""
    return await api.post(f"/v1/orders/{order}/refunds", key or api.shop, {"reference": fresh("F"), **ask})


async def shop_has(api: Api) -> int:
    """What the shop can spend."""
    data = (await api.get("/v1/balance", api.shop)).json["data"]
    return int(data[0]["balance"]["available"]) if data else 0


async def test_parts_go_back_where_they_came_from(home: House) -> None:
    """Parts, then the rest: the payer has them, the shop has not, and order, payment, receipt and history say so."""
    api = home.api
    order = await paid(api)
    ana, shop = await api.available(api.ana), await shop_has(api)
    first = await refund(api, order, amount=300, reason="one was cold")
    assert first.status == 201
    assert first.json == {
        "id": first.json["id"], "order": order, "reference": first.json["reference"], "amount": 300, "currency": "CNY",
        "status": "succeeded", "reason": "one was cold", "failure": None, "created_at": first.json["created_at"],
        "succeeded_at": first.json["succeeded_at"],
    }  # fmt: skip
    assert (await api.get(f"/v1/refunds/{first.json['id']}", api.shop)).json == first.json
    rest = await refund(api, order)
    assert (rest.status, rest.json["amount"]) == (201, 700)
    assert (await api.available(api.ana), await shop_has(api)) == (ana + 1_000, shop - 1_000)

    told = (await api.get(f"/v1/orders/{order}", api.shop)).json
    assert (told["status"], told["refunded_amount"]) == ("paid", 1_000)
    listed = (await api.get(f"/v1/orders?reference={told['reference']}", api.shop)).json["data"]
    assert [one["refunded_amount"] for one in listed] == [1_000]
    payment = (await api.get(f"/v1/payments/{order}", api.ana)).json
    history = (await api.get("/v1/payments", api.ana)).json["data"]
    assert (payment["refunded_amount"], history[0]["refunded_amount"]) == (1_000, 1_000)
    again = await api.post("/v1/payments", api.ana, {"order": order})
    assert (again.status, again.json["refunded_amount"]) == (200, 1_000)
    receipt = (await api.get(f"/v1/receipts/{order}")).body.split(b".")[1]
    assert b'"refunded_amount":1000' in urlsafe_b64decode(receipt + b"==")
    account = api.demo.customers[0].account
    lines = (await api.get(f"/v1/accounts/{account}/entries?limit=2", api.ana)).json["data"]
    assert [(line["kind"], line["direction"], line["amount"], line["order"]) for line in lines] == [
        ("refund", "credit", 700, order),
        ("refund", "credit", 300, order),
    ]
    assert lines[0]["counterparty"] == "Tea"
    of_order = (await api.get(f"/v1/orders/{order}/refunds?limit=1", api.shop)).json
    assert of_order["data"] == [rest.json]
    more = (await api.get(f"/v1/orders/{order}/refunds?cursor={of_order['next_cursor']}", api.shop)).json
    assert more == {"data": [first.json], "next_cursor": None}
    assert (await api.get("/v1/refunds?limit=2", api.shop)).json["data"] == [rest.json, first.json]


async def test_the_same_reference_is_the_same_refund(home: House) -> None:
    """Repeated, also a hundred times at once and after the order's time, it answers alike; with other content it is
    refused and says what differs (rows 39 and 45)."""
    api = home.api
    order, other = await paid(api), await paid(api)
    ask = {"reference": fresh("F"), "amount": 400}
    answers = await asyncio.gather(*(api.post(f"/v1/orders/{order}/refunds", api.shop, ask) for _ in range(100)))
    assert {said.status for said in answers} == {201}
    assert len({said.body for said in answers}) == 1
    assert sum("Idempotent-Replayed" not in said.headers for said in answers) == 1
    told = (await api.get(f"/v1/orders/{order}", api.shop)).json
    assert told["refunded_amount"] == 400
    home.clock.move(days=500)
    late = await api.post(f"/v1/orders/ref:{told['reference']}/refunds", api.shop, ask)
    assert (late.status, late.json, late.headers["Idempotent-Replayed"]) == (201, answers[0].json, "true")
    home.clock.move(days=-500)
    async with nothing_moves(api):
        said = await api.post(f"/v1/orders/{order}/refunds", api.shop, {**ask, "amount": 401, "reason": "x"})
        assert (said.verdict, said.places) == ((409, "reference_reused"), ["/amount", "/reason"])
        assert "400" in said.json["errors"][0]["detail"] and "401" in said.json["errors"][0]["detail"]
        assert said.json["refund"] == answers[0].json["id"]
        said = await api.post(f"/v1/orders/{other}/refunds", api.shop, ask)
        assert (said.verdict, said.places) == ((409, "reference_reused"), ["order"])
        said = await api.post(f"/v1/orders/{order}/refunds", api.shop, {"reference": ask["reference"]})
        assert (said.verdict, said.places) == ((409, "reference_reused"), ["/amount"])


async def test_what_cannot_be_given_back(home: House) -> None:
    """Not paid, closed, too late, too much, another's, another currency: refused, nothing moves (43 to 45)."""
    api = home.api
    order, open_, closed = await paid(api), await api.order(), await api.order()
    assert (await api.post(f"/v1/orders/{closed['id']}/close", api.shop)).status == 200
    async with nothing_moves(api):
        assert (await refund(api, open_["id"])).verdict == (409, "order_not_paid")
        assert (await refund(api, closed["id"])).verdict == (409, "order_not_paid")
        too_much = await refund(api, order, amount=1_001)
        assert (too_much.verdict, too_much.json["refundable"]) == ((409, "refund_exceeds_payment"), 1_000)
        assert (await refund(api, order, key=api.other_shop)).verdict == (404, "not_found")
        assert (await refund(api, order, key=api.ana)).verdict == (403, "wrong_caller")
        assert (await api.get(f"/v1/orders/{order}/refunds", api.other_shop)).verdict == (404, "not_found")
        for field in ("currency", "account", "fee", "status"):
            said = await refund(api, order, **{field: "CNY"})
            assert (said.verdict, said.places) == ((422, "unknown_field"), [f"/{field}"])
        for amount in (0, -1, 1.5, "10", True, 10**12):
            assert (await refund(api, order, amount=amount)).verdict == (422, "invalid_field"), amount
        for reference in ("", "a b", "x" * 65, "é"):
            assert (await refund(api, order, reference=reference)).verdict == (422, "invalid_field"), reference
        for path in ("ref_0", "ord_" + "0" * 26, "ref_" + "0" * 26):
            assert (await api.get(f"/v1/refunds/{path}", api.shop)).verdict == (404, "not_found")
        bad = await api.get("/v1/refunds?cursor=nonsense", api.shop)
        assert (bad.verdict, bad.places) == ((422, "invalid_field"), ["cursor"])
        home.clock.move(days=365)
        late = await refund(api, order)
        assert late.verdict == (422, "refund_window_over")
        assert late.json["until"][:10] in late.json["detail"]
    assert (await api.get(f"/v1/orders/{order}/refunds", api.shop)).json["data"] == [], "no refusal begins a story"
    home.clock.move(days=-1)
    made = await refund(api, order)
    assert made.status == 201
    assert (await api.get(f"/v1/refunds/{made.json['id']}", api.other_shop)).verdict == (404, "not_found")
    over = await refund(api, order)
    assert (over.verdict, over.json["refundable"]) == ((409, "refund_exceeds_payment"), 0)


async def test_fifty_at_once_never_pass_the_payment(home: House) -> None:
    """Fifty clerks, each for a third of what was paid, and each asking twice: three pass, the sum is exact (row 44)."""
    api = home.api
    order = await paid(api, amount=900)
    before = await api.available(api.ana)
    asks = [{"reference": fresh("F"), "amount": 300} for _ in range(50)] * 2
    answers = await asyncio.gather(*(api.post(f"/v1/orders/{order}/refunds", api.shop, ask) for ask in asks))
    passed = {said.json["reference"] for said in answers if said.status == 201}
    assert len(passed) == 3
    assert {said.verdict for said in answers if said.status != 201} == {(409, "refund_exceeds_payment")}
    assert await api.available(api.ana) == before + 900
    assert await run_checks(home.core) == []


async def test_an_order_is_given_back_fifty_times_at_most(home: House) -> None:
    """The fifty-first refund is refused, whatever is left (row 44)."""
    api = home.api
    order = await paid(api, amount=100)
    answers = await asyncio.gather(*(refund(api, order, amount=1) for _ in range(60)))
    assert verdicts(answers) == [(201, "")] * 50 + [(409, "refund_exceeds_payment")] * 10
    last = await refund(api, order, amount=1)
    assert (last.verdict, last.json["refundable"], last.json["count_max"]) == ((409, "refund_exceeds_payment"), 0, 50)


async def run_checks(core: Core) -> list[str]:
    """The names of this feature's checks that found something."""
    return [check.name for check in store.SQL.checks if await core.database.fetch(check)]


async def test_a_shop_that_is_short_hears_what_is_missing(home: House) -> None:
    """It is told the figures and nothing moves; once more has come in, the same request passes (row 46)."""
    api = home.api
    order = await paid(api, amount=1_000)
    await drain(home, 400)
    ask = {"reference": fresh("F"), "amount": 1_000}
    async with nothing_moves(api):
        short = await api.post(f"/v1/orders/{order}/refunds", api.shop, ask)
    assert short.verdict == (422, "merchant_balance_insufficient")
    figures = {name: short.json[name] for name in ("amount", "available", "missing", "currency")}
    assert figures == {"amount": 1_000, "available": 400, "missing": 600, "currency": "CNY"}
    [failed] = (await api.get(f"/v1/orders/{order}/refunds", api.shop)).json["data"]
    assert (failed["status"], failed["failure"]) == ("failed", "merchant_balance_insufficient")
    await paid(api, amount=600)
    passed = await api.post(f"/v1/orders/{order}/refunds", api.shop, ask)
    assert (passed.status, passed.json["status"]) == (201, "succeeded")
    assert "Idempotent-Replayed" not in passed.headers
    assert (await api.get(f"/v1/refunds/{passed.json['id']}", api.shop)).json == passed.json
    assert await shop_has(api) == 0


async def drain(home: House, left: int) -> None:
    """Let the shop have only so much: the rest leaves, as by a settlement."""
    extra = await shop_has(home.api) - left
    shop = id_from_text("mer_", home.api.demo.merchant.id)
    other_shop = id_from_text("mer_", home.api.demo.other_merchant.id)
    assert shop and other_shop
    away = Transfer(
        new_id(), merchants.account_of(shop, "CNY"), merchants.account_of(other_shop, "CNY"), extra,
        TransferCode.HOLD, 156,
    )  # fmt: skip
    assert (await home.core.ledger.post(away)).result.stands


async def test_a_frozen_shop_gives_nothing_back(home: House) -> None:
    """Its account may not be debited: refused by name, and nothing moves (row 22)."""

    api = home.api
    order = await paid(api)
    shop = id_from_text("mer_", api.demo.merchant.id)
    assert shop
    account = merchants.account_of(shop, "CNY")
    await home.core.ledger.change_accounts([AccountChange.frozen(account, credits_too=False)])
    async with nothing_moves(api):
        assert (await refund(api, order)).verdict == (409, "account_frozen")
    await home.core.ledger.change_accounts([AccountChange.unfrozen(account)])


async def test_a_refund_restores_no_cap(database: Database) -> None:
    """What a payment used of the day's cap stays used (rules.md 3)."""
    async with house(database, balance=10_000, caps=Caps(day=1_000)) as home:
        order = await paid(home.api, amount=1_000)
        assert (await refund(home.api, order)).status == 201
        again = await home.api.pay(home.api.ana, await home.api.order(amount=1))
        assert (again.verdict, again.json["used"]) == ((422, "cap_exceeded"), 1_000)


async def _ahead(home: House) -> None:
    """Later than any other test, whose clock is its own, has swept to in the same tables."""
    swept, _ = await store.unfinished(home.core.database, home.clock(), 1)
    home.clock.move(seconds=max(0.0, (swept - home.clock()).total_seconds()) + 1)


async def test_what_was_left_unfinished_is_finished(home: House) -> None:
    """A worker died between story and money: the sweep gives it back, once, and the merchant's repeat finds it."""
    api, core = home.api, home.core
    await _ahead(home)
    order = await paid(api)
    made = await refund(api, order, amount=100)
    id = id_from_text("ref_", made.json["id"])
    assert id
    row = (await store.by_id(core.database, [id]))[id]

    lost = replace(row, id=new_id(), reference=fresh("F"), amount=200)
    hopeless = replace(row, id=new_id(), reference=fresh("F"), amount=901)
    await store.keep(core.database, [lost, hopeless])
    before = await api.available(api.ana)
    assert (await api.get(f"/v1/refunds/{ref(lost.id)}", api.shop)).json["status"] == "pending"
    home.clock.move(seconds=service.SWEEP_LAG_S + 1)
    while await service.sweep(core):
        pass
    assert await api.available(api.ana) == before + 200
    assert (await api.get(f"/v1/refunds/{ref(lost.id)}", api.shop)).json["status"] == "succeeded"
    refused = (await api.get(f"/v1/refunds/{ref(hopeless.id)}", api.shop)).json
    assert (refused["status"], refused["failure"]) == ("failed", "refund_exceeds_payment")
    ask = {"reference": lost.reference, "amount": 200}
    again = await api.post(f"/v1/orders/{order}/refunds", api.shop, ask)
    assert (again.status, again.headers["Idempotent-Replayed"]) == (201, "true")


def ref(id: Id) -> str:
    """A refund's id in text."""
    return id_text("ref_", id)


async def test_the_shop_is_told(api: Api) -> None:
    """`refund.succeeded` holds the refund, word for word as it was answered."""
    order = await paid(api)
    made = await refund(api, order, amount=250, reason="cold")
    found: list[Any] = []
    after = ""
    async with asyncio.timeout(15):
        while not found:
            page = (await api.get(f"/v1/events?limit=100&wait=5{after}", api.shop)).json["data"]
            found = [event for event in page if event["type"] == "refund.succeeded" and event["data"] == made.json]
            after = f"&after={page[-1]['id']}" if page else after


async def test_the_payers_stream_hears_it(api: Api) -> None:
    """`payment.refunded` reaches the wallet that is looking, with shop, amount and account."""

    order = await paid(api)
    async with api.http.get(
        f"{api.demo.base_url}/v1/events/stream", headers={"Authorization": f"Bearer {api.ana}"}
    ) as stream:
        made = await refund(api, order, amount=250, reason="cold")
        async with asyncio.timeout(15):
            async for raw in stream.content:
                if raw.startswith(b"data: ") and made.json["id"].encode() in raw:
                    break
    heard = msgspec.json.decode(raw[6:])
    assert heard["type"] == "payment.refunded"
    said = heard["data"]
    assert (said["order"], said["amount"], said["currency"], said["reason"]) == (order, 250, "CNY", "cold")
    assert (said["status"], said["account"]) == ("succeeded", api.demo.customers[0].account)
    assert said["payee"]["name"]


async def test_staff_gives_back_up_to_its_limit(home: House) -> None:
    """A cashier's limit counts all that the order gave back, also when cut up and at once; another store's order is
    none; a terminal without staff gives nothing back; the owner may."""
    api = home.api
    till = await a_till(api)
    cashier, _ = await somebody(api, till, role="cashier", refund_max=300)
    order = (await api.post("/v1/orders", cashier, {"reference": fresh(), "amount": 1_000, "currency": "CNY"})).json
    assert (await api.pay(api.ana, order)).status == 201
    elsewhere = await paid(api)
    async with nothing_moves(api):
        said = await refund(api, order["id"], key=cashier, amount=301)
        assert (said.verdict, said.json["limit"]) == ((403, "refund_above_limit"), 300)
        assert (await refund(api, order["id"], key=till["secret_key"], amount=1)).verdict == (403, "forbidden")
        assert (await refund(api, elsewhere, key=cashier, amount=1)).verdict == (404, "not_found")
    parts = await asyncio.gather(*(refund(api, order["id"], key=cashier, amount=100) for _ in range(6)))
    assert verdicts(parts) == [(201, "")] * 3 + [(403, "refund_above_limit")] * 3
    # A worker of the cashier's died between story and money: what is finished for them is held to the limit too.
    await _ahead(home)
    made = await refund(api, elsewhere, amount=1)
    [row] = (await store.by_id(home.core.database, [id_from_text("ref_", made.json["id"]) or new_id()])).values()
    holder = await check_secret(home.core, cashier)
    orders = id_from_text("ord_", order["id"])
    assert orders is not None
    lost = replace(row, id=new_id(), order=orders, reference=fresh("F"), amount=100, asked_by=holder.key)
    await store.keep(home.core.database, [lost])
    home.clock.move(seconds=service.SWEEP_LAG_S + 1)
    while await service.sweep(home.core):
        pass
    assert (await api.get(f"/v1/refunds/{ref(lost.id)}", api.shop)).json["failure"] == "refund_above_limit"
    listed = await api.get(f"/v1/orders/{order['id']}/refunds", cashier)
    assert sum(one["amount"] for one in listed.json["data"] if one["status"] == "succeeded") == 300
    assert (await api.get("/v1/refunds", cashier)).verdict == (403, "forbidden")
    other_store = (await api.get(f"/v1/orders/{elsewhere}/refunds", cashier)).verdict
    assert other_store == (404, "not_found")
    assert (await refund(api, order["id"])).json["amount"] == 700
