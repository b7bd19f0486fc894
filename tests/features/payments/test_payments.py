"""A wallet scans and pays: what a code may be, who pays, what stands; nothing moves on any refusal (rows 19 to 37)."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable
from typing import TypeVar

import asyncpg
import pytest

from qrpay.codes import emv
from qrpay.database.pool import Database
from qrpay.features.e_accounts import service as e_accounts
from qrpay.features.e_accounts.model import Caps
from qrpay.features.keys import service as keys
from qrpay.features.merchants import service as merchants
from qrpay.features.merchants.model import Act
from qrpay.ledger.chart import AccountCode, TransferCode
from qrpay.ledger.markers import marker
from qrpay.ledger.model import AccountFlag
from qrpay.values import id_from_text
from tests.codes.test_emv import MALFORMED, malformed
from tests.web.house import House, house
from tests.web.world import Api, fresh, nothing_moves, verdicts


@pytest.fixture
async def home(database: Database) -> AsyncIterator[House]:
    """A house whose clock the test moves."""
    async with house(database, balance=100_000) as running:
        yield running


PIECES = r"(.*)(81\d\d0009org\.qrpay01.*)(82\d\d0009org\.qrpay01.*)(6304.{4})"


def with_crc(text: str) -> str:
    """The text with its checksum made right, as a forger does too."""
    return text[:-4] + emv.crc(text[:-4])


def forgeries(code: str, other: str) -> dict[str, str]:
    """A good code, changed in every way of rows 27, 28 and 33; checksums are right."""
    pieces = re.fullmatch(PIECES, code)
    pieces_of_other = re.fullmatch(PIECES, other)
    assert pieces is not None and pieces_of_other is not None
    body, first, second, crc = pieces.groups()
    _, other_first, other_second, _ = pieces_of_other.groups()
    return {
        "amount": with_crc(code.replace("540512.50", "540512.51")),
        "merchant": with_crc(re.sub(r"(0122)(.)", lambda m: m[1] + ("B" if m[2] == "A" else "A"), code, count=1)),
        "order": with_crc(re.sub(r"(0522)(.)", lambda m: m[1] + ("B" if m[2] == "A" else "A"), code, count=1)),
        "currency": with_crc(code.replace("5303156", "5303840")),
        "static": with_crc(code.replace("010212", "010211", 1)),
        "an object after the signature": with_crc(body + first + second + "6401A" + crc),
        "signature of another code": with_crc(body + other_first + other_second + crc),
        "half a signature of another code": with_crc(body + first + other_second + crc),
        "pieces swapped": with_crc(body + second + first + crc),
        "second piece missing": with_crc(body + first + crc),
        "no signature": with_crc(body + crc),
    }


async def test_a_changed_code_is_never_paid(api: Api) -> None:
    """Every change of a signed code, checksum repaired, is refused by scan and payment alike (rows 27, 28, 33)."""
    order, other = await api.order(), await api.order()
    code = order["code"]["payload"]
    async with nothing_moves(api):
        for name, text in forgeries(code, other["code"]["payload"]).items():
            for path in ("/v1/scans", "/v1/payments"):
                said = await api.post(path, api.ana, {"scanned": text})
                assert said.status == 422, (name, said.body)
                assert said.code in {"code_forged", "code_malformed", "code_not_payable"}, (name, said.body)
                if name in {"amount", "merchant", "order", "currency", "signature of another code", "static"}:
                    assert said.code == "code_forged", name
        flipped = code[:-1] + ("0" if code[-1] != "0" else "1")
        assert (await api.post("/v1/payments", api.ana, {"scanned": flipped})).verdict == (422, "code_malformed")
        kid = with_crc(re.sub(r"(80\d\d00\d\d.*?01\d\d)(.)", lambda m: m[1] + ("y" if m[2] != "y" else "x"), code))
        unknown = await api.post("/v1/payments", api.ana, {"scanned": kid})
        assert unknown.verdict in {(422, "code_unknown_key"), (422, "code_forged")}


@pytest.mark.parametrize("row", [row[1:4] for row in MALFORMED], ids=[row[0] for row in MALFORMED])
async def test_a_malformed_code_is_unreadable_everywhere(api: Api, row: tuple[str, str, str]) -> None:
    """Each malformed string of the rules is refused by scan, payment and till before anything is looked up (row 26)."""
    text = malformed(*row)
    for path in ("/v1/scans", "/v1/payments"):
        said = await api.post(path, api.ana, {"scanned": text})
        assert said.verdict == (422, "code_malformed"), said.body
        assert said.json["reason"]
    assert (await api.report(api.shop, text)).verdict == (422, "code_malformed")


PROMPTPAY = "00020101021129370016A000000677010111011300668012345675802TH530376463046197"
ODD_CODES = [
    (PROMPTPAY, "code_foreign"),
    ("wxp://f2f0abc", "code_foreign"),
    ("https://qr.alipay.com/abc", "code_foreign"),
    ("https://evil.example/pay/ord_" + "0" * 26, "code_foreign"),
    ("javascript:alert(1)", "code_malformed"),
    ("file:///etc/passwd", "code_malformed"),
    ("http://169.254.169.254/latest/meta-data", "code_foreign"),
    ("x" * 10_240, "code_malformed"),
    ("0002010102", "code_malformed"),
    ("hello", "code_malformed"),
    ("134567890123456789", "code_foreign"),
    ("281234567890123456", "code_foreign"),
    ("625812345678901234 5", "code_malformed"),
    ("８８１２３４５６７８９０１２３４５６７８", "code_malformed"),
]


@pytest.mark.parametrize(("text", "code"), ODD_CODES)
async def test_what_is_no_code_of_ours_says_what_it_is(api: Api, text: str, code: str) -> None:
    """Foreign codes name their scheme; links and scripts are never opened; the rest is unreadable (rows 31, 35, 37)."""
    async with nothing_moves(api):
        for path in ("/v1/scans", "/v1/payments"):
            said = await api.post(path, api.ana, {"scanned": text})
            assert said.verdict == (422, code), said.body
            if code == "code_foreign":
                assert said.json["scheme"]
        till = await api.report(api.shop, text)
        assert till.verdict == (422, code)


async def test_a_wallet_does_not_pay_a_payment_code(api: Api) -> None:
    """A customer's code scanned by a wallet is genuine and not payable; the reverse holds for tills."""
    async with nothing_moves(api):
        digits = await api.digits(api.bo)
        said = await api.post("/v1/payments", api.ana, {"scanned": digits})
        assert (*said.verdict, said.json["what"]) == (422, "code_not_payable", "payment_code")
        order = await api.order()
        till = await api.report(api.shop, order["code"]["payload"])
        assert (*till.verdict, till.json["what"]) == (422, "code_not_payable", "dynamic")


async def test_scan_then_pay_moves_the_money_once(api: Api) -> None:
    """The scan says who and how much, and moves nothing; the payment moves it; sent again, it moves nothing more."""
    order = await api.order(amount=1250, description="Tea")
    async with nothing_moves(api):
        scan = (await api.post("/v1/scans", api.ana, {"scanned": order["code"]["payload"]})).json
    assert (scan["kind"], scan["amount"], scan["currency"], scan["order"]) == ("order", 1250, "CNY", order["id"])
    assert scan["payee"]["verified"] is True
    before = await api.available(api.ana)
    first = await api.pay(api.ana, order)
    assert first.status == 201
    assert first.json == {
        "order": order["id"], "status": "paid", "amount": 1250, "currency": "CNY", "payee": scan["payee"],
        "account": api.demo.customers[0].account, "paid_at": first.json["paid_at"],
        "receipt": f"{api.demo.base_url}/v1/receipts/{order['id']}", "refunded_amount": 0,
    }  # fmt: skip
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", first.json["paid_at"])
    for again in (await api.pay(api.ana, order), await api.post("/v1/payments", api.ana, {"order": order["id"]})):
        assert (again.status, again.json) == (200, first.json)
        assert again.headers["Idempotent-Replayed"] == "true"
    link = await api.post("/v1/payments", api.ana, {"scanned": order["code"]["url"]})
    assert (link.status, link.json) == (200, first.json)
    assert await api.available(api.ana) == before - 1250
    assert (await api.pay(api.bo, order)).verdict == (409, "order_paid")
    told = (await api.get(f"/v1/orders/{order['id']}", api.shop)).json
    assert (told["status"], told["payment"]["amount"], told["payment"]["presented_by"]) == ("paid", 1250, "merchant")
    assert told["payment"]["receipt"] == first.json["receipt"]


async def test_a_hundred_repeats_are_one_payment(api: Api) -> None:
    """The same request a hundred times at once: one 201, the rest 200, one body, one transfer (row 39)."""
    order = await api.order()
    before = await api.available(api.ana)
    answers = await asyncio.gather(*(api.pay(api.ana, order) for _ in range(100)))
    assert sorted(said.status for said in answers) == [200] * 99 + [201]
    assert len({said.body for said in answers}) == 1
    assert await api.available(api.ana) == before - 1250


async def test_a_code_ends_and_what_was_paid_stays_paid(home: House) -> None:
    """Expired: 410. Who paid in time gets the same payment; another, `order_paid`; nothing moves (rows 30, 32)."""
    api = home.api
    unpaid, paid = await api.order(expires_in=30), await api.order(expires_in=30)
    first = await api.pay(api.ana, paid)
    assert first.status == 201
    home.clock.move(seconds=31)
    async with nothing_moves(api):
        late = await api.pay(api.ana, unpaid)
        assert late.verdict == (410, "code_expired")
        assert late.json["expired_at"][:19] == unpaid["expires_at"][:19], "a code counts in whole seconds"
        assert (await api.post("/v1/scans", api.ana, {"scanned": unpaid["code"]["payload"]})).code == "code_expired"
        assert (await api.post("/v1/payments", api.ana, {"order": unpaid["id"]})).verdict == (410, "order_expired")
        assert (await api.get(f"/v1/orders/{unpaid['id']}", api.shop)).json["status"] == "expired"
        for again in (await api.pay(api.ana, paid), await api.post("/v1/payments", api.ana, {"order": paid["id"]})):
            assert (again.status, again.json) == (200, first.json)
        assert (await api.pay(api.bo, paid)).verdict == (409, "order_paid")
        assert (await api.get(f"/v1/orders/{paid['id']}", api.shop)).json["status"] == "paid"
        assert (await api.post(f"/v1/orders/{unpaid['id']}/close", api.shop)).status == 200


async def test_money_must_be_there_and_within_the_caps(database: Database) -> None:
    """One fen short, one fen above a cap: 422 with figures, nothing moves; exactly at the edge passes (rows 21, 23)."""
    async with house(database, balance=10_000, caps=Caps(day=6_000, year=8_000), pin_from=10**9) as home:
        api = home.api
        at_cap, one_more = await api.order(amount=6_000), await api.order(amount=1)
        above = await api.order(amount=6_001)
        async with nothing_moves(api):
            said = await api.pay(api.ana, above)
        assert said.verdict == (422, "cap_exceeded")
        figures = {name: said.json[name] for name in ("rule", "limit", "used", "left", "currency")}
        assert figures == {"rule": "day", "limit": 6_000, "used": 0, "left": 6_000, "currency": "CNY"}
        assert said.json["resets_at"].endswith("T16:00:00.000Z"), "midnight in Beijing"
        assert (await api.pay(api.ana, at_cap)).status == 201
        async with nothing_moves(api):
            said = await api.pay(api.ana, one_more)
        assert (*said.verdict, said.json["left"]) == (422, "cap_exceeded", 0)
    async with house(database, balance=1_249) as home:
        async with nothing_moves(home.api):
            said = await home.api.pay(home.api.ana, await home.api.order(amount=1_250))
        assert said.verdict == (422, "insufficient_funds")
        assert (await home.api.pay(home.api.ana, await home.api.order(amount=1_249))).status == 201
        assert await home.api.available(home.api.ana) == 0


async def test_a_hundred_payments_at_the_edge_of_a_cap(database: Database) -> None:
    """A hundred at once where ten fit: ten pass, the sum never passes the cap (rows 21, 23)."""
    async with house(database, balance=100_000, caps=Caps(day=1_000)) as home:
        made = [await home.api.order(amount=100) for _ in range(100)]
        answers = await asyncio.gather(*(home.api.pay(home.api.ana, order) for order in made))
        assert verdicts(answers) == [(201, "")] * 10 + [(422, "cap_exceeded")] * 90
        assert await home.api.available(home.api.ana) == 99_000
    async with house(database, balance=100) as home:
        two = [await home.api.order(amount=100) for _ in range(2)]
        answers = await asyncio.gather(*(home.api.pay(home.api.ana, order) for order in two))
        assert verdicts(answers) == [(201, ""), (422, "insufficient_funds")]


async def test_an_account_of_another_currency_cannot_pay(home: House) -> None:
    """An order in dollars and an account in yuan: 422, nothing moves (row 18)."""
    order = await home.api.order(currency="USD")
    async with nothing_moves(home.api):
        assert (await home.api.pay(home.api.ana, order)).verdict == (422, "currency_mismatch")


@pytest.mark.parametrize(
    ("side", "flag", "code"),
    [
        ("customer", AccountFlag.DEBITS_FROZEN, "account_frozen"),
        ("customer", AccountFlag.CLOSED, "account_closed"),
        ("merchant", AccountFlag.CREDITS_FROZEN, "account_frozen"),
        ("merchant", AccountFlag.CLOSED, "account_closed"),
    ],
)
async def test_a_frozen_or_closed_account_moves_nothing(
    fresh_database: Database, fresh_dsn: str, side: str, flag: AccountFlag, code: str
) -> None:
    """Payer or payee frozen or closed in the ledger: 409, also by a till, and nothing moves (row 22)."""
    async with house(fresh_database) as home:
        api = home.api
        order = await api.order()
        owner = await asyncpg.connect(fresh_dsn)
        kind = AccountCode.CUSTOMER if side == "customer" else AccountCode.MERCHANT
        await owner.execute("UPDATE accounts SET flags = flags | $1 WHERE code = $2", int(flag), int(kind))
        await owner.close()
        async with nothing_moves(api):
            assert (await api.pay(api.ana, order)).verdict == (409, code)
            assert (await api.report(api.shop, await api.digits(api.ana))).verdict == (409, code)


async def test_a_frozen_shop_is_paid_no_more(home: House) -> None:
    """Its codes are refused and its key is none; what was paid before stays paid (row 22)."""
    api = home.api
    paid, open_ = await api.order(), await api.order()
    first = await api.pay(api.ana, paid)
    shop = id_from_text("mer_", api.demo.merchant.id)
    assert shop is not None
    await merchants.set_status(home.core, shop, "frozen", Act("Lin", "A court order"))
    async with asyncio.timeout(5):
        while (await api.post("/v1/scans", api.ana, {"scanned": open_["code"]["payload"]})).json["payee"]["verified"]:
            await asyncio.sleep(0.05)
    before = await api.available(api.ana)
    assert (await api.pay(api.ana, open_)).verdict == (409, "account_frozen")
    again = await api.pay(api.ana, paid)
    assert (again.status, again.json["paid_at"]) == (200, first.json["paid_at"])
    assert await api.available(api.ana) == before
    async with asyncio.timeout(10):
        while (await api.get("/v1/orders", api.shop)).status != 401:
            await asyncio.sleep(0.2)


async def test_a_revoked_key_ends_its_codes(fresh_database: Database) -> None:
    """A leaked key is revoked: every code it signed is `code_unknown_key` at once, new ones are good (row 29)."""
    async with house(fresh_database) as home:
        api = home.api
        order = await api.order()
        kid = home.core.keyring.signer("code", home.core.clock()).kid
        await keys.revoke(home.core, kid)
        async with nothing_moves(api), asyncio.timeout(5):
            while (said := await api.post("/v1/scans", api.ana, {"scanned": order["code"]["payload"]})).status == 200:
                await asyncio.sleep(0.05)
            assert said.verdict == (422, "code_unknown_key")
            assert (await api.pay(api.ana, order)).verdict == (422, "code_unknown_key")
        again = (await api.get(f"/v1/orders/{order['id']}", api.shop)).json
        assert again["code"]["payload"] != order["code"]["payload"]
        assert (await api.pay(api.ana, again)).status == 201


async def test_a_large_payment_needs_the_pin(home: House) -> None:
    """From `pin_from` on the PIN must hold; a wrong one is counted and nothing moves; who has paid needs it no more."""
    order = await home.api.order(amount=100_000)
    async with nothing_moves(home.api):
        assert (await home.api.pay(home.api.ana, order)).verdict == (422, "pin_required")
        assert (await home.api.pay(home.api.ana, order, pin="000000")).verdict == (422, "pin_wrong")
    first = await home.api.pay(home.api.ana, order, pin="246810")
    assert first.status == 201
    again = await home.api.pay(home.api.ana, order)
    assert (again.status, again.json) == (200, first.json)
    assert (await home.api.pay(home.api.bo, order)).verdict == (409, "order_paid")


async def test_guessing_the_pin_locks_it(home: House) -> None:
    """Five wrong PINs lock it, for the right one too; nothing moves (row 59)."""
    order = await home.api.order(amount=100_000)
    async with nothing_moves(home.api):
        wrong = [await home.api.pay(home.api.ana, order, pin=f"00000{n}") for n in range(5)]
        assert {said.code for said in wrong[:4]} == {"pin_wrong"}
        assert (await home.api.pay(home.api.ana, order, pin="246810")).verdict == (429, "pin_locked")
    home.clock.move(seconds=901)
    later = await home.api.order(amount=100_000)
    assert (await home.api.pay(home.api.ana, later, pin="246810")).status == 201


async def test_a_token_ends(home: House) -> None:
    """An expired token is told apart from a bad one, also when it was good a moment ago (row 49)."""
    order = await home.api.order()
    customer = id_from_text("cus_", home.api.demo.customers[0].id)
    assert customer is not None
    short = await e_accounts.issue_token(home.core, customer, life_s=1)
    assert (await home.api.get("/v1/accounts", short)).status == 200
    await asyncio.sleep(1.1)
    said = await home.api.pay(short, order)
    assert said.verdict == (401, "token_expired")
    assert 'error="invalid_token"' in said.headers["WWW-Authenticate"]
    assert await home.api.available(home.api.ana) == 100_000


T = TypeVar("T")


async def _later(delay_s: float, act: Awaitable[T]) -> T:
    await asyncio.sleep(delay_s)
    return await act


@pytest.mark.parametrize("rounds", [25])
async def test_pay_close_expire_and_a_second_wallet_race(home: House, rounds: int) -> None:
    """Two wallets, a close and an expiry at once, again and again: one wins, the others get what stands (row 41)."""
    api = home.api
    winners: dict[str, int] = {}
    for n in range(rounds):
        order = await api.order(amount=1)
        id = id_from_text("ord_", order["id"])
        assert id is not None
        before = [await api.available(key) for key in (api.ana, api.bo)]
        # Who starts first, and how far ahead, is another each time; in every fifth round the wallets are.
        late_s = [0.05, 0.05] if n % 5 == 0 else [0.002 * (n % 3), 0.002 * (n % 4)]
        ana, bo, close, _ = await asyncio.gather(
            api.pay(api.ana, order),
            api.pay(api.bo, order),
            _later(late_s[0], api.post(f"/v1/orders/{order['id']}/close", api.shop)),
            _later(late_s[1], home.core.ledger.post(marker(id, TransferCode.ORDER_EXPIRE))),
        )
        standing = (await home.core.ledger.lookup_transfers([id]))[id]
        spent = [x - await api.available(key) for key, x in zip((api.ana, api.bo), before, strict=True)]
        status = (await api.get(f"/v1/orders/{order['id']}", api.shop)).json["status"]
        if standing.code == TransferCode.PAYMENT:
            assert sorted(spent) == [0, 1]
            payer, loser = (ana, bo) if spent[0] else (bo, ana)
            assert payer.status == 201
            assert loser.verdict == (409, "order_paid")
            assert close.verdict == (409, "order_paid")
            assert close.json["order"]["payment"]["amount"] == 1
            assert status == "paid"
        else:
            expected = {
                TransferCode.ORDER_CLOSE: (409, "order_closed", "closed"),
                TransferCode.ORDER_EXPIRE: (410, "order_expired", "expired"),
            }
            said, code, stands = expected[TransferCode(standing.code)]
            assert spent == [0, 0]
            assert ana.verdict == bo.verdict == (said, code)
            assert (close.status, close.json["status"], status) == (200, stands, stands)
        winners[status] = winners.get(status, 0) + 1
    assert winners.get("paid"), winners


async def test_many_wallets_pay_one_order(home: House) -> None:
    """Fifty requests of two wallets at once: one transfer, one payer; the other is told `order_paid` every time."""
    order = await home.api.order(amount=7)
    answers = await asyncio.gather(*(home.api.pay(home.api.ana if n % 2 else home.api.bo, order) for n in range(50)))
    found = verdicts(answers)
    assert found.count((201, "")) == 1
    assert found.count((200, "")) == 24
    assert found.count((409, "order_paid")) == 25
    assert sum([await home.api.available(key) for key in (home.api.ana, home.api.bo)]) == 200_000 - 7


async def test_history_is_read_by_cursor(home: House) -> None:
    """My payments, newest first, each once; one by its order; another's are not there."""
    paid = []
    for _ in range(7):
        order = await home.api.order(amount=3)
        assert (await home.api.pay(home.api.ana, order)).status == 201
        paid.append(order["id"])
    seen: list[str] = []
    cursor = ""
    while True:
        page = (await home.api.get(f"/v1/payments?limit=3{cursor}", home.api.ana)).json
        seen += [payment["order"] for payment in page["data"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == paid[::-1]
    assert (await home.api.get("/v1/payments", home.api.bo)).json == {"data": [], "next_cursor": None}
    one = (await home.api.get(f"/v1/payments/{paid[0]}", home.api.ana)).json
    assert (one["order"], one["amount"]) == (paid[0], 3)
    assert (await home.api.get(f"/v1/payments/{paid[0]}", home.api.bo)).verdict == (404, "not_found")


async def test_a_wallet_waits_for_its_own_payment(api: Api) -> None:
    """`wait` answers once it is paid; an order of which nothing is mine stays unknown."""
    order = await api.order()
    waiting = asyncio.create_task(api.get(f"/v1/payments/{order['id']}?wait=20", api.ana))
    await asyncio.sleep(0.1)
    assert (await api.pay(api.ana, order)).status == 201
    said = await asyncio.wait_for(waiting, 5)
    assert (said.status, said.json["order"]) == (200, order["id"])


async def test_a_receipt_is_for_whoever_has_its_link(api: Api) -> None:
    """Unpaid: 409. Paid: a signed statement that a wallet and a till can read; changed: refused."""
    order = await api.order()
    path = f"/v1/receipts/{order['id']}"
    assert (await api.get(path)).verdict == (409, "order_not_paid")
    assert (await api.pay(api.ana, order)).status == 201
    receipt = await api.get(path)
    assert (receipt.status, receipt.headers["Content-Type"]) == (200, "application/jwt")
    text = receipt.body.decode()
    scan = (await api.post("/v1/scans", api.bo, {"scanned": text})).json
    assert (scan["kind"], scan["order"], scan["amount"]) == ("receipt", order["id"], 1250)
    till = await api.report(api.shop, text)
    assert (till.status, till.json["id"], till.json["status"]) == (200, order["id"], "paid")
    async with nothing_moves(api):
        assert (await api.report(api.other_shop, text)).verdict == (422, "code_not_payable")
        head, body, signature = text.split(".")
        changed = f"{head}.{body[:-4]}{'AAAA' if body[-4:] != 'AAAA' else 'BBBB'}.{signature}"
        for path in ("/v1/scans", "/v1/payments"):
            said = await api.post(path, api.ana, {"scanned": changed})
            assert said.status == 422
        assert (await api.report(api.shop, changed)).status == 422
        assert (await api.post("/v1/payments", api.ana, {"scanned": text})).verdict == (422, "code_not_payable")


async def test_paying_by_an_unknown_order_says_nothing(api: Api) -> None:
    """A closed-unseen reference's order and one that never was are alike."""
    closed = (await api.post(f"/v1/orders/ref:{fresh()}/close", api.shop)).json
    async with nothing_moves(api):
        assert (await api.post("/v1/payments", api.ana, {"order": closed["id"]})).verdict == (404, "not_found")
        assert (await api.get(f"/v1/receipts/{closed['id']}")).verdict == (409, "order_not_paid")
        assert (await api.get(f"/v1/cashier/{closed['id']}")).verdict == (404, "not_found")
