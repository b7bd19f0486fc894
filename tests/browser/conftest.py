"""A browser for the session, devices for each test. Everything else comes from the `demo` fixture."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, async_playwright

from qrpay.demo import Demo
from tests import prepare
from tests.browser.devices import Devices

# Chromium as root in a container, speaking to nobody on its own account.
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip


def chromium_path() -> str:
    """Where Debian's Chromium is; fails in one line that says what to install."""
    path = prepare.browser()
    if path is None:
        pytest.fail("the browser tests need Chromium: apt-get install -y chromium fonts-noto-cjk", pytrace=False)
    return path


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """One Chromium for all browser tests of this worker."""
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(executable_path=chromium_path(), args=list(FLAGS))
        yield opened
        await opened.close()


@pytest.fixture
async def devices(browser: Browser, demo: Demo) -> AsyncIterator[Devices]:
    """Phones and tills of one test; at its end each of them has only ever talked to our origin."""
    handed = Devices(browser, demo)
    yield handed
    await handed.close()
