"""The counter's day: a shift opened with its cash, items in a cart with tax and tip, a count at the end."""

from playwright.async_api import expect

from tests.browser.devices import Devices


async def test_a_cart_becomes_an_order_with_lines(devices: Devices) -> None:
    """Items by a press, a table, a tax and a tip: the order says all of it, and adds up."""
    till, wallet = await devices.paired(), await devices.wallet()
    await till.press("Sell without signing in")
    await till.press("Items")
    for name, price in (("Tea", "12"), ("Cake", "18.5")):
        await till.press("New item")
        await till.page.get_by_label("Name").fill(name)
        await till.page.get_by_label("Price").fill(price)
        await till.press("Save")
    await till.page.locator(".tile", has_text="Tea").click()
    await till.press("One more Tea")
    await till.page.locator(".tile", has_text="Cake").click()
    await till.page.get_by_label("Table or ticket").fill("5")
    await till.page.get_by_label("Tax, percent").fill("6")
    await till.page.get_by_role("button", name="Tip 10%").click()
    await expect(till.page.locator("[data-cart]")).to_have_attribute("data-cart", "4675")
    await till.shot("pos-cart")

    async with till.page.expect_response(lambda one: one.url.endswith("/v1/orders")) as made:
        await till.press("Show code")
    order = await (await made.value).json()
    await wallet.pays(order["code"]["payload"])

    await till.turns_green("¥46.75")
    assert order["tax"] == {"amount": 241, "included": True, "rate": "6"}
    assert (order["tip"], order["metadata"]) == (425, {"table": "5"})
    assert [(line["name"], line["quantity"], line["amount"]) for line in order["lines"]] == [
        ("Tea", 2, 2400), ("Cake", 1, 1850),
    ]  # fmt: skip
    await till.press("Receipt")
    await expect(till.page.locator(".paper")).to_contain_text("2 × Tea")
    await till.shot("pos-receipt-lines")


async def test_a_shift_is_counted(devices: Devices) -> None:
    """Opened with cash, cash taken out, a sale by code; the count says what is missing, the totals who sold."""
    till, wallet = await devices.paired(), await devices.wallet()
    await till.sign_in(await devices.staff(name="Wang"))
    await till.press("Shift")
    await till.page.get_by_label("Cash at the beginning").fill("200")
    await till.press("Open the shift")
    await till.sees("[data-shift]")
    await till.press("Back")
    order = await till.asks("7")
    await wallet.pays(order["code"]["payload"])
    await till.turns_green("¥7.00")
    await till.press("Next sale")
    await till.press("Shift")
    await till.page.get_by_text("Cash in or out").click()
    await till.page.locator("[name=kind]").select_option("paid_out")
    await till.page.get_by_label("Amount").fill("30")
    await till.press("Note it")
    await till.sees("[data-cash=paid_out]")
    await expect(till.page.locator("[data-total-of='Till 7']", has_text="Wang")).to_contain_text("¥7.00")
    await till.shot("pos-shift")
    await till.page.get_by_label("Cash counted").fill("168.5")

    await till.press("Close the shift")

    await till.sees("[data-difference='-150']")
    await till.shot("pos-shift-closed")
