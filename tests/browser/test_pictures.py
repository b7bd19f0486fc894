"""What the pages draw and check, held against independent readers and the published vectors."""

import io

import pytest
import zxingcpp
from PIL import Image
from playwright.async_api import expect

from tests.browser.devices import Devices

# rules.md 1.4: signed with the secret key of RFC 8032 test 1.
VECTOR = (
    "00020101021226530010example.qr0109M100000010222AZRvK2Y9cQm3n0TtWq1xYg520454115303156540512.505802CN5910HAPPY MART"
    "6007BEIJING62330522AZRvK2Y9cQm3n0TtWq1xYg0703T0180380010example.qr0106k2026a0210176760030081780010example.qr0160"
    "z7zPmeVbzXbbd2iPmeoU-7-humzHMMYoURnJmsQ0gZITrUXZyxLZwlFCjqUZ82440010example.qr0126Y6AuYZyAggmKX1Kzln7SkVZqDw"
)
PUBLIC = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
CHECK = """async ([text, kid, x, now]) => {
  const { verifyCode } = await import("/assets/lib/codes.js");
  const keys = { empty: false, find: async (id) => (id === kid ? { kid, x } : null) };
  return (await verifyCode(text, keys, now)).verdict;
}"""


@pytest.mark.parametrize(
    ("text", "kid", "now", "verdict"),
    [
        (VECTOR + "63047C13", "k2026a", 1767600299, "holds"),
        (VECTOR + "63047C13", "k2026a", 1767600300, "expired"),
        (VECTOR + "63047C13", "k2027a", 1767600300, "unknown_key"),
        (VECTOR + "63047C14", "k2026a", 1767600300, "malformed"),
        (VECTOR.replace("12.50", "12.60") + "63049CB8", "k2026a", 1767600300, "fails"),
        (VECTOR + "6106100000" + "63048218", "k2026a", 1767600300, "unsigned"),
    ],
)
async def test_the_published_vectors(devices: Devices, text: str, kid: str, now: int, verdict: str) -> None:
    """The page's own check says of each vector what the rules say: also of what stands behind the signature."""
    stranger = await devices.stranger("/wallet")
    assert await stranger.page.evaluate(CHECK, [text, kid, PUBLIC, now]) == verdict


async def test_the_bars_and_the_code_are_read_by_another_library(devices: Devices) -> None:
    """The payment code as bars and as QR carries the digits that stand under it."""
    wallet = await devices.wallet()
    digits = await wallet.digits()
    picture = Image.open(io.BytesIO(await wallet.page.screenshot()))

    read = {str(found.format): found.text for found in zxingcpp.read_barcodes(picture)}

    assert digits in read.values()
    assert len(read) == 2


async def test_the_reference_page_stays_at_home(devices: Devices) -> None:
    """/docs draws the whole reference from our own /openapi.json; no request leaves the origin."""
    stranger = await devices.stranger("/docs")
    await expect(stranger.page.get_by_text("/v1/orders").first).to_be_visible(timeout=20_000)
    await stranger.page.wait_for_timeout(1500)
    await stranger.shot("docs")
