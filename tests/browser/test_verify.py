"""The page that says what the bank has signed about a statement."""

from pathlib import Path

import aiohttp
from playwright.async_api import expect

from tests.browser.devices import Devices


async def test_a_signature_of_a_statement_is_shown(devices: Devices, tmp_path: Path) -> None:
    """Whose, of which day, how much; a file is compared on the phone, without sending it. A forged one is refused."""
    till = await devices.till()
    headers = {"Authorization": f"Bearer {devices.demo.merchant.secret_key}"}
    path = "/v1/statements/2026-01-05/trade.csv"
    async with aiohttp.ClientSession(till.base_url, headers=headers) as session, session.get(path) as answer:
        signed = answer.headers["Qrpay-Statement"]
        (tmp_path / "trade.csv").write_bytes(await answer.read())
    stranger = await devices.stranger("/verify")
    await stranger.page.get_by_label("Signature").fill(signed[:-6] + "AAAAAA")
    await stranger.press("Verify")
    await stranger.sees(".notice.bad strong")

    await stranger.page.get_by_label("Signature").fill(signed)
    await stranger.press("Verify")

    await stranger.sees("[data-verified='2026-01-05']")
    await expect(stranger.page.locator("dd").nth(2)).to_have_text("¥0.00")
    await stranger.page.get_by_label("Compare a file with it").set_input_files(tmp_path / "trade.csv")
    await expect(stranger.page.get_by_role("status")).to_have_text("This is the very file that was signed.")
    await stranger.shot("verify")
