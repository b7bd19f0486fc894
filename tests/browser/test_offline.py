"""The line drops: the till opens, sells by codes it signs itself, checks receipts, and catches up afterwards."""

import io

import aiohttp
import zxingcpp
from PIL import Image
from playwright.async_api import expect

from tests.browser.devices import Devices, Till


async def pays(devices: Devices, scanned: str) -> tuple[str, str]:
    """A customer's wallet, which is online, pays what it scanned: the order, and the signed receipt it can show."""
    token = {"Authorization": f"Bearer {devices.demo.customers[0].access_token}"}
    async with aiohttp.ClientSession(devices.demo.base_url) as http:
        async with http.post("/v1/payments", json={"scanned": scanned}, headers=token) as answer:
            body = await answer.json()
            assert answer.status == 201, body
        async with http.get(f"/v1/receipts/{body['order']}") as answer:
            return body["order"], await answer.text()


async def shows(till: Till, amount: str) -> tuple[str, str]:
    """The till shows a code it signed itself: the order, and the text as another library reads it off the screen."""
    await till.types(amount)
    await till.press("Show code")
    await till.sees("[data-offline] .qr")
    order = await till.page.locator("[data-offline]").get_attribute("data-offline")
    assert order is not None
    picture = Image.open(io.BytesIO(await till.page.screenshot()))
    [read] = zxingcpp.read_barcodes(picture)
    return order, read.text


async def test_a_till_sells_without_its_network(devices: Devices) -> None:
    """The journey: certified online, the line cut, the page reloaded; one sale proved by its receipt, one given up and
    paid all the same, one never paid; and when the line is back the bank's books have each as it is."""
    till = await devices.paired(workers="allow")
    await till.press("Sell without signing in")
    await till.sees("[data-ready]")
    await till.page.wait_for_function("async () => (await caches.match('/pos')) && navigator.serviceWorker.controller")
    await till.page.reload()  # by its worker, which keeps whatever a later start asks for
    await till.sees("[data-ready]")
    await till.page.wait_for_function("async () => (await caches.match('/assets/pos/offline.js'))")
    await till.page.context.set_offline(True)
    await till.page.reload()
    await till.sees(".entry")

    order, code = await shows(till, "12.5")
    await till.shot("pos-offline-code")
    verdict = await till.page.evaluate(CHECK, code)
    assert verdict == "holds"
    paid, receipt = await pays(devices, code)
    assert paid == order
    head, claims, signature = receipt.split(".")
    await till.scans(f"{head}.{claims}.{signature[::-1]}")
    await till.sees("[data-verdict=fails]")
    await till.scans(receipt)
    await till.turns_green("¥12.50")
    await till.shot("pos-offline-paid")
    await till.press("Next sale")

    given_up, code = await shows(till, "3")
    await till.scans(receipt)
    await till.sees("[data-verdict=other_sale]")
    await pays(devices, code)
    await till.press("Give up this sale")
    await expect(till.page.locator("[data-waiting]")).to_have_attribute("data-up", "false", timeout=20_000)
    await till.press("Sales")
    await till.sees(f"[data-waits={given_up}]")
    await till.press("Back")
    never, _ = await shows(till, "4")
    await till.press("Give up this sale")

    await till.page.context.set_offline(False)

    await expect(till.page.locator(".notice", has_text="paid after all: ¥3.00")).to_be_visible(timeout=30_000)
    standing = {one: await devices.owner("GET", f"/v1/orders/{one}") for one in (order, given_up, never)}
    assert [standing[one]["status"] for one in (order, given_up, never)] == ["paid", "paid", "open"]
    assert {one["terminal"] for one in standing.values()} == {
        await till.page.evaluate("JSON.parse(localStorage.getItem('qrpay.terminal')).terminal")
    }


CHECK = """async (text) => {
  const [{ verifyCode }, { Keys }] = [await import("/assets/lib/codes.js"), await import("/assets/lib/keys.js")];
  return (await verifyCode(text, new Keys())).verdict;
}"""
