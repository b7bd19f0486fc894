"""Orders through the door: opened once, read, waited for, closed for good, pictured (rows 39 to 42)."""

import asyncio
import io
from collections.abc import AsyncIterator
from typing import Any

import pytest
import zxingcpp
from PIL import Image

from qrpay.database.pool import Database
from qrpay.features.orders import service
from tests.features.orders.heard import heard
from tests.web.house import House, house
from tests.web.world import Api, fresh, nothing_moves, verdicts


@pytest.fixture
async def home(fresh_database: Database) -> AsyncIterator[House]:
    """A house whose clock the test moves, over a database of its own: its sweep meets no other test's orders."""
    async with house(fresh_database) as running:
        yield running


async def test_an_order_is_opened_as_it_was_asked(api: Api) -> None:
    """All that was said comes back, with a code and a link."""
    asked = {
        "reference": fresh(), "amount": 1250, "currency": "CNY", "description": "茶", "expires_in": 60,
        "store": api.demo.merchant.store, "terminal": api.demo.merchant.terminal, "metadata": {"table": "7"},
    }  # fmt: skip
    said = await api.post("/v1/orders", api.shop, asked)
    order = said.json
    assert said.status == 201
    assert "Idempotent-Replayed" not in said.headers
    assert {name: order[name] for name in asked if name != "expires_in"} == {
        name: value for name, value in asked.items() if name != "expires_in"
    }
    assert (order["status"], order["payment"], order["refunded_amount"]) == ("open", None, 0)
    assert order["code"]["payload"].startswith("000201010212")
    assert order["code"]["url"] == f"{api.demo.base_url}/pay/{order['id']}"
    for path in (order["id"], f"ref:{order['reference']}"):
        assert (await api.get(f"/v1/orders/{path}", api.shop)).json == order
    listed = await api.get(f"/v1/orders?reference={order['reference']}", api.shop)
    assert listed.json == {"data": [order], "next_cursor": None}
    least = (await api.post("/v1/orders", api.shop, {"reference": fresh(), "amount": 1, "currency": "JPY"})).json
    assert (least["description"], least["store"], least["metadata"]) == (None, None, None)


async def test_the_same_order_again_is_the_same_order(api: Api) -> None:
    """Status, body and Idempotent-Replayed; a hundred times at once too (row 39)."""
    asked = {"reference": fresh(), "amount": 5, "currency": "CNY"}
    answers = await asyncio.gather(*(api.post("/v1/orders", api.shop, asked) for _ in range(100)))
    assert {said.status for said in answers} == {201}
    assert len({said.body for said in answers}) == 1
    assert sum("Idempotent-Replayed" not in said.headers for said in answers) == 1
    spaced_body = b'{ "currency":"CNY", "amount":5,"reference":"%b"}' % str(asked["reference"]).encode()
    spaced = await api.post("/v1/orders", api.shop, raw=spaced_body)
    assert (spaced.status, spaced.body) == (201, answers[0].body)
    theirs = await api.post("/v1/orders", api.other_shop, asked)
    assert theirs.status == 201, "a reference is one merchant's own"
    assert theirs.json["id"] != answers[0].json["id"]


async def test_other_content_under_a_reference_lists_every_difference(api: Api) -> None:
    """409 `reference_reused` with both values of each field; the first order stays as it was (row 40)."""
    asked: dict[str, Any] = {"reference": fresh(), "amount": 5, "currency": "CNY", "description": "tea"}
    order = (await api.post("/v1/orders", api.shop, asked)).json
    other = {
        "reference": asked["reference"], "amount": 6, "currency": "USD", "expires_in": 60, "metadata": {"a": "b"},
        "store": api.demo.merchant.store,
    }  # fmt: skip
    said = await api.post("/v1/orders", api.shop, other)
    assert said.verdict == (409, "reference_reused")
    assert said.json["order"] == order["id"]
    differences = {error["pointer"]: error["detail"] for error in said.json["errors"]}
    assert set(differences) == {"/amount", "/currency", "/description", "/expires_in", "/metadata", "/store"}
    assert differences["/amount"] == "It was 5, now it is 6."
    assert differences["/currency"] == "It was CNY, now it is USD."
    assert differences["/description"] == "It was tea, now it is left out."
    assert differences["/expires_in"] == "It was 900, now it is 60."
    assert (await api.get(f"/v1/orders/{order['id']}", api.shop)).json == order


async def test_two_contents_race_for_a_reference(api: Api) -> None:
    """Two amounts at once under one reference: one order, the other is told what stands."""
    for _ in range(10):
        asked = {"reference": fresh(), "currency": "CNY"}
        answers = await asyncio.gather(*(api.post("/v1/orders", api.shop, {**asked, "amount": n}) for n in (1, 2)))
        assert verdicts(answers) == [(201, ""), (409, "reference_reused")]


async def test_closing_is_for_good(api: Api) -> None:
    """Closed twice: the same 200. Then it cannot be paid, charged or opened again; nothing moves (row 42)."""
    order = await api.order()
    asked = {"reference": order["reference"], "amount": 1250, "currency": "CNY"}
    first, again = [await api.post(f"/v1/orders/{order['id']}/close", api.shop) for _ in range(2)]
    assert (first.status, first.json["status"]) == (200, "closed")
    assert (again.status, again.json) == (200, first.json)
    async with nothing_moves(api):
        assert (await api.pay(api.ana, order)).verdict == (409, "order_closed")
        assert (await api.post("/v1/payments", api.ana, {"order": order["id"]})).verdict == (409, "order_closed")
        assert (await api.post("/v1/orders", api.shop, asked)).verdict == (409, "order_closed")


async def test_a_paid_order_cannot_be_closed(api: Api) -> None:
    """409 `order_paid`, with the order as it stands (row 42)."""
    order = await api.order()
    assert (await api.pay(api.ana, order)).status == 201
    async with nothing_moves(api):
        said = await api.post(f"/v1/orders/ref:{order['reference']}/close", api.shop)
    assert said.verdict == (409, "order_paid")
    assert said.json["order"] == (await api.get(f"/v1/orders/{order['id']}", api.shop)).json


async def test_a_reference_never_seen_is_closed_too(api: Api) -> None:
    """The definitive no: 200 with amount null; whatever comes later under it is `order_closed`, and nothing moves."""
    reference = fresh()
    closed = await api.post(f"/v1/orders/ref:{reference}/close", api.shop)
    assert (closed.status, closed.json["status"], closed.json["amount"]) == (200, "closed", None)
    assert (closed.json["currency"], closed.json["code"], closed.json["payment"]) == (None, None, None)
    again = await api.post(f"/v1/orders/ref:{reference}/close", api.shop)
    assert (again.status, again.json) == (200, closed.json)
    asked = {"reference": reference, "amount": 1, "currency": "CNY"}
    async with nothing_moves(api):
        assert (await api.post("/v1/orders", api.shop, asked)).verdict == (409, "order_closed")
        assert (await api.post("/v1/payments", api.ana, {"order": closed.json["id"]})).status in (404, 409)
        digits = await api.digits(api.ana)
        assert (await api.report(api.shop, digits, 1, reference=reference)).verdict == (409, "order_closed")
    assert (await api.get(f"/v1/orders/ref:{reference}", api.shop)).json == closed.json
    assert (await api.get(f"/v1/orders/{closed.json['id']}/code.svg", api.shop)).verdict == (404, "not_found")
    assert (await api.post("/v1/orders", api.other_shop, asked)).status == 201, "of this merchant alone"


async def test_a_lost_request_races_its_closing(api: Api) -> None:
    """The POS gives up while its request is still on the way: either it is open and then closed, or never was."""
    for _ in range(15):
        asked = {"reference": fresh(), "amount": 1, "currency": "CNY"}
        opened, closed = await asyncio.gather(
            api.post("/v1/orders", api.shop, asked), api.post(f"/v1/orders/ref:{asked['reference']}/close", api.shop)
        )
        assert closed.status == 200
        assert opened.verdict in {(201, ""), (409, "order_closed")}
        if opened.status == 201:
            assert (await api.pay(api.ana, opened.json)).verdict == (409, "order_closed")
        assert (await api.get(f"/v1/orders/ref:{asked['reference']}", api.shop)).json["status"] == "closed"


async def test_many_wait_and_are_told_at_once(api: Api) -> None:
    """Two hundred wait for one order, merchant and cashier alike; all are told when it is paid, before their time."""
    order = await api.order()
    paths = [(f"/v1/orders/{order['id']}?wait=30", api.shop), (f"/v1/cashier/{order['id']}?wait=30", None)]
    waiting = [asyncio.create_task(api.get(*paths[n % 2])) for n in range(200)]
    await asyncio.sleep(0.5)
    assert not any(task.done() for task in waiting)
    assert (await api.pay(api.ana, order)).status == 201
    async with asyncio.timeout(5):
        told = await asyncio.gather(*waiting)
    assert {said.json["status"] for said in told} == {"paid"}
    settled = await asyncio.wait_for(api.get(f"/v1/orders/{order['id']}?wait=30", api.shop), 2)
    assert settled.json["status"] == "paid", "what has happened is not waited for"


async def test_a_wait_ends_when_the_order_does(home: House) -> None:
    """The time of the order runs out while somebody waits: the answer comes then, and says so."""
    order = await home.api.order(expires_in=30)
    home.clock.move(seconds=29)
    said = await asyncio.wait_for(home.api.get(f"/v1/orders/{order['id']}?wait=60", home.api.shop), 5)
    assert said.json["status"] == "expired"


async def test_the_sweep_claims_what_ran_out(home: House) -> None:
    """An order that ran out is claimed, once; one that was paid or closed keeps what stands; then none is left."""
    open_, paid, closed = [await home.api.order(expires_in=30) for _ in range(3)]
    assert (await home.api.pay(home.api.ana, paid)).status == 201
    assert (await home.api.post(f"/v1/orders/{closed['id']}/close", home.api.shop)).status == 200
    home.clock.move(seconds=31)
    await service.expire(home.core)
    assert (await home.api.pay(home.api.ana, open_)).verdict == (410, "code_expired"), (
        "the sweep lags, the answer does not"
    )
    home.clock.move(seconds=10)
    await service.expire(home.core)
    await service.expire(home.core)
    ends = [
        (await home.api.get(f"/v1/orders/{order['id']}", home.api.shop)).json["status"]
        for order in (open_, paid, closed)
    ]
    assert ends == ["expired", "paid", "closed"]
    assert (await home.api.pay(home.api.ana, open_)).verdict == (410, "order_expired")
    said = await home.api.post(f"/v1/orders/{open_['id']}/close", home.api.shop)
    assert (said.status, said.json["status"]) == (200, "expired")


async def test_a_clock_that_jumps_back_expires_nothing(home: House) -> None:
    """Five minutes back: an open order stays open and payable; what was paid stays so (row 64)."""
    home.clock.move(seconds=400)  # a first key is not valid before it was made
    order = await home.api.order()
    home.clock.move(seconds=-300)
    await service.expire(home.core)
    assert (await home.api.get(f"/v1/orders/{order['id']}", home.api.shop)).json["status"] == "open"
    assert (await home.api.pay(home.api.ana, order)).status == 201


async def test_a_list_by_status_and_time(home: House) -> None:
    """Filters hold together with cursors, over more orders than are looked at in one go."""
    made = [await home.api.order() for _ in range(12)]
    for order in made[::3]:
        assert (await home.api.pay(home.api.ana, order)).status == 201
    await heard(home.core)
    seen: list[str] = []
    cursor = ""
    while True:
        page = (await home.api.get(f"/v1/orders?status=paid&limit=2{cursor}", home.api.shop)).json
        seen += [order["id"] for order in page["data"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == sorted((order["id"] for order in made[::3]), reverse=True)
    since = (await home.api.get(f"/v1/orders?from={made[6]['created_at']}&limit=100", home.api.shop)).json["data"]
    assert {order["id"] for order in since} >= {order["id"] for order in made[7:]}
    until = (await home.api.get(f"/v1/orders?to={made[6]['created_at']}&limit=100", home.api.shop)).json["data"]
    assert made[6]["id"] not in {order["id"] for order in until}


@pytest.mark.parametrize("query", ["", "?size=64", "?size=600", "?logo=Tea"])
async def test_pictures_are_read_by_another_reader(api: Api, query: str) -> None:
    """The PNG decodes to the payload; the SVG is a picture without scripts."""
    order = await api.order()
    png = await api.get(f"/v1/orders/{order['id']}/code.png{query}", api.shop)
    assert (png.status, png.headers["Content-Type"]) == (200, "image/png")
    # Of all kinds it would now and then see some digits of a bar code between the modules.
    seen = zxingcpp.read_barcodes(Image.open(io.BytesIO(png.body)))
    read = [barcode for barcode in seen if barcode.format == zxingcpp.BarcodeFormat.QRCode]
    if query != "?size=64":  # too small for any reader, and what was asked for
        assert [barcode.text for barcode in read] == [order["code"]["payload"]]
    svg = await api.get(f"/v1/orders/{order['id']}/code.svg{query}", api.shop)
    assert svg.headers["Content-Type"] == "image/svg+xml"
    assert svg.body.lstrip().startswith(b"<svg")
    assert b"script" not in svg.body
    for bad in ("?size=63", "?size=2049", "?size=x", "?logo=", "?color=red"):
        assert (await api.get(f"/v1/orders/{order['id']}/code.svg{bad}", api.shop)).status == 422


async def test_the_cashier_tells_no_more_than_the_code(api: Api) -> None:
    """Whoever holds the link sees payee, amount and status; no reference, metadata or payer."""
    order = await api.order(description="Tea", metadata={"secret": "x"})
    said = (await api.get(f"/v1/cashier/{order['id']}")).json
    assert set(said) == {"id", "status", "amount", "currency", "description", "payee", "expires_at", "code"}
    assert (said["status"], said["code"]) == ("open", order["code"])
    assert (await api.pay(api.ana, order)).status == 201
    after = (await api.get(f"/v1/cashier/{order['id']}")).json
    assert (after["status"], after["code"]) == ("paid", None)
    page = await api.get(f"/pay/{order['id']}")
    assert page.headers["Content-Type"].startswith("text/html")
