"""The rows of daily files, and how they are written: CSV and XLSX, page by page in constant memory."""

import csv
import hashlib
import io
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from tempfile import SpooledTemporaryFile
from typing import IO, Any, Final, Protocol

from msgspec import Struct

from qrpay.features.settlement.looks import ORDERS, kind_of
from qrpay.features.settlement.model import PREFIX as SETTLEMENT
from qrpay.features.statements.model import Day, Movement, Statement, Trade
from qrpay.ledger.chart import TransferCode
from qrpay.values import CURRENCIES, Id, decimal_text, id_text

SHEET_ROWS_MAX: Final = 1_000_000
"""Rows of a sheet; one of Excel's holds 1,048,576. What is more stands on the next sheet."""
IN_MEMORY_MAX: Final = 1 << 20
BOM: Final = b"\xef\xbb\xbf"
CHINA: Final = timezone(timedelta(hours=8))


class Minor(int):
    """An amount in minor units, written with its currency's decimals."""


Cell = str | int | Minor | None
Row = Sequence[Cell]

TRADE: Final = (
    "number", "kind", "at", "order", "reference", "refund", "refund_reference", "store", "terminal", "description",
    "payer", "ordered_at", "amount", "fee", "net", "currency", "transfer",
)  # fmt: skip
FUND: Final = (
    "number", "kind", "at", "about", "reference", "credit", "debit", "balance", "currency", "transfer",
)  # fmt: skip
DAYS: Final = (
    "date", "payments", "paid", "refunds", "refunded", "fees", "paid_out", "other_credits", "other_debits", "balance",
    "currency",
)  # fmt: skip
CHINESE: Final = {
    "number": "序号", "kind": "类型", "at": "记账时间", "order": "订单号", "reference": "商户单号",
    "refund": "退款单号",
    "refund_reference": "商户退款号", "store": "门店", "terminal": "终端", "description": "商品", "payer": "付款人",
    "ordered_at": "下单时间", "amount": "金额", "fee": "手续费", "net": "净额", "currency": "币种",
    "transfer": "流水号",
    "about": "关联单号", "credit": "收入", "debit": "支出", "balance": "余额",
}  # fmt: skip


def inert(text: str) -> str:
    """A text that no spreadsheet takes for a formula: before `= + - @`, tab and return stands an apostrophe (OWASP)."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def local(moment: datetime | None) -> str | None:
    """In the bank's time, with its offset: `2026-11-24T23:59:59.999000+08:00`."""
    return None if moment is None else moment.astimezone(CHINA).isoformat(timespec="microseconds")


def about_text(code: int, about: Id) -> str:
    """What a transfer belongs to: an order, a settlement, or another thing."""
    return id_text("ord_" if code in ORDERS else SETTLEMENT if code == TransferCode.SETTLEMENT else "", about)


# Rows ----------------------------------------------------------------------------------------------------------


class TradeRows:
    """The rows of a trade file; the last one adds up what stands above it."""

    columns: Final = TRADE

    def __init__(self, statement: Statement) -> None:
        self._currency = statement.currency
        self._count, self._amount, self._fee = 0, 0, 0

    def first(self) -> list[Row]:
        """None: a trade file begins with its first trade."""
        return []

    def of(self, page: Sequence[Trade]) -> list[Row]:
        """A row for each."""
        return [self._row(one) for one in page]

    def _row(self, one: Trade) -> Row:
        self._count += 1
        self._amount += one.amount
        self._fee += one.fee
        return (
            self._count, kind_of(one.code), local(one.timestamp), id_text("ord_", one.order), one.reference,
            None if one.refund is None else id_text("ref_", one.refund), one.refund_reference, one.store, one.terminal,
            one.description, one.payer, local(one.ordered_at), Minor(one.amount), Minor(one.fee),
            Minor(one.amount - one.fee),
            self._currency, id_text("", one.id),
        )  # fmt: skip

    def last(self) -> list[Row]:
        """How many there are, and what they come to."""
        sums = Minor(self._amount), Minor(self._fee), Minor(self._amount - self._fee)
        return [(self._count, "total", *[None] * 10, *sums, self._currency, None)]


class FundRows:
    """The rows of a fund file: the opening balance, each movement with the balance after it, the closing balance."""

    columns: Final = FUND

    def __init__(self, statement: Statement) -> None:
        self._statement = statement
        self._count, self._balance = 0, statement.opening

    def first(self) -> list[Row]:
        """The opening balance."""
        return [(0, "opening", *[None] * 5, Minor(self._balance), self._statement.currency, None)]

    def of(self, page: Sequence[Movement]) -> list[Row]:
        """A row for each."""
        return [self._row(one) for one in page]

    def _row(self, one: Movement) -> Row:
        self._count += 1
        self._balance += one.effect
        credit, debit = max(one.effect, 0), max(-one.effect, 0)
        return (
            self._count, kind_of(one.code), local(one.timestamp), about_text(one.code, one.about), one.reference,
            Minor(credit) if credit else None, Minor(debit) if debit else None, Minor(self._balance),
            self._statement.currency, id_text("", one.id),
        )  # fmt: skip

    def last(self) -> list[Row]:
        """What came in and went out, and the closing balance, which must be the ledger's."""
        said = self._statement
        assert self._balance == said.closing, "a fund file's lines must come to its closing balance"
        sums = Minor(said.credits), Minor(said.debits), Minor(said.closing)
        return [(self._count, "closing", None, None, None, *sums, said.currency, None)]


class DayRows:
    """The rows of a month: each day's payments, refunds, payouts, what else moved, and the balance it ended with."""

    columns: Final = DAYS

    def __init__(self, statement: Statement) -> None:
        self._statement = statement

    def first(self) -> list[Row]:
        """The opening balance."""
        return [("opening", *[None] * 8, Minor(self._statement.opening), self._statement.currency)]

    def of(self, page: Sequence[Day]) -> list[Row]:
        """A row for each."""
        return [(str(day.date), *of_day(day), Minor(day.closing), self._statement.currency) for day in page]

    def last(self) -> list[Row]:
        """The whole month."""
        said = self._statement
        month = Day(said.days[-1].date, said.lines, said.credits, said.debits, said.closing)
        return [("total", *of_day(month), Minor(said.closing), said.currency)]


def of_day(day: Day) -> Sequence[Cell]:
    """Payments and what they come to, the same of refunds; fees less what came back; payouts; other ins, outs."""
    paid = [line for line in day.lines if line.kind == "payment"]
    refunded = [line for line in day.lines if line.kind == "refund"]
    out = sum(line.amount for line in day.lines if line.kind == "settlement")
    charged = sum(line.amount for line in day.lines if line.kind == "fee")
    returned = sum(line.amount for line in day.lines if line.kind == "fee_return")
    came, went = sum(line.amount for line in paid), sum(line.amount for line in refunded)
    return (
        sum(line.count for line in paid), Minor(came), sum(line.count for line in refunded), Minor(went),
        Minor(charged - returned), Minor(out), Minor(day.credits - came - returned),
        Minor(day.debits - went - out - charged),
    )  # fmt: skip


# Files ---------------------------------------------------------------------------------------------------------


class Rendered(Struct):
    """A finished file, on disk when it is large, with the digest (hex) of its bytes. Whoever has it closes it."""

    file: IO[bytes]
    size: int
    sha256: str


class Writer(Protocol):
    """Takes rows, page by page, and ends with a file."""

    def rows(self, rows: Sequence[Row]) -> None:
        """Write these."""
        ...

    def finish(self) -> Rendered:
        """The file."""
        ...


class Spool:
    """A file that grows in memory first, then on disk, and knows its digest."""

    def __init__(self) -> None:
        self._file = SpooledTemporaryFile(IN_MEMORY_MAX)  # noqa: SIM115 - closed by whoever gets it
        self._digest = hashlib.sha256()
        self._size = 0

    def write(self, data: bytes) -> None:
        """Add these bytes."""
        self._file.write(data)
        self._digest.update(data)
        self._size += len(data)

    def finish(self) -> Rendered:
        """The file, from its beginning."""
        self._file.seek(0)
        return Rendered(self._file, self._size, self._digest.hexdigest())


class CsvWriter:
    """CSV by RFC 4180 in UTF-8, amounts with their decimals; a byte order mark first when Excel is to read it."""

    def __init__(self, columns: Sequence[str], currency: str, *, bom: bool = False) -> None:
        self._spool = Spool()
        self._exponent = CURRENCIES[currency].exponent
        if bom:
            self._spool.write(BOM)
        self.rows([columns])

    def rows(self, rows: Sequence[Row]) -> None:
        """Write these."""
        text = io.StringIO()
        csv.writer(text).writerows([[self._cell(cell) for cell in row] for row in rows])
        self._spool.write(text.getvalue().encode())

    def _cell(self, cell: Cell) -> str:
        if isinstance(cell, str):
            return inert(cell)
        if cell is None:
            return ""
        return decimal_text(int(cell), self._exponent) if isinstance(cell, Minor) else str(cell)

    def finish(self) -> Rendered:
        """The file."""
        return self._spool.finish()


class XlsxWriter:
    """A workbook whose rows go to disk as they come. Texts are written as texts, so nothing in them is a formula."""

    def __init__(self, columns: Sequence[str], currency: str, name: str, made_at: datetime) -> None:
        import xlsxwriter  # for whoever asks for a workbook

        self._spool = SpooledTemporaryFile(IN_MEMORY_MAX)  # noqa: SIM115 - closed by whoever gets it
        self._book = xlsxwriter.Workbook(self._spool, {"constant_memory": True})
        self._book.set_properties({"title": name, "created": made_at.astimezone(UTC).replace(tzinfo=None)})
        self._exponent = CURRENCIES[currency].exponent
        decimals = "." + "0" * self._exponent if self._exponent else ""
        self._money = self._book.add_format({"num_format": f"#,##0{decimals}"})
        self._bold = self._book.add_format({"bold": True})
        self._columns = columns
        self._name = name
        self._row, self._sheets = SHEET_ROWS_MAX, 0

    def _turn(self) -> None:
        """Begin the next sheet."""
        self._sheets += 1
        self._sheet = self._book.add_worksheet(self._name if self._sheets == 1 else f"{self._name} {self._sheets}")
        self._sheet.freeze_panes(1, 0)
        for place, column in enumerate(self._columns):
            self._sheet.set_column(place, place, 32 if column in ("at", "order", "transfer", "about") else 16)
            self._sheet.write_string(0, place, f"{CHINESE.get(column, '')} {column}".strip(), self._bold)
        self._row = 1

    def rows(self, rows: Sequence[Row]) -> None:
        """Write these."""
        for row in rows:
            if self._row >= SHEET_ROWS_MAX:
                self._turn()
            self._write(row)
            self._row += 1

    def _write(self, row: Row) -> None:
        sheet: Any = self._sheet
        for place, cell in enumerate(row):
            if isinstance(cell, Minor):
                # A spreadsheet knows no other numbers than floats: 15 digits, more than any amount here has.
                sheet.write_number(self._row, place, int(cell) / 10**self._exponent, self._money)
            elif isinstance(cell, str):
                sheet.write_string(self._row, place, inert(cell))
            elif cell is not None:
                sheet.write_number(self._row, place, cell)

    def finish(self) -> Rendered:
        """The file."""
        if not self._sheets:
            self._turn()
        self._book.close()
        self._spool.seek(0)
        digest = hashlib.file_digest(self._spool, "sha256").hexdigest()
        size = self._spool.tell()
        self._spool.seek(0)
        return Rendered(self._spool, size, digest)
