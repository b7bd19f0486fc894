"""The camera, with a film of a code in place of a lens."""

import asyncio
import io
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.async_api import Browser, async_playwright, expect

from qrpay.demo import Demo
from tests.browser.conftest import FLAGS, chromium_path
from tests.browser.devices import Devices

SIDE = 480


def film(picture: bytes, path: Path) -> None:
    """Write one picture as a film of two frames in YUV4MPEG2, which Chromium plays as its camera."""
    code = Image.open(io.BytesIO(picture)).convert("RGB").resize((400, 400))
    frame = Image.new("RGB", (SIDE, SIDE), "white")
    frame.paste(code, (40, 40))
    luma, blue, red = frame.convert("YCbCr").split()
    half = (SIDE // 2, SIDE // 2)
    data = b"FRAME\n" + luma.tobytes() + blue.resize(half).tobytes() + red.resize(half).tobytes()
    path.write_bytes(f"YUV4MPEG2 W{SIDE} H{SIDE} F10:1 Ip A1:1 C420jpeg\n".encode() + data * 2)


@pytest.fixture
async def seeing(browser: Browser, demo: Demo, tmp_path: Path) -> AsyncIterator[Devices]:
    """Devices whose camera looks at the code of an order over 4.56."""
    shop = Devices(browser, demo)
    till = await shop.till()
    await till.asks("4.56")
    picture = await till.page.locator(".qr").screenshot()
    await asyncio.to_thread(film, picture, tmp_path / "code.y4m")
    camera = (
        "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-video-capture={tmp_path / 'code.y4m'}",
    )  # fmt: skip
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(executable_path=chromium_path(), args=[*FLAGS, *camera])
        handed = Devices(opened, demo)
        yield handed
        await handed.close()
        await opened.close()
    await shop.close()


async def test_the_camera_reads_a_code(seeing: Devices) -> None:
    """Scan opens the camera; the code in its picture is read by itself, and what it says is on the screen."""
    wallet = await seeing.wallet()

    await wallet.press("Scan")

    await expect(wallet.page.locator(".says .amount")).to_have_text("¥4.56", timeout=15_000)
    await wallet.sees("[data-verdict=holds]")
