"""Endpoints that are changed, paused, caught up and replayed to."""

import asyncio
from collections import Counter
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from qrpay.background.outbox import announce as announce_all
from qrpay.background.store import last_seq
from qrpay.core import Core
from qrpay.features.events.model import PREFIX
from qrpay.features.webhooks import service, store
from qrpay.values import id_text, new_id
from tests.background.world import Shop, announcement, log_of, until_logged
from tests.features.served import Served
from tests.features.webhooks.world import Message, Receiver, ask, register, telling, until_all

STORY = ["first.step", "second.step", "third.step"]


async def act(house: Served, shop: Shop, endpoint: dict[str, Any], what: str, **said: Any) -> dict[str, Any]:
    """Pause, resume or replay."""
    path = f"/v1/webhook-endpoints/{endpoint['id']}/{what}"
    status, shown = await ask(house, shop.merchant, "POST", path, **said)
    assert status in (200, 202), shown
    return shown


async def until_caught_up(house: Served, shop: Shop, endpoint: dict[str, Any]) -> None:
    """Return once the endpoint hears with the others again."""
    async with asyncio.timeout(20):
        while (await ask(house, shop.merchant, "GET", f"/v1/webhook-endpoints/{endpoint['id']}"))[1]["catching_up"]:
            await asyncio.sleep(0.02)


async def test_the_public_library_of_standard_webhooks_takes_what_we_send(
    bank: Core, shop: Shop, house: Served, receiver: Receiver
) -> None:
    """Verified by code that is not ours (standardwebhooks, PyPI); whatever was changed is refused."""
    endpoint = await register(house, shop, receiver.url, "order.paid")
    async with telling(bank):
        await shop.pay()
        (message,) = await receiver.until(1)

    library = Webhook(endpoint["secret"])
    assert library.verify(message.body, message.headers) == message.event
    other = await register(house, shop, receiver.url)
    for secret, body, headers in (
        (endpoint["secret"], message.body + b" ", message.headers),
        (endpoint["secret"], message.body, message.headers | {"webhook-id": id_text(PREFIX, new_id())}),
        (endpoint["secret"], message.body, message.headers | {"webhook-timestamp": "1"}),
        (other["secret"], message.body, message.headers),
    ):
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(body, headers)


async def test_an_endpoint_hears_what_it_chose_last(bank: Core, shop: Shop, house: Served, receiver: Receiver) -> None:
    """PATCH changes its events and its address; what it leaves out stays, and what is refused changes nothing."""
    endpoint = await register(house, shop, "http://127.0.0.1:9/hook", "order.closed")
    path = f"/v1/webhook-endpoints/{endpoint['id']}"
    for body, code in (
        ({"url": "http://10.0.0.1/"}, "webhook_url_refused"),
        ({"events": []}, "invalid_field"),
        ({"test": True}, "unknown_field"),
    ):
        status, problem = await ask(house, shop.merchant, "PATCH", path, json=body)
        assert (status, problem["code"]) == (422, code)
    assert (await ask(house, new_id(), "PATCH", path, json={"events": ["*"]}))[0] == 404

    _, changed = await ask(house, shop.merchant, "PATCH", path, json={"url": receiver.url})
    assert (changed["url"], changed["events"]) == (receiver.url, ["order.closed"])
    _, changed = await ask(house, shop.merchant, "PATCH", path, json={"events": ["order.paid"]})
    assert (changed["url"], changed["events"]) == (receiver.url, ["order.paid"])
    async with telling(bank):
        await shop.pay()
        await receiver.until(1)
    assert receiver.heard[0].event["type"] == "order.paid"


async def test_a_paused_endpoint_keeps_its_place_and_catches_up_in_batches_in_order(
    bank: Core, shop: Shop, house: Served, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is lost or told twice, another endpoint hears all of it meanwhile, and order holds for each thing."""
    monkeypatch.setattr(service, "CATCH_UP_MAX", 5)
    other = Receiver()
    await other.start()
    paused = await register(house, shop, receiver.url)
    await register(house, shop, other.url)
    things = [new_id() for _ in range(12)]
    async with telling(bank):
        await announce_all(bank, [announcement(shop.merchant, things[0], bank, STORY[0])])
        await receiver.until(1)
        shown = await act(house, shop, paused, "pause")
        assert (shown["status"], shown["catching_up"]) == ("paused", False)
        assert await act(house, shop, paused, "pause") == shown
        missed = [announcement(shop.merchant, thing, bank, type_) for type_ in STORY for thing in things][1:]
        await announce_all(bank, missed)
        await other.until(36)
        assert len(receiver.heard) == 1

        shown = await act(house, shop, paused, "resume")
        assert (shown["status"], shown["catching_up"]) == ("enabled", True)
        await announce_all(bank, [announcement(shop.merchant, thing, bank, "last.step") for thing in things])
        await receiver.until(48)
        await until_caught_up(house, shop, paused)
        await announce_all(bank, [announcement(shop.merchant, new_id(), bank, "after.all")])
        await receiver.until(49)
        await other.until(49)
    await other.stop()
    assert Counter(message.id for message in receiver.heard) == Counter(message.id for message in other.heard)
    about = {id_text(PREFIX, event.id): event.about for event in await log_of(bank)}
    for thing in things:
        told = [message.event["type"] for message in receiver.heard if about[message.id] == thing]
        assert told == [*STORY, "last.step"]


async def test_what_is_told_while_an_endpoint_joins_in_again_reaches_it(
    bank: Core, shop: Shop, house: Served, receiver: Receiver
) -> None:
    """Paused and resumed while payments go on: each is told once, whichever queues it."""
    endpoint = await register(house, shop, receiver.url, "order.paid")
    async with telling(bank):
        for _ in range(6):
            await asyncio.gather(act(house, shop, endpoint, "pause"), shop.pay_many(10))
            await asyncio.gather(act(house, shop, endpoint, "resume"), shop.pay_many(10))
        await receiver.until(120)
        await until_caught_up(house, shop, endpoint)
        await until_all(house, shop, endpoint, "delivered")
    assert set(Counter(message.id for message in receiver.heard).values()) == {1}
    assert len(receiver.heard) == 120
    assert await bank.database.fetch(store.STATEMENTS.every_delivery_has_its_event) == []


async def test_a_test_endpoint_hears_again_from_any_event_and_a_live_one_never(
    bank: Core, shop: Shop, house: Served, receiver: Receiver
) -> None:
    """From the first, or after one: the same ids and bodies, signatures of now; what is new comes behind."""
    live = await register(house, shop, receiver.url)
    status, problem = await ask(house, shop.merchant, "POST", f"/v1/webhook-endpoints/{live['id']}/replay")
    assert (status, problem["code"]) == (409, "webhook_endpoint_live")
    trying = Receiver()
    await trying.start()
    async with telling(bank):
        things = [new_id() for _ in range(6)]
        for thing in things:
            await announce_all(bank, [announcement(shop.merchant, thing, bank, STORY[0])])
            await receiver.until(things.index(thing) + 1)
        test = await register(house, shop, trying.url, test=True)
        assert await act(house, shop, test, "replay") | {"catching_up": True} == _without_secret(test, catching_up=True)
        await trying.until(6)
        await until_caught_up(house, shop, test)
        await until_all(house, shop, test, "delivered")
        assert {message.body for message in trying.heard} == {message.body for message in receiver.heard}

        await act(house, shop, test, "replay", json={"after": receiver.heard[3].id})
        await trying.until(8)
        await announce_all(bank, [announcement(shop.merchant, new_id(), bank, STORY[0])])
        await trying.until(9)
        await receiver.until(7)
        await until_all(house, shop, test, "delivered")
    await trying.stop()
    heard = [message.id for message in receiver.heard]
    assert Counter(message.id for message in trying.heard) == Counter([*heard, *heard[4:6]])
    assert _verified(test["secret"], trying.heard)
    status, problem = await ask(
        house, shop.merchant, "POST", f"/v1/webhook-endpoints/{test['id']}/replay",
        json={"after": id_text(PREFIX, new_id())},
    )  # fmt: skip
    assert (status, problem["errors"][0]["pointer"]) == (422, "/after")


async def test_one_that_was_switched_off_catches_up_when_it_is_resumed(
    bank: Core, shop: Shop, house: Served, receiver: Receiver
) -> None:
    """It answered 410 and is mended: what came while it was off is told; what was given up can be sent again."""

    async def gone(_message: Message) -> int:
        return 410

    well, receiver.answering = receiver.answering, gone
    endpoint = await register(house, shop, receiver.url, "order.paid")
    async with telling(bank):
        await shop.pay()
        (given_up,) = await until_all(house, shop, endpoint, "given_up")
        await shop.pay_many(3)
        await until_logged(bank, 8)
        receiver.answering = well
        assert (await act(house, shop, endpoint, "resume"))["reason"] is None
        await receiver.until(4)
        await act(house, shop, endpoint, f"deliveries/{given_up['id']}/resend")
        await receiver.until(5)
        await until_caught_up(house, shop, endpoint)
    assert await last_seq(bank.database) == 8


def _without_secret(endpoint: dict[str, Any], **changed: Any) -> dict[str, Any]:
    return {name: value for name, value in endpoint.items() if name != "secret"} | changed


def _verified(secret: str, heard: list[Message]) -> bool:
    return all(Webhook(secret).verify(message.body, message.headers) for message in heard)
