"""A customer shows a one-time code, a till reports it: charged once, or confirmed on the phone (rows 34 to 36)."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import msgspec
import pytest

from qrpay.codes.payment_code import new_digits
from qrpay.database.pool import Database
from tests.web.house import House, house
from tests.web.world import Api, fresh, nothing_moves, verdicts


@pytest.fixture
async def home(database: Database) -> AsyncIterator[House]:
    """A house whose clock the test moves."""
    async with house(database, balance=200_000) as running:
        yield running


async def test_a_till_charges_a_code_once(api: Api) -> None:
    """Paid at once; the same report again gets the same answer; the code is used, the order says how it was paid."""
    before = await api.available(api.ana)
    digits = await api.digits(api.ana)
    assert 18 <= len(digits) <= 20
    assert digits.isdecimal()
    reference = fresh("S")
    first = await api.report(api.shop, digits, reference=reference)
    assert (first.status, first.json["status"], first.json["action"]) == (200, "paid", None)
    assert (first.json["payment"]["presented_by"], first.json["payment"]["amount"]) == ("customer", 880)
    again = await api.report(api.shop, digits, reference=reference)
    assert (again.status, again.json) == (200, first.json)
    assert await api.available(api.ana) == before - 880
    async with nothing_moves(api):
        other = await api.report(api.shop, digits)
        assert (*other.verdict, other.json["order"]) == (409, "code_used", first.json["id"])
        elsewhere = await api.report(api.other_shop, digits)
        assert elsewhere.verdict == (409, "code_used")
        assert "order" not in elsewhere.json, "another shop is not told whose order it was"
    mine = (await api.get(f"/v1/payments/{first.json['id']}", api.ana)).json
    assert (mine["amount"], mine["status"]) == (880, "paid")


async def test_a_code_at_two_tills_at_once(api: Api) -> None:
    """Two tills report one code in the same moment: one 200, one `code_used`, one payment (row 34)."""
    for _ in range(15):
        before = await api.available(api.ana)
        digits = await api.digits(api.ana)
        answers = await asyncio.gather(api.report(api.shop, digits, 5), api.report(api.other_shop, digits, 7))
        assert verdicts(answers) == [(200, ""), (409, "code_used")]
        won = next(said for said in answers if said.status == 200)
        assert before - await api.available(api.ana) == won.json["amount"]


async def test_the_same_report_fifty_times_at_once(api: Api) -> None:
    """One payment, one answer (row 39)."""
    before = await api.available(api.ana)
    digits, reference = await api.digits(api.ana), fresh("S")
    answers = await asyncio.gather(*(api.report(api.shop, digits, reference=reference) for _ in range(50)))
    assert {said.status for said in answers} == {200}
    assert len({said.body for said in answers}) == 1
    assert await api.available(api.ana) == before - 880


@pytest.mark.parametrize(
    ("change", "place"),
    [({"amount": 881}, "/amount"), ({"currency": "USD"}, "/currency"), ({"description": "x"}, "/description")],
)
async def test_a_reference_reports_one_sale(api: Api, change: dict[str, object], place: str) -> None:
    """Another amount, currency, text or code under a used reference: 409 with the place, nothing moves (row 40)."""
    digits, reference = await api.digits(api.ana), fresh("S")
    assert (await api.report(api.shop, digits, reference=reference)).status == 200
    async with nothing_moves(api):
        said = await api.report(api.shop, digits, **{"reference": reference, **change})  # type: ignore[arg-type]
        assert said.verdict == (409, "reference_reused")
        assert place in said.places
        said = await api.report(api.shop, await api.digits(api.bo), reference=reference)
        assert (*said.verdict, said.places) == (409, "reference_reused", ["/payment_code"])


@pytest.mark.parametrize(
    ("scanned", "code"),
    [
        ("", "invalid_field"),
        ("8812345678901234567a", "code_malformed"),
        ("８８１２３４５６７８９０１２３４５６７８９", "code_malformed"),
        ("881234567890123", "code_malformed"),
        ("88" + "1" * 30, "code_malformed"),
        ("282012345678901234", "code_foreign"),
        ("130123456789012345", "code_foreign"),
    ],
)
async def test_what_is_no_payment_code_says_so(api: Api, scanned: str, code: str) -> None:
    """Letters, full-width digits, wrong lengths, other schemes: 422 with what it is (row 35)."""
    async with nothing_moves(api):
        assert (await api.report(api.shop, scanned)).verdict == (422, code)


async def test_a_wrong_check_digit_is_no_code(api: Api) -> None:
    """A digit misread is told from a code that was never issued, since it costs no guess."""
    digits = new_digits("88")
    wrong = digits[:-1] + str((int(digits[-1]) + 1) % 10)
    assert (await api.report(api.shop, wrong)).verdict == (422, "code_malformed")


async def test_a_code_lives_a_minute_and_its_grace(home: House) -> None:
    """Taken until its last second, then 410 as if it never was; a sale it paid in time is still answered."""
    api = home.api
    made = (await api.post("/v1/payment-codes", api.ana)).json
    assert made["payload"] == made["digits"]
    used, reference = await api.digits(api.ana), fresh("S")
    first = await api.report(api.shop, used, reference=reference)
    assert first.status == 200
    home.clock.move(seconds=88)
    assert (await api.report(api.shop, made["digits"], 1)).status == 200
    late = await api.digits(api.ana)
    home.clock.move(seconds=91)
    async with nothing_moves(api):
        assert (await api.report(api.shop, late)).verdict == (410, "code_expired")
        assert (await api.report(api.shop, used)).verdict == (410, "code_expired")
        again = await api.report(api.shop, used, reference=reference)
        assert (again.status, again.json) == (200, first.json)


async def test_a_poor_payer_is_refused_without_figures(database: Database) -> None:
    """The till is told `insufficient_funds` and nothing of the balance; the code is not used up by it."""
    async with house(database, balance=500) as home:
        api = home.api
        digits = await api.digits(api.ana)
        async with nothing_moves(api):
            said = await api.report(api.shop, digits, 501)
            assert said.verdict == (422, "insufficient_funds")
            assert not {"limit", "used", "left"} & set(said.json)
        assert (await api.report(api.shop, digits, 500)).status == 200


async def test_a_large_amount_is_confirmed_on_the_phone(api: Api) -> None:
    """202 and an event on the customer's stream; the wallet pays with the PIN; the same report then answers 200."""
    headers = {"Authorization": f"Bearer {api.ana}"}
    async with api.http.get(f"{api.demo.base_url}/v1/events/stream", headers=headers) as stream:
        assert stream.status == 200
        digits, reference = await api.digits(api.ana), fresh("S")
        async with nothing_moves(api):
            asked = await api.report(api.shop, digits, 100_000, reference=reference)
            assert (asked.status, asked.json["status"], asked.json["action"]) == (202, "open", "confirm_on_phone")
            again = await api.report(api.shop, digits, 100_000, reference=reference)
            assert (again.status, again.json) == (202, asked.json)
            assert (await api.report(api.other_shop, digits)).verdict == (409, "code_used"), "it was used up by asking"
        told = await asyncio.wait_for(_event(stream.content, "payment.confirm"), 10)
    assert (told["data"]["order"], told["data"]["amount"]) == (asked.json["id"], 100_000)
    assert told["data"]["payee"]["verified"] is True

    waiting = asyncio.create_task(api.get(f"/v1/orders/{asked.json['id']}?wait=20", api.shop))
    order = {"order": told["data"]["order"]}
    assert (await api.post("/v1/payments", api.ana, order)).verdict == (422, "pin_required")
    paid = await api.post("/v1/payments", api.ana, {**order, "pin": api.demo.customers[0].pin})
    assert paid.status == 201
    assert (await asyncio.wait_for(waiting, 5)).json["status"] == "paid"
    done = await api.report(api.shop, digits, 100_000, reference=reference)
    assert (done.status, done.json["status"], done.json["action"]) == (200, "paid", None)
    assert done.json["payment"]["presented_by"] == "customer"


async def _event(content: aiohttp.StreamReader, type: str) -> dict[str, Any]:
    name = ""
    async for raw in content:
        field, _, value = raw.decode().rstrip("\n").partition(": ")
        if field == "event":
            name = value
        if field == "data" and name == type:
            found: dict[str, Any] = msgspec.json.decode(value)
            return found
    raise AssertionError("the stream ended")


async def test_a_closed_sale_cannot_be_charged(api: Api) -> None:
    """A till that gave up closes by reference; its report, however late, is refused and moves nothing (row 42)."""
    reference = fresh("S")
    closed = await api.post(f"/v1/orders/ref:{reference}/close", api.shop)
    assert (closed.status, closed.json["amount"]) == (200, None)
    digits = await api.digits(api.ana)
    async with nothing_moves(api):
        assert (await api.report(api.shop, digits, reference=reference)).verdict == (409, "order_closed")
    assert (await api.report(api.shop, digits)).status == 200, "the code was not used up"


async def test_report_and_close_race(api: Api) -> None:
    """A till reports and gives up at once: either it is paid and cannot be closed, or closed and nothing was taken."""
    ends = set()
    for _ in range(15):
        reference = fresh("S")
        digits = await api.digits(api.ana)
        before = await api.available(api.ana)
        report, close = await asyncio.gather(
            api.report(api.shop, digits, 3, reference=reference),
            api.post(f"/v1/orders/ref:{reference}/close", api.shop),
        )
        spent = before - await api.available(api.ana)
        ends.add((report.verdict, close.verdict, spent))
    assert ends <= {((200, ""), (409, "order_paid"), 3), ((409, "order_closed"), (200, ""), 0)}


async def test_only_wallets_make_codes_and_only_for_their_accounts(api: Api) -> None:
    """A merchant gets 403; another's account is unknown; an unknown field is refused."""
    assert (await api.post("/v1/payment-codes", api.shop)).verdict == (403, "wrong_caller")
    theirs = {"account": api.demo.customers[1].account}
    assert (await api.post("/v1/payment-codes", api.ana, theirs)).verdict == (404, "not_found")
    own = {"account": api.demo.customers[0].account}
    assert (await api.post("/v1/payment-codes", api.ana, own)).status == 201
    assert (await api.post("/v1/payment-codes", api.ana, {"for": "ever"})).verdict == (422, "unknown_field")
    assert (await api.report(api.ana, "1")).verdict == (403, "wrong_caller")
