"""Pictures of codes, read back by zxing-cpp, which had no part in drawing them."""

import io
import re
import xml.etree.ElementTree as ET

import pytest
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from qrpay.codes import image
from qrpay.codes.payment_code import new_digits
from tests.codes.test_receipt import TEXT as RECEIPT
from tests.codes.world import signed

SVG = "{http://www.w3.org/2000/svg}"
CHINESE = "快乐超市 12.50 元"


def rastered(cells: list[list[bool]], scale: int = 4) -> memoryview:
    """Dark and light cells as a grey picture that zxing-cpp takes."""
    rows = [b"".join((b"\0" if dark else b"\xff") * scale for dark in row) for row in cells]
    pixels = b"".join(row * scale for row in rows)
    return memoryview(pixels).cast("B", (len(cells) * scale, len(cells[0]) * scale))


def drawn(svg: str) -> list[list[bool]]:
    """The cells an SVG of ours paints: its path is runs `Mx yhWv1h-Wz`."""
    root = ET.fromstring(svg)
    width, height = (round(float(edge)) for edge in root.attrib["viewBox"].split()[2:])
    cells = [[False] * width for _ in range(height)]
    for x, y, run in re.findall(r"M(\d+) (\d+)h(\d+)v1h-\d+z", root.find(f"{SVG}path").attrib["d"]):  # type: ignore[union-attr]
        for column in range(int(x), int(x) + int(run)):
            cells[int(y)][column] = True
    return cells


def read(picture: object, text_mode: zxingcpp.TextMode = zxingcpp.TextMode.Plain) -> zxingcpp.Barcode:
    found = zxingcpp.read_barcode(picture, text_mode=text_mode)
    assert found is not None, "the picture is not readable"
    return found


@pytest.mark.parametrize("text", [signed(), RECEIPT, CHINESE, "1234567890" * 20, "A" * 2953, "x"])
def test_every_picture_is_read_back(text: str) -> None:
    """PNG, SVG and terminal drawing of a code, a receipt, Chinese, digits and the largest symbol say the text."""
    png = Image.open(io.BytesIO(image.png(text, 800)))
    assert read(png).text == text
    assert read(rastered(drawn(image.svg(text)))).text == text
    halves = {"█": (False, False), "▀": (False, True), "▄": (True, False), " ": (True, True)}
    lines = image.terminal(text).splitlines()
    cells = [[halves[cell][half] for cell in line] for line in lines for half in (0, 1)]
    assert read(rastered(cells)).text == text


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=120))
@settings(max_examples=40, deadline=None)
def test_any_text_is_read_back(text: str) -> None:
    """Any printable Unicode, whatever version and padding it leads to."""
    assert read(rastered(image.matrix(text), 3)).bytes == text.encode()


def test_ascii_goes_without_eci_and_other_text_with_eci_26() -> None:
    """The symbology identifier is `]Q1` without, and `]Q2` with `\\000026` (UTF-8) before the bytes."""
    assert bytes.fromhex(read(rastered(image.matrix("A-1")), zxingcpp.TextMode.HexECI).text) == b"]Q1A-1"
    chinese = bytes.fromhex(read(rastered(image.matrix(CHINESE)), zxingcpp.TextMode.HexECI).text)
    assert chinese == rb"]Q2\000026" + CHINESE.encode()


@pytest.mark.parametrize(
    ("length", "level", "side"),
    [(1, "M", 21), (14, "M", 21), (15, "M", 25), (180, "M", 53), (259, "M", 65), (287, "M", 65), (288, "L", 61),
     (341, "L", 65), (377, "L", 69), (512, "L", 77)],
)  # fmt: skip
def test_size_and_error_correction_are_chosen_for_cheap_cameras(length: int, level: str, side: int) -> None:
    """M up to version 12, then L; the sizes are those of bytes, even for digits, so no other mode was used."""
    modules = image.matrix("7" * length)
    assert len(modules) == side
    assert read(rastered(modules)).ec_level == level


def test_what_fits_no_symbol_is_an_error() -> None:
    """2,953 bytes is the end (ISO/IEC 18004 Table 7)."""
    with pytest.raises(ValueError, match="2954 bytes"):
        image.matrix("A" * 2954)


@pytest.mark.parametrize("size", [1, 64, 73, 146, 320, 2048])
def test_a_png_has_equal_modules_and_a_quiet_zone(size: int) -> None:
    """Never wider than asked (unless a module would vanish), square, and white four modules deep on each side."""
    png = Image.open(io.BytesIO(image.png(signed(), size)))
    side = len(image.matrix(signed())) + 8
    scale = max(1, size // side)
    assert png.size == (side * scale, side * scale)
    dark = png.convert("L").point(lambda grey: 255 - grey).getbbox()
    assert dark == (4 * scale, 4 * scale, (side - 4) * scale, (side - 4) * scale)


def test_an_svg_has_a_name_and_keeps_texts_inert() -> None:
    """A reader of screens says the title; a brand stands below the quiet zone; mark-up in either is only text."""
    svg = image.svg(signed(), 200, title="Pay <HAPPY> & 快乐", brand='Bank <script>"x"')
    root = ET.fromstring(svg)
    title, label = root.find(f"{SVG}title"), root.find(f"{SVG}text")
    assert title is not None
    assert label is not None
    assert (root.attrib["role"], root.attrib["width"], title.text) == ("img", "200", "Pay <HAPPY> & 快乐")
    assert label.text == 'Bank <script>"x"'
    assert "<script" not in svg
    side = len(image.matrix(signed())) + 8
    assert float(label.attrib["y"]) - 4 * 0.8 > side - 4, "the brand's letters stay out of the modules"


def test_a_barcode_is_read_back() -> None:
    """Code 128 of a payment code, in set C: its bars are those of ten pairs, and a reader says the digits."""
    digits = new_digits("88")
    svg = image.barcode_svg(digits, "Payment code")
    root = ET.fromstring(svg)
    assert root.attrib["viewBox"] == "0 0 165 50"
    assert root.find(f"{SVG}title").text == "Payment code"  # type: ignore[union-attr]
    line = [False] * 165
    for x, width in re.findall(r"M(\d+) 0h(\d+)v", svg):
        line[int(x) : int(x) + int(width)] = [True] * int(width)
    found = read(rastered([line] * 20))
    assert (found.text, found.format) == (digits, zxingcpp.BarcodeFormat.Code128)
