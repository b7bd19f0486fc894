"""A device becomes a till by its owner's code; staff sign in at it, look sales up, print them, and give money back."""

from playwright.async_api import expect

from tests.browser.devices import Devices

ASK = "async (key) => (await fetch('/v1/merchant', { headers: { Authorization: `Bearer ${key}` } })).status"


async def test_staff_sell_and_give_back_within_their_limit(devices: Devices) -> None:
    """Paired by a link and a press; a cashier with a limit gives back up to it, and is told where it ends."""
    till, wallet = await devices.paired(), await devices.wallet()
    await till.shot("pos-sign-in")
    await till.sign_in(await devices.staff(refund_max=500))
    order = await till.asks("12.5")
    await wallet.pays(order["code"]["payload"])
    await till.turns_green("¥12.50")
    await till.press("Next sale")
    await till.press("Sales")
    await till.page.get_by_label("Search").fill("12.50")
    await till.shot("pos-sales")
    await till.page.locator(f"[data-order={order['id']}]").click()
    await till.sees(".paper")
    await till.shot("pos-receipt-paper")

    await till.press("Give money back")
    await expect(till.page.get_by_label("Amount")).to_have_value("5.00")
    await till.page.get_by_label("Amount").fill("5.01")
    await till.sees(".bad-text")
    await till.page.get_by_label("Amount").fill("5")
    await till.shot("pos-refund")
    await till.press("Give back ¥5.00")

    await till.sees("[data-refund=succeeded]")
    await till.sees("[data-limit=none]")
    now = await devices.owner("GET", f"/v1/orders/{order['id']}")
    assert now["refunded_amount"] == 500


async def test_a_receipt_is_printed_alone(devices: Devices) -> None:
    """On paper there is the receipt with its signed code, black on white, and no button."""
    till, wallet = await devices.till(), await devices.wallet()
    order = await till.asks("3.3")
    await wallet.pays(order["code"]["payload"])
    await till.turns_green("¥3.30")
    await till.press("Receipt")
    await till.sees(".paper")

    await till.page.emulate_media(media="print")

    await till.sees(".paper .qr")
    await expect(till.page.get_by_role("button", name="Print")).to_be_hidden()
    await till.shot("receipt-print")


async def test_a_till_that_was_taken_away_says_so(devices: Devices) -> None:
    """The owner takes the terminal away: whoever is signed in is sent back, and told what to do."""
    till = await devices.paired()
    await till.press("Sell without signing in")
    await till.sees(".entry")
    kept = await till.page.evaluate("JSON.parse(localStorage.getItem('qrpay.terminal'))")
    await devices.owner("POST", f"/v1/terminals/{kept['terminal']}/unpair")
    # A worker remembers a key for a moment; the till learns of it as soon as it asks.
    while await till.page.evaluate(ASK, kept["secret_key"]) != 401:
        await till.page.wait_for_timeout(200)

    # Unless it has asked by itself meanwhile, and is back where people sign in.
    await till.page.evaluate(
        "[...document.querySelectorAll('button')].find(b => b.innerText.trim() === 'Sales')?.click()"
    )

    await till.sees("[name=number]")
    await till.page.get_by_label("Your number").fill("1")
    await till.page.get_by_label("Your code").fill("000000")
    await till.press("Sign in")
    await expect(till.page.locator(".notice", has_text="taken away")).to_be_visible()
