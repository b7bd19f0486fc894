"""Trying: a test payer that really pays, and the two commands that integrators run beside their own server."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator

import pytest
from standardwebhooks.webhooks import Webhook

from qrpay.app import features
from qrpay.database.pool import Database
from qrpay.feature import Feature
from qrpay.features.e_accounts import service as e_accounts
from qrpay.features.merchants import service as merchants
from qrpay.features.merchants.model import NewMerchant
from tests.background.world import working
from tests.features.webhooks.world import Receiver
from tests.web.house import House, house
from tests.web.world import fresh


@pytest.fixture
async def home(fresh_database: Database) -> AsyncIterator[House]:
    """A house that tells of its orders."""
    async with house(fresh_database) as running:
        running.core.sources[:] = [source for feature in features() for source in feature.events]
        yield running


async def a_test_key(home: House) -> str:
    """The secret of a new test merchant."""
    return (await merchants.add(home.core, NewMerchant("Happy Mart", test=True))).secret.text


async def qrpay(home: House, key: str, *words: str) -> asyncio.subprocess.Process:
    """The command line, as an integrator runs it: it has the API's address and a key, and no database."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("QRPAY_")}
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "qrpay", *words,
        env=environ | {"QRPAY_API_KEY": key, "QRPAY_BASE_URL": home.api.demo.base_url},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip


async def said(process: asyncio.subprocess.Process) -> str:
    """All that it says until it ends."""
    out, _ = await asyncio.wait_for(process.communicate(), 60)
    return out.decode()


async def test_the_test_payer_pays_whatever_is_asked_of_a_test_merchant(home: House) -> None:
    """Once, at any amount and in any currency, in test ledgers; closed, unknown and live orders are refused."""
    api, key = home.api, await a_test_key(home)

    async def opened(amount: int = 100, currency: str = "CNY") -> str:
        body = {"reference": fresh(), "amount": amount, "currency": currency}
        return str((await api.post("/v1/orders", key, body)).json["id"])

    orders = [await opened(), await opened(999_999_999_999), await opened(5_00, "HKD")]
    answers = await asyncio.gather(*(api.post(f"/v1/orders/{order}/test-payment", key) for order in [*orders, *orders]))
    assert [answer.status for answer in answers] == [200] * 6
    assert {answer.json["status"] for answer in answers} == {"paid"}
    assert answers[0].json["payment"]["payer"] == "测**"
    balances = (await api.get("/v1/balance", key)).json["data"]
    assert {line["currency"]: line["balance"]["posted"] for line in balances} == {"CNY": 1_000_000_000_099, "HKD": 500}
    light = await e_accounts.money_light(home.core)
    assert light.balanced

    order = await opened()
    await api.post(f"/v1/orders/{order}/close", key)
    refused = await api.post(f"/v1/orders/{order}/test-payment", key)
    assert (refused.status, refused.json["code"]) == (409, "order_closed")
    other = await a_test_key(home)
    assert (await api.post(f"/v1/orders/{orders[0]}/test-payment", other)).status == 404
    live = await api.order(amount=100)
    refused = await api.post(f"/v1/orders/{live['id']}/test-payment", api.shop)
    assert (refused.status, refused.json["code"]) == (403, "test_key_needed")
    assert (await api.get(f"/v1/orders/{live['id']}", api.shop)).json["status"] == "open"


async def test_what_is_triggered_really_happens_and_is_passed_on_to_a_local_server(home: House) -> None:
    """`qrpay listen` posts each event signed with the secret it shows; `qrpay trigger` makes them happen."""
    key, receiver = await a_test_key(home), Receiver()
    await receiver.start()
    sources = Feature(events=home.core.sources)
    listening = await qrpay(home, key, "listen", "--forward-to", receiver.url, "--count", "3")
    assert listening.stdout is not None
    try:
        secret = (await asyncio.wait_for(listening.stdout.readline(), 60)).decode().split()[2]
        assert b"Passing on" in await asyncio.wait_for(listening.stdout.readline(), 60)
        async with working(home.core, sources):
            for event in ("refund.succeeded", "order.closed"):
                process = await qrpay(home, key, "trigger", event)
                assert "ord_" in await said(process)
                assert process.returncode == 0
            shown = await said(listening)
    finally:
        await receiver.stop()
        if listening.returncode is None:
            listening.kill()
    assert listening.returncode == 0, shown
    types = [message.event["type"] for message in receiver.heard]
    assert types == ["order.paid", "refund.succeeded", "order.closed"]
    assert receiver.heard[0].event["data"]["amount"] == 100
    assert [line.split()[1:4:2] for line in shown.splitlines()] == [[type_, "204"] for type_ in types]
    library = Webhook(secret)
    assert all(library.verify(message.body, message.headers) == message.event for message in receiver.heard)


async def test_nothing_is_triggered_with_a_live_key(home: House) -> None:
    """Refused before anything is sent; and by the API, whoever asks."""
    process = await qrpay(home, home.api.shop, "trigger", "order.paid")
    assert "live key" in await said(process)
    assert process.returncode == 1
    assert (await home.api.get("/v1/orders", home.api.shop)).json["data"] == []
