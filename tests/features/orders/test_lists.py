"""Baskets and lists: what was sold adds up, and orders are found by what was said and by what became of them."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from asyncpg import UniqueViolationError

from qrpay.core import Core
from qrpay.database.pool import Database
from qrpay.features.orders import service
from qrpay.features.orders.list_store import SQL
from qrpay.features.orders.rebuild import rebuild
from qrpay.values import id_from_text
from tests.features.orders.heard import heard
from tests.web.house import House, house
from tests.web.world import Api, fresh

TEA = {"name": "奶茶", "quantity": 2, "unit_price": 500, "amount": 1000, "sku": "T-1"}
PLUMS = {"name": "Plums", "quantity": "0.456", "unit": "kg", "unit_price": 1980, "amount": 902}


@pytest.fixture
async def home(fresh_database: Database) -> AsyncIterator[House]:
    """A house whose clock the test moves, over a database of its own."""
    async with house(fresh_database) as running:
        yield running


async def test_a_basket_comes_back_as_it_was_said(api: Api) -> None:
    """Lines, a tax beside them and a tip; the same again is the same order, another line is not."""
    asked: dict[str, Any] = {
        "reference": fresh(), "amount": 1000 + 902 + 120 + 50, "currency": "CNY", "lines": [TEA, PLUMS],
        "tax": {"amount": 120, "included": False, "rate": "6"}, "tip": 50,
    }  # fmt: skip
    said = await api.post("/v1/orders", api.shop, asked)
    assert said.status == 201, said.json
    assert {name: said.json[name] for name in ("lines", "tax", "tip")} == {
        name: asked[name] for name in ("lines", "tax", "tip")
    }
    again = await api.post("/v1/orders", api.shop, asked)
    assert (again.json, again.headers["Idempotent-Replayed"]) == (said.json, "true")
    other = await api.post("/v1/orders", api.shop, {**asked, "lines": [PLUMS, TEA]})
    assert (other.verdict, other.json["errors"][0]["pointer"]) == ((409, "reference_reused"), "/lines")
    assert (await api.get(f"/v1/orders/{said.json['id']}", api.shop)).json == said.json


@pytest.mark.parametrize(
    ("amount", "basket", "pointer"),
    [
        (1001, {"lines": [TEA]}, "/amount"),
        (1000, {"lines": [TEA], "tax": {"amount": 1, "included": False}}, "/amount"),
        (1000, {"lines": [TEA], "tax": {"amount": 1000, "included": True}}, "/tax/amount"),
        (902, {"lines": [{**PLUMS, "amount": 904}]}, "/lines/0/amount"),
        (1000, {"lines": [{**TEA, "quantity": 0}]}, "/lines/0/quantity"),
        (1000, {"lines": [{**TEA, "quantity": "2"}]}, "/lines/0/quantity"),
        (1000, {"lines": [{**TEA, "colour": "red"}]}, "/lines/0/colour"),
        (1000, {"lines": []}, "/lines"),
        (1000, {"tip": 1000}, "/tip"),
        (1000, {"tip": 0}, "/tip"),
        (1000, {"tax": {"amount": 5, "included": True, "rate": "101"}}, "/tax/rate"),
    ],
)
async def test_what_does_not_add_up_is_named(api: Api, amount: int, basket: dict[str, Any], pointer: str) -> None:
    """422 with the place; nothing is opened."""
    reference = fresh()
    said = await api.post(
        "/v1/orders", api.shop, {"reference": reference, "amount": amount, "currency": "CNY", **basket}
    )
    assert (said.status, said.json["errors"][0]["pointer"]) == (422, pointer)
    assert (await api.get(f"/v1/orders/ref:{reference}", api.shop)).status == 404


async def test_discounts_and_what_the_prices_include(api: Api) -> None:
    """A line below zero takes off; a tax that the prices hold is not added; either rounding is taken."""
    off = {"name": "Members", "quantity": 1, "unit_price": -100, "amount": -100}
    for plums in (902, 903):  # 902.88
        asked = {
            "reference": fresh(), "amount": 1000 + plums - 100, "currency": "CNY",
            "lines": [TEA, {**PLUMS, "amount": plums}, off], "tax": {"amount": 110, "included": True},
        }  # fmt: skip
        assert (await api.post("/v1/orders", api.shop, asked)).status == 201


async def listed(api: Api, query: str, who: str | None = None) -> list[str]:
    """The references of a list, page by page of two."""
    found: list[str] = []
    cursor = ""
    while True:
        page = await api.get(f"/v1/orders?limit=2{query and '&' + query}{cursor}", who or api.shop)
        assert page.status == 200, page.json
        found += [order["reference"] for order in page.json["data"]]
        if page.json["next_cursor"] is None:
            return found
        cursor = f"&cursor={page.json['next_cursor']}"


async def test_orders_are_found_by_what_became_of_them(home: House) -> None:
    """Each list holds what the ledger says, also while the log is behind; and again when it has told everything."""
    api, core = home.api, home.core
    orders = {name: await api.order(expires_in=60) for name in ("paid", "given back", "closed", "ran out", "late")}
    for name in ("paid", "given back"):
        assert (await api.pay(api.ana, orders[name])).status == 201
    refund = {"reference": fresh(), "amount": 100}
    assert (await api.post(f"/v1/orders/{orders['given back']['id']}/refunds", api.shop, refund)).status == 201
    assert (await api.post(f"/v1/orders/{orders['closed']['id']}/close", api.shop)).status == 200
    unseen = fresh()
    assert (await api.post(f"/v1/orders/ref:{unseen}/close", api.shop)).status == 200
    named = {name: order["reference"] for name, order in orders.items()}
    assert await listed(api, "status=open") == [named["late"], named["ran out"]]
    await heard(core)
    home.clock.move(seconds=61)
    open_ = await api.order()
    assert await listed(api, "status=expired") == [named["late"], named["ran out"]], "the clock says so already"
    home.clock.move(seconds=10)
    await service.expire(core)
    for told in (False, True):
        if told:
            await heard(core)
        assert await listed(api, "status=paid") == [named["given back"], named["paid"]]
        assert await listed(api, "refunded=true") == [named["given back"]]
        assert await listed(api, "refunded=false") == [named["paid"]]
        assert await listed(api, "status=closed") == [unseen, named["closed"]]
        assert await listed(api, "status=expired") == [named["late"], named["ran out"]]
        assert await listed(api, "status=open") == [open_["reference"]]
    home.clock.move(seconds=3 * 86_400)
    await service.expire(core)
    await heard(core)
    assert await listed(api, "status=expired") == [open_["reference"], named["late"], named["ran out"]], (
        "by their marks"
    )
    assert await listed(api, "status=open") == []
    assert len(await listed(api, "")) == 7
    assert await listed(api, "status=paid", api.other_shop) == []


async def test_orders_are_found_by_what_was_said(home: House) -> None:
    """Store, terminal, amount, time and words, which may stand anywhere, in Chinese too; all hold together."""
    api, shop = home.api, home.api.demo.merchant
    plain = await api.order(amount=700, description="Bubble 100%")
    at_till = await api.order(amount=1000, terminal=shop.terminal, lines=[TEA])
    in_store = await api.order(amount=902, store=shop.store, lines=[PLUMS])
    assert at_till["store"] == shop.store, "a terminal brings its store"
    said = {
        f"terminal={shop.terminal}": [at_till],
        f"store={shop.store}": [in_store, at_till],
        f"store={shop.store}&amount_max=950": [in_store],
        f"store={api.demo.other_merchant.store}": [],
        "amount_min=902&amount_max=1000": [in_store, at_till],
        "text=%E5%A5%B6%E8%8C%B6": [at_till],
        "text=%E8%8C%B6": [at_till],
        "text=t-1": [at_till],
        "text=bubb+100%25": [plain],
        "text=_": [],
        f"text={plain['reference'][2:]}": [plain],
        "text=quantity": [],
        "text=p&amount_max=950": [in_store],
        f"from={in_store['created_at']}&store={shop.store}": [in_store],
    }
    for query, expected in said.items():
        found = await listed(api, query)
        assert found == [order["reference"] for order in expected], query
    for bad in ("refunded=true&status=open", "amount_min=0", "text=", "text=a+b+c+d+e+f+g+h+i", "cursor=x"):
        assert (await api.get(f"/v1/orders?{bad}", api.shop)).status == 422, bad


async def test_a_search_through_many_goes_on_where_it_stopped(home: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """What matches little is looked for in bounded steps; pages may be short, and together they miss nothing."""
    monkeypatch.setattr("qrpay.features.orders.lists.LOOKS", (2, 3))
    api = home.api
    rare = [await api.order(amount=1 if n in (0, 7, 8) else 2) for n in range(14)]
    assert await listed(api, "amount_max=1") == [rare[n]["reference"] for n in (8, 7, 0)]


async def marks_of(core: Core) -> list[tuple[object, ...]]:
    """All marks there are, but for the number of the rebuild."""
    rows = await core.database.fetch("SELECT merchant, mark::text, id FROM order_marks ORDER BY 1, 2, 3")
    return [tuple(row) for row in rows]


async def broken(core: Core) -> list[str]:
    """Names of the invariants of orders that do not hold."""
    return [check.name for check in SQL.checks if await core.database.fetch(check)]


async def test_what_is_rebuilt_is_what_was_kept(home: House) -> None:
    """Marks that are lost or false come right from the log, and checks ring before; what comes later is kept."""
    api, core = home.api, home.core
    orders = [await api.order() for _ in range(6)]
    for order in orders[:4]:
        assert (await api.pay(api.ana, order)).status == 201
    refund = {"reference": fresh(), "amount": 100}
    assert (await api.post(f"/v1/orders/{orders[0]['id']}/refunds", api.shop, refund)).status == 201
    assert (await api.post(f"/v1/orders/{orders[4]['id']}/close", api.shop)).status == 200
    await heard(core)
    kept = await marks_of(core)
    assert len(kept) == 6
    assert await broken(core) == []

    await core.database.execute("DELETE FROM order_marks WHERE id = $1", id_from_text("ord_", orders[1]["id"]))
    assert await broken(core) == ["every_order_that_ended_is_marked"]
    lie = "INSERT INTO order_marks (merchant, mark, generation, id) VALUES ($1, 'p', 1, $2)"
    shop = id_from_text("mer_", api.demo.merchant.id)
    await core.database.execute(lie, shop, id_from_text("ord_", orders[5]["id"]))
    # Written before the log has told of it: the projection meets it, and takes it as it is.
    late = await api.order()
    await core.database.execute(lie, shop, id_from_text("ord_", late["id"]))
    assert set(await broken(core)) == {"every_order_that_ended_is_marked", "every_mark_of_an_order_is_true"}
    assert (await api.pay(api.ana, late)).status == 201

    with pytest.raises(UniqueViolationError):
        await heard(core)
    steps: list[int] = []
    done = await rebuild(core, lambda heard, _of: steps.append(heard))
    assert (done.marks, done.added, done.removed) == (6, 1, 2)
    assert steps[-1] == done.events
    assert await marks_of(core) == kept
    await heard(core)
    assert len(await marks_of(core)) == 7
    assert await broken(core) == []

    async def sell() -> None:
        for _ in range(10):
            assert (await api.pay(api.ana, await api.order())).status == 201
            await heard(core)

    again, _ = await asyncio.gather(rebuild(core, lambda _heard, _of: None), sell())
    assert (again.added, again.removed) == (0, 0)
    assert len(await marks_of(core)) == 17
    assert await broken(core) == []
