"""What a test holds in its hands: a phone with the wallet, a till, a stranger's phone at the cashier page."""

import asyncio
import secrets
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar
from urllib.parse import urlsplit

import aiohttp
from playwright.async_api import Browser, Page, ViewportSize, expect

from qrpay.demo import Demo, DemoOperator
from tests.features.people import next_code

SHOTS = Path(__file__).parents[1] / "shots"
PHONE: ViewportSize = {"width": 360, "height": 740}
ANSWER_MS = 15_000


@dataclass
class Device:
    """One browser profile with one page, and everything that went wrong in it."""

    page: Page
    base_url: str
    strangers: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def watch(self) -> None:
        """Note every request that leaves the origin, every uncaught error and every breach of the content policy."""
        self.page.set_default_timeout(ANSWER_MS)
        self.page.on("request", lambda request: self._note(request.url))
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("console", lambda said: self.faults.append(said.text) if "Security Policy" in said.text else None)

    def _note(self, url: str) -> None:
        if not url.startswith((self.base_url + "/", "data:", "blob:")):
            self.strangers.append(url)

    async def shot(self, name: str) -> Path:
        """A picture of what is on the screen, in tests/shots/."""
        SHOTS.mkdir(exist_ok=True)
        await self.page.wait_for_timeout(400)  # the tick has finished growing
        path = SHOTS / f"{name}.png"
        await self.page.screenshot(path=path)
        return path

    async def press(self, name: str) -> None:
        """Press the button of that name."""
        await self.page.get_by_role("button", name=name, exact=True).click()

    async def sees(self, selector: str) -> None:
        """Wait until something like that is on the screen."""
        await expect(self.page.locator(selector).first).to_be_visible(timeout=ANSWER_MS)


class Wallet(Device):
    """A customer's phone."""

    async def reads(self, text: str) -> None:
        """Give the wallet a code as pasted text, from its first screen."""
        await self.press("Scan")
        await self.page.get_by_label("Or paste what the code says").fill(text)
        await self.press("Read")

    async def pays(self, text: str) -> None:
        """Read a code and pay it."""
        await self.reads(text)
        await self.page.locator(".pay-button").click()
        await self.sees(".done .qr")

    async def digits(self) -> str:
        """Show my code, and read its digits off the screen."""
        await self.press("My code")
        return await self.attribute("[data-digits]", "data-digits")

    async def receipt(self) -> str:
        """The text of the receipt on the screen."""
        return await self.page.locator(".receipt textarea").input_value()

    async def balance(self) -> int:
        """What the first screen says there is to spend, in minor units."""
        return int(await self.attribute("[data-balance]", "data-balance"))

    async def attribute(self, selector: str, name: str) -> str:
        """An attribute of something on the screen."""
        value = await self.page.locator(selector).first.get_attribute(name)
        assert value is not None
        return value


class Till(Device):
    """A shop's POS."""

    async def types(self, amount: str) -> None:
        """Type an amount on a keyboard, at a human pace."""
        await self.page.keyboard.type(amount, delay=130)
        await expect(self.page.locator(".entry")).to_have_attribute("data-typed", amount)

    async def asks(self, amount: str) -> dict[str, Any]:
        """Type an amount and show the code; gives the order as the server made it."""
        await self.types(amount)
        async with self.page.expect_response(lambda one: one.url.endswith("/v1/orders") and one.status == 201) as made:
            await self.press("Show code")
        await self.sees("[data-status=open] .qr")
        answer = await made.value
        order: dict[str, Any] = await answer.json()
        return order

    async def scans(self, text: str) -> None:
        """What a hand scanner does: the text as keys 5 ms apart, then Enter; however busy this machine is."""
        await self.page.wait_for_timeout(150)  # a scanner is lifted first: its run of keys begins after a pause
        keyboard = await self.page.context.new_cdp_session(self.page)
        began = time.time()
        keys = [{"key": character, "text": character} for character in text] + [{"key": "Enter", "text": "\r"}]
        strokes = [
            keyboard.send("Input.dispatchKeyEvent", {"type": kind, "timestamp": began + place * 0.005, **key})
            for place, key in enumerate(keys)
            for kind in ("keyDown", "keyUp")
        ]
        await asyncio.gather(*strokes)

    async def sign_in(self, somebody: dict[str, Any]) -> None:
        """Sign somebody of the staff in, by number and code."""
        await self.page.get_by_label("Your number").fill(somebody["number"])
        await self.page.get_by_label("Your code").fill(somebody["code"])
        await self.press("Sign in")
        await self.sees(".entry")

    async def turns_green(self, amount: str) -> None:
        """Wait for green, with that amount on it."""
        await self.sees("[data-status=paid]")
        await expect(self.page.locator(".green-screen .amount")).to_have_text(amount)


class Desk(Device):
    """Somebody of the bank."""

    async def enter(self, who: DemoOperator, zh: bool = False) -> None:
        """Sign in by password and code."""
        name, password, totp = (
            ("用户名", "密码", "动态码") if zh else ("Name", "Password", "Code of your authenticator")
        )
        await self.page.get_by_label(name, exact=True).fill(who.name)
        await self.page.get_by_label(password, exact=True).fill(who.password)
        await self.page.get_by_label(totp).fill(await next_code(who))
        await self.press("登录" if zh else "Sign in")
        await self.sees(f"[data-me={who.name}]")

    async def tab(self, name: str) -> None:
        """Go to another part of the desk."""
        await self.press(name)


class Stranger(Device):
    """A phone without the wallet, at the cashier page."""


D = TypeVar("D", bound=Device)


@dataclass
class Devices:
    """Hands out devices; afterwards none of them may have talked to a stranger or stumbled."""

    browser: Browser
    demo: Demo
    handed: list[Device] = field(default_factory=list)

    async def wallet(self, customer: int = 0, language: str = "en", path: str = "/wallet") -> Wallet:
        """The wallet of that customer of the demo."""
        token = self.demo.customers[customer].access_token
        return await self._open(Wallet, f"{path}?lang={language}#token={token}", language)

    async def till(self, language: str = "en") -> Till:
        """The till of the demo's shop."""
        shop = self.demo.merchant
        fragment = f"key={shop.secret_key}&store={shop.store}&terminal={shop.terminal}"
        return await self._open(Till, f"/pos?lang={language}#{fragment}", language)

    async def paired(self, language: str = "en", workers: Literal["allow", "block"] = "block") -> Till:
        """A device that becomes a new terminal of the demo's shop by its owner's code, with nobody signed in yet."""
        terminal = await self.owner("POST", f"/v1/stores/{self.demo.merchant.store}/terminals", {
            "name": "Till 7", "code": secrets.token_hex(4),
        })  # fmt: skip
        offered = await self.owner("POST", f"/v1/terminals/{terminal['id']}/pairing-codes")
        link = urlsplit(offered["url"])
        till = await self._open(Till, f"{link.path}?lang={language}#{link.fragment}", language, workers)
        await till.page.locator("form button.first").first.click()
        await till.sees("[name=number]")
        return till

    async def owner_page(self, language: str = "en") -> Stranger:
        """The page of the demo shop's owner."""
        return await self._open(Stranger, f"/owner?lang={language}#key={self.demo.merchant.secret_key}", language)

    async def staff(self, **about: Any) -> dict[str, Any]:
        """Somebody new of the shop's staff, with their number and code."""
        number = f"{secrets.randbelow(10**6):06d}"
        made: dict[str, Any] = await self.owner("POST", "/v1/staff", {"number": number, "name": "Li", **about})
        return made

    async def owner(self, method: str, path: str, body: Any = None) -> Any:
        """What the shop's owner asks of the API."""
        async with aiohttp.ClientSession(self.demo.base_url) as http:
            key = {"Authorization": f"Bearer {self.demo.merchant.secret_key}"}
            async with http.request(method, path, json=body, headers=key) as answer:
                assert answer.status < 300, await answer.text()
                return await answer.json() if answer.status != 204 else None

    async def desk(self, language: str = "en", *, wide: bool = False, host: str = "") -> Desk:
        """The operators' page, on a phone or a wide screen; `host`: by another name of the same server."""
        desk = await self._open(Desk, f"/operators?lang={language}", language)
        if wide:
            await desk.page.set_viewport_size({"width": 1280, "height": 800})
        if host:
            desk.base_url = self.demo.base_url.replace("127.0.0.1", host)
            await desk.page.goto(f"{desk.base_url}/operators?lang={language}")
        return desk

    async def stranger(self, path: str, language: str = "en") -> Stranger:
        """A phone that just opened a link."""
        return await self._open(Stranger, f"{path}?lang={language}", language)

    async def _open(self, kind: type[D], path: str, language: str, workers: Literal["allow", "block"] = "block") -> D:
        locale = "zh-CN" if language == "zh" else "en-US"
        context = await self.browser.new_context(
            viewport=PHONE,
            device_scale_factor=2,
            locale=locale,
            color_scheme="light",
            has_touch=True,
            service_workers=workers,
        )
        device = kind(await context.new_page(), self.demo.base_url)
        device.watch()
        self.handed.append(device)
        await device.page.goto(self.demo.base_url + path)
        await device.sees("h1, [data-status]")
        return device

    async def close(self) -> None:
        """Put all devices away, and hold them to their manners."""
        for device in self.handed:
            await device.page.context.close()
        assert [url for device in self.handed for url in device.strangers] == []
        assert [fault for device in self.handed for fault in device.faults] == []
