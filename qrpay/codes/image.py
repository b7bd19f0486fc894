"""Codes as pictures: QR as SVG, PNG and terminal text, payment codes also as Code 128.

The `qrcode` package does error correction, placement and masking; the segments are ours, since it writes no ECI
and mixes modes, where EMV QRCPS MPM 4.12.1 wants bytes only. Drawing takes milliseconds: the last pictures are
remembered, and clients may draw themselves.
"""

import re
import struct
import zlib
from functools import lru_cache
from html import escape
from typing import Final

import qrcode
import zxingcpp
from qrcode import util as qr
from qrcode.base import rs_blocks

QUIET_ZONE: Final = 4
"""Modules of white on every side (ISO/IEC 18004)."""
LARGEST_AT_M: Final = 12
"""The largest version still drawn at error correction M: 65 modules, 0.55 mm each on a print of 4 cm."""
SIZE_MIN: Final = 64
SIZE_MAX: Final = 2048
"""Pixels a side that a caller may ask for."""

PICTURES_MAX: Final = 512
"""Pictures remembered, a few kB each: a code that is asked for again was asked for just now."""

Levels = tuple[tuple[int, range], ...]
_LEVELS: Final[Levels] = (
    (qrcode.constants.ERROR_CORRECT_M, range(1, LARGEST_AT_M + 1)),
    (qrcode.constants.ERROR_CORRECT_L, range(1, 41)),
)
_PRINTED: Final[Levels] = (
    (qrcode.constants.ERROR_CORRECT_Q, range(1, LARGEST_AT_M + 3)),
    (qrcode.constants.ERROR_CORRECT_M, range(1, 41)),
)
_MODE_ECI: Final = 7
_ECI_UTF8: Final = 26
# All eight masks are readable, and what we draw ends in a signature, which is noise already: trying all of them
# to find the least blotchy one would cost eight times as much.
_MASK: Final = 3

# zxing-cpp's own frame has neither a viewBox, so that it would not scale, nor a name for readers of screens.
_ZINT_SVG = re.compile(r'<svg width="(\d+)" height="(\d+)".*?</desc>\s*(.*?)\s*</svg>', re.DOTALL)

Matrix = list[list[bool]]
"""Rows of modules, True is dark; without the quiet zone."""


def matrix(text: str) -> Matrix:
    """The modules of a QR code over the UTF-8 bytes of a text, at M where that stays small, else at L.

    Bytes only; with a character outside ASCII, ECI 26 says that they are UTF-8. A `ValueError` says that the text
    does not fit the largest symbol (2,953 bytes).
    """
    return _matrix(text, _LEVELS)


def printed(text: str) -> Matrix:
    """The modules of a code that is printed: at Q where that stays small, else at M, as paper gets scratched."""
    return _matrix(text, _PRINTED)


def _matrix(text: str, levels: Levels) -> Matrix:
    content = text.encode()
    header = 0 if text.isascii() else 12
    for level, versions in levels:
        for version in versions:
            room = sum(block.data_count for block in rs_blocks(version, level))
            length_bits = qr.length_in_bits(qr.MODE_8BIT_BYTE, version)
            if header + 4 + length_bits + 8 * len(content) <= 8 * room:
                bits = _segments(content, header > 0, length_bits)
                code = qrcode.QRCode(version=version, error_correction=level, mask_pattern=_MASK)
                code.data_cache = qr.create_bytes(_padded(bits, room), rs_blocks(version, level))
                code.make(fit=False)
                return [[bool(module) for module in row] for row in code.modules]
    raise ValueError(f"{len(content)} bytes do not fit a QR code")


def _segments(content: bytes, eci: bool, length_bits: int) -> qr.BitBuffer:
    """The ECI header where needed, then one byte segment (ISO/IEC 18004 7.4)."""
    bits = qr.BitBuffer()
    if eci:
        bits.put(_MODE_ECI, 4)
        bits.put(_ECI_UTF8, 8)
    bits.put(qr.MODE_8BIT_BYTE, 4)
    bits.put(len(content), length_bits)
    for byte in content:
        bits.put(byte, 8)
    return bits


def _padded(bits: qr.BitBuffer, room: int) -> qr.BitBuffer:
    """The terminator, zeros to the next byte, then the two padding bytes in turn (ISO/IEC 18004 7.4.9, 7.4.10)."""
    bits.put(0, min(4, room * 8 - len(bits)))
    bits.put(0, -len(bits) % 8)
    for number in range(room - len(bits) // 8):
        bits.put((qr.PAD0, qr.PAD1)[number % 2], 8)
    return bits


# Pictures ------------------------------------------------------------------------------------------------------


@lru_cache(PICTURES_MAX)
def svg(text: str, size: int = 320, title: str = "QR code", brand: str | None = None) -> str:
    """An SVG of `size` pixels a side that scales without loss; a reader of screens says its title.

    brand  a word under the code, outside the quiet zone, at most 24 characters: no module is ever covered
    """
    modules = matrix(text)
    side = len(modules) + 2 * QUIET_ZONE
    footer = 5 if brand else 0
    path = "".join(_rows(modules))
    label = (
        f'<text x="{side / 2}" y="{side + 2.5}" font-family="sans-serif" font-size="4" text-anchor="middle">'
        f"{escape(brand[:24])}</text>"
        if brand
        else ""
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{size}" '
        f'height="{round(size * (side + footer) / side)}" viewBox="0 0 {side} {side + footer}" '
        f'shape-rendering="crispEdges"><title>{escape(title)}</title>'
        f'<rect width="100%" height="100%" fill="#fff"/><path d="{path}" fill="#000"/>{label}</svg>'
    )


def _rows(modules: Matrix) -> list[str]:
    """Each run of dark modules as one rectangle of an SVG path."""
    runs = []
    for y, row in enumerate(modules, QUIET_ZONE):
        start = None
        for x, dark in enumerate([*row, False], QUIET_ZONE):
            if dark and start is None:
                start = x
            elif not dark and start is not None:
                runs.append(f"M{start} {y}h{x - start}v1h-{x - start}z")
                start = None
    return runs


@lru_cache(PICTURES_MAX)
def png(text: str, size: int = 320) -> bytes:
    """A PNG in black and white of about `size` pixels a side: the largest whole number of pixels to a module
    that does not pass it, at least one, so that all modules are equal and sharp."""
    modules = matrix(text)
    side = len(modules) + 2 * QUIET_ZONE
    scale = max(1, size // side)
    width = side * scale
    white = b"\xff" * ((width + 7) // 8)
    lines = [white] * (QUIET_ZONE * scale)
    for row in modules:
        lines += [_scanline(row, scale, width)] * scale
    lines += [white] * (QUIET_ZONE * scale)
    header = struct.pack(">IIBBBBB", width, width, 1, 0, 0, 0, 0)  # one bit a pixel, grey, no interlace
    pixels = zlib.compress(b"".join(b"\0" + line for line in lines), 6)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", pixels) + _chunk(b"IEND", b"")


def _scanline(row: list[bool], scale: int, width: int) -> bytes:
    quiet = "1" * (QUIET_ZONE * scale)
    bits = quiet + "".join(("0" if dark else "1") * scale for dark in row) + quiet
    return int(bits.ljust((width + 7) // 8 * 8, "1"), 2).to_bytes((width + 7) // 8, "big")


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def terminal(text: str) -> str:
    """The code in half blocks for a terminal, light on dark: two rows of modules a line, with its quiet zone."""
    modules = matrix(text)
    width = len(modules) + 2 * QUIET_ZONE
    edge, blank = [False] * QUIET_ZONE, [False] * width
    rows = [blank] * QUIET_ZONE + [edge + row + edge for row in modules] + [blank] * QUIET_ZONE
    if len(rows) % 2:
        rows.append(blank)
    # A lit cell is a light module: nearly every terminal is dark, and a reader wants the quiet zone light.
    cells = {(False, False): "█", (False, True): "▀", (True, False): "▄", (True, True): " "}
    return "\n".join(
        "".join(cells[pair] for pair in zip(upper, lower, strict=True))
        for upper, lower in zip(rows[::2], rows[1::2], strict=True)
    )


def barcode_svg(digits: str, title: str = "Payment code") -> str:
    """A payment code as Code 128 for 1D scanners, as an SVG a reader of screens can name."""
    drawn = zxingcpp.create_barcode(digits, zxingcpp.BarcodeFormat.Code128).to_svg(add_quiet_zones=True)
    found = _ZINT_SVG.search(drawn)
    assert found, "zxing-cpp draws its SVG otherwise now"
    width, height, shapes = found.groups()
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}"><title>{escape(title)}</title>{shapes}</svg>'
    )
