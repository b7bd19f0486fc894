"""Problem documents (RFC 9457): every "no", ours or the machinery's, is written here."""

import re
from typing import Any, Final

import msgspec

from qrpay.problem import CATALOGUE, Problem, Refused, filled
from qrpay.web.routes import Document
from qrpay.web.wire import response

MEDIA_TYPE: Final = "application/problem+json"
_CHINESE: Final = re.compile(r"\s*zh\b", re.IGNORECASE)


def document(refused: Refused, request_id: str, language: str = "") -> bytes:
    """The JSON of a refusal, in the language the caller reads (English unless it asks for Chinese first)."""
    problem, figures = refused.problem, refused.figures
    chinese = bool(_CHINESE.match(language))
    body: dict[str, Any] = {
        "type": problem.type,
        "title": problem.zh if chinese else problem.en,
        "status": problem.status,
        "detail": filled(problem.next_zh if chinese else problem.next, figures),
        "code": problem.code,
        "request_id": request_id,
        "retry": problem.retry,
    }
    body.update({name: value for name, value in figures.items() if name not in body})
    if refused.errors:
        body["errors"] = refused.errors
    return msgspec.json.encode(body)


def refusal(
    refused: Refused, request_id: str, language: str = "", *, close: bool = False, head_only: bool = False
) -> bytes:
    """The whole response of a refusal."""
    return response(
        refused.problem.status,
        document(refused, request_id, language),
        request_id,
        media_type=MEDIA_TYPE,
        headers=refused.headers,
        close=close,
        head_only=head_only,
    )


def explained(slug: str) -> Document | None:
    """The page behind a problem's `type`."""
    problem = CATALOGUE.get(slug.replace("-", "_"))
    return Document(_PAGE(problem).encode(), "text/html; charset=utf-8") if problem else None


def _PAGE(problem: Problem) -> str:  # noqa: N802 - a template
    again = "The same request may be sent again." if problem.retry else "The same request will get the same answer."
    again_zh = "可用相同请求重试。" if problem.retry else "相同请求会得到相同的结果。"
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{problem.code}</title><link rel="stylesheet" href="/assets/style.css"></head>
<body><main class="plain"><h1><code>{problem.code}</code> <small>{problem.status}</small></h1>
<p>{problem.en}</p><p>{problem.next}</p><p>{again}</p>
<div lang="zh"><p>{problem.zh}</p><p>{problem.next_zh}</p><p>{again_zh}</p></div>
</main></body></html>"""
