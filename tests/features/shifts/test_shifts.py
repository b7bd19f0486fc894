"""A shift at a till: opened once, cash counted, closed for good; what it took is the ledger's word."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from qrpay.database.pool import Database
from qrpay.features.merchants import terminals
from qrpay.values import id_from_text, rfc3339
from tests.web.house import House, house
from tests.web.world import fresh


@pytest.fixture
async def home(database: Database) -> AsyncIterator[House]:
    """A house whose clock the test moves."""
    async with house(database, balance=200_000) as running:
        yield running


async def till(home: House) -> str:
    """The key of a device that is the shop's till."""
    shop, terminal = id_from_text("mer_", home.api.demo.merchant.id), home.api.demo.merchant.terminal
    assert shop is not None and terminal is not None
    offered = await terminals.offer(home.core, shop, terminal)
    return (await terminals.pair(home.core, offered.code, "203.0.113.9")).secret_key


async def signed_in(home: House, key: str, **about: Any) -> str:
    """The key of somebody who signs in at it."""
    api = home.api
    somebody = (await api.post("/v1/staff", api.shop, {"number": fresh()[-6:].translate(DIGITS), **about})).json
    said = await api.post("/v1/staff-sessions", key, {"number": somebody["number"], "code": somebody["code"]})
    assert said.status == 201, said.body
    return str(said.json["secret_key"])


DIGITS = str.maketrans({chr(letter): str(letter % 10) for letter in (*range(65, 91), *range(97, 123), 45, 95)})


async def test_a_shift_from_its_opening_to_its_count(home: House) -> None:
    """One at a time; cash in and out counts once; the count ends it for good; the ledger says what was taken, whose."""
    api, own = home.api, await till(home)
    li = await signed_in(home, own, name="Li", role="manager")
    asked = {"reference": fresh("S"), "opening_cash": 20_000}
    opened = await api.post("/v1/shifts", li, asked)
    again = await api.post("/v1/shifts", li, asked)
    assert (opened.status, again.status, again.headers["Idempotent-Replayed"]) == (201, 201, "true")
    shift = opened.json
    assert (shift["staff_name"], shift["status"], shift["expected"]) == ("Li", "open", 20_000)
    second = await api.post("/v1/shifts", own, {"reference": fresh("S"), "opening_cash": 1})
    assert second.verdict == (409, "shift_open")
    assert (await api.post("/v1/shifts", li, {**asked, "opening_cash": 1})).verdict == (409, "reference_reused")

    home.clock.move(seconds=60)
    for amount in (1_250, 800):
        said = await api.post("/v1/orders", li, {"reference": fresh("R"), "amount": amount, "currency": "CNY"})
        assert (await api.pay(api.ana, said.json)).status == 201
    given = await api.post(f"/v1/orders/{said.json['id']}/refunds", li, {"reference": fresh("B"), "amount": 300})
    assert given.status == 201, given.body
    sold, paid = ({"reference": fresh("C"), "kind": kind, "amount": 500} for kind in ("sale", "paid_out"))
    path = f"/v1/shifts/{shift['id']}"
    for move in (sold, sold, {**paid, "amount": 200, "reason": "Ice"}):
        assert (await api.post(f"{path}/cash", li, move)).status == 200
    assert (await api.post(f"{path}/cash", li, {**sold, "amount": 501})).verdict == (409, "reference_reused")
    home.clock.move(seconds=60)

    closed = await api.post(f"{path}/close", li, {"counted": 20_250, "note": "50 short"})

    assert closed.status == 200, closed.body
    figures = {name: closed.json[name] for name in ("status", "expected", "counted", "difference", "taken")}
    assert figures == {
        "status": "closed", "expected": 20_300, "counted": 20_250, "difference": -50,
        "taken": {"payments": 2, "amount": 2_050, "refunds": 1, "refunded": 300},
    }  # fmt: skip
    assert (await api.post(f"{path}/close", li, {"counted": 20_250, "note": "50 short"})).json == closed.json
    assert (await api.post(f"{path}/close", li, {"counted": 20_300})).verdict == (409, "shift_closed")
    late = await api.post(f"{path}/cash", li, {"reference": fresh("C"), "kind": "sale", "amount": 1})
    assert late.verdict == (409, "shift_closed")
    assert (await api.get(path, api.other_shop)).verdict == (404, "not_found")
    listed = (await api.get("/v1/shifts?status=closed", own)).json["data"]
    assert [one["id"] for one in listed] == [shift["id"]]


async def test_what_each_till_and_person_took(home: House) -> None:
    """Sales outside a shift are nobody's; a sale without a till has a line of its own; the sums are the ledger's."""
    api, own = home.api, await till(home)
    li = await signed_in(home, own, name="Li")
    start = home.clock()

    async def sells(key: str, amount: int) -> None:
        said = await api.post("/v1/orders", key, {"reference": fresh("R"), "amount": amount, "currency": "CNY"})
        assert (await api.pay(api.ana, said.json)).status == 201

    await sells(own, 100)
    await sells(api.shop, 10)
    shift = (await api.post("/v1/shifts", li, {"reference": fresh("S"), "opening_cash": 0})).json
    await asyncio.gather(sells(li, 1_000), sells(li, 2_000))
    home.clock.move(seconds=60)
    query = urlencode({"from": rfc3339(start - timedelta(hours=1)), "to": rfc3339(home.clock())})

    said = await api.get(f"/v1/till-totals?{query}", api.shop)

    assert said.status == 200, said.body
    lines = {(one["terminal_name"], one["staff_name"]): (one["payments"], one["amount"]) for one in said.json["data"]}
    assert lines == {("Till 1", None): (1, 100), (None, None): (1, 10), ("Till 1", "Li"): (2, 3_000)}
    at_the_till = (await api.get(f"/v1/till-totals?{query}", li)).json["data"]
    assert sum(one["amount"] for one in at_the_till) == 3_100
    assert (await api.get(f"/v1/shifts/{shift['id']}", li)).json["taken"]["amount"] == 3_000
    for wrong in ({"from": "2026-01-01", "to": "2026-01-02"}, {"from": rfc3339(start), "to": rfc3339(start)}):
        assert (await api.get(f"/v1/till-totals?{urlencode(wrong)}", api.shop)).verdict == (422, "invalid_field")
