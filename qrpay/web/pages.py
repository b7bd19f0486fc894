"""The static pages and what explains the api: wallet, POS, cashier, reference, problems."""

import asyncio
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

import qrpay
from qrpay.problem import not_found
from qrpay.web import openapi
from qrpay.web.refusals import explained
from qrpay.web.routes import PUBLIC, Answer, Call, Document, Nothing, Routes

FOLDER: Final = Path(qrpay.__file__).parent / "pages"
MEDIA_TYPES: Final = {
    ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8", ".json": "application/json", ".svg": "image/svg+xml", ".png": "image/png",
    ".wasm": "application/wasm", ".webmanifest": "application/manifest+json", ".txt": "text/plain; charset=utf-8",
}  # fmt: skip
CSP: Final = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; font-src 'self'; media-src 'self' blob:; worker-src 'self'; manifest-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# Scalar, which draws the reference, writes its own style elements.
CSP_DOCS: Final = CSP.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'")


class PageQuery(Struct, frozen=True):
    """What a page's own script reads from its address. Others' additions to a link are no reason to show no page."""

    lang: str | None = None
    order: str | None = None


class Shelf:
    """The files that may be asked for, by name: a path of a request never becomes a path of the disk."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._files = {
            path.relative_to(folder).as_posix(): path
            for path in folder.rglob("*")
            if path.is_file() and path.suffix in MEDIA_TYPES
        }
        self._tags: dict[str, str] = {}

    async def page(self, call: Call, name: str, csp: str = CSP) -> Document | Answer:
        """One file; 304 when the caller has it."""
        path = self._files.get(name)
        if path is None:
            raise not_found()
        body = await asyncio.to_thread(path.read_bytes)
        tag = self._tags.setdefault(name, f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"')
        headers = {
            "ETag": tag,
            "Cache-Control": "no-cache",
            "Content-Security-Policy": csp,
            "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
        }
        if call.wire.headers.get("If-None-Match") == tag:
            return Answer(None, status=304, headers=headers)
        return Document(body, MEDIA_TYPES[path.suffix], headers)


def page_routes(chapters: Sequence[Routes], base_url: str) -> Routes:
    """Pages and reference over these chapters. The reference is written when it is first asked for."""
    shelf = Shelf()
    routes = Routes("Pages")
    written: list[bytes] = []

    def page(path: str, name: str, csp: str = CSP, media_type: str = "text/html") -> None:
        async def show(call: Call, ask: PageQuery) -> Any:
            return await shelf.page(call, name, csp)

        show.__doc__, show.__name__ = f"The page {name}.", "page_" + name.split(".", maxsplit=1)[0].replace("/", "_")
        routes.get(path, caller=PUBLIC, query=PageQuery, returns=Document, media_type=media_type)(show)

    page("/", "index.html")
    page("/wallet", "wallet.html")
    page("/pos", "pos.html")
    page("/pos-worker.js", "pos/worker.js", media_type="text/javascript")  # at the root, so that it may serve /pos
    page("/pay/{order}", "cashier.html")
    page("/owner", "owner.html")
    page("/operators", "operators.html")
    page("/apply", "apply.html")
    page("/verify", "verify.html")
    page("/docs", "docs.html", CSP_DOCS)

    @routes.get("/assets/{file}", caller=PUBLIC, returns=Document, media_type="text/javascript")
    async def asset(call: Call, ask: Nothing) -> Any:
        """A file of the pages."""
        return await shelf.page(call, call.path["file"])

    for depth in (2, 3, 4):
        steps = "".join(f"/{{part{n}}}" for n in range(depth - 1))

        @routes.get(f"/assets{steps}/{{file}}", caller=PUBLIC, returns=Document, media_type="text/javascript")
        async def deeper_asset(call: Call, ask: Nothing) -> Any:
            """A file of the pages, in a folder."""
            return await shelf.page(call, "/".join(call.path.values()))

    @routes.get("/openapi.json", caller=PUBLIC, returns=Document)
    async def openapi_document(call: Call, ask: Nothing) -> Document:
        """The OpenAPI 3.1 document of this server."""
        if not written:
            written.append(await asyncio.to_thread(openapi.document, chapters, base_url))
        return Document(written[0], "application/json", {"Cache-Control": "no-cache"})

    @routes.get("/problems/{problem}", caller=PUBLIC, returns=Document, media_type="text/html")
    async def problem_page(call: Call, ask: Nothing) -> Document:
        """What a problem means and what to do."""
        found = explained(call.path["problem"])
        if found is None:
            raise not_found()
        return Document(found.body, found.media_type, {"Content-Security-Policy": CSP})

    return routes
