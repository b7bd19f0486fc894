"""From a book to a file: which writer takes which lines, a page at a time, beside what else the worker does."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from qrpay.codes.statement import sign_statement
from qrpay.core import Core
from qrpay.features.merchants import service as merchants
from qrpay.features.statements import service
from qrpay.features.statements.camt053 import CamtWriter
from qrpay.features.statements.cells import (
    CsvWriter,
    DayRows,
    FundRows,
    Rendered,
    TradeRows,
    Writer,
    XlsxWriter,
)
from qrpay.features.statements.model import Book
from qrpay.problem import not_found

MEDIA_TYPES: Final[Mapping[str, str]] = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "xml": "application/xml",
    "pdf": "application/pdf",
    "jws": "application/jose",
}
AT_ONCE: Final = 2
"""Files that one worker writes at once: whoever asks for more waits, and payments do not."""
_slots: Final[dict[asyncio.AbstractEventLoop, asyncio.Semaphore]] = {}


def media_type_of(name: str) -> str:
    """What a file of this name is."""
    return MEDIA_TYPES[name.rpartition(".")[2]]


@asynccontextmanager
async def rendered(core: Core, one: Book, name: str, *, bom: bool = False) -> AsyncIterator[Rendered]:
    """The file of this name, and gone again afterwards. Raises `not_found` for a name that there is not."""
    if name not in (service.MONTH_FILES if one.period.is_month else service.DAY_FILES):
        raise not_found()
    slots = _slots.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(AT_ONCE))
    async with slots:
        made = await _render(core, one, name, bom=bom)
    try:
        yield made
    finally:
        made.file.close()


async def _render(core: Core, one: Book, name: str, *, bom: bool) -> Rendered:
    said, (what, _, kind) = one.statement, name.partition(".")
    if name == "statement.pdf":
        return await _pdf(core, one)
    if name == "camt.053.xml":
        camt = CamtWriter(one)
        async for page in service.movements(core, one):
            await asyncio.to_thread(camt.rows, page)
        return camt.finish()
    rows: Any = {"trade": TradeRows, "fund": FundRows, "days": DayRows}[what](said)
    writer: Writer
    if kind == "csv":
        writer = CsvWriter(rows.columns, said.currency, bom=bom)
    else:
        writer = await asyncio.to_thread(XlsxWriter, rows.columns, said.currency, what, one.period.until)
    writer.rows(rows.first())
    async for page in _pages(core, one, what):
        await asyncio.to_thread(lambda page: writer.rows(rows.of(page)), page)
    writer.rows(rows.last())
    return await asyncio.to_thread(writer.finish)


async def _pdf(core: Core, one: Book) -> Rendered:
    """The month as a page, with the signature of its days in a code."""
    from qrpay.features.statements import monthly  # for whoever asks for a page

    days = await _render(core, one, "days.csv", bom=False)
    days.file.close()
    signed = signature(core, one, "days.csv", days)
    card = await merchants.directory(core, one.merchant)
    return await asyncio.to_thread(monthly.drawn, one, signed, f"{core.settings.url}/verify", test=card.test)


async def _pages(core: Core, one: Book, what: str) -> AsyncIterator[Sequence[Any]]:
    if what == "days":
        yield one.statement.days
        return
    async for page in (service.trades if what == "trade" else service.movements)(core, one):
        yield page


def signature(core: Core, one: Book, name: str, made: Rendered) -> str:
    """The bank's signature of a file."""
    claims = service.claims_of(core, one, name, made.sha256, made.size)
    return sign_statement(claims, core.keyring.signer("statement", core.clock()))
