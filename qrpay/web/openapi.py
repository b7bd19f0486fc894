"""OpenAPI 3.1 made from the routes: what the server serves is what the reference says."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec.json import schema_components

import qrpay
from qrpay.problem import (
    CATALOGUE,
    Problem,
    body_too_large,
    cross_site_refused,
    duplicate_field,
    forbidden,
    invalid_field,
    malformed_request,
    misdirected_request,
    not_found,
    overloaded,
    rate_limited,
    token_expired,
    unauthenticated,
    unavailable,
    unknown_field,
    unsupported_media_type,
    wrong_caller,
)
from qrpay.web.callers import Applicant, Merchant, MerchantApplicant, Operator, Wallet
from qrpay.web.routes import Document, Route, Routes
from qrpay.web.signatures import nonce_replayed, signature_invalid, timestamp_out_of_window

SCHEMES = {
    Merchant: ("merchant_key", "A merchant's key `sk_test_…` or `sk_live_…`."),
    Wallet: ("access_token", "A customer's access token `at_…`."),
    Operator: ("operator_session", "Somebody of the bank, signed in (POST /v1/operators/sessions)."),
    Applicant: ("opening_token", "The token `ot_…` of an account's opening."),
    MerchantApplicant: ("application_token", "The token `apt_…` of whoever applies to become a merchant."),
}
_BEARER = {"type": "http", "scheme": "bearer"}
_HOW = {
    Merchant: _BEARER,
    Wallet: _BEARER,
    Operator: {"type": "apiKey", "in": "cookie", "name": "qrpay_operator"},
    Applicant: _BEARER,
    MerchantApplicant: _BEARER,
}
_NAME = re.compile(r"\{(\w+)\}")
_TEMPLATE = "#/components/schemas/{name}"


def document(chapters: Sequence[Routes], base_url: str) -> bytes:
    """The whole document as JSON."""
    routes = [route for chapter in chapters for route in chapter]
    shapes = [shape for route in routes for shape in (route.body, route.returns) if _is_json(shape)]
    schemas, components = schema_components(shapes, ref_template=_TEMPLATE)
    of = dict(zip(map(str, shapes), schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for chapter in chapters:
        for route in chapter:
            paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, chapter.tag, of)
    components["Problem"] = _PROBLEM
    components |= {_shape_of(problem): _with_members(problem) for route in routes for problem in route.problems
                   if problem.members}  # fmt: skip
    return msgspec.json.encode(
        {
            "openapi": "3.1.0",
            "info": {
                "title": "qrpay",
                "version": qrpay.__version__,
                "summary": "Signed QR codes, scan-to-pay, and a ledger that posts each payment once.",
                "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            },
            "servers": [{"url": base_url}],
            "tags": [{"name": chapter.tag} for chapter in chapters if chapter],
            "paths": paths,
            "components": {
                "schemas": components,
                "securitySchemes": {
                    name: {**_HOW[caller], "description": says} for caller, (name, says) in SCHEMES.items()
                },
            },
        }
    )


def _is_json(shape: Any) -> bool:
    return shape is not None and shape is not Document


def _operation(route: Route, tag: str, of: Mapping[str, Any]) -> dict[str, Any]:
    about = (route.handler.__doc__ or "").strip()
    operation: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.summary,
        "description": re.sub(r"\n\s+", "\n", about),
        "tags": [tag],
        "parameters": [*_path_parameters(route), *_query_parameters(route), *_header_parameters(route)],
        "responses": _responses(route, of),
    }
    if route.caller is not None:
        operation["security"] = [{SCHEMES[route.caller][0]: []}]
    if route.body is not None:
        operation["requestBody"] = {
            "required": not route.body_optional,
            "content": {"application/json": {"schema": of[str(route.body)]}},
        }
    elif route.upload:
        file = {"schema": {"type": "string", "format": "binary", "maxLength": route.upload}}
        operation["requestBody"] = {"required": True, "content": {"application/octet-stream": file}}
    return operation


def _path_parameters(route: Route) -> list[dict[str, Any]]:
    said = {"order": "Our id (`ord_…`), or `ref:` and your own reference."}
    return [
        {
            "name": name, "in": "path", "required": True, "description": said.get(name, f"The id of the {name}."),
            "schema": {"type": "string", "minLength": 1, "maxLength": 512, "pattern": r"^[A-Za-z0-9_:\-.]+$"},
        }
        for name in _NAME.findall(route.path)
    ]  # fmt: skip


def _query_parameters(route: Route) -> list[dict[str, Any]]:
    if route.query is None:
        return []
    (schema,), components = schema_components([route.query], ref_template=_TEMPLATE)
    shape = components[schema["$ref"].rsplit("/", 1)[1]] if "$ref" in schema else schema
    required = shape.get("required", ())
    return [
        {"name": name, "in": "query", "required": name in required, "schema": _one_type(inner)}
        for name, inner in shape.get("properties", {}).items()
    ]


def _one_type(schema: dict[str, Any]) -> dict[str, Any]:
    """A query parameter is left out rather than null."""
    kinds = [kind for kind in schema.get("anyOf", ()) if kind != {"type": "null"}]
    return kinds[0] if len(kinds) == 1 else {name: value for name, value in schema.items() if name != "default"}


def _header_parameters(route: Route) -> list[dict[str, Any]]:
    if route.caller is Operator and route.method != "GET":
        return [
            {
                "name": "X-Requested-With", "in": "header", "required": True,
                "description": "Says that no page of a stranger sent this (docs/how-to/operate-the-bank.md).",
                "schema": {"type": "string", "enum": ["qrpay"]},
            }
        ]  # fmt: skip
    if not route.idempotent:
        return []
    return [
        {
            "name": "Idempotency-Key", "in": "header", "required": True,
            "description": "The same key never moves money twice, however much later it comes again.",
            "schema": {"type": "string", "minLength": 1, "maxLength": 255},
        }
    ]  # fmt: skip


def _responses(route: Route, of: Mapping[str, Any]) -> dict[str, Any]:
    good: dict[str, Any] = {}
    for status, says in {route.status: route.summary, **route.also}.items():
        good[str(status)] = {
            "description": says or "Done.",
            "headers": {"X-Request-Id": {"schema": {"type": "string"}}},
        }
        if _is_json(route.returns):
            good[str(status)]["content"] = {"application/json": {"schema": of[str(route.returns)]}}
        elif route.returns is Document or route.stream:
            # What is no JSON has no schema to be held to.
            shape = {"schema": {"type": "object"}} if route.media_type.endswith("json") else {}
            good[str(status)]["content"] = {route.media_type: shape}
    by_status: dict[int, list[Problem]] = {}
    for problem in (*_common(route), *route.problems):
        if problem not in by_status.setdefault(problem.status, []):
            by_status[problem.status].append(problem)
    for status, problems in sorted(by_status.items()):
        good[str(status)] = {
            "description": " · ".join(f"`{problem.code}` {problem.en}" for problem in problems),
            "content": {"application/problem+json": {"schema": _any_of(problems)}},
        }
    return good


def _any_of(problems: Sequence[Problem]) -> dict[str, Any]:
    """A problem; those first that say more than all of them do."""
    names = [_shape_of(problem) for problem in problems if problem.members]
    refs = [{"$ref": _TEMPLATE.format(name=name)} for name in (*names, "Problem")]
    return {"anyOf": refs} if names else refs[0]


def _shape_of(problem: Problem) -> str:
    return "".join(word.capitalize() for word in problem.code.split("_"))


def _with_members(problem: Problem) -> dict[str, Any]:
    said = {member.name: {"type": member.kind, "description": member.meaning} for member in problem.members}
    return {
        "title": _shape_of(problem),
        "description": f"{problem.en} Amounts are in minor units.",
        "allOf": [{"$ref": _TEMPLATE.format(name="Problem")}],
        "properties": {"code": {"const": problem.code}, **said},
    }


def _common(route: Route) -> list[Problem]:
    rows = [malformed_request, misdirected_request, invalid_field, unknown_field, duplicate_field, rate_limited]
    rows += [overloaded, unavailable]
    if route.caller is not None:
        rows += [unauthenticated, token_expired, wrong_caller]
    if route.caller is Merchant:
        rows += [signature_invalid, timestamp_out_of_window, nonce_replayed, forbidden]
    if route.caller is Operator:
        rows += [forbidden, cross_site_refused]
    if "{" in route.path:
        rows.append(not_found)
    if route.upload:
        rows.append(body_too_large)
    if route.body is not None:
        rows += [body_too_large, unsupported_media_type]
    return rows


_PROBLEM: dict[str, Any] = {
    "type": "object",
    "title": "Problem",
    "description": "RFC 9457 problem details. Figures of the refusal stand beside these members.",
    "required": ["type", "title", "status", "detail", "code", "request_id"],
    "properties": {
        "type": {"type": "string", "description": "A path under /problems/ that explains it."},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What to do next."},
        "code": {"type": "string", "description": "Stable, snake_case."},
        "request_id": {"type": "string"},
        "retry": {"type": "boolean", "description": "Whether the same request may be sent again unchanged."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "detail"],
                "properties": {"pointer": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
    },
}


def _catalogued() -> list[Problem]:
    return sorted(CATALOGUE.values(), key=lambda row: (row.status, row.code))


def errors_page() -> str:
    """docs/reference/errors.md: one line for each problem there is, and the members that single ones have."""
    lines = ["# Refusals", "", "Made from the code by `qrpay docs`.", "", "| status | code | what | what to do next |"]
    lines.append("|---|---|---|---|")
    lines += [
        f"| {problem.status} | `{problem.code}` | {problem.en} {problem.zh} | {problem.next} |"
        for problem in _catalogued()
    ]
    lines += [
        "",
        "## Members",
        "",
        "What single refusals say beside the members of all. Amounts are in minor units.",
        "",
    ]
    lines += ["| code | member | JSON | what |", "|---|---|---|---|"]
    lines += [
        f"| `{problem.code}` | `{member.name}` | {member.kind} | {member.meaning} |"
        for problem in _catalogued()
        for member in problem.members
    ]
    return "\n".join(lines) + "\n"
