"""The sheet of a static code: A6 for a stand on a counter, A4 for a wall; the same drawing as SVG and as PDF.

No module of the code is ever covered, its quiet zone is four modules wide, and it is drawn at level Q, or at M where Q
would be too fine: what is printed gets scratched (rules.md 1.7).
"""

from html import escape
from typing import Final, Literal

from msgspec import Struct

from qrpay.codes import image, pdf

Size = Literal["a6", "a4"]
BRAND: Final = (0x0B, 0x5F, 0xA5)
INK: Final = (0x11, 0x18, 0x27)
WHITE: Final = (0xFF, 0xFF, 0xFF)
WIDTH: Final = 105.0
HEIGHT: Final = 148.5
"""Millimetres of A6, half of A4 each way."""
CODE: Final = 78.0
"""Millimetres of the code's side, quiet zone included: modules of about a millimetre."""


class Words(Struct, frozen=True):
    """What stands on a sheet beside the code."""

    name: str
    name_latin: str
    branch: str | None
    label: str | None
    check_code: str
    amount: str | None


class Rectangle(Struct, frozen=True):
    """A filled rectangle, in millimetres."""

    x: float
    y: float
    width: float
    height: float
    colour: pdf.Colour


class Line(Struct, frozen=True):
    """Words around the middle of the sheet; `y` is their base line, sizes are millimetres."""

    y: float
    text: str
    size: float
    colour: pdf.Colour


class Sheet(Struct, frozen=True):
    """A drawn sheet."""

    title: str
    scale: int
    parts: list[Rectangle | Line]

    def svg(self) -> str:
        """As SVG, in its true size."""
        shapes = "".join(map(_svg_of, self.parts))
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{WIDTH * self.scale:g}mm" '
            f'height="{HEIGHT * self.scale:g}mm" viewBox="0 0 {WIDTH:g} {HEIGHT:g}"><title>{escape(self.title)}</title>'
            f"<g text-anchor=\"middle\" font-family=\"Helvetica,Arial,'Noto Sans SC','Noto Sans CJK SC',"
            f"'PingFang SC','Microsoft YaHei',sans-serif\">{shapes}</g></svg>"
        )

    def pdf(self) -> bytes:
        """As PDF of one page, in its true size."""
        scale = self.scale
        page = pdf.Page(WIDTH * scale, HEIGHT * scale)
        for part in self.parts:
            if isinstance(part, Rectangle):
                page.rectangle(part.x * scale, part.y * scale, part.width * scale, part.height * scale, part.colour)
            else:
                size = part.size * scale
                x = (WIDTH * scale - pdf.width_of(part.text, size)) / 2
                page.text(x, part.y * scale, part.text, size, part.colour)
        return page.bytes(self.title)


def drawn(payload: str, words: Words, size: Size = "a6") -> Sheet:
    """The sheet of a static code."""
    parts: list[Rectangle | Line] = [
        Rectangle(0, 0, WIDTH, HEIGHT, BRAND),
        Line(12, "扫码付款  Scan to pay", 5.5, WHITE),
        Rectangle(6, 17, WIDTH - 12, HEIGHT - 17 - 14, WHITE),
        _fitting(26, words.name, 7.0),
    ]
    if words.name_latin != words.name:
        parts.append(_fitting(31, words.name_latin, 3.4))
    parts += _code(payload, (WIDTH - CODE) / 2, 33)
    place = " · ".join(part for part in (words.branch, words.label) if part)
    if place:
        parts.append(_fitting(116.5, place, 4.4))
    if words.amount:
        parts.append(_fitting(122, words.amount, 5))
    check = f"校验码 Check code  {words.check_code}"
    parts += [
        _fitting(130, check, 5),
        Line(138, "付款前请核对店名和校验码", 3, WHITE),
        Line(143, "Before you pay, compare the shop's name and the check code", 2.8, WHITE),
    ]
    return Sheet(f"{words.name} {words.check_code}", 2 if size == "a4" else 1, parts)


def _fitting(y: float, text: str, size: float) -> Line:
    """Words in this size, or in the largest in which they fit the white of the sheet."""
    return Line(y, text, min(size, (WIDTH - 18) / pdf.width_of(text, 1)), INK)


def _code(payload: str, x: float, y: float) -> list[Rectangle | Line]:
    modules = image.printed(payload)
    module = CODE / (len(modules) + 2 * image.QUIET_ZONE)
    found: list[Rectangle | Line] = []
    for row, cells in enumerate(modules, image.QUIET_ZONE):
        start = None
        for column, dark in enumerate([*cells, False], image.QUIET_ZONE):
            if dark and start is None:
                start = column
            elif not dark and start is not None:
                found.append(Rectangle(x + start * module, y + row * module, (column - start) * module, module, INK))
                start = None
    return found


def _svg_of(part: Rectangle | Line) -> str:
    fill = "#{:02x}{:02x}{:02x}".format(*part.colour)
    if isinstance(part, Rectangle):
        where = f'x="{part.x:.3f}" y="{part.y:.3f}" width="{part.width:.3f}" height="{part.height:.3f}"'
        return f'<rect {where} fill="{fill}" shape-rendering="crispEdges"/>'
    where = f'x="{WIDTH / 2:g}" y="{part.y:g}" font-size="{part.size:.2f}"'
    return f'<text {where} fill="{fill}">{escape(part.text)}</text>'
