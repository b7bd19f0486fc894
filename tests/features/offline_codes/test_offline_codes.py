"""A terminal without a network: certified, paid, bounded, revoked; its orders adopted when it comes back."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from qrpay.codes.payload import read_code
from qrpay.database.pool import Database
from qrpay.features.merchants import service as merchants
from qrpay.features.merchants import terminals
from qrpay.features.merchants.model import Act
from qrpay.values import claim, id_from_text, id_text, new_id
from tests.features.offline_codes.till import Till
from tests.web.house import House, house
from tests.web.world import Api, Said, fresh, nothing_moves, verdicts


@pytest.fixture
async def home(database: Database) -> AsyncIterator[House]:
    """A house whose clock the test moves."""
    async with house(database, balance=200_000) as running:
        yield running


async def pay(api: Api, code: str, payer: str = "") -> Said:
    return await api.post("/v1/payments", payer or api.ana, {"scanned": code})


async def adopt(till: Till, *codes: str, **more: Any) -> list[dict[str, Any]]:
    body = {"orders": [{"code": code, **more} for code in codes]}
    said = await till.home.api.post(till.path("adopt"), till.home.api.shop, body)
    assert said.status == 200, said.body
    found: list[dict[str, Any]] = said.json["data"]
    return found


async def test_a_key_is_certified_once(home: House) -> None:
    """The public key names it; less than the bank allows may be asked for, never more; only for one's own terminal."""
    api, till = home.api, Till(home, code_max=20_050, count_max=7)
    first = await api.post(till.path("offline-keys"), api.shop, till.ask())
    again = await api.post(till.path("offline-keys"), api.shop, till.ask())
    assert (first.status, again.status, again.headers["Idempotent-Replayed"]) == (201, 201, "true")
    assert again.json["certificate"] == first.json["certificate"]
    limits = {name: first.json[name] for name in ("code_max", "total_max", "count_max", "used", "count_used", "status")}
    assert limits == {
        "code_max": 20_000, "total_max": 500_000, "count_max": 7, "used": 0, "count_used": 0, "status": "active",
    }  # fmt: skip
    listed = (await api.get(till.path("offline-keys"), api.shop)).json["data"]
    assert [key["id"] for key in listed] == [first.json["id"]]
    for wrong, place in (
        ({"public_key": "A" * 43}, "/public_key"), ({"code_max": 50_001}, "/code_max"),
        ({"expires_in": 86_401}, "/expires_in"), ({"currency": "XXX"}, "/currency"),
    ):  # fmt: skip
        said = await api.post(till.path("offline-keys"), api.shop, {**till.ask(), **wrong})
        assert (*said.verdict, said.places) == (422, "invalid_field", [place])
    assert (await api.post(till.path("offline-keys"), api.other_shop, till.ask())).verdict == (404, "not_found")


async def test_a_code_made_without_a_network_is_paid_once(home: House) -> None:
    """Any reader of ours checks it with public keys alone; a wallet sees and pays it; the shop has the order before its
    terminal comes back, and the receipt names it."""
    api, till = home.api, await Till(home).certified()
    order = new_id(int(home.clock().timestamp() * 1000))
    code = till.code(1_250, order=order)
    assert read_code(code, home.core.keyring, "org.qrpay", home.clock()).order == order
    async with nothing_moves(api):
        scan = (await api.post("/v1/scans", api.ana, {"scanned": code})).json
    name = id_text("ord_", order)
    assert (scan["kind"], scan["amount"], scan["order"], scan["payee"]["name"]) == ("order", 1_250, name, "Tea")

    answers = await asyncio.gather(*(pay(api, code) for _ in range(8)), pay(api, code, api.bo))

    said = verdicts(answers)
    assert said.count((201, "")) == 1
    assert said.count((200, "")) + said.count((409, "order_paid")) == 8
    paid = (await api.get(f"/v1/orders/{name}", api.shop)).json
    assert (paid["status"], paid["amount"], paid["terminal"]) == ("paid", 1_250, till.terminal)
    assert (paid["reference"], paid["code"]) == (id_text("O-", order), None)
    assert (await api.get(f"/v1/orders/ref:{paid['reference']}", api.shop)).json == paid
    assert (await api.get(f"/v1/receipts/{name}")).status == 200
    [used] = (await api.get(till.path("offline-keys"), api.shop)).json["data"]
    assert (used["used"], used["count_used"]) == (1_250, 1)


async def test_adoption_merges_and_repeats(home: House) -> None:
    """Before or after the payment, once or twice: one order, with what only the terminal knew; a different story under
    it is refused, and the rest of what is brought is not held up."""
    api, till = home.api, await Till(home).certified()
    early, late, never = till.code(100), till.code(200), till.code(300)
    story = {"description": "Two teas", "metadata": {"table": "5"}}
    assert (await pay(api, late)).status == 201
    first = await adopt(till, early, late, **story)
    assert [one["order"]["status"] for one in first] == ["open", "paid"]
    assert [one["order"]["description"] for one in first] == ["Two teas"] * 2
    assert (await pay(api, early)).status == 201
    home.clock.move(seconds=500)
    again = await adopt(till, early, late, never, **story)
    assert [one["order"]["status"] for one in again] == ["paid", "paid", "expired"]
    assert (await pay(api, never)).verdict == (410, "order_expired")
    other = await adopt(till, early, "000201", (await api.order())["code"]["payload"], description="Three")
    assert [one["refused"] for one in other] == ["reference_reused", "code_malformed", "code_not_payable"]
    strange = await api.post(till.path("adopt"), api.other_shop, {"orders": [{"code": early}]})
    assert strange.json["data"] == [{"order": None, "refused": "code_forged"}]


async def test_what_a_terminal_may_take_is_bounded_by_the_ledger(home: House) -> None:
    """Number and total, exactly, whoever races; one code by its certificate. Nothing moves beyond."""
    api = home.api
    few = await Till(home, count_max=3).certified()
    answers = await asyncio.gather(*(pay(api, few.code(10)) for _ in range(8)))
    assert verdicts(answers) == [(201, "")] * 3 + [(422, "offline_limit_exceeded")] * 5
    little = await Till(home, total_max=1_000).certified()
    answers = await asyncio.gather(
        *(pay(api, little.code(400), payer) for payer in (api.ana, api.bo) for _ in range(3))
    )
    assert verdicts(answers) == [(201, "")] * 2 + [(422, "offline_limit_exceeded")] * 4
    async with nothing_moves(api):
        beyond = await pay(api, little.code(50_001))
        assert (*beyond.verdict, beyond.json["reason"]) == (422, "code_malformed", "beyond_its_certificate")
    assert (await pay(api, little.code(200))).status == 201, "what is left may be taken"


async def test_a_poor_payer_uses_up_nothing(home: House) -> None:
    """The payer's own refusal is told with its figures, and the terminal keeps its allowance."""
    api, till = home.api, await Till(home, code_max=50_000).certified()
    for _ in range(4):
        assert (await pay(api, till.code(50_000))).status == 201
    poor = await pay(api, till.code(50_000))
    assert poor.verdict == (422, "insufficient_funds")
    [used] = (await api.get(till.path("offline-keys"), api.shop)).json["data"]
    assert (used["used"], used["count_used"]) == (200_000, 4)


async def test_a_stolen_terminal(home: House) -> None:
    """Revoked: its codes are refused from then on, those on the way too; what was paid stands and may be adopted."""
    api, till = home.api, await Till(home).certified()
    paid, open_ = till.code(100), till.code(200)
    assert (await pay(api, paid)).status == 201
    racing = [till.code(10) for _ in range(10)]

    async def revoke() -> Said:
        await asyncio.sleep(0.01)
        return await api.post(till.path("offline-keys/revoke"), api.shop)

    *answers, revoked = await asyncio.gather(*(pay(api, code) for code in racing), revoke())

    assert set(verdicts(answers)) <= {(201, ""), (410, "code_revoked")}
    assert [key["status"] for key in revoked.json["data"]] == ["revoked"]
    async with nothing_moves(api):
        assert (await pay(api, open_)).verdict == (410, "code_revoked")
        assert (await api.post("/v1/scans", api.ana, {"scanned": open_})).verdict == (410, "code_revoked")
        assert (await api.post("/v1/scans", api.ana, {"scanned": till.code(5)})).verdict == (410, "code_revoked")
    assert (await pay(api, paid)).status == 200
    back = await adopt(till, paid, open_)
    assert (back[0]["order"]["status"], back[1]["refused"]) == ("paid", "code_revoked")
    assert (await api.post(till.path("offline-keys/revoke"), api.other_shop)).verdict == (404, "not_found")


async def test_a_race_with_revoking_is_decided_by_the_ledger(home: House) -> None:
    """Also where the row still says that the key counts: what it draws on is frozen."""
    api, till = home.api, await Till(home).certified()
    from qrpay.features.offline_codes import allowance, store

    public = till.pair.public_key().public_bytes_raw()
    [row] = await store.keys(home.core.database, [public])
    assert row is not None
    await allowance.freeze(home.core, [row])
    async with nothing_moves(api):
        assert (await pay(api, till.code(100))).verdict == (410, "code_revoked")


async def test_a_terminal_that_was_taken_away_signs_no_more(home: House) -> None:
    """Unpairing it ends its codes as well, though nobody thought of them."""
    api = home.api
    shop, terminal = id_from_text("mer_", api.demo.merchant.id), api.demo.merchant.terminal
    assert shop is not None and terminal is not None
    offered = await terminals.offer(home.core, shop, terminal)
    paired = await terminals.pair(home.core, offered.code, "203.0.113.9")
    till = Till(home)
    said = await api.post(till.path("offline-keys"), paired.secret_key, till.ask())
    till.key = said.json
    assert (await pay(api, till.code(100))).status == 201
    other = id_text("ter_", new_id())
    assert (await api.get(f"/v1/terminals/{other}/offline-keys", paired.secret_key)).verdict == (404, "not_found")
    assert (await api.post(till.path("offline-keys/revoke"), paired.secret_key)).status == 403
    await terminals.unpair(home.core, shop, terminal)
    async with nothing_moves(api):
        assert (await pay(api, till.code(100))).verdict == (410, "code_revoked")


async def test_a_clock_that_is_wrong(home: House) -> None:
    """Two minutes either way are forgiven; ahead of that the payer is told so, behind it the code has expired."""
    api, till = home.api, await Till(home).certified()
    for ahead_s in (-400, 115):
        assert (await pay(api, till.code(100, ahead_s=ahead_s))).status == 201, ahead_s
    async with nothing_moves(api):
        ahead = await pay(api, till.code(100, ahead_s=600))
        assert (*ahead.verdict, ahead.json["ahead_s"] // 10) == (422, "terminal_clock_wrong", 59)
        assert (await pay(api, till.code(100, ahead_s=-425))).verdict == (410, "code_expired")
        long = await pay(api, till.code(100, ahead_s=-425, life_s=4_000))
        assert long.verdict == (422, "terminal_clock_wrong"), "a code that lives too long looks the same"


async def test_a_terminal_cannot_take_anybody_elses_id(home: House) -> None:
    """Not a claim of the house, not an id of another time, not an order of another shop or of its own."""
    api, till = home.api, await Till(home).certified()
    said = await api.post("/v1/orders", api.other_shop, {"reference": fresh(), "amount": 100, "currency": "CNY"})
    theirs, own = id_from_text("ord_", said.json["id"]), id_from_text("ord_", (await api.order(amount=100))["id"])
    assert theirs is not None and own is not None
    refund = claim("refund", own, 1)
    old = new_id(int((home.clock() - timedelta(days=2)).timestamp() * 1000))
    async with nothing_moves(api):
        for order in (refund, old):
            refused = await pay(api, till.code(100, order=order))
            assert (*refused.verdict, refused.json["reason"]) == (422, "code_malformed", "no_id_of_a_terminal")
        for order in (theirs, own):
            refused = await pay(api, till.code(100, order=order))
            assert (*refused.verdict, refused.json["reason"]) == (422, "code_forged", "order_of_another")
    assert (await api.get(f"/v1/orders/{said.json['id']}", api.other_shop)).json["status"] == "open"


async def test_an_order_of_another_code_is_paid_by_that_code_alone(home: House) -> None:
    """By its id, nobody gets around the allowances, or the cap of static codes."""
    api, till = home.api, await Till(home).certified()
    code = till.code(100)
    [one] = await adopt(till, code)
    order = one["order"]["id"]
    assert one["order"]["code"] is None
    async with nothing_moves(api):
        refused = await api.post("/v1/payments", api.ana, {"order": order})
        assert refused.verdict == (422, "code_not_payable")
        amount = await api.post("/v1/payments", api.ana, {"scanned": code, "amount": 100})
        assert amount.verdict == (422, "amount_not_allowed")
    assert (await pay(api, code)).status == 201
    assert (await api.post("/v1/payments", api.ana, {"order": order})).status == 200
    assert (await api.post("/v1/payments", api.bo, {"order": order})).verdict == (409, "order_paid")


async def test_a_frozen_shop_is_paid_by_no_code_of_its_terminals(home: House) -> None:
    """Whatever they signed."""
    api, till = home.api, await Till(home).certified()
    shop = id_from_text("mer_", api.demo.merchant.id)
    assert shop is not None
    await merchants.set_status(home.core, shop, "frozen", Act("Lin", "A court order"))
    await asyncio.sleep(0.2)
    async with nothing_moves_of_ana(api):
        assert (await pay(api, till.code(100))).verdict == (409, "account_frozen")
    await merchants.set_status(home.core, shop, "active", Act("Lin", "It was lifted"))


class nothing_moves_of_ana:  # noqa: N801 - reads like nothing_moves; a frozen shop's own key does not count
    def __init__(self, api: Api) -> None:
        self.api = api

    async def __aenter__(self) -> None:
        self.before = await self.api.available(self.api.ana)

    async def __aexit__(self, *_: object) -> None:
        assert await self.api.available(self.api.ana) == self.before
