"""A PDF of one page: rectangles and words, in millimetres from the upper left corner (ISO 32000-1).

Latin words are set in Helvetica, which every reader has. Chinese ones name the font of Adobe's GB1 collection and leave
the shapes to the reader, which has them on the machines of Chinese shops; nothing here carries a font of megabytes.
"""

import zlib
from typing import Final

Colour = tuple[int, int, int]
POINTS: Final = 72 / 25.4
"""Points a millimetre."""

_WIDTHS_TEXT: Final = """
278 278 355 556 556 889 667 191 333 333 389 584 278 333 278 278 556 556 556 556 556 556 556 556 556 556 278 278
584 584 584 556 1015 667 667 722 722 667 611 778 722 278 500 667 556 833 722 778 667 778 722 667 611 722 667
944 667 667 611 278 278 278 469 556 333 556 556 500 556 556 278 556 556 222 222 500 222 833 556 556 556 556 333
500 278 556 500 722 500 500 500 334 260 334 584
"""
_WIDTHS: Final = tuple(map(int, _WIDTHS_TEXT.split()))
"""Of U+0020 to U+007E, in thousandths of the size, from Adobe's metrics of Helvetica."""


def width_of(text: str, size: float) -> float:
    """How wide a word is in this size, in the size's unit; Chinese letters are square."""
    return sum(_WIDTHS[ord(c) - 32] if " " <= c <= "~" else 1000 for c in text) * size / 1000


class Page:
    """A page that is being drawn."""

    def __init__(self, width: float, height: float) -> None:
        self._width = width
        self._height = height
        self._drawn: list[str] = []

    def rectangle(self, x: float, y: float, width: float, height: float, colour: Colour) -> None:
        """Fill a rectangle."""
        self._drawn.append(f"{_rgb(colour)} rg {_at(x, self._height - y - height)} {_at(width, height)} re f")

    def text(self, x: float, y: float, text: str, size: float, colour: Colour) -> None:
        """Set a word, `x` its left end and `y` its base line; size in millimetres."""
        if text.isascii():
            font, shown = "F1", "(" + text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)") + ")"
        else:
            font, shown = "F2", f"<{text.encode('utf-16-be').hex()}>"
        place = _at(x, self._height - y)
        self._drawn.append(f"BT {_rgb(colour)} rg /{font} {size * POINTS:.2f} Tf {place} Td {shown} Tj ET")

    def bytes(self, title: str) -> bytes:
        """The whole file."""
        stream = zlib.compress("\n".join(self._drawn).encode("latin-1"))
        box = f"0 0 {self._width * POINTS:.2f} {self._height * POINTS:.2f}"
        name = "FEFF" + title.encode("utf-16-be").hex()
        return _file(
            b"<</Type/Catalog/Pages 2 0 R>>",
            b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
            f"<</Type/Page/Parent 2 0 R/MediaBox[{box}]/Contents 4 0 R".encode()
            + b"/Resources<</Font<</F1 5 0 R/F2 6 0 R>>>>>>",
            f"<</Length {len(stream)}/Filter/FlateDecode>>\nstream\n".encode() + stream + b"\nendstream",
            b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>",
            b"<</Type/Font/Subtype/Type0/BaseFont/STSong-Light-UniGB-UTF16-H/Encoding/UniGB-UTF16-H"
            b"/DescendantFonts[7 0 R]>>",
            b"<</Type/Font/Subtype/CIDFontType0/BaseFont/STSong-Light"
            b"/CIDSystemInfo<</Registry(Adobe)/Ordering(GB1)/Supplement 5>>/DW 1000/W[1 95 500]/FontDescriptor 8 0 R>>",
            b"<</Type/FontDescriptor/FontName/STSong-Light/Flags 6/FontBBox[-25 -254 1000 880]/ItalicAngle 0/Ascent 880"
            b"/Descent -120/CapHeight 880/StemV 93>>",
            f"<</Title<{name}>/Producer(qrpay)>>".encode(),
        )


def _rgb(colour: Colour) -> str:
    return " ".join(f"{part / 255:.3f}" for part in colour)


def _at(x: float, y: float) -> str:
    return f"{x * POINTS:.3f} {y * POINTS:.3f}"


def _file(*objects: bytes) -> bytes:
    """The objects, numbered from 1 on, and the table of where each begins (7.5); the last is about the document."""
    text = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n"
    places = []
    for number, content in enumerate(objects, 1):
        places.append(len(text))
        text += b"%d 0 obj\n" % number + content + b"\nendobj\n"
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    count, last = len(objects) + 1, len(objects)
    trailer = b"trailer\n<</Size %d/Root 1 0 R/Info %d 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (count, last, len(text))
    return text + b"xref\n0 %d\n0000000000 65535 f \n" % count + table + trailer
