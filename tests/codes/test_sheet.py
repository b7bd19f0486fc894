"""The sheet of a static code, read back by zxing-cpp from what its SVG and its PDF paint."""

import re
import zlib

import msgspec
import pytest
import zxingcpp

from qrpay.codes import pdf, sheet
from qrpay.codes.payload import check_code
from tests.codes.world import ORDER, signed

TEXT = signed(msgspec.structs.replace(ORDER, order=None, amount=None, static_code=ORDER.order))
WORDS = sheet.Words("快乐超市", "HAPPY MART", "Main Street", "Table <5>", check_code(TEXT), "5.00 CNY")
PIXELS = 8
"""A millimetre."""


def read(rectangles: list[tuple[float, float, float, float, bool]]) -> str:
    """What zxing-cpp reads on a sheet on which these were painted in turn, in millimetres of A6."""
    width, height = round(sheet.WIDTH * PIXELS), round(sheet.HEIGHT * PIXELS)
    rows = [bytearray(b"\xff" * width) for _ in range(height)]
    for x, y, wide, high, dark in rectangles:
        left, right = round(x * PIXELS), round((x + wide) * PIXELS)
        for row in rows[round(y * PIXELS) : round((y + high) * PIXELS)]:
            row[left:right] = (b"\0" if dark else b"\xff") * (right - left)
    picture = memoryview(b"".join(bytes(row[:width]) for row in rows)).cast("B", (height, width))
    found = zxingcpp.read_barcode(picture, formats=zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode))
    assert found is not None, "the sheet is not readable"
    return found.text


def test_the_svg_says_the_code_and_the_words() -> None:
    """Shop, branch, where it stands, the check code, a fixed amount; nothing of them is markup."""
    svg = sheet.drawn(TEXT, WORDS).svg()
    found = re.findall(r'<rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)" fill="(#\w+)"', svg)
    assert read([(*map(float, box), colour != "#ffffff") for *box, colour in found]) == TEXT
    for word in (
        "快乐超市",
        "HAPPY MART",
        "Main Street · Table &lt;5&gt;",
        f"Check code  {WORDS.check_code}",
        "5.00 CNY",
    ):
        assert word in svg
    assert 'width="105mm" height="148.5mm"' in svg


@pytest.mark.parametrize("size", ["a6", "a4"])
def test_the_pdf_says_the_same_in_its_true_size(size: sheet.Size) -> None:
    """The page is A6 or A4; its rectangles are a readable code; the table of objects is right."""
    made = sheet.drawn(TEXT, WORDS, size).pdf()
    wide, high = map(float, re.search(rb"MediaBox\[0 0 ([\d.]+) ([\d.]+)\]", made).groups())  # type: ignore[union-attr]
    points = pdf.POINTS * (1 if size == "a6" else 2)
    assert (round(wide / points, 1), round(high / points, 1)) == (105, 148.5)
    drawn = zlib.decompress(made.split(b"stream\n", 1)[1].split(b"\nendstream")[0]).decode()
    number = r"([\d.]+) "
    boxes = [
        (x / points, (high - y - h) / points, w / points, h / points, grey != 1)
        for grey, x, y, w, h in (
            map(float, box) for box in re.findall(number + r"[\d.]+ [\d.]+ rg " + number * 4 + "re", drawn)
        )
    ]
    assert read(boxes) == TEXT
    assert f"<{'快乐超市'.encode('utf-16-be').hex()}>" in drawn
    for named, place in enumerate(re.findall(rb"(\d{10}) 00000 n", made), 1):
        assert made[int(place) :].startswith(b"%d 0 obj" % named)


def test_a_long_name_is_set_smaller_and_stays_on_the_sheet() -> None:
    """Nothing leaves the white, however long a shop is called."""
    words = msgspec.structs.replace(WORDS, name="超" * 64, name_latin="W" * 25)
    lines = [part for part in sheet.drawn(TEXT, words).parts if isinstance(part, sheet.Line)]
    assert all(pdf.width_of(line.text, line.size) <= sheet.WIDTH for line in lines)


def test_the_check_code_is_of_the_text_and_of_nothing_else() -> None:
    """Six digits; another code has another one, whoever signed it."""
    other = signed(msgspec.structs.replace(ORDER, order=None, amount=None, static_code=ORDER.merchant))
    assert re.fullmatch(r"[0-9]{3} [0-9]{3}", check_code(TEXT))
    assert check_code(TEXT) != check_code(other)
