"""How every call answers: problem documents, methods, queries, lists, ids, request ids (api.md, Manners)."""

import msgspec
import pytest

from qrpay.problem import CATALOGUE
from tests.web.world import PROBLEM, Api, exchange, fresh, nothing_moves

UNKNOWN_ORDER = "ord_" + "0" * 26


async def test_every_answer_bears_a_request_id(api: Api) -> None:
    """Good or bad, ours or the machinery's; no two are the same."""
    answers = [
        await api.get("/healthz"), await api.get("/nowhere"), await api.get("/v1/orders"), await api.get("/wallet"),
        await api.post("/v1/orders", api.shop, raw=b"x"), await api.call("PATCH", "/v1/orders", api.shop),
        await api.get(f"/v1/orders/{UNKNOWN_ORDER}", api.shop), await api.get("/metrics"),
    ]  # fmt: skip
    ids = [said.headers["X-Request-Id"] for said in answers]
    assert all(ids)
    assert len(set(ids)) == len(ids)
    garbled = await exchange(api.demo.base_url, b"nonsense\r\n\r\n")
    assert garbled.headers["x-request-id"] not in ids


async def test_a_problem_explains_itself_in_both_languages(api: Api) -> None:
    """`type` leads to a page; title and detail speak Chinese to whoever asks for it first, else English."""
    english = await api.get("/v1/orders", headers={"Accept-Language": "en-GB, zh;q=0.5"})
    chinese = await api.get("/v1/orders", headers={"Accept-Language": "zh-CN,zh;q=0.9,en;q=0.8"})
    assert english.json["title"] == "We do not know who is calling."
    assert chinese.json["title"] == "无法识别调用方身份。"
    assert english.verdict == chinese.verdict == (401, "unauthenticated")
    assert set(english.json) == {"type", "title", "status", "detail", "code", "request_id", "retry"}
    for problem in CATALOGUE.values():
        page = await api.get(problem.type)
        assert page.status == 200, problem.code
        assert problem.code.encode() in page.body
        assert problem.zh.encode() in page.body
        assert "…" not in problem.en + problem.zh
    assert (await api.get("/problems/nonsense")).verdict == (404, "not_found")


async def test_only_what_may_succeed_later_says_retry(api: Api) -> None:
    """`retry` stands with 408, 429, 500 and 503 alone (rules.md 5.1)."""
    assert api.demo
    for problem in CATALOGUE.values():
        assert not problem.retry or problem.status in {408, 429, 500, 503}, problem.code
        assert 400 <= problem.status < 600


@pytest.mark.parametrize(
    "path",
    ["/nowhere", "/v1", "/v1/", "/v1/order", "/v1/orders/", "//v1/orders", "/v1//orders", "/V1/orders",
     "/v1/orders/a/b/c",
     "/assets/../cli.py", "/assets/..%2fcli.py", "/assets/%2e%2e/cli.py", "/assets//etc/passwd", "/problems/..%2f",
     "/.well-known/", "/v1/receipts/" + UNKNOWN_ORDER, "/v1/receipts/x", "/v1/cashier/x", "/%00", "*"],
)  # fmt: skip
async def test_what_is_not_there_is_not_found(api: Api, path: str) -> None:
    """404 as a problem document, never a file of ours (row 55)."""
    heard = await exchange(api.demo.base_url, f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    assert (heard.status, heard.code) in {(404, "not_found"), (400, "malformed_request")}


async def test_odd_ids_in_a_path_are_not_found(api: Api) -> None:
    """Traversal, NUL, spaces, a thousand characters: 404 or 422, and no fault of ours (rows 14 and 55)."""
    odd = ["..%2f..%2fx", "%00", "ord_%00", "%2f", "a" * 1_000, "%ff", "%ZZ", "%", "ord_" + "U" * 26, "ord_" + "8" * 26,
           "ref_" + "0" * 26, "ord_%EF%BC%91" + "0" * 25, UNKNOWN_ORDER + "%0a", "%20" + UNKNOWN_ORDER, UNKNOWN_ORDER,
           "1", "'", "%27%20OR%201=1"]  # fmt: skip
    async with nothing_moves(api):
        for id in odd:
            assert (await api.get(f"/v1/orders/{id}", api.shop)).verdict == (404, "not_found"), id
            assert (await api.post(f"/v1/orders/{id}/close", api.shop)).verdict == (404, "not_found"), id
            assert (await api.get(f"/v1/payments/{id}", api.ana)).verdict == (404, "not_found"), id
            assert (await api.get(f"/v1/accounts/{id}", api.ana)).verdict == (404, "not_found"), id
        for reference in ["ref:", "ref:%20", "ref:a%0a", "ref:" + "a" * 65, "ref:%EF%BC%91", "ref:a%2fb"]:
            said = await api.post(f"/v1/orders/{reference}/close", api.shop)
            assert said.verdict in {(422, "invalid_field"), (404, "not_found")}, reference


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("DELETE", "/v1/orders", {"GET", "HEAD", "POST"}),
        ("PUT", "/v1/orders/x", {"GET", "HEAD"}),
        ("GET", "/v1/orders/x/close", {"POST"}),
        ("HEAD", "/v1/orders/x/close", {"POST"}),
        ("POST", "/healthz", {"GET", "HEAD"}),
        ("PATCH", "/v1/payments", {"GET", "HEAD", "POST"}),
        ("OPTIONS", "/v1/payments", {"GET", "HEAD", "POST"}),
        ("TRACE", "/wallet", {"GET", "HEAD"}),
    ],
)
async def test_another_method_is_told_which_there_are(api: Api, method: str, path: str, allow: set[str]) -> None:
    """405 with `Allow` (row 5)."""
    said = await api.call(method, path, api.shop)
    assert said.status == 405
    assert set(said.headers["Allow"].split(", ")) == allow
    if method != "HEAD":
        assert said.code == "method_not_allowed"


async def test_head_answers_like_get_without_a_body(api: Api) -> None:
    """Same status, length and type; no body, on refusals too."""
    order = await api.order()
    for path in ("/healthz", "/openapi.json", "/wallet", f"/v1/orders/{order['id']}", f"/v1/orders/{UNKNOWN_ORDER}"):
        key = api.shop if path.startswith("/v1") else None
        get, head = await api.get(path, key), await api.call("HEAD", path, key)
        assert head.status == get.status
        assert head.headers["Content-Type"] == get.headers["Content-Type"]
        assert abs(int(head.headers["Content-Length"]) - len(get.body)) < 3  # a request id has no fixed length
        assert head.body == b""


async def test_no_content_has_no_length(api: Api) -> None:
    """204 and 304 say nothing of a body (RFC 9110 8.6)."""
    url = api.demo.base_url + "/hook"
    made = await api.post("/v1/webhook-endpoints", api.shop, {"url": url})
    removed = await api.call("DELETE", f"/v1/webhook-endpoints/{made.json['id']}", api.shop)
    page = await api.get("/wallet")
    known = await api.get("/wallet", headers={"If-None-Match": page.headers["ETag"]})
    for said, status in ((removed, 204), (known, 304)):
        assert (said.status, said.body) == (status, b"")
        assert "Content-Length" not in said.headers
        assert said.headers["X-Request-Id"]


@pytest.mark.parametrize(
    ("query", "code", "place"),
    [
        ("limit=0", "invalid_field", "limit"),
        ("limit=101", "invalid_field", "limit"),
        ("limit=1.5", "invalid_field", "limit"),
        ("limit=", "invalid_field", "limit"),
        ("limit=1&limit=2", "duplicate_field", "limit"),
        ("limit=%EF%BC%91", "invalid_field", "limit"),
        ("limit=1_0", "invalid_field", "limit"),
        ("limit=%2010", "invalid_field", "limit"),
        ("offset=1", "unknown_field", "offset"),
        ("cursor=", "invalid_field", "cursor"),
        ("cursor=x", "invalid_field", "cursor"),
        ("cursor=ord_%00", "invalid_field", "cursor"),
        ("cursor=" + "a" * 3_000, "invalid_field", "cursor"),
        ("cursor=%ff", "invalid_field", "cursor"),
        ("status=done", "invalid_field", "status"),
        ("store=x", "invalid_field", "store"),
        ("from=yesterday", "invalid_field", "from"),
        ("from=2026-01-01", "invalid_field", "from"),
        ("from=0.5", "invalid_field", "from"),
        ("to=null", "invalid_field", "to"),
        ("limit=null", "invalid_field", "limit"),
        ("from=2026-01-01T00:00:00", "invalid_field", "from"),
        ("to=9999-99-99T00:00:00Z", "invalid_field", "to"),
        ("reference=a%20b", "invalid_field", "reference"),
        ("from_=2026-01-01T00:00:00Z", "unknown_field", "from_"),
    ],
)
async def test_a_bad_query_parameter_is_named(api: Api, query: str, code: str, place: str) -> None:
    """422 with the parameter's name; a cursor of nobody finds nothing of anybody (row 54)."""
    said = await api.get(f"/v1/orders?{query}", api.shop)
    assert (*said.verdict, said.places) == (422, code, [place]), said.body


async def test_a_call_without_parameters_takes_none(api: Api) -> None:
    """What is not known is refused everywhere, also where no parameter is."""
    assert (await api.get("/v1/balance?x=1", api.shop)).verdict == (422, "unknown_field")
    assert (await api.post("/v1/payment-codes?x=1", api.ana)).verdict == (422, "unknown_field")
    assert (await api.get("/v1/orders/x?wait=61", api.shop)).places == ["wait"]
    assert (await api.get("/v1/orders/x?wait=-1", api.shop)).places == ["wait"]


async def test_who_calls_is_asked_first(api: Api) -> None:
    """No, unknown or wrong credential: 401 with a challenge, or 403; nothing moves (rows 49 and 52)."""
    order = await api.order()
    body = {"scanned": order["code"]["payload"]}
    altered = api.ana[:-1] + ("A" if api.ana[-1] != "A" else "B")
    credentials = [
        "", "Bearer", "Bearer ", "Basic eDp5", f"Bearer {altered}", f"Bearer {api.ana[3:]}", f"Bearer {api.ana} x",
        f"Bearer  {api.ana}", f"Bearer {api.ana}=", "Bearer at_", "Bearer at_AAAA", "Bearer sk_test_x",
        "Bearer " + "a" * 3_000, "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJjdXNfMSJ9.",
        "Bearer eyJhbGciOiJIUzI1NiIsImtpZCI6Ii4uLy4uL2tleSJ9.e30.AA",
        f"Bearer {api.shop[:-2]}xx", "Bearer é",
    ]  # fmt: skip
    async with nothing_moves(api):
        said = await api.post("/v1/payments", None, body)
        assert said.verdict == (401, "unauthenticated")
        assert said.headers["WWW-Authenticate"] == 'Bearer realm="qrpay"'
        for credential in credentials:
            said = await api.post("/v1/payments", None, body, headers={"Authorization": credential})
            assert said.verdict == (401, "unauthenticated"), credential
            assert said.headers["WWW-Authenticate"].startswith('Bearer realm="qrpay"'), credential
        assert (await api.post("/v1/payments", api.shop, body)).verdict == (403, "wrong_caller")
        assert (await api.get("/v1/orders", api.ana)).verdict == (403, "wrong_caller")
        assert (await api.get("/v1/events/stream", api.shop)).verdict == (403, "wrong_caller")


async def test_ids_are_read_in_either_case(api: Api) -> None:
    """Upper or lower: the same order, account, payment; answers always write upper case."""
    order = await api.order()
    assert (await api.pay(api.ana, order)).status == 201
    account = api.demo.customers[0].account
    for path, key in (("/v1/orders/{}", api.shop), ("/v1/payments/{}", api.ana), ("/v1/cashier/{}", None)):
        answers = [(await api.get(path.format(id), key)).json for id in (order["id"], order["id"].lower())]
        assert answers[0] == answers[1]
    assert (await api.get(f"/v1/accounts/{account.lower()}", api.ana)).json["id"] == account
    again = await api.post("/v1/payments", api.ana, {"order": order["id"].lower()})
    assert (again.status, again.json["order"]) == (200, order["id"])


async def test_a_list_is_read_to_its_end_by_cursor(api: Api) -> None:
    """Every order once, newest first, also when others are opened meanwhile; null at the end."""
    made = [(await api.order(store=api.demo.merchant.store))["id"] for _ in range(7)]
    filters = f"store={api.demo.merchant.store}&limit=3"
    seen: list[str] = []
    page = (await api.get(f"/v1/orders?{filters}", api.shop)).json
    while True:
        seen += [order["id"] for order in page["data"]]
        await api.order(store=api.demo.merchant.store)
        if page["next_cursor"] is None or set(made) <= set(seen):
            break
        page = (await api.get(f"/v1/orders?{filters}&cursor={page['next_cursor']}", api.shop)).json
    assert [id for id in seen if id in made] == sorted(made, reverse=True), "newest first, to the millisecond"
    assert len(set(seen)) == len(seen)


async def test_another_merchants_things_are_as_if_unknown(api: Api) -> None:
    """Orders, references, stores, tills, cursors, payments, accounts of others: 404, or an empty list (row 51)."""
    order = await api.order()
    paid = await api.order()
    assert (await api.pay(api.ana, paid)).status == 201
    unknown = await api.get(f"/v1/orders/{UNKNOWN_ORDER}", api.other_shop)
    paths = [f"/v1/orders/{order['id']}", f"/v1/orders/ref:{order['reference']}", f"/v1/orders/{order['id']}/code.svg"]
    for path in paths:
        said = await api.get(path, api.other_shop)
        assert said.verdict == (404, "not_found")
        assert {**said.json, "request_id": ""} == {**unknown.json, "request_id": ""}
    assert (await api.post(f"/v1/orders/{order['id']}/close", api.other_shop)).verdict == (404, "not_found")
    assert (await api.get(f"/v1/orders?reference={order['reference']}", api.other_shop)).json["data"] == []
    page = (await api.get(f"/v1/orders?cursor={order['id']}&limit=100", api.other_shop)).json["data"]
    for seen in page:  # its own older ones, which other tests may have opened
        assert (await api.get(f"/v1/orders/{seen['id']}", api.other_shop)).status == 200
    assert (await api.get(f"/v1/orders?store={api.demo.merchant.store}", api.other_shop)).json["data"] == []
    asked = {"reference": fresh(), "amount": 1, "currency": "CNY", "terminal": api.demo.merchant.terminal}
    assert (await api.post("/v1/orders", api.other_shop, asked)).places == ["/terminal"]
    assert (await api.get(f"/v1/payments/{paid['id']}", api.bo)).verdict == (404, "not_found")
    anas = api.demo.customers[0].account
    for path in (f"/v1/accounts/{anas}", f"/v1/accounts/{anas}/entries", f"/v1/payments?account={anas}"):
        assert (await api.get(path, api.bo)).verdict == (404, "not_found"), path
    assert (await api.get(f"/v1/orders/{order['id']}", api.shop)).json["status"] == "open"


async def test_a_cursor_that_was_made_up_shows_nothing_of_others(api: Api) -> None:
    """Payments, statements, events: an altered or foreign cursor is a 422, or a page of one's own (row 54)."""
    assert (await api.pay(api.ana, await api.order())).status == 201
    account = api.demo.customers[1].account
    for cursor in (
        "x",
        "1",
        "0",
        "-1",
        "99999999999999999999",
        "%00",
        "evt_" + "0" * 26,
        "9" * 128,
        "1:1",
        "2026-01-01,x",
    ):
        for path, key in (
            ("/v1/payments", api.bo), (f"/v1/accounts/{account}/entries", api.bo), ("/v1/events", api.other_shop),
        ):  # fmt: skip
            said = await api.get(f"{path}?cursor={cursor}", key)
            assert said.status in (200, 422), (path, cursor, said.body)
            if said.status == 200:
                assert said.json["data"] == [] or key == api.bo
            else:
                assert said.places == ["cursor"], said.body


async def test_last_event_id_of_another_is_refused(api: Api) -> None:
    """Altered, foreign, huge or with NUL: 400, and no stream (row 54)."""
    for text in ("evt_" + "0" * 26, "x", "1", "a" * 4_000, "evt_%00"):
        said = await api.get("/v1/events/stream", api.bo, headers={"Last-Event-ID": text})
        assert said.verdict == (400, "malformed_request"), text


async def test_answers_may_not_be_framed_sniffed_or_read_across_sites(api: Api) -> None:
    """The headers of safety stand on API answers, refusals and pages; no cross-site reader is let in (row 62)."""
    for path in ("/healthz", "/nowhere", "/wallet", "/docs", "/pay/" + UNKNOWN_ORDER):
        said = await api.get(path, headers={"Origin": "null"})
        assert "frame-ancestors 'none'" in said.headers["Content-Security-Policy"], path
        assert said.headers["X-Content-Type-Options"] == "nosniff", path
        assert said.headers["Referrer-Policy"] == "no-referrer", path
        assert "Access-Control-Allow-Origin" not in said.headers
        assert "Server" not in said.headers


async def test_a_header_cannot_be_split(api: Api) -> None:
    """What a caller sends never becomes a header line of an answer (row 56)."""
    said = await api.get("/nowhere%0d%0aSet-Cookie:%20a=b", headers={"X-Request-Id": "mine"})
    assert said.status == 404
    assert "Set-Cookie" not in said.headers
    assert said.headers["X-Request-Id"] != "mine"


async def test_problem_media_type_is_the_registered_one(api: Api) -> None:
    """RFC 9457: application/problem+json, decodable as JSON."""
    said = await api.get("/nowhere")
    assert said.headers["Content-Type"] == PROBLEM
    assert msgspec.json.decode(said.body)["code"] == "not_found"
