"""The wallet reads, checks, pays, and shows a receipt."""

import re

from playwright.async_api import Browser, Route, expect

from qrpay.database.pool import Database
from qrpay.ledger.caps import bank_day
from qrpay.ledger.limits import CapKind, NewCap
from qrpay.values import CURRENCIES, id_from_text
from tests.browser.devices import Devices
from tests.web.house import house


def crc(text: str) -> str:
    """CRC-16 as EMV writes it; written here once more, so that page and test cannot share a mistake."""
    value = 0xFFFF
    for byte in text.encode():
        value ^= byte << 8
        for _ in range(8):
            value = (value << 1) ^ 0x1021 if value & 0x8000 else value << 1
        value &= 0xFFFF
    return f"{value:04X}"


async def test_a_pasted_code_is_checked_and_paid(devices: Devices) -> None:
    """The wallet names the shop and the amount, checks the signature itself, pays once, and shows the receipt."""
    till, wallet = await devices.till(), await devices.wallet()
    before = await wallet.balance()
    order = await till.asks("12.5")

    await wallet.reads(order["code"]["payload"])
    await wallet.sees("[data-verdict=holds]")
    await expect(wallet.page.locator(".says .amount")).to_have_text("¥12.50")
    await wallet.shot("wallet-pay")
    await wallet.press("Pay ¥12.50")
    await wallet.sees(".done .qr")
    await wallet.shot("wallet-paid")

    await wallet.press("Done")
    await expect(wallet.page.locator("[data-balance]")).to_have_attribute("data-balance", str(before - 1250))
    await wallet.press("All payments")
    await expect(wallet.page.locator(".rows .sum").first).to_have_text("−¥12.50")


async def test_the_credential_leaves_the_address(devices: Devices) -> None:
    """The token is read from the fragment once; neither the address nor any request's address keeps it."""
    wallet = await devices.wallet()
    assert "token" not in wallet.page.url
    await wallet.page.reload()
    await wallet.sees("[data-balance]")


async def test_another_link_in_the_same_tab_changes_the_person(devices: Devices) -> None:
    """A second wallet's link opened in the tab of the first shows the second one's account."""
    wallet = await devices.wallet(0)
    other = devices.demo.customers[1]

    await wallet.page.goto(f"{wallet.base_url}/wallet?lang=en#token={other.access_token}")

    await expect(wallet.page.locator(".balance .id")).to_contain_text(other.account[-6:])


async def test_a_forged_code_cannot_be_paid(devices: Devices) -> None:
    """A changed amount with a matching CRC: the phone itself says that the signature fails, and offers no button."""
    till, wallet = await devices.till(), await devices.wallet()
    order = await till.asks("12.5")
    body = re.sub(r"540512\.50", "540512.60", order["code"]["payload"])[:-4]

    await wallet.reads(body + crc(body))

    await wallet.sees("[data-verdict=fails]")
    await wallet.sees(".notice.bad")
    await expect(wallet.page.locator(".pay-button")).to_have_count(0)


async def test_a_large_amount_asks_for_the_pin(devices: Devices) -> None:
    """Above the limit the wallet asks for the PIN, says when it is wrong, and pays with the right one."""
    till, wallet = await devices.till(), await devices.wallet()
    order = await till.asks("1088")
    await wallet.reads(order["code"]["payload"])
    await wallet.page.locator(".pay-button").click()

    await wallet.page.get_by_label("PIN").fill("000000")
    await wallet.page.locator(".pay-button").click()
    await wallet.sees(".notice.bad")
    await wallet.page.get_by_label("PIN").fill(devices.demo.customers[0].pin)
    await wallet.page.locator(".pay-button").click()

    await wallet.sees(".done .qr")
    await till.turns_green("¥1,088.00")


async def test_the_pin_is_asked_for_when_the_day_without_it_is_used_up(browser: Browser, database: Database) -> None:
    """What may be spent without a second factor is spent: the wallet asks for the PIN, and pays with it."""
    async with house(database, balance=10_000) as home:
        ana = home.api.demo.customers[0]
        account = id_from_text("acc_", ana.account)
        assert account is not None
        cap = NewCap(
            CURRENCIES["CNY"].numeric, CapKind.CODE_C, 500, bank_day(home.clock()), "the test", account=account
        )
        assert await home.core.ledger.set_cap(cap)
        devices = Devices(browser, home.api.demo)
        till, wallet = await devices.till(), await devices.wallet()
        order = await till.asks("8")
        await wallet.reads(order["code"]["payload"])
        await wallet.page.locator(".pay-button").click()

        await wallet.page.get_by_label("PIN").fill(ana.pin)
        await expect(wallet.page.locator(".notice.bad")).to_have_count(0)
        await wallet.page.locator(".pay-button").click()

        await wallet.sees(".done .qr")
        await devices.close()


async def test_a_code_is_read_from_a_picture(devices: Devices) -> None:
    """The code as the till draws it, photographed, is read on the phone without any server."""
    till, wallet = await devices.till(), await devices.wallet()
    await till.asks("3.21")
    picture = await till.page.locator(".qr").screenshot()

    await wallet.press("Scan")
    await wallet.page.locator("input[type=file]").set_input_files(
        {"name": "code.png", "mimeType": "image/png", "buffer": picture}
    )

    await expect(wallet.page.locator(".says .amount")).to_have_text("¥3.21")


async def test_a_repeated_press_after_a_lost_answer_pays_once(devices: Devices) -> None:
    """The answer to the payment is lost on its way; pressing again gives the same payment."""
    till, wallet = await devices.till(), await devices.wallet()
    before = await wallet.balance()
    order = await till.asks("7")
    answers: list[int] = []

    async def lose_the_first(route: Route) -> None:
        if route.request.method != "POST":
            return await route.continue_()
        answer = await route.fetch()
        answers.append(answer.status)
        return await (route.abort() if len(answers) == 1 else route.fulfill(response=answer))

    await wallet.page.route("**/v1/payments", lose_the_first)
    await wallet.reads(order["code"]["payload"])
    await wallet.page.locator(".pay-button").click()
    await wallet.sees(".notice.bad")
    await wallet.page.locator(".pay-button").click()
    await wallet.sees(".done .qr")
    await wallet.press("Done")

    assert answers == [201, 200]
    await expect(wallet.page.locator("[data-balance]")).to_have_attribute("data-balance", str(before - 700))


async def test_my_code_hides_with_the_page(devices: Devices) -> None:
    """When the page is hidden the digits leave the screen, and another look shows a new code."""
    wallet = await devices.wallet()
    first = await wallet.digits()
    await wallet.shot("wallet-code")
    hide = """(hidden) => {
      Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
    }"""

    await wallet.page.evaluate(hide, True)
    await expect(wallet.page.locator("[data-digits]")).to_have_count(0)
    await wallet.page.evaluate(hide, False)

    await wallet.sees("[data-digits]")
    assert await wallet.attribute("[data-digits]", "data-digits") != first


async def test_the_wallet_speaks_chinese(devices: Devices) -> None:
    """?lang=zh turns every sentence, and the switch turns it back."""
    wallet = await devices.wallet(language="zh")
    await expect(wallet.page.get_by_role("button", name="扫一扫")).to_be_visible()
    await wallet.shot("wallet-zh")
    await wallet.press("English")
    await expect(wallet.page.get_by_role("button", name="Scan", exact=True)).to_be_visible()
    assert await wallet.page.evaluate("document.documentElement.lang") == "en"


async def test_a_refusal_comes_in_the_language_of_the_page(devices: Devices) -> None:
    """The server's own words are asked for in Chinese, and shown."""
    wallet = await devices.wallet(language="zh")
    await wallet.press("扫一扫")
    await wallet.page.get_by_label("或粘贴二维码内容").fill("hello")
    await wallet.press("识别")
    await expect(wallet.page.locator(".notice.bad strong")).to_have_text(re.compile("[\u4e00-\u9fff]"))


async def test_the_wallet_works_by_keyboard(devices: Devices) -> None:
    """Tab reaches the way to pay, Enter opens it, and the new screen's title has the focus."""
    wallet = await devices.wallet()
    await wallet.sees("[data-balance]")
    for _ in range(8):
        await wallet.page.keyboard.press("Tab")
        if await wallet.page.evaluate("document.activeElement.textContent") == "Scan":
            break
    await wallet.page.keyboard.press("Enter")
    await expect(wallet.page.locator("h1")).to_be_focused()
    await expect(wallet.page.locator("h1")).to_have_text("Scan a code")
