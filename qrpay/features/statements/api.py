"""Routes: a merchant's days and months, their files and signatures, and what a signature says."""

import asyncio
from base64 import b64encode
from typing import Any, Final

from aiohttp import web

from qrpay.codes.problems import code_forged, code_malformed, code_unknown_key
from qrpay.codes.statement import SignedStatement
from qrpay.features.statements import files, service
from qrpay.features.statements.cells import Rendered
from qrpay.features.statements.model import Book, NewVerification, Statement, StatementQuery
from qrpay.features.statements.problems import history_detached, statement_not_ready
from qrpay.problem import invalid_field, not_found
from qrpay.values import id_text
from qrpay.web.callers import Merchant
from qrpay.web.routes import PUBLIC, Answer, Call, Document, Routes

routes = Routes("Statements")

PROBLEMS: Final = (not_found, statement_not_ready, history_detached, invalid_field)
BLOCK: Final = 1 << 16
WRITE_S: Final = 60.0
"""How long a caller may take for a block before we hang up."""
SAFETY: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}


@routes.get(
    "/v1/statements/{period}", caller=Merchant, act="books", query=StatementQuery, returns=Statement,
    problems=PROBLEMS, stream=True,
)  # fmt: skip
async def read_statement(call: Call, ask: StatementQuery) -> Any:
    """Read a business day (`2026-11-24`) or a month (`2026-11`): balances, sums by kind, and where its files are.

    With `.json` the same; with `.csv` a day's trade file, or a month's days. A period that is not over yet is
    `statement_not_ready`.
    """
    text, _, kind = call.path["period"].partition(".")
    if kind not in ("", "json", "csv"):
        raise not_found()
    book = await service.book(call.core, call.merchant.id, text, ask.currency)
    if kind == "csv":
        return await _send(call, book, "days.csv" if book.period.is_month else "trade.csv", bom=ask.bom)
    return Answer(book.statement)


@routes.get(
    "/v1/statements/{period}/{file}", caller=Merchant, act="books", query=StatementQuery, returns=Document,
    media_type="application/octet-stream", problems=PROBLEMS, stream=True,
)  # fmt: skip
async def read_statement_file(call: Call, ask: StatementQuery) -> Any:
    """Fetch a file: `trade`, `fund` as `.csv` or `.xlsx`, `camt.053.xml`; of a month `days.csv`, `statement.pdf`.

    A file never changes. `Repr-Digest` is its SHA-256, `Qrpay-Statement` the bank's signature of it (a JWS), which
    `.jws` behind the file's name gives by itself.
    """
    name, signature_only = call.path["file"], call.path["file"].endswith(".jws")
    book = await service.book(call.core, call.merchant.id, call.path["period"], ask.currency)
    if not signature_only:
        return await _send(call, book, name, bom=ask.bom)
    name = name.removesuffix(".jws")
    async with files.rendered(call.core, book, name, bom=ask.bom) as made:
        signed = files.signature(call.core, book, name, made)
    return Document(
        signed.encode(), files.media_type_of(".jws"), {"Content-Disposition": _attachment(book, name + ".jws")}
    )


async def _send(call: Call, book: Book, name: str, *, bom: bool) -> Any:
    """The file in one piece, or block by block when it is large."""
    async with files.rendered(call.core, book, name, bom=bom) as made:
        media_type = files.media_type_of(name)
        headers = {
            "Content-Disposition": _attachment(book, name),
            "Repr-Digest": f"sha-256=:{b64encode(bytes.fromhex(made.sha256)).decode()}:",
            "Qrpay-Statement": files.signature(call.core, book, name, made),
            "Cache-Control": "private, no-store",
        }
        if made.size <= BLOCK or call.wire.method == "HEAD":
            return Document(made.file.read() if made.size <= BLOCK else b"", media_type, headers)
        return await _stream(call, made, {**SAFETY, **headers, "Content-Type": media_type})


async def _stream(call: Call, made: Rendered, headers: dict[str, str]) -> web.StreamResponse:
    response = web.StreamResponse(headers=headers)
    response.content_length = made.size
    await response.prepare(call.request)
    while block := await asyncio.to_thread(made.file.read, BLOCK):
        async with asyncio.timeout(WRITE_S):
            await response.write(block)
    await response.write_eof()
    return response


def _attachment(book: Book, name: str) -> str:
    who, said = id_text("mer_", book.merchant), book.statement
    return f'attachment; filename="{who}-{said.currency}-{said.period}-{name}"'


@routes.post(
    "/v1/statements/verify", caller=PUBLIC, body=NewVerification, returns=SignedStatement,
    problems=[code_malformed, code_unknown_key, code_forged],
)  # fmt: skip
async def verify_statement(call: Call, ask: NewVerification) -> SignedStatement:
    """Say what the bank has signed: whose statement it is, of which period, with what balances and which digest."""
    return service.verified(call.core, ask.statement)
