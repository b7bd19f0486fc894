"""The till makes a code, turns green, scans a customer, and checks receipts without a network."""

from typing import Any

from playwright.async_api import Route, expect

from tests.browser.devices import Devices


async def test_the_till_turns_green_when_a_wallet_pays(devices: Devices) -> None:
    """The code is on the screen; the moment it is paid the till is green and says the amount."""
    till, wallet = await devices.till(), await devices.wallet()
    order = await till.asks("12.5")
    await till.shot("pos-code")

    await wallet.pays(order["code"]["payload"])

    await till.turns_green("¥12.50")
    await expect(till.page.locator(".spoken")).to_have_text("Received 12.50 Chinese yuan")
    await till.shot("pos-green")
    await till.press("Next sale")
    await till.press("Sales")
    total = await till.page.locator("[data-total]").get_attribute("data-total")
    assert total is not None
    assert int(total) >= 1250


async def test_a_hand_scanner_charges_a_payment_code(devices: Devices) -> None:
    """Digits as quick keys and Enter: the sale is charged, the till is green, and the phone shows it by itself."""
    till, wallet = await devices.till(), await devices.wallet()
    digits = await wallet.digits()
    await till.types("8")

    await till.scans(digits)

    await till.turns_green("¥8.00")
    await wallet.sees(".done .qr")


async def test_a_used_code_is_refused_in_words(devices: Devices) -> None:
    """A payment code pays once; the second till screen says so and offers to scan again."""
    till, wallet = await devices.till(), await devices.wallet()
    digits = await wallet.digits()
    await till.types("8")
    await till.scans(digits)
    await till.turns_green("¥8.00")
    await till.press("Next sale")
    await till.types("9")

    await till.scans(digits)

    await till.sees(".notice.bad")
    await expect(till.page.locator("[data-state=scanning]")).to_be_visible()


async def test_a_large_charge_is_confirmed_on_the_phone(devices: Devices) -> None:
    """The till waits; the phone asks by itself for the PIN; then both show that it is paid."""
    till, wallet = await devices.till(), await devices.wallet()
    digits = await wallet.digits()
    await till.types("1088")
    await till.scans(digits)
    await till.sees("[data-state=waiting]")

    await wallet.page.get_by_label("PIN").fill(devices.demo.customers[0].pin)
    await wallet.press("Pay now")

    await till.turns_green("¥1,088.00")
    await wallet.sees(".done .qr")


async def test_a_receipt_is_checked_without_a_network(devices: Devices) -> None:
    """With the network cut the till tells genuine from forged, and notices a receipt shown twice."""
    till, wallet = await devices.till(), await devices.wallet()
    order = await till.asks("12.5")
    await wallet.pays(order["code"]["payload"])
    await till.turns_green("¥12.50")
    await till.press("Next sale")
    receipt = await wallet.receipt()
    await till.page.context.set_offline(True)

    await till.scans(receipt)
    await till.sees("[data-verdict=holds][data-before=false]")
    await expect(till.page.locator(".outcome .amount")).to_have_text("¥12.50")
    await expect(till.page.locator(".outcome")).to_contain_text(order["id"])
    await till.shot("pos-receipt")
    await till.scans(receipt)
    await till.sees("[data-verdict=holds][data-before=true]")
    head, claims, signature = receipt.split(".")
    await till.scans(f"{head}.{claims}.{signature[::-1]}")
    await till.sees("[data-verdict=fails]")


async def test_nobody_is_charged_while_receipts_are_checked(devices: Devices) -> None:
    """A payment code under the scanner is told to be no receipt, though an amount stands on the keypad."""
    till, wallet = await devices.till(), await devices.wallet()
    digits = await wallet.digits()
    await till.types("8")
    await till.press("Check a receipt")

    await till.scans(digits)

    await till.sees("[data-verdict=malformed]")


async def test_a_lost_answer_makes_no_second_order(devices: Devices) -> None:
    """The answer to making the order is lost; the till asks again with the same reference and shows the one order."""
    till = await devices.till()
    asked: list[Any] = []

    async def lose_the_first(route: Route) -> None:
        asked.append(route.request.post_data_json)
        if len(asked) == 1:
            await route.fetch()
            await route.abort()
        else:
            await route.continue_()

    await till.page.route("**/v1/orders", lose_the_first)
    await till.types("4")
    await till.press("Show code")

    await till.sees("[data-status=open] .qr")
    assert len(asked) == 2
    assert asked[0] == asked[1]


async def test_a_sale_that_is_paid_before_it_is_cancelled_says_so(devices: Devices) -> None:
    """The till does not hear of the payment; cancelling tells the truth: it was paid."""
    till, wallet = await devices.till(), await devices.wallet()
    await till.page.route("**/v1/orders/ord_*", lambda route: route.abort())
    order = await till.asks("5")
    await wallet.pays(order["code"]["payload"])

    await till.press("Cancel this sale")

    await till.turns_green("¥5.00")
    await expect(till.page.locator(".green-screen")).to_contain_text("just before you cancelled")


async def test_a_cancelled_sale_cannot_be_paid(devices: Devices) -> None:
    """After a cancel the wallet is told that the order is closed, and keeps its money."""
    till, wallet = await devices.till(), await devices.wallet()
    order = await till.asks("6")
    await till.press("Cancel this sale")
    await till.sees(".entry")

    await wallet.reads(order["code"]["payload"])
    pay = wallet.page.locator(".pay-button")
    refused = wallet.page.locator(".notice.bad")
    await expect(pay.or_(refused).first).to_be_visible()
    if await pay.count():
        await pay.click()

    await expect(refused).to_be_visible()


async def test_a_reload_comes_back_to_the_sale(devices: Devices) -> None:
    """A till that was reloaded in the middle of a sale shows the same order again."""
    till = await devices.till()
    order = await till.asks("2")

    await till.page.reload()

    await till.sees(f"[data-order={order['id']}][data-status=open]")


async def test_the_till_speaks_chinese(devices: Devices) -> None:
    """In Chinese the spoken amount is a Chinese sentence."""
    till, wallet = await devices.till(language="zh"), await devices.wallet()
    digits = await wallet.digits()
    await till.types("12.5")
    await till.scans(digits)
    await till.sees("[data-status=paid]")
    await expect(till.page.locator(".spoken")).to_have_text("收款12.5元")
