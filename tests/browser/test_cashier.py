"""The page behind a code's link, for a phone that has no wallet open."""

import secrets

from playwright.async_api import expect

from tests.browser.devices import Devices


async def test_the_cashier_page_turns_green(devices: Devices) -> None:
    """Whoever opens the link sees shop, amount and code; and sees it paid when somebody pays."""
    till, wallet = await devices.till(), await devices.wallet()
    order = await till.asks("12.5")
    stranger = await devices.stranger(f"/pay/{order['id']}")
    await stranger.sees("[data-status=open] .qr")
    await expect(stranger.page.locator(".amount")).to_have_text("¥12.50")
    await stranger.shot("cashier")

    await wallet.pays(order["code"]["payload"])

    await stranger.sees("[data-status=paid]")


async def test_the_cashier_page_leads_into_the_wallet(devices: Devices) -> None:
    """On the customer's own phone one press opens the wallet with that order, and one more pays it."""
    till, wallet = await devices.till(), await devices.wallet()
    order = await till.asks("1.01")
    await wallet.page.goto(f"{wallet.base_url}/pay/{order['id']}")

    await wallet.page.get_by_role("link", name="Open in the wallet").click()
    await wallet.press("Pay ¥1.01")

    await till.turns_green("¥1.01")


async def test_a_link_to_a_paid_order_asks_for_nothing(devices: Devices) -> None:
    """Opened in the wallet after it was paid, the link says so and offers no button to pay."""
    till, wallet = await devices.till(), await devices.wallet()
    order = await till.asks("1.02")
    await wallet.pays(order["code"]["payload"])

    await wallet.page.goto(f"{wallet.base_url}/wallet?order={order['id']}")

    await expect(wallet.page.locator(".notice.bad strong")).to_have_text("Paid")
    await expect(wallet.page.locator(".pay-button")).to_have_count(0)


async def test_a_closed_order_says_so(devices: Devices) -> None:
    """Nobody can pay it any more, and the page says that instead of showing a code."""
    till = await devices.till()
    order = await till.asks("1")
    stranger = await devices.stranger(f"/pay/{order['id']}")
    await till.press("Cancel this sale")

    await stranger.sees("[data-status=closed]")
    await expect(stranger.page.locator(".qr")).to_have_count(0)


async def test_a_table_code_asks_for_the_amount(devices: Devices) -> None:
    """Its link shows shop, table and check code; the amount entered there stands in the wallet, which pays it."""
    reference = secrets.token_hex(8)
    made = await devices.owner("POST", "/v1/static-codes", {"reference": reference, "label": "Table 5"})
    stranger, wallet = await devices.stranger(f"/pay/{made['id']}"), await devices.wallet()
    await expect(stranger.page.locator("[data-code]")).to_contain_text(made["check_code"])
    await stranger.page.get_by_label("Amount").fill("6.6")
    await stranger.shot("cashier-table")
    await stranger.press("Pay ¥6.60 in the wallet")
    await stranger.page.wait_for_url("**/wallet?order=*&amount=660")

    await wallet.page.goto(f"{wallet.base_url}/wallet?order={made['id']}&amount=660")
    await wallet.press("Pay ¥6.60")

    await wallet.sees(".done .qr")
    await devices.owner("POST", f"/v1/static-codes/{made['id']}/revoke")
    await stranger.page.goto(f"{stranger.base_url}/pay/{made['id']}?lang=en")
    await stranger.sees("[data-status=revoked] .notice")
