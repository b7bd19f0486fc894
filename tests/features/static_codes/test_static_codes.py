"""Static codes: made once, paid again and again, each payment an order of its own; capped, withdrawn, printed."""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from qrpay.app import features
from qrpay.background.log import LogWriter
from qrpay.codes import emv
from qrpay.database.pool import Database
from qrpay.features.e_accounts import service as e_accounts
from qrpay.features.merchants import service as merchants
from qrpay.features.merchants.model import Act
from qrpay.features.orders import service as orders
from qrpay.values import id_from_text, id_text, new_id
from tests.background.world import emptied
from tests.features.orders.heard import heard
from tests.web.house import House, house
from tests.web.world import Api, Said, fresh, nothing_moves, verdicts


@pytest.fixture
async def home(database: Database) -> AsyncIterator[House]:
    """A house whose clock the test moves; customers follow the caps of their class."""
    async with house(database, balance=200_000, caps=None) as running:
        yield running


async def made(api: Api, **more: Any) -> dict[str, Any]:
    """A new static code of the shop."""
    said = await api.post("/v1/static-codes", api.shop, {"reference": fresh("C"), **more})
    assert said.status == 201, said.body
    code: dict[str, Any] = said.json
    return code


async def pay(
    api: Api, code: dict[str, Any], amount: int | None, key: str | None, payer: str = "", **more: Any
) -> Said:
    """A wallet pays by a static code."""
    body = {"scanned": code["code"]["payload"], **({} if amount is None else {"amount": amount}), **more}
    return await api.post("/v1/payments", payer or api.ana, body, headers={"Idempotency-Key": key} if key else {})


async def test_a_code_is_made_once_and_found_again(home: House) -> None:
    """The reference names it; other content under it lists every difference; another's code is not there."""
    api = home.api
    place = {"store": api.demo.merchant.store, "terminal": api.demo.merchant.terminal}
    asked = {"reference": fresh("C"), "label": "Table 5", "amount": 500, "currency": "CNY", **place}
    first = await api.post("/v1/static-codes", api.shop, asked)
    again = await api.post("/v1/static-codes", api.shop, asked)
    other = await api.post("/v1/static-codes", api.shop, {**asked, "label": "Table 6", "amount": 501})
    code = first.json

    assert (first.status, again.status, again.json) == (201, 201, code)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (*other.verdict, other.places) == (409, "reference_reused", ["/label", "/amount"])
    assert (code["status"], code["label"], code["amount"], code["store"]) == ("active", "Table 5", 500, place["store"])
    tree = emv.parse(code["code"]["payload"])
    assert (tree.find("01"), tree.find("54"), tree.find("62", "07")) == ("11", "5.00", "T1")
    assert (await api.get(f"/v1/static-codes/{code['id']}", api.shop)).json == code
    assert (await api.get(f"/v1/static-codes/{code['id']}", api.other_shop)).verdict == (404, "not_found")
    assert (await api.post(f"/v1/static-codes/{code['id']}/revoke", api.other_shop)).verdict == (404, "not_found")
    second = await made(api, store=place["store"])
    listed = (await api.get(f"/v1/static-codes?store={place['store']}&limit=1", api.shop)).json
    assert [one["id"] for one in listed["data"]] == [second["id"]]
    rest = (await api.get(f"/v1/static-codes?cursor={listed['next_cursor']}", api.shop)).json
    assert [one["id"] for one in rest["data"]] == [code["id"]] and rest["next_cursor"] is None
    strange = await api.post("/v1/static-codes", api.other_shop, {**asked, "reference": fresh("C")})
    assert (*strange.verdict, strange.places) == (422, "invalid_field", ["/terminal"])


async def test_each_payment_is_an_order_of_its_own(home: House) -> None:
    """The scan says what the code is; one key pays once, however often; the shop sees each payment, and is told."""
    api = home.api
    code = await made(api, label="Table 5", store=api.demo.merchant.store)
    async with nothing_moves(api):
        scan = (await api.post("/v1/scans", api.ana, {"scanned": code["code"]["payload"]})).json
        link = (await api.post("/v1/scans", api.ana, {"scanned": code["code"]["url"]})).json
    assert (scan["kind"], scan["amount"], scan["order"], scan["description"]) == ("static", None, None, "Table 5")
    assert scan["check_code"] == code["check_code"] and link == scan

    one, two = fresh("K"), fresh("K")
    paid = [await pay(api, code, amount, key) for amount, key in ((1200, one), (1200, one), (300, two))]

    assert [said.status for said in paid] == [201, 200, 201]
    assert paid[0].json == paid[1].json != paid[2].json
    assert (await api.available(api.ana)) == 200_000 - 1_500
    order = (await api.get(f"/v1/orders/{paid[0].json['order']}", api.shop)).json
    assert (order["status"], order["amount"], order["description"]) == ("paid", 1200, "Table 5")
    assert order["store"] == api.demo.merchant.store and order["metadata"] == {"static_code": code["id"]}
    await heard(home.core)
    listed = (await api.get("/v1/orders?status=paid", api.shop)).json["data"]
    assert [one["amount"] for one in listed] == [300, 1200]
    receipt = await api.get(f"/v1/receipts/{paid[0].json['order']}")
    assert receipt.status == 200


async def test_a_key_stands_for_one_payment_of_one_payer(home: House) -> None:
    """Another amount or another shop's code under it is refused and moves nothing; another payer's key is another."""
    api = home.api
    code = await made(api)
    said = await api.post("/v1/static-codes", api.other_shop, {"reference": fresh("C")})
    key = fresh("K")
    assert (await pay(api, code, 100, key)).status == 201
    async with nothing_moves(api):
        amount, shop = await pay(api, code, 101, key), await pay(api, said.json, 100, key)
    assert (*amount.verdict, amount.places) == (422, "idempotency_key_reused", ["/amount"])
    assert (*shop.verdict, shop.places) == (422, "idempotency_key_reused", ["/scanned"])
    assert (await pay(api, code, 100, key, api.bo)).status == 201


async def test_many_tries_at_once_pay_once(home: House) -> None:
    """Twenty requests with one key race; one of them pays, the others are told of it."""
    api = home.api
    code = await made(api)
    answers = await asyncio.gather(*(pay(api, code, 700, "one key") for _ in range(20)))
    assert [status for status, _ in verdicts(answers)] == [200] * 19 + [201]
    assert len({said.json["order"] for said in answers}) == 1
    assert await api.available(api.ana) == 200_000 - 700


async def test_what_the_payer_must_say(home: House) -> None:
    """An amount where the code has none, none where it has one, and always a key."""
    api = home.api
    free, fixed = await made(api), await made(api, amount=500)
    async with nothing_moves(api):
        assert (await pay(api, free, None, fresh())).verdict == (422, "amount_required")
        assert (await pay(api, fixed, 500, fresh())).verdict == (422, "amount_not_allowed")
        assert (await pay(api, free, 500, None)).verdict == (422, "idempotency_key_missing")
        assert (await pay(api, free, 500, "k" * 256)).verdict == (422, "invalid_field")
        report = await api.report(api.shop, free["code"]["payload"])
        assert (*report.verdict, report.json["what"]) == (422, "code_not_payable", "static")
    assert (await pay(api, fixed, None, fresh())).json["amount"] == 500


async def test_five_hundred_a_day_by_static_codes(home: House) -> None:
    """Class D counts all static codes of all shops together (rules.md 3.1); a dynamic code is still paid, the PIN is no
    way around, and what was refused leaves the same key free for less."""
    api = home.api
    code = await made(api)
    other = (await api.post("/v1/static-codes", api.other_shop, {"reference": fresh("C")})).json
    assert (await pay(api, code, 30_000, fresh())).status == 201
    assert (await pay(api, other, 20_000, fresh())).status == 201
    pin = api.demo.customers[0].pin
    async with nothing_moves(api):
        refused = await pay(api, code, 1, fresh(), pin=pin)
    assert (*refused.verdict, refused.json["rule"], refused.json["limit"]) == (422, "cap_exceeded", "code_d", 50_000)
    assert refused.json["passes"] == 0
    assert (await api.pay(api.ana, await api.order(amount=1_000))).status == 201


async def test_a_refused_attempt_may_be_repeated_with_its_key(fresh_database: Database) -> None:
    """Too little money; after a top-up the same request pays, once, and the shop is told. An attempt that ran out is
    over for good, and the shop, which never opened it, hears nothing of it."""
    async with house(fresh_database, balance=1_000) as home:
        api, key, late = home.api, fresh("K"), fresh("K")
        code = await made(api)
        assert (await pay(api, code, 1_001, key)).verdict == (422, "insufficient_funds")
        assert (await pay(api, code, 1_001, late)).verdict == (422, "insufficient_funds")
        account = id_from_text("acc_", api.demo.customers[0].account)
        assert account is not None
        await e_accounts.top_up(home.core, account, 5_000, fresh("float"))
        assert [(await pay(api, code, 1_001, key)).status for _ in range(2)] == [201, 200]
        home.clock.move(seconds=901)
        assert (await pay(api, code, 1_001, key)).status == 200, "money is read first"
        await orders.expire(home.core)
        async with nothing_moves(api):
            assert (await pay(api, code, 1_001, late)).verdict == (410, "order_expired")
        home.core.sources.extend(source for feature in features() for source in feature.events)
        await emptied(home.core, LogWriter(home.core, home.core.sources, lambda _last: None))
        events = (await api.get("/v1/events", api.shop)).json["data"]
        assert [(event["type"], event["data"]["amount"]) for event in events] == [("order.paid", 1_001)]


async def test_a_withdrawn_code_is_not_paid(home: House) -> None:
    """From then on; what was paid before stands, and is told to whoever repeats it."""
    api, key = home.api, fresh("K")
    code = await made(api)
    assert (await pay(api, code, 100, key)).status == 201
    revoked = [(await api.post(f"/v1/static-codes/{code['id']}/revoke", api.shop)).json for _ in range(2)]
    assert revoked[0] == revoked[1] and revoked[0]["status"] == "revoked"
    async with nothing_moves(api):
        assert (await pay(api, code, 100, fresh())).verdict == (410, "code_revoked")
        assert (await api.post("/v1/scans", api.ana, {"scanned": code["code"]["payload"]})).verdict == (
            410, "code_revoked",
        )  # fmt: skip
    assert (await pay(api, code, 100, key)).status == 200
    cashier = (await api.get(f"/v1/cashier/static/{code['id']}")).json
    assert (cashier["status"], cashier["code"]) == ("revoked", None)


async def test_a_code_ends_after_five_years_and_its_key_counts_until_then(home: House) -> None:
    """Printed today, paid in four years by a key that has long been replaced; after five it has expired."""
    api = home.api
    code = await made(api)
    home.clock.move(days=4 * 365)
    token = await _fresh_token(home)
    assert (await pay(api, code, 100, fresh(), token)).status == 201
    home.clock.move(days=365)
    assert (await pay(api, code, 100, fresh(), await _fresh_token(home))).verdict == (410, "code_expired")


async def _fresh_token(home: House) -> str:
    ana = home.api.demo.customers[0]
    customer, account = id_from_text("cus_", ana.id), id_from_text("acc_", ana.account)
    assert customer is not None and account is not None
    return await e_accounts.issue_token(home.core, customer, account, 3_600)


async def test_a_changed_code_and_a_frozen_shop(home: House) -> None:
    """A static code made dynamic, with another shop or amount is forged; a shop that was frozen is paid by nobody."""
    api = home.api
    code = await made(api, amount=500)
    text = code["code"]["payload"]
    changes = (("010211", "010212"), ("54045.00", "54045.01"))
    async with nothing_moves(api):
        for old, new in changes:
            forged = text.replace(old, new, 1)
            forged = forged[:-4] + emv.crc(forged[:-4])
            said = await api.post("/v1/payments", api.ana, {"scanned": forged}, headers={"Idempotency-Key": fresh()})
            assert said.verdict == (422, "code_forged")
        shop = id_from_text("mer_", api.demo.merchant.id)
        assert shop is not None
        await merchants.set_status(home.core, shop, "frozen", Act("Lin", "A court order"))
        await asyncio.sleep(0.2)
        assert (await pay(api, code, None, fresh())).verdict == (409, "account_frozen")
        await merchants.set_status(home.core, shop, "active", Act("Lin", "It was lifted"))


async def test_the_sheet_and_the_link(home: House) -> None:
    """Whoever holds the link sees the shop and the code; the shop prints its sheet, in two forms."""
    api = home.api
    code = await made(api, label="Table 5", store=api.demo.merchant.store)
    cashier = (await api.get(f"/v1/cashier/static/{code['id']}")).json
    assert cashier["payee"] == {"name": "Tea", "verified": True}
    assert (cashier["check_code"], cashier["code"]) == (code["check_code"], code["code"])
    for kind, start in (("svg", b"<svg"), ("pdf", b"%PDF-1.4")):
        said = await api.get(f"/v1/static-codes/{code['id']}/sheet.{kind}?size=a4", api.shop)
        assert said.status == 200 and said.body.startswith(start)
        assert (await api.get(f"/v1/static-codes/{code['id']}/sheet.{kind}", api.other_shop)).status == 404
    picture = await api.get(f"/v1/static-codes/{code['id']}/code.svg", api.shop)
    assert picture.body.startswith(b"<svg")
    unknown = id_text("stc_", new_id())
    assert (await api.get(f"/v1/cashier/static/{unknown}")).verdict == (404, "not_found")
    assert re.fullmatch(r".*/pay/stc_[0-9A-Z]{26}", code["code"]["url"])


async def test_the_order_of_a_static_code_is_no_way_around_its_cap(database: Database) -> None:
    """The open order of a refused attempt has no code of its own, and is capped when it is paid by its id as well."""
    async with house(database, balance=1_000, caps=None) as home:
        api = home.api
        assert (await pay(api, await made(api), 60_000, fresh())).verdict[0] == 422
        [order] = (await api.get("/v1/orders?status=open", api.shop)).json["data"]
        assert order["code"] is None
        account = id_from_text("acc_", api.demo.customers[0].account)
        assert account is not None
        await e_accounts.top_up(home.core, account, 100_000, fresh("float"))
        async with nothing_moves(api):
            refused = await api.post("/v1/payments", api.ana, {"order": order["id"]})
        assert (*refused.verdict, refused.json["rule"]) == (422, "cap_exceeded", "code_d")
