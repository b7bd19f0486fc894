"""What a body may say (rules.md 9, rows 9 to 18): strict JSON, clean text, integer money."""

from typing import Any

import pytest

from tests.web.world import Api, fresh, nothing_moves

NOT_JSON = {
    "NaN": b'{"amount":NaN}',
    "Infinity": b'{"amount":Infinity}',
    "minus Infinity": b'{"amount":-Infinity}',
    "a leading zero": b'{"amount":01}',
    "a plus": b'{"amount":+1}',
    "a bare point": b'{"amount":1.}',
    "a leading point": b'{"amount":.5}',
    "hexadecimal": b'{"amount":0x10}',
    "an underscore": b'{"amount":1_000}',
    "a byte order mark": b'\xef\xbb\xbf{"amount":1}',
    "trailing bytes": b'{"reference":"a","amount":1,"currency":"CNY"} x',
    "two values": b'{"reference":"a","amount":1,"currency":"CNY"}{}',
    "truncated": b'{"amount":1',
    "spaces": b"  ",
    "null": b"null",
    "a list": b"[]",
    "a text": b'"reference"',
    "a number": b"1",
    "single quotes": b"{'amount':1}",
    "a comment": b'{"amount":1}/**/',
    "a trailing comma": b'{"amount":1,}',
    "Latin-1": '{"reference":"é"}'.encode("latin-1"),
    "UTF-16": '{"amount":1}'.encode("utf-16"),
    "a control character": b'{"reference":"a\nb"}',
    "deep": b"[" * 20_000 + b"]" * 20_000,
    "deep in an unknown field": b'{"x":' + b'{"a":' * 10_000 + b"1" + b"}" * 10_000 + b"}",
    "deep without an end": b'{"x":' + b"[" * 50_000,
}


@pytest.mark.parametrize("name", NOT_JSON)
async def test_what_is_no_json_object_is_malformed(api: Api, name: str) -> None:
    """400 for every syntax that is not RFC 8259, and for what is no object (rows 9 and 10)."""
    said = await api.post("/v1/orders", api.shop, raw=NOT_JSON[name])
    assert said.verdict == (400, "malformed_request")


GOOD = {"reference": "R", "amount": 1, "currency": "CNY"}


def wrong(code: str, places: list[str], **fields: Any) -> Any:
    """A row: an order that is good but for these fields, and what is said of it."""
    return pytest.param({**GOOD, **fields}, code, places, id=repr(fields)[:60].encode("ascii", "replace").decode())


@pytest.mark.parametrize(
    ("body", "code", "places"),
    [
        # Row 12 and 53: what a merchant may not say.
        wrong("unknown_field", ["/status"], status="paid"),
        wrong("unknown_field", ["/fee"], fee=0),
        wrong("unknown_field", ["/payer_id"], payer_id="x"),
        wrong("unknown_field", ["/merchant_id"], merchant_id="mer_1"),
        wrong("unknown_field", ["/created_at"], created_at="2026-01-01T00:00:00Z"),
        wrong("unknown_field", ["/balance"], balance=1),
        wrong("unknown_field", ["/a~1b~0c"], **{"a/b~c": 1}),
        # Row 15 to 17: money is an integer from 1 to AMOUNT_MAX.
        wrong("invalid_field", ["/amount"], amount=0),
        wrong("invalid_field", ["/amount"], amount=-1),
        wrong("invalid_field", ["/amount"], amount=12.5),
        wrong("invalid_field", ["/amount"], amount="1"),
        wrong("invalid_field", ["/amount"], amount=""),
        wrong("invalid_field", ["/amount"], amount=True),
        wrong("invalid_field", ["/amount"], amount=None),
        wrong("invalid_field", ["/amount"], amount=[1]),
        wrong("invalid_field", ["/amount"], amount=1_000_000_000_000),
        wrong("invalid_field", ["/amount"], amount=2**63 - 1),
        # Row 18: currencies.
        wrong("invalid_field", ["/currency"], currency="XXX"),
        wrong("invalid_field", ["/currency"], currency="DEM"),
        wrong("invalid_field", ["/currency"], currency="CN"),
        wrong("invalid_field", ["/currency"], currency="cny"),
        wrong("invalid_field", ["/currency"], currency="CNY\n"),
        wrong("invalid_field", ["/currency"], currency=156),
        # Row 14: ids and references.
        wrong("invalid_field", ["/reference"], reference=""),
        wrong("invalid_field", ["/reference"], reference="a\n"),
        wrong("invalid_field", ["/reference"], reference=" a"),
        wrong("invalid_field", ["/reference"], reference="a "),
        wrong("invalid_field", ["/reference"], reference="１２３"),
        wrong("invalid_field", ["/reference"], reference="a" * 65),
        wrong("invalid_field", ["/reference"], reference=1),
        wrong("invalid_field", ["/store"], store="sto_"),
        wrong("invalid_field", ["/store"], store="sto_" + "0" * 26),
        wrong("invalid_field", ["/terminal"], terminal="ter_" + "0" * 26),
        wrong("invalid_field", ["/terminal"], terminal="ord_" + "0" * 26),
        wrong("invalid_field", ["/terminal"], terminal="ter_" + "８" * 26),
        # Row 13: text.
        wrong("invalid_field", ["/description"], description="a\x00b"),
        wrong("invalid_field", ["/description"], description="a\r\nb"),
        wrong("invalid_field", ["/description"], description="a\u202eb"),
        wrong("invalid_field", ["/description"], description="a\u2066b"),
        wrong("invalid_field", ["/description"], description="a\u200bb"),
        wrong("invalid_field", ["/description"], description="\ufeffa"),
        wrong("invalid_field", ["/description"], description="a\x7f"),
        wrong("invalid_field", ["/description"], description="a\x85"),
        wrong("invalid_field", ["/description"], description="e\u0301"),
        wrong("invalid_field", ["/description"], description=""),
        wrong("invalid_field", ["/description"], description="长" * 257),
        wrong("invalid_field", ["/metadata/k"], metadata={"k": "a\u202eb"}),
        wrong("invalid_field", ["/metadata"], metadata={"a\u202eb": "v"}),
        wrong("invalid_field", ["/metadata"], metadata={"k": 1}),
        wrong("invalid_field", ["/metadata"], metadata={str(n): "" for n in range(21)}),
        wrong("invalid_field", ["/metadata"], metadata={"k": "v" * 201}),
        # Ranges.
        wrong("invalid_field", ["/expires_in"], expires_in=29),
        wrong("invalid_field", ["/expires_in"], expires_in=86_401),
        wrong("invalid_field", ["/expires_in"], expires_in=30.5),
    ],
)
async def test_a_field_that_is_wrong_is_named(api: Api, body: dict[str, Any], code: str, places: list[str]) -> None:
    """422, with a JSON pointer to the place; no order is made."""
    asked = {**body, "reference": fresh()} if body["reference"] == "R" else body
    said = await api.post("/v1/orders", api.shop, asked)
    assert (*said.verdict, said.places) == (422, code, places), said.body
    if body["reference"] == "R":
        unmade = await api.get(f"/v1/orders/ref:{asked['reference']}", api.shop)
        assert unmade.verdict == (404, "not_found")


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b'{"amount":1e400,"reference":"a","currency":"CNY"}', {"malformed_request", "invalid_field"}),
        (b'{"amount":-0,"reference":"a","currency":"CNY"}', {"invalid_field"}),
        (b'{"amount":9223372036854775808,"reference":"a","currency":"CNY"}', {"invalid_field"}),
        (b'{"amount":1' + b"0" * 30 + b',"reference":"a","currency":"CNY"}', {"invalid_field"}),
        (b'{"amount":1' + b"0" * 5_000 + b',"reference":"a","currency":"CNY"}', {"invalid_field", "malformed_request"}),
        (b'{"amount":1,"amount":9,"reference":"a","currency":"CNY"}', {"duplicate_field"}),
        (b'{"amount":1,"\\u0061mount":9,"reference":"a","currency":"CNY"}', {"duplicate_field"}),
        (b'{"amount":1,"reference":"a","currency":"CNY","metadata":{"k":"1","k":"2"}}', {"duplicate_field"}),
        (b'{"amount":1,"reference":"a","currency":"CNY","description":"\\ud800"}', {"invalid_field"}),
        (b'{"amount":1,"reference":"a","currency":"CNY","description":"\\udc00\\ud800"}', {"invalid_field"}),
        (b'{"amount":1,"reference":"a","currency":"CNY","description":"\xed\xa0\x80"}',
         {"invalid_field", "malformed_request"}),
        (b'{"amount":1,"reference":"a","currency":"CNY","description":"\\u0000"}', {"invalid_field"}),
        (b'{"amount":1,"reference":"a","currency":"CNY","description":"\\u202e"}', {"invalid_field"}),
    ],
)  # fmt: skip
async def test_a_body_that_parsers_read_in_two_ways_is_refused(api: Api, raw: bytes, code: set[str]) -> None:
    """Numbers out of range, keys that stand twice, half characters: refused (rows 11, 13, 17)."""
    said = await api.post("/v1/orders", api.shop, raw=raw)
    assert said.status in (400, 422)
    assert said.code in code, said.body


async def test_a_duplicate_key_is_named(api: Api) -> None:
    """The pointer leads to the key that stands twice, however deep."""
    outer = b'{"reference":"a","amount":1,"currency":"CNY","amount":2}'
    assert (await api.post("/v1/orders", api.shop, raw=outer)).places == ["/amount"]
    inner = b'{"reference":"a","amount":1,"currency":"CNY","metadata":{"k":"1","k":"2"}}'
    assert (await api.post("/v1/orders", api.shop, raw=inner)).places == ["/metadata/k"]


async def test_a_missing_field_is_named(api: Api) -> None:
    """What is required and not there has a pointer too."""
    said = await api.post("/v1/orders", api.shop, {"reference": fresh(), "currency": "CNY"})
    assert (*said.verdict, said.places) == (422, "invalid_field", ["/amount"])


async def test_hostile_text_comes_back_as_it_was_said(api: Api) -> None:
    """SQL, templates, formulas, markup, joiners and emoji are kept and shown inert (row 56)."""
    texts = [
        "'; DROP TABLE orders; --", "{{7*7}} ${7*7} %s %(x)s {0}", "=HYPERLINK(\"http://x\")",
        "<script>alert(1)</script>",
        "\\u0041 \\n", "نی‌بو", "👩‍👧 茶与包子", "\" onload=\"x", "key\":\"value",
    ]  # fmt: skip
    for text in texts:
        order = await api.order(description=text, metadata={text[:40]: text})
        read = (await api.get(f"/v1/orders/{order['id']}", api.shop)).json
        assert (read["description"], read["metadata"]) == (text, {text[:40]: text})
        picture = await api.get(f"/v1/orders/{order['id']}/code.svg?logo=%3Cscript%3E", api.shop)
        assert b"<script" not in picture.body
    problem = await api.post("/v1/orders", api.shop, {**GOOD, "<script>": 1})
    assert problem.headers["X-Content-Type-Options"] == "nosniff"
    assert problem.code == "unknown_field"


async def test_no_bad_body_moves_anything(api: Api) -> None:
    """A payment whose fields are wrong in any way leaves every balance and every cap as it was."""
    order = await api.order()
    code = order["code"]["payload"]
    bodies: list[tuple[dict[str, Any], str]] = [
        ({}, "invalid_field"),
        ({"scanned": code, "order": order["id"]}, "invalid_field"),
        ({"scanned": code, "amount": 1}, "amount_not_allowed"),
        ({"scanned": code, "amount": 1250}, "amount_not_allowed"),
        ({"scanned": code, "amount": 0}, "invalid_field"),
        ({"scanned": code, "account": "x"}, "invalid_field"),
        ({"scanned": code, "account": "acc_" + "8" * 26}, "invalid_field"),
        ({"scanned": code, "pin": "12345"}, "invalid_field"),
        ({"scanned": code, "pin": "１２３４５６"}, "invalid_field"),
        ({"scanned": code, "pin": 246810}, "invalid_field"),
        ({"scanned": code, "offer": "half"}, "invalid_field"),
        ({"scanned": code, "payer": api.demo.customers[1].account}, "unknown_field"),
        ({"scanned": code, "role": "operator"}, "unknown_field"),
        ({"scanned": code, "caps": None}, "unknown_field"),
        ({"scanned": ""}, "invalid_field"),
        ({"scanned": "x" * 20_001}, "invalid_field"),
        ({"scanned": code + "\x00"}, "invalid_field"),
    ]
    async with nothing_moves(api):
        for body, expected in bodies:
            said = await api.post("/v1/payments", api.ana, body)
            assert said.verdict == (422, expected), (body, said.body)
        theirs = await api.post("/v1/payments", api.ana, {"scanned": code, "account": api.demo.customers[1].account})
        assert theirs.verdict == (404, "not_found")
        unknown = await api.post("/v1/payments", api.ana, {"order": "ord_" + "0" * 26})
        assert unknown.verdict == (404, "not_found")
    assert (await api.get(f"/v1/orders/{order['id']}", api.shop)).json["status"] == "open"
