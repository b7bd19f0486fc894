"""A month as a page of PDF, in Chinese and English: sums, each day, and a code that says what the bank has signed.

The code holds a link whose fragment is the signature of the month's `days.csv`, of which the page is a picture: it
reaches no server unless somebody asks one (`/verify`). Chinese is set in Adobe's STSong-Light, which every reader has:
the file needs no font.
"""

import re
from collections.abc import Sequence
from typing import Any, Final

from qrpay.codes import image
from qrpay.features.statements.cells import Minor, Rendered, Spool, of_day
from qrpay.features.statements.model import Book, Day
from qrpay.values import CURRENCIES, decimal_text, id_text

MILLIMETRE: Final = 72 / 25.4
WIDTH, HEIGHT, MARGIN = 210.0, 297.0, 14.0
"""Millimetres of A4."""
ROW: Final = 4.9
CODE: Final = 48.0
FONT: Final = "STSong-Light"
INK, SOFT, BRAND, LINE, TINT = "#16211c", "#55635c", "#0b6e4f", "#d9dfda", "#e3f1ea"
COLUMNS: Final = (
    (0.0, "日期", "Date"), (31.0, "收款笔数", "Payments"), (55.0, "收款金额", "Paid"), (69.0, "退款笔数", "Refunds"),
    (88.0, "退款金额", "Refunded"), (104.0, "手续费", "Fees"), (126.0, "结算划付", "Paid out"),
    (142.0, "其他收入", "Other in"), (158.0, "其他支出", "Other out"), (WIDTH - 2 * MARGIN, "余额", "Balance"),
)  # fmt: skip
"""Where each column ends, millimetres from the margin (the first one: where it begins), and its names."""
_RUNS: Final = re.compile(r"[\x20-\x7e]+|[^\x20-\x7e]+")


class MonthPage:
    """The page that is being drawn; millimetres from the upper left corner."""

    def __init__(self, book: Book, test: bool) -> None:
        from reportlab.pdfbase import pdfmetrics
        from reportlab.pdfbase.cidfonts import UnicodeCIDFont
        from reportlab.pdfgen.canvas import Canvas

        pdfmetrics.registerFont(UnicodeCIDFont(FONT))
        self._book = book
        self._exponent = CURRENCIES[book.statement.currency].exponent
        self._spool = Spool()
        # Invariant: it bears no time and no number of chance, so that the same month is the same bytes.
        self._page: Any = Canvas(
            self._spool, pagesize=(WIDTH * MILLIMETRE, HEIGHT * MILLIMETRE), invariant=1, lang="zh-CN"
        )
        self._page.setTitle(f"{book.name} {book.statement.period}")
        self._page.setAuthor("qrpay")
        self._test = test

    # Pieces -----------------------------------------------------------------------------------------------------

    def _text(self, x: float, y: float, text: str, size: float, colour: str = INK, *, right: bool = False) -> None:
        """Words from `x` on, or up to it; size in points. What is ASCII is set in Helvetica."""
        from reportlab.pdfbase.pdfmetrics import stringWidth

        runs = [(run, "Helvetica" if run.isascii() else FONT) for run in _RUNS.findall(text)]
        at = (MARGIN + x) * MILLIMETRE
        if right:
            at -= sum(stringWidth(run, font, size) for run, font in runs)
        self._page.setFillColor(colour)
        for run, font in runs:
            self._page.setFont(font, size)
            self._page.drawString(at, (HEIGHT - y) * MILLIMETRE, run)
            at += stringWidth(run, font, size)

    def _box(self, x: float, y: float, width: float, height: float, colour: str) -> None:
        self._page.setFillColor(colour)
        place = (MARGIN + x) * MILLIMETRE, (HEIGHT - y - height) * MILLIMETRE
        self._page.rect(*place, width * MILLIMETRE, height * MILLIMETRE, stroke=0, fill=1)

    def _money(self, amount: int) -> str:
        whole, _, rest = decimal_text(abs(amount), self._exponent).partition(".")
        return f"{'-' if amount < 0 else ''}{int(whole):,}{'.' if rest else ''}{rest}"

    # The page ---------------------------------------------------------------------------------------------------

    def draw(self, signed: str, link: str) -> Rendered:
        """The whole file. `signed` is the signature of the month's days, `link` where it is verified."""
        self._head()
        self._sums()
        end = self._table(75)
        self._proof(end + 6, signed, link)
        self._page.showPage()
        self._page.save()
        return self._spool.finish()

    def _head(self) -> None:
        said = self._book.statement
        wide = WIDTH - 2 * MARGIN
        self._text(0, 20, "商户月结单  Monthly statement", 17, BRAND)
        self._text(wide, 20, said.period, 17, INK, right=True)
        self._box(0, 24, wide, 0.4, BRAND)
        self._text(0, 31, self._book.name, 12)
        self._text(0, 37, f"商户号 Merchant  {id_text('mer_', self._book.merchant)}", 8.5, SOFT)
        self._text(wide, 31, f"币种 Currency  {said.currency}", 9.5, INK, right=True)
        first, last = said.days[0].date, said.days[-1].date
        self._text(wide, 37, f"账期 Period  {first} - {last}(北京时间 Asia/Shanghai)", 8.5, SOFT, right=True)
        if self._test:
            self._text(wide / 2 - 22, 31, "测试数据 TEST ONLY", 12, "#b3261e")

    def _sums(self) -> None:
        said = self._book.statement
        sums = (
            ("期初余额", "Opening balance", said.opening), ("收入合计", "Total in", said.credits),
            ("支出合计", "Total out", said.debits), ("期末余额", "Closing balance", said.closing),
        )  # fmt: skip
        step = (WIDTH - 2 * MARGIN + 3) / len(sums)
        for place, (chinese, english, amount) in enumerate(sums):
            x = place * step
            self._box(x, 42, step - 3, 19, TINT)
            self._text(x + 3, 48, f"{chinese}  {english}", 8, SOFT)
            self._text(x + step - 6, 57, self._money(amount), 13, right=True)

    def _table(self, y: float) -> float:
        """A row for each day, and what they come to; where it ends."""
        for place, (x, chinese, english) in enumerate(COLUMNS):
            self._text(x, y - 7, chinese, 8, SOFT, right=place > 0)
            self._text(x, y - 3.4, english, 7, SOFT, right=place > 0)
        self._box(0, y - 2, WIDTH - 2 * MARGIN, 0.3, SOFT)
        said = self._book.statement
        for number, day in enumerate(said.days):
            if number % 2:
                self._box(0, y + number * ROW - 1.6, WIDTH - 2 * MARGIN, ROW, "#f3f5f2")
            self._day(y + number * ROW + 1.9, str(day.date), day)
        y += len(said.days) * ROW
        self._box(0, y - 1.3, WIDTH - 2 * MARGIN, 0.3, SOFT)
        month = Day(said.days[-1].date, said.lines, said.credits, said.debits, said.closing)
        self._day(y + 3.2, "合计 Total", month)
        return y + 4.5

    def _day(self, y: float, name: str, day: Day) -> None:
        self._text(0, y, name, 8)
        cells: Sequence[Any] = (*of_day(day), Minor(day.closing))
        for (x, *_), cell in zip(COLUMNS[1:], cells, strict=True):
            shown = self._money(cell) if isinstance(cell, Minor) else f"{cell:,}"
            last = x == COLUMNS[-1][0]
            self._text(x, y, shown if cell or last else "-", 8, INK if cell or last else SOFT, right=True)

    def _proof(self, y: float, signed: str, link: str) -> None:
        self._code(y, f"{link}#{signed}")
        x = CODE + 5
        lines = (
            ("扫码验证本结单", 11, INK), ("Scan to verify this statement", 9, INK),
            ("二维码内含银行对本月每日明细(days.csv)的电子签名,可离线验证。", 8.5, SOFT),
            ("The code holds the bank's signature of the month's days (days.csv), good offline too.", 7.5, SOFT),
            (f"验证网址 Verify at  {link}", 8, SOFT),
            ("期初余额 + 收入 - 支出 = 期末余额  Opening + in - out = closing", 8, SOFT),
        )  # fmt: skip
        for number, (text, size, colour) in enumerate(lines):
            self._text(x, y + 8 + number * 5.6, text, size, colour)

    def _code(self, y: float, text: str) -> None:
        modules = image.matrix(text)
        module = CODE / (len(modules) + 2 * image.QUIET_ZONE)
        self._box(0, y, CODE, CODE, "#ffffff")
        for row, cells in enumerate(modules, image.QUIET_ZONE):
            start = None
            for column, dark in enumerate([*cells, False], image.QUIET_ZONE):
                if dark and start is None:
                    start = column
                elif not dark and start is not None:
                    self._box(start * module, y + row * module, (column - start) * module, module + 0.02, "#000000")
                    start = None


def drawn(book: Book, signed: str, link: str, *, test: bool) -> Rendered:
    """The month's statement; `signed`: the signature of its days."""
    return MonthPage(book, test).draw(signed, link)
