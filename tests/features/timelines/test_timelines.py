"""Timelines: every step of an order with its source; what was measured is true, bounded and forgotten."""

import asyncio
from datetime import datetime
from itertools import pairwise
from typing import Any

import pytest

from qrpay.app import features
from qrpay.database.pool import Database
from qrpay.features.timelines import service
from qrpay.features.timelines.commands import explain
from tests.features.orders.heard import heard
from tests.features.test_commands import OwnShell, types
from tests.web.house import House, house
from tests.web.world import Api, fresh


async def told(api: Api, order: dict[str, Any]) -> dict[str, Any]:
    """The timeline of an order, as its merchant reads it."""
    said = await api.get(f"/v1/orders/{order['id']}/timeline", api.shop)
    assert said.status == 200, said.json
    found: dict[str, Any] = said.json
    return found


async def measured(home: House) -> None:
    """Return once what was measured is written."""
    await home.core.ledger.traces.flush()


def step(timeline: dict[str, Any], what: str) -> dict[str, Any]:
    """The one step of this kind."""
    [one] = [one for one in timeline["steps"] if one["what"] == what]
    found: dict[str, Any] = one
    return found


async def test_a_payment_is_explained_step_by_step(fresh_database: Database) -> None:
    """Opened, read, verified, queued, in a batch with others, committed, told, given back: in the order of time."""
    async with house(fresh_database) as home:
        api, traces = home.api, home.core.ledger.traces
        traces.measure(100)
        home.core.sources[:] = [source for feature in features() for source in feature.events]
        orders = [await api.order(amount=500) for _ in range(12)]
        paid = await asyncio.gather(*(api.pay(api.ana, order) for order in orders))
        assert {one.status for one in paid} == {201}
        refund = {"reference": fresh(), "amount": 100}
        assert (await api.post(f"/v1/orders/{orders[5]['id']}/refunds", api.shop, refund)).status == 201
        await measured(home)
        await heard(home.core)

        timelines = [await told(api, order) for order in orders]
        for timeline in timelines:
            assert timeline["measured"] is True
            wait, sent, done = (step(timeline, what) for what in ("code_verified", "batch_sent", "batch_committed"))
            arrived, decoded = step(timeline, "request_arrived"), step(timeline, "request_decoded")
            times = [datetime.fromisoformat(one["at"]) for one in (arrived, decoded, wait, sent, done)]
            assert times == sorted(times)
            between = [(later - sooner).total_seconds() * 1e6 for sooner, later in pairwise(times)]
            took = [one["took_us"] for one in (decoded, wait, sent, done)]
            assert all(abs(one - other) < 1.5 for one, other in zip(between, took, strict=True)), "each takes its time"
            assert sent["detail"] == done["detail"]
            assert step(timeline, "paid")["source"] == "ledger"
        sizes: dict[int, int] = {}
        for timeline in timelines:
            batch = step(timeline, "batch_sent")["detail"]
            sizes[batch["batch"]] = batch["size"]
        assert sum(sizes.values()) == 12, "twelve payments, each in one batch, and nothing else was posted meanwhile"

        given = timelines[5]
        assert step(given, "refund")["detail"]["amount"] == 100
        events = [one["detail"]["type"] for one in given["steps"] if one["what"] == "event"]
        assert events == ["order.paid", "refund.succeeded"]
        listed = (await api.get("/v1/events?limit=100", api.shop)).json["data"]
        [event] = [one["id"] for one in listed if one["type"] == "refund.succeeded"]
        assert given["steps"][-1]["id"] == event
        assert [one["at"] for one in given["steps"]] == sorted(one["at"] for one in given["steps"])
        assert (await api.get(f"/v1/orders/{orders[0]['id']}/timeline", api.other_shop)).status == 404

        home.clock.move(seconds=3 * 86_400 + 60)
        await service.forget(home.core)
        assert (await told(api, orders[0]))["measured"] is False


async def test_so_many_a_second_are_measured_and_the_others_are_paid_alike(
    fresh_database: Database, fresh_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond the bound a timeline says that it was not measured, and leaves those steps out; a till's scan is one."""
    async with house(fresh_database) as home:
        api, traces = home.api, home.core.ledger.traces
        traces.measure(1)
        orders = [await api.order(), await api.order()]
        for order in orders:
            assert (await api.pay(api.ana, order)).status == 201
        traces.measure(1)
        scanned = await api.report(api.shop, await api.digits(api.ana), 700)
        assert scanned.status == 200
        await measured(home)
        first, second, third = [await told(api, order) for order in (*orders, scanned.json)]
        assert [one["measured"] for one in (first, second, third)] == [True, False, True]
        assert [one["what"] for one in second["steps"]] == ["opened", "paid"]
        shell = OwnShell(fresh_dsn)
        for word, language in (("queue", "en_US.UTF-8"), ("支付成功", "zh_CN.UTF-8")):
            monkeypatch.setenv("LC_ALL", language)
            assert word in await asyncio.to_thread(types, shell, explain, orders[0]["id"])
        closed = await api.order()
        assert (await api.post(f"/v1/orders/{closed['id']}/close", api.shop)).status == 200
        assert [one["what"] for one in (await told(api, closed))["steps"]] == ["opened", "closed"]
