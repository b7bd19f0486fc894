"""Static codes over HTTP, for merchants and for whoever holds a code's link."""

import asyncio
from typing import Any

from qrpay.features.orders.problems import reference_reused
from qrpay.features.static_codes import service
from qrpay.features.static_codes.model import (
    CashierCode,
    CodesQuery,
    NewStaticCode,
    PictureQuery,
    SheetQuery,
    StaticCode,
    StaticCodeRow,
)
from qrpay.values import CURRENCIES, Page, decimal_text
from qrpay.web.callers import Merchant
from qrpay.web.routes import PUBLIC, Answer, Call, Document, Nothing, Routes

routes = Routes("Static codes")


@routes.post(
    "/v1/static-codes", caller=Merchant, body=NewStaticCode, returns=StaticCode, status=201, problems=[reference_reused]
)
async def create_static_code(call: Call, ask: NewStaticCode) -> Any:
    """Make a code for a table or a counter; it is paid again and again, until it is revoked.

    The reference names it: the same content again answers with the same code (Idempotent-Replayed: true).
    """
    code, made = await service.make(call.core, call.merchant.id, ask)
    return code if made else Answer(code, replayed=True)


@routes.get("/v1/static-codes", caller=Merchant, act="read", query=CodesQuery, returns=Page[StaticCode])
async def list_static_codes(call: Call, ask: CodesQuery) -> Page[StaticCode]:
    """List static codes, newest first."""
    return await service.page(call.core, call.merchant.id, ask, call.merchant.store)


async def _own(call: Call) -> StaticCodeRow:
    return await service.find(call.core, call.merchant.id, call.path["code"], call.merchant.store)


@routes.get("/v1/static-codes/{code}", caller=Merchant, act="read", returns=StaticCode)
async def read_static_code(call: Call, _ask: Nothing) -> StaticCode:
    """Read a static code."""
    return service.view(call.core, await _own(call))


@routes.post("/v1/static-codes/{code}/revoke", caller=Merchant, returns=StaticCode)
async def revoke_static_code(call: Call, _ask: Nothing) -> StaticCode:
    """Withdraw a static code for good, such as one whose sheet was lost or pasted over. Safe to repeat."""
    return await service.revoke(call.core, call.merchant.id, call.path["code"])


@routes.get(
    "/v1/static-codes/{code}/code.svg",
    caller=Merchant,
    act="read",
    query=PictureQuery,
    returns=Document,
    media_type="image/svg+xml",
)
async def static_code_svg(call: Call, ask: PictureQuery) -> Document:
    """The static code as an SVG picture, without a sheet around it."""
    from qrpay.codes import image

    row = await _own(call)
    picture = await asyncio.to_thread(image.svg, row.payload, ask.size, title=f"QR code {row.reference}")
    return Document(picture.encode(), "image/svg+xml")


async def _sheet(call: Call, ask: SheetQuery) -> Any:
    """The sheet to print. What draws it, 6 MB, a worker that is never asked for one does not hold."""
    from qrpay.codes import sheet

    row, card, branch = await service.sheet_of(call.core, call.merchant.id, call.path["code"], call.merchant.store)
    amount = None
    if row.amount is not None:
        amount = f"{decimal_text(row.amount, CURRENCIES[row.currency].exponent)} {row.currency}"
    view = service.view(call.core, row)
    words = sheet.Words(card.name, card.name_latin, branch, row.label, view.check_code, amount)
    return await asyncio.to_thread(sheet.drawn, row.payload, words, ask.size)


@routes.get(
    "/v1/static-codes/{code}/sheet.svg",
    caller=Merchant,
    act="read",
    query=SheetQuery,
    returns=Document,
    media_type="image/svg+xml",
)
async def static_code_sheet_svg(call: Call, ask: SheetQuery) -> Document:
    """The sheet to print, as SVG: shop, branch, code, and the check code to read aloud."""
    return Document((await _sheet(call, ask)).svg().encode(), "image/svg+xml")


@routes.get(
    "/v1/static-codes/{code}/sheet.pdf", caller=Merchant, act="read", query=SheetQuery, returns=Document,
    media_type="application/pdf",
)  # fmt: skip
async def static_code_sheet_pdf(call: Call, ask: SheetQuery) -> Document:
    """The sheet to print, as PDF of one page in its true size."""
    return Document((await _sheet(call, ask)).pdf(), "application/pdf")


@routes.get("/v1/cashier/static/{code}", caller=PUBLIC, returns=CashierCode)
async def cashier_static_code(call: Call, _ask: Nothing) -> CashierCode:
    """What the page behind a static code's link shows."""
    return await service.cashier(call.core, call.path["code"])
