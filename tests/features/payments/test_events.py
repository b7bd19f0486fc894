"""What payments and orders tell: the same as whoever asks is answered, whenever the event is read."""

import asyncio
from typing import Any

import msgspec

from tests.web.world import Api


async def events_about(api: Api, order: str, after: str | None = None) -> list[dict[str, Any]]:
    """The shop's events about an order, once there is one; all pages of its log are looked through."""
    found: list[dict[str, Any]] = []
    async with asyncio.timeout(15):
        while not found:
            place = f"&after={after}" if after else ""
            page = (await api.get(f"/v1/events?limit=100&wait=5{place}", api.shop)).json["data"]
            found = [event for event in page if event["data"]["id"] == order]
            after = page[-1]["id"] if page else after
    return found


async def test_both_sides_are_told_what_they_would_be_answered(api: Api) -> None:
    """`order.paid` holds the order without its code; `payment.paid` holds the payment, word for word."""
    async with api.http.get(
        f"{api.demo.base_url}/v1/events/stream", headers={"Authorization": f"Bearer {api.ana}"}
    ) as stream:
        order = await api.order(metadata={"table": "7"})
        paid = await api.pay(api.ana, order)
        async with asyncio.timeout(15):
            async for raw in stream.content:
                if raw.startswith(b"data: ") and order["id"].encode() in raw:
                    break
    heard = msgspec.json.decode(raw[6:])
    assert (heard["type"], heard["data"]) == ("payment.paid", paid.json)

    [event] = await events_about(api, order["id"])
    answered = (await api.get(f"/v1/orders/{order['id']}", api.shop)).json
    assert event["type"] == "order.paid"
    assert event["data"] == {**answered, "code": None}


async def test_a_closed_order_is_told_to_its_shop(api: Api) -> None:
    """`order.closed`, once, with the order."""
    order = await api.order()
    closed = await api.post(f"/v1/orders/{order['id']}/close", api.shop)
    [event] = await events_about(api, order["id"])
    assert event["type"] == "order.closed"
    assert event["data"] == {**closed.json, "code": None}
