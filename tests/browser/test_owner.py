"""The owner's page: what came in today, a till paired, somebody taken on, a key made, a code printed."""

from playwright.async_api import expect

from tests.browser.devices import Devices


async def test_an_owner_runs_the_shop(devices: Devices) -> None:
    """One round through the tabs, each with what it is for."""
    till, wallet = await devices.till(), await devices.wallet()
    order = await till.asks("2.5")
    await wallet.pays(order["code"]["payload"])
    await till.turns_green("¥2.50")
    owner = await devices.owner_page()

    await owner.sees("[data-day]")
    await owner.sees(".plot .bar:not([height='0'])")
    await owner.shot("owner-today")
    await owner.press("Staff")
    await owner.page.get_by_text("Take somebody on").click()
    await owner.page.get_by_label("Number").fill("4711")
    await owner.page.get_by_label("Name").fill("Zhao")
    await owner.press("Add")
    code = await owner.page.locator("[data-once]").inner_text()
    assert code.isdigit()
    assert len(code) == 6
    await owner.sees("[data-staff='4711']")
    await owner.shot("owner-staff")
    await owner.press("Tills")
    await owner.page.locator("[data-till=T1] summary").click()
    await owner.press("Pair this device")
    await owner.sees("[data-code] , .sheet .qr")
    await owner.shot("owner-pairing")
    await owner.press("Done")
    await owner.press("Codes")
    await owner.page.get_by_text("Make a code for a wall or table").click()
    await owner.page.get_by_label("Where it stands").fill("Table 9")
    await owner.press("Add")
    await owner.page.locator("[data-static='Table 9'] summary").click()
    async with owner.page.expect_download() as printed:
        await owner.press("Sheet A6")
    sheet = await (await printed.value).path()
    assert sheet.read_bytes().startswith(b"%PDF")
    await owner.press("Keys")
    await owner.page.get_by_text("Make a key").click()
    await owner.page.get_by_label("Name").fill("Books")
    await owner.press("Add")
    await expect(owner.page.locator("[data-once]")).to_contain_text("sk_")
    await owner.press("Settlements")
    await expect(owner.page.get_by_text("Owed to you now")).to_be_visible()
    await owner.press("Webhooks")
    await owner.page.get_by_text("Add an address").click()
    await owner.page.get_by_label("Address").fill(f"{owner.base_url}/healthz")
    await owner.press("Add")
    await owner.sees("[data-once]")
    await owner.press("Done")
    await owner.page.locator("[data-endpoint] summary").first.click()
    await owner.press("Deliveries")
    await expect(owner.page.get_by_role("heading", name="Deliveries")).to_be_visible()
