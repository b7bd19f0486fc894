"""Webhooks end to end: a payment on the real ledger, a real receiver on loopback, and everything in between."""

import asyncio
import base64
import os
import socket
import sys
from collections import Counter, defaultdict
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

import examples.receive_webhook as example
from qrpay.background.outbox import announce as announce_all
from qrpay.core import Core
from qrpay.features.events.model import PREFIX
from qrpay.features.webhooks import store
from qrpay.features.webhooks.jobs import Pace
from qrpay.features.webhooks.service import ENDPOINTS_MAX
from qrpay.values import Id, id_text, new_id
from tests.background.world import Shop, announcement, log_of, open_shop
from tests.features.conftest import HandClock
from tests.features.served import Served
from tests.features.webhooks.world import Message, Receiver, ask, deliveries, holds, register, telling, until_all


async def test_a_payment_is_told_once_signed_and_soon(
    bank: Core, shop: Shop, house: Served, receiver: Receiver
) -> None:
    """One POST for each event the endpoint asked for, in the words of the log, verifiable by secret and by key."""
    endpoint = await register(house, shop, receiver.url, "order.paid")
    async with telling(bank):
        orders = [await shop.pay() for _ in range(3)]
        await receiver.until(3)
        listed = await until_all(house, shop, endpoint, "delivered")
        await asyncio.sleep(0.3)

    assert len(receiver.heard) == 3
    logged = {event.about: event for event in await log_of(bank) if event.receiver == shop.merchant}
    assert [message.id for message in receiver.heard] == [id_text(PREFIX, logged[order].id) for order in orders]
    message = receiver.heard[0]
    assert set(message.event) == {"id", "type", "created_at", "data"}
    assert (message.event["id"], message.event["type"]) == (message.id, "order.paid")
    assert message.event["data"] == {"amount": 100, "currency": "CNY"}
    assert message.headers["Content-Type"] == "application/json"
    assert all(holds(endpoint["secret"], each) for each in receiver.heard)
    assert not holds(endpoint["secret"], Message(message.headers, message.body + b" ", 0))
    by_key = next(p[4:] for p in message.headers["webhook-signature"].split() if p.startswith("v1a,"))
    jwk = msgspec.json.decode(bank.keyring.jwks(bank.clock()))["keys"][0]
    signed = f"{message.id}.{message.headers['webhook-timestamp']}.".encode() + message.body
    Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(jwk["x"] + "=")).verify(
        base64.b64decode(by_key), signed
    )
    assert [delivery["id"] for delivery in listed] == [message.id for message in reversed(receiver.heard)]
    assert listed[0]["last_attempt"]["http_status"] == 204
    assert await bank.database.fetch(store.STATEMENTS.every_delivery_has_its_event) == []


async def test_the_example_receiver_takes_what_holds_and_nothing_else(
    bank: Core, shop: Shop, house: Served, receiver: Receiver
) -> None:
    """Run as anybody would run it: the event is printed once, a forged one is answered 400."""
    endpoint = await register(house, shop, receiver.url)
    async with telling(bank):
        await shop.pay()
        (message,) = await receiver.until(1)
    parts = (message.id, message.headers["webhook-timestamp"], message.body, message.headers["webhook-signature"])
    assert example.holds_by_secret(endpoint["secret"], *parts)
    assert not example.holds_by_secret(endpoint["secret"], *parts[:2], message.body + b" ", parts[3])
    keys = example.webhook_keys(bank.keyring.jwks(bank.clock()))
    assert example.holds_by_key(keys, *parts)
    assert not example.holds_by_key(keys, "evt_other", *parts[1:])


async def test_the_example_receives_as_a_process_of_its_own(bank: Core, shop: Shop, house: Served) -> None:
    """Run as anybody would run it: it is called, finds the signature good, and prints the event once."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    endpoint = await register(house, shop, f"http://127.0.0.1:{port}/", "order.paid")
    process = await asyncio.create_subprocess_exec(
        sys.executable, example.__file__, str(port),
        env={**os.environ, "QRPAY_WEBHOOK_SECRET": endpoint["secret"]}, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        async with telling(bank):
            await shop.pay()
            line = await asyncio.wait_for(process.stdout.readline(), 10)
            (delivery,) = await until_all(house, shop, endpoint, "delivered")
    finally:
        process.terminate()
        await process.wait()
    assert line.decode().split() == ["order.paid", delivery["id"], '{"amount":', "100,", '"currency":', '"CNY"}']


async def test_a_failed_delivery_is_tried_again_and_later_events_of_its_order_wait(
    bank: Core, shop: Shop, house: Served, receiver: Receiver
) -> None:
    """Order is kept for each thing: what comes later waits; what is about something else does not."""
    failures: Counter[str] = Counter()

    async def thrice(message: Message) -> int:
        if message.event["type"] == "first.try" and failures[message.id] < 2:
            failures[message.id] += 1
            return 500
        return 200

    receiver.answering = thrice
    endpoint = await register(house, shop, receiver.url)
    orders = [new_id() for _ in range(8)]
    story = ["first.try", "second.step", "third.step"]
    async with telling(bank):
        await announce_all(
            bank, [announcement(shop.merchant, order, bank, type_) for type_ in story for order in orders]
        )
        await receiver.until(8 * 5)
        listed = await until_all(house, shop, endpoint, "delivered")
        await asyncio.sleep(0.3)

    assert len(receiver.heard) == 40
    about = {id_text(PREFIX, event.id): event.about for event in await log_of(bank)}
    told: defaultdict[Id, list[str]] = defaultdict(list)
    for message in receiver.heard:
        told[about[message.id]].append(message.event["type"])
    assert set(told) == set(orders)
    assert all(types == ["first.try"] * 3 + story[1:] for types in told.values())
    assert {(delivery["type"], delivery["attempts"]) for delivery in listed} == {
        ("first.try", 3), ("second.step", 1), ("third.step", 1),
    }  # fmt: skip


async def test_a_receiver_that_was_down_loses_nothing_and_slows_nobody(
    bank: Core, shop: Shop, house: Served, receiver: Receiver
) -> None:
    """While one is down another hears at once; when it is back it hears everything, in order per order, once."""
    down = Receiver()
    await down.start()
    broken = await register(house, shop, down.url, "order.paid")
    await register(house, shop, receiver.url, "order.paid")
    await down.stop()
    async with telling(bank):
        paid = [await shop.pay() for _ in range(40)]
        heard = await receiver.until(40)
        assert heard[-1].at - heard[0].at < 5
        await asyncio.sleep(0.5)
        tried = sum(delivery["attempts"] for delivery in await deliveries(house, shop, broken, limit=100))
        assert 0 < tried < 40  # it is probed, not hammered
        await down.start()
        await down.until(40)
        await until_all(house, shop, broken, "delivered")
    await down.stop()
    ids = [message.id for message in down.heard]
    assert len(set(ids)) == len(ids) == 40 == len(paid)


async def test_a_hanging_receiver_holds_up_no_other(bank: Core, shop: Shop, house: Served, receiver: Receiver) -> None:
    """One that takes every connection and never answers gets few, and the rest goes on at full speed."""
    hanging, released = Receiver(), asyncio.Event()

    async def hang(_message: Message) -> int:
        await released.wait()
        return 200

    hanging.answering = hang
    await hanging.start()
    await register(house, shop, hanging.url, "order.paid")
    await register(house, shop, receiver.url, "order.paid")
    async with telling(bank, Pace(all=8, each=4, look_s=0.05)):
        await shop.pay_many(60)
        await receiver.until(60)
        assert len(hanging.heard) <= 4
        released.set()
    await hanging.stop()


async def test_410_switches_the_endpoint_off(bank: Core, shop: Shop, house: Served, receiver: Receiver) -> None:
    """It says it is gone: nothing more is sent, the merchant reads why, and a resend is refused."""

    async def gone(_message: Message) -> int:
        return 410

    receiver.answering = gone
    endpoint = await register(house, shop, receiver.url, "order.paid")
    async with telling(bank):
        await shop.pay()
        listed = await until_all(house, shop, endpoint, "given_up")
        await shop.pay()
        await asyncio.sleep(0.3)
    assert len(receiver.heard) == 1
    _, shown = await ask(house, shop.merchant, "GET", f"/v1/webhook-endpoints/{endpoint['id']}")
    assert (shown["status"], shown["reason"]) == ("disabled", "The receiver answered 410 Gone.")
    again = f"/v1/webhook-endpoints/{endpoint['id']}/deliveries/{listed[0]['id']}/resend"
    status, problem = await ask(house, shop.merchant, "POST", again)
    assert (status, problem["code"]) == (409, "webhook_endpoint_disabled")


async def test_429_with_retry_after_is_obeyed(bank: Core, shop: Shop, house: Served, receiver: Receiver) -> None:
    """The whole endpoint is left alone for as long as it asks."""

    async def busy(_message: Message) -> int:
        receiver.answering = receiver._well
        return 429

    receiver.answering, receiver.headers = busy, {"Retry-After": "1"}
    await register(house, shop, receiver.url, "order.paid")
    async with telling(bank):
        await shop.pay()
        await receiver.until(1)
        await shop.pay()
        await receiver.until(3)
    assert receiver.heard[1].at - receiver.heard[0].at >= 0.95


async def test_a_delivery_can_be_sent_again(bank: Core, shop: Shop, house: Served, receiver: Receiver) -> None:
    """The same id and body, a signature of now; whatever had become of it."""
    endpoint = await register(house, shop, receiver.url, "order.paid")
    async with telling(bank):
        await shop.pay()
        await receiver.until(1)
        (delivery,) = await until_all(house, shop, endpoint, "delivered")
        path = f"/v1/webhook-endpoints/{endpoint['id']}/deliveries/{delivery['id']}/resend"
        status, again = await ask(house, shop.merchant, "POST", path)
        assert (status, again["id"], again["status"]) == (202, delivery["id"], "waiting")
        await receiver.until(2)
    first, second = receiver.heard
    assert (first.id, first.body) == (second.id, second.body)
    assert holds(endpoint["secret"], second)


async def test_what_nobody_takes_is_given_up_after_the_days(
    bank: Core, shop: Shop, house: Served, receiver: Receiver, clock: HandClock
) -> None:
    """Three days of failures end a delivery, and the endpoint with it."""

    async def broken(_message: Message) -> int:
        return 500

    receiver.answering = broken
    endpoint = await register(house, shop, receiver.url, "order.paid")
    async with telling(bank):
        await shop.pay()
        await receiver.until(2)
        clock.move(days=3, seconds=1)
        (delivery,) = await until_all(house, shop, endpoint, "given_up")
    assert delivery["last_attempt"]["error"] == "the receiver answered 500"
    assert delivery["next_try_at"] is None
    _, shown = await ask(house, shop.merchant, "GET", f"/v1/webhook-endpoints/{endpoint['id']}")
    assert shown["reason"] == "It has taken nothing for 3 days."


async def test_an_endpoint_hears_only_what_it_asked_for_and_only_from_then_on(
    bank: Core, shop: Shop, house: Served, receiver: Receiver
) -> None:
    """Types it did not name, events from before, and other merchants' are not for it; once removed it hears nothing."""
    other = await open_shop(bank)
    async with telling(bank):
        await shop.pay()
        async with asyncio.timeout(5):
            while not await log_of(bank):
                await asyncio.sleep(0.02)
        endpoint = await register(house, shop, receiver.url, "order.closed")
        await shop.pay()
        await other.pay()
        await announce_all(bank, [announcement(shop.merchant, new_id(), bank, "order.closed")])
        await receiver.until(1)
        status, _ = await ask(house, shop.merchant, "DELETE", f"/v1/webhook-endpoints/{endpoint['id']}")
        assert status == 204
        await announce_all(bank, [announcement(shop.merchant, new_id(), bank, "order.closed")])
        await asyncio.sleep(0.4)
    assert [message.event["type"] for message in receiver.heard] == ["order.closed"]


# The API -------------------------------------------------------------------------------------------------------


async def test_the_secret_is_shown_once(shop: Shop, house: Served) -> None:
    """In the answer that makes it; sealed at rest, and in no list."""
    endpoint = await register(house, shop, "http://127.0.0.1:9/hook", "order.paid", "refund.succeeded")
    assert endpoint["secret"].startswith("whsec_")
    assert endpoint["events"] == ["order.paid", "refund.succeeded"]
    _, page = await ask(house, shop.merchant, "GET", "/v1/webhook-endpoints")
    assert [row["id"] for row in page["data"]] == [endpoint["id"]]
    assert "secret" not in page["data"][0]
    sealed = await shop.core.database.fetchval("SELECT secret FROM webhook_endpoints")
    assert base64.b64decode(endpoint["secret"][6:]) not in sealed


async def test_a_registration_with_a_key_is_safe_to_repeat(shop: Shop, house: Served) -> None:
    """The same key and content give the first answer, secret and all; other content is refused and named."""
    key = {"Idempotency-Key": '"k-1"'}
    body = {"url": "http://127.0.0.1:9/hook", "events": ["order.paid"]}
    post = ("POST", "/v1/webhook-endpoints")
    first = await ask(house, shop.merchant, *post, json=body, headers=key)
    again = await ask(house, shop.merchant, *post, json=body, headers=key)
    assert first == again
    status, problem = await ask(house, shop.merchant, *post, json={**body, "events": ["*"]}, headers=key)
    assert (status, problem["code"]) == (422, "idempotency_key_reused")
    assert [error["pointer"] for error in problem["errors"]] == ["/events"]
    other = await ask(house, new_id(), *post, json=body, headers=key)
    assert other[0] == 201
    assert other[1]["id"] != first[1]["id"]


async def test_a_merchant_has_so_many_endpoints_and_no_more(shop: Shop, house: Served) -> None:
    """Also when it asks for twenty at once; removing one makes room."""
    body = {"url": "http://127.0.0.1:9/hook"}
    post = ("POST", "/v1/webhook-endpoints")
    answers = await asyncio.gather(*(ask(house, shop.merchant, *post, json=body) for _ in range(20)))
    assert Counter(status for status, _ in answers) == {201: ENDPOINTS_MAX, 409: 20 - ENDPOINTS_MAX}
    made = next(endpoint for status, endpoint in answers if status == 201)
    await ask(house, shop.merchant, "DELETE", f"/v1/webhook-endpoints/{made['id']}")
    assert (await ask(house, shop.merchant, *post, json=body))[0] == 201


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"url": "http://10.0.0.1/"}, "webhook_url_refused"),
        ({"url": "https://user@127.0.0.1/"}, "webhook_url_refused"),
        ({"url": "https://x.example:22/"}, "webhook_url_refused"),
        ({"url": ""}, "invalid_field"),
        ({"url": "https://x.example/" + "a" * 2_048}, "invalid_field"),
        ({"url": "http://127.0.0.1/", "events": []}, "invalid_field"),
        ({"url": "http://127.0.0.1/", "events": ["order"]}, "invalid_field"),
        ({"url": "http://127.0.0.1/", "events": ["order.paid\n"]}, "invalid_field"),
        ({"url": "http://127.0.0.1/", "secret": "mine"}, "unknown_field"),
        ({}, "invalid_field"),
    ],
)
async def test_what_is_no_endpoint_is_refused_with_its_reason(
    shop: Shop, house: Served, body: dict[str, Any], code: str
) -> None:
    """422, the place named, and nothing registered."""
    status, problem = await ask(house, shop.merchant, "POST", "/v1/webhook-endpoints", json=body)
    assert (status, problem["code"]) == (422, code)
    assert problem["errors"]
    assert await shop.core.database.fetchval("SELECT count(*) FROM webhook_endpoints") == 0


async def test_anothers_endpoint_is_as_unknown_as_none(shop: Shop, house: Served) -> None:
    """404 on every path, for ids of others and for what is no id at all."""
    endpoint = await register(house, shop, "http://127.0.0.1:9/hook")
    for id_ in (endpoint["id"], id_text("whe_", new_id()), "whe_x", "%00", "..%2f..%2fx"):
        for method, path in (
            ("GET", f"/v1/webhook-endpoints/{id_}"),
            ("DELETE", f"/v1/webhook-endpoints/{id_}"),
            ("GET", f"/v1/webhook-endpoints/{id_}/deliveries"),
            ("POST", f"/v1/webhook-endpoints/{id_}/deliveries/{id_text(PREFIX, new_id())}/resend"),
        ):
            status, problem = await ask(house, new_id(), method, path)
            assert (status, problem["code"]) == (404, "not_found"), (method, path)
    assert (await ask(house, shop.merchant, "GET", f"/v1/webhook-endpoints/{endpoint['id']}"))[0] == 200
