"""The operators' desk in a browser: two people freeze a shop, one finds an order, and a passkey signs in."""

import aiohttp
from playwright.async_api import expect

from tests.browser.devices import Devices


async def test_a_clerk_proposes_and_an_approver_freezes(devices: Devices) -> None:
    """On a phone in Chinese and on a wide screen in English; the log has it, and the other shop is not touched."""
    demo = devices.demo
    clerk, approver = await devices.desk("zh"), await devices.desk(wide=True)
    await clerk.shot("operators-sign-in")
    await clerk.enter(demo.other_operator, zh=True)
    await approver.enter(demo.operator)
    await clerk.tab("冻结")
    await clerk.page.get_by_text("提交冻结").click()
    await clerk.page.get_by_label("商户").fill(demo.other_merchant.terminal or "")
    await clerk.page.get_by_label("原因").fill("终端被盗")
    await clerk.shot("operators-freeze")
    await clerk.press("提交")
    await expect(clerk.page.get_by_role("status")).to_have_text("已提交，待其他人员审批。")
    await clerk.tab("待审批")
    await clerk.page.locator("[data-review] button").first.click()
    await expect(clerk.page.locator(".notice")).to_have_text("须由其他人员审批。")

    await approver.tab("Search")
    await approver.tab("To decide")
    await approver.page.locator("[data-review] button").first.click()
    await approver.page.get_by_label("Reason").fill("reported by phone")
    await approver.sees("dd")
    await approver.shot("operators-queue")
    await approver.press("Approve")
    await expect(approver.page.get_by_role("status")).to_have_text("Approved.")
    await approver.tab("Freezes")
    await approver.sees(f"[data-freeze={demo.other_merchant.terminal}]")
    await approver.tab("Log")
    await approver.sees("[data-act=decide_review]")
    await approver.shot("operators-log")
    await approver.tab("Money light")
    await approver.sees("[data-balanced=true] td")
    await approver.shot("operators-light")


async def test_an_order_is_found_and_told(devices: Devices) -> None:
    """By its reference, with all that happened; and from it on to the shop."""
    demo = devices.demo
    till, wallet, desk = await devices.till(), await devices.wallet(), await devices.desk(wide=True)
    order = await till.asks("12.5")
    await wallet.pays(order["code"]["payload"])
    await desk.enter(demo.operator)
    await desk.tab("Search")
    await desk.page.get_by_label("Any id").fill(order["reference"])
    await desk.press("Find")
    await desk.sees(f"[data-found={order['id']}] [data-source=ledger]")
    await expect(desk.page.locator("[data-source=ledger]").first).to_contain_text("12.50 CNY")
    await desk.shot("operators-search")
    await desk.page.set_viewport_size({"width": 360, "height": 740})
    await desk.shot("operators-search-phone")
    wide = await desk.page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 360
    await desk.page.get_by_role("button", name=demo.merchant.id).first.click()
    await desk.sees(f"[data-found={demo.merchant.id}]")


async def test_a_passkey_signs_in_and_a_script_of_the_page_cannot_read_the_session(devices: Devices) -> None:
    """Made and used by a virtual authenticator; ended, it opens nothing. A stranger's page gets nowhere."""
    demo = devices.demo
    desk = await devices.desk(host="localhost")
    device = await desk.page.context.new_cdp_session(desk.page)
    await device.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
        "isUserVerified": True, "automaticPresenceSimulation": True,
    }  # fmt: skip
    await device.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    await desk.enter(demo.other_operator)
    assert await desk.page.evaluate("document.cookie") == ""
    await desk.tab("People")
    await desk.page.get_by_label("Name of this passkey").fill("laptop")
    await desk.press("Add a passkey")
    await desk.sees("[data-passkey=laptop]")
    await desk.shot("operators-people")
    await desk.press("Sign out")
    await desk.press("Sign in with a passkey")
    await desk.sees(f"[data-me={demo.other_operator.name}]")

    await desk.tab("People")
    await desk.press("Remove")
    await expect(desk.page.locator("[data-passkey]")).to_have_count(0)
    await desk.press("Sign out")
    await desk.press("Sign in with a passkey")
    await expect(desk.page.locator(".notice.bad")).to_contain_text("do not belong together")
    async with aiohttp.ClientSession(demo.base_url) as http, http.post("/v1/operators/passkey-challenges") as answer:
        assert (await answer.json())["code"] == "passkeys_need_a_name"  # browsers keep none for 127.0.0.1
