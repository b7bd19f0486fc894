"""Stores, terminals, staff and keys over HTTP: paired once, held in by role, store and address, taken away at once."""

import asyncio
from typing import Any

import pytest

from qrpay.features.merchants.service import may_refund
from qrpay.problem import Refused
from qrpay.values import new_id
from qrpay.web.callers import Bounds, Merchant, Role
from tests.web.world import Api, fresh


async def a_store(api: Api) -> tuple[str, str]:
    """A new store of the shop with one terminal."""
    store = await api.post("/v1/stores", api.shop, {"name": "Side", "code": fresh("S")[:25]})
    assert store.status == 201, store.body
    at = store.json["id"]
    terminal = await api.post(f"/v1/stores/{at}/terminals", api.shop, {"name": "Till 7", "code": "T7"})
    assert terminal.status == 201, terminal.body
    return at, terminal.json["id"]


async def a_till(api: Api) -> dict[str, Any]:
    """A paired terminal in a new store."""
    _, terminal = await a_store(api)
    code = (await api.post(f"/v1/terminals/{terminal}/pairing-codes", api.shop)).json["code"]
    paired = await api.post("/v1/pairings", None, {"code": code})
    assert paired.status == 201, paired.body
    return dict(paired.json)


async def somebody(api: Api, till: dict[str, Any], **said: Any) -> tuple[str, dict[str, Any]]:
    """Somebody of the staff, signed in at the till: their key, and who they are."""
    number = str(new_id().int % 10**6)
    taken = await api.post("/v1/staff", api.shop, {"number": number, "name": "Wang", **said})
    assert taken.status == 201, taken.body
    session = await api.post("/v1/staff-sessions", till["secret_key"], {"number": number, "code": taken.json["code"]})
    assert session.status == 201, session.body
    return session.json["secret_key"], {**taken.json, **session.json}


async def test_of_two_devices_that_bring_one_code_one_is_paired(api: Api) -> None:
    """A pairing code works once, typed with any case or dashes; the next one ends the device before it."""
    _, terminal = await a_store(api)
    offer = (await api.post(f"/v1/terminals/{terminal}/pairing-codes", api.shop)).json
    typed = offer["code"].replace("-", "").lower()

    said = await asyncio.gather(*(api.post("/v1/pairings", None, {"code": typed}) for _ in range(2)))

    [paired] = [one for one in said if one.status == 201]
    assert [one.code for one in said if one.status != 201] == ["pairing_code_unknown"]
    assert paired.json["terminal"] == terminal
    key = paired.json["secret_key"]
    assert (await api.get("/v1/merchant", key)).json["stores"][0]["terminals"][0]["id"] == terminal

    again = (await api.post(f"/v1/terminals/{terminal}/pairing-codes", api.shop)).json["code"]
    assert (await api.post("/v1/pairings", None, {"code": again})).status == 201
    keys = (await api.get("/v1/keys", api.shop)).json["data"]
    of_terminal = [one["revoked_at"] is None for one in keys if one["terminal"] == terminal]
    assert of_terminal == [False, True]


async def test_a_till_sells_in_its_own_store_and_sees_no_other(api: Api) -> None:
    """Another store's order is unknown to it by id, by reference and in lists, and cannot be closed by it."""
    till, other = await a_till(api), await a_till(api)
    key = till["secret_key"]
    made = await api.post("/v1/orders", key, {"reference": fresh(), "amount": 500, "currency": "CNY"})
    assert made.status == 201, made.body
    order = made.json
    assert (order["store"], order["terminal"]) == (till["store"], till["terminal"])
    away = await api.order(700, store=other["store"])

    for path in (away["id"], f"ref:{away['reference']}"):
        assert (await api.get(f"/v1/orders/{path}", key)).verdict == (404, "not_found")
        assert (await api.post(f"/v1/orders/{path}/close", key)).verdict == (404, "not_found")
    assert (await api.get(f"/v1/orders/{away['id']}/code.svg", key)).status == 404
    assert (await api.get(f"/v1/orders/{away['id']}", api.shop)).json["status"] == "open"
    assert [one["id"] for one in (await api.get("/v1/orders", key)).json["data"]] == [order["id"]]
    assert (await api.get(f"/v1/orders?store={other['store']}", key)).json["data"] == []
    assert (await api.get(f"/v1/orders?reference={away['reference']}", key)).json["data"] == []

    reused = await api.post("/v1/orders", key, {"reference": away["reference"], "amount": 1, "currency": "CNY"})
    assert (reused.verdict, reused.places) == ((409, "reference_reused"), [])
    for name in ("store", "terminal"):
        body = {"reference": fresh(), "amount": 1, "currency": "CNY", name: other[name]}
        assert (await api.post("/v1/orders", key, body)).places == [f"/{name}"]


async def test_a_till_charges_codes_and_manages_nothing(api: Api) -> None:
    """It reports scans for its own terminal; keys, staff, stores, endpoints, balance and events are not its own."""
    till = await a_till(api)
    key = till["secret_key"]
    scan = {"scanned": await api.digits(api.ana), "reference": fresh(), "amount": 300, "currency": "CNY"}
    paid = await api.post("/v1/callbacks/scan", key, scan)
    assert (paid.json["status"], paid.json["terminal"]) == ("paid", till["terminal"])

    for method, path, body in (
        ("POST", "/v1/keys", {}),
        ("GET", "/v1/keys", None),
        ("POST", "/v1/staff", {"number": "1", "name": "Me"}),
        ("POST", "/v1/stores", {"name": "Mine", "code": "X"}),
        ("POST", f"/v1/terminals/{till['terminal']}/pairing-codes", None),
        ("POST", "/v1/webhook-endpoints", {"url": "https://example.org/"}),
        ("GET", "/v1/balance", None),
        ("GET", "/v1/events", None),
    ):
        assert (await api.call(method, path, key, body)).verdict == (403, "forbidden"), path


async def test_another_merchant_has_no_say_over_stores_terminals_staff_and_keys(api: Api) -> None:
    """Whatever is another's is unknown (rules.md 9, row 51)."""
    till = await a_till(api)
    _, person = await somebody(api, till)
    made = (await api.post("/v1/keys", api.shop, {"name": "books", "role": "reader"})).json

    for method, path, body in (
        ("POST", f"/v1/stores/{till['store']}/terminals", {"name": "Mine", "code": "M"}),
        ("POST", f"/v1/terminals/{till['terminal']}/pairing-codes", None),
        ("POST", f"/v1/terminals/{till['terminal']}/unpair", None),
        ("POST", f"/v1/keys/{made['id']}/rotate", None),
        ("POST", f"/v1/keys/{made['id']}/revoke", None),
        ("POST", f"/v1/staff/{person['id']}", {"role": "manager"}),
        ("DELETE", f"/v1/staff/{person['id']}", None),
    ):
        assert (await api.call(method, path, api.other_shop, body)).verdict == (404, "not_found"), path
    foreign = await api.post("/v1/staff", api.other_shop, {"number": "9", "name": "Li", "store": till["store"]})
    assert foreign.places == ["/store"]
    assert person["id"] not in str((await api.get("/v1/staff", api.other_shop)).json)


async def test_staff_signs_in_by_code_and_is_locked_after_wrong_ones(api: Api) -> None:
    """Five wrong codes lock the number; a new code unlocks it; whoever leaves is signed out."""
    till = await a_till(api)
    key, person = await somebody(api, till, role="cashier", refund_max=2_000)
    assert person["role"] == "cashier"
    assert (await api.get("/v1/orders", key)).status == 200
    assert (await api.get("/v1/balance", key)).verdict == (403, "forbidden")

    wrong = "000000" if person["code"] != "000000" else "111111"
    number = {"number": person["number"]}
    for _ in range(5):
        said = await api.post("/v1/staff-sessions", till["secret_key"], {**number, "code": wrong})
        assert said.verdict == (422, "staff_code_wrong")
    locked = await api.post("/v1/staff-sessions", till["secret_key"], {**number, "code": person["code"]})
    assert locked.verdict == (429, "staff_locked")

    renewed = (await api.post(f"/v1/staff/{person['id']}", api.shop, {"renew_code": True})).json
    assert (renewed["locked_until"], renewed["refund_max"]) == (None, 2_000)
    session = await api.post("/v1/staff-sessions", till["secret_key"], {**number, "code": renewed["code"]})
    assert session.status == 201
    assert (await api.post("/v1/staff-sessions/end", session.json["secret_key"])).status == 204
    unpaired = await api.post("/v1/staff-sessions", api.shop, {**number, "code": renewed["code"]})
    assert unpaired.verdict == (403, "terminal_needed")
    assert (await api.call("DELETE", f"/v1/staff/{person['id']}", api.shop)).status == 204
    gone = await api.post("/v1/staff-sessions", till["secret_key"], {**number, "code": renewed["code"]})
    assert gone.verdict == (422, "staff_code_wrong")


async def test_somebody_of_one_store_does_not_sign_in_at_another(api: Api) -> None:
    """They are unknown there, whatever code they type."""
    till, other = await a_till(api), await a_till(api)
    _, person = await somebody(api, till, store=till["store"])

    said = await api.post(
        "/v1/staff-sessions", other["secret_key"], {"number": person["number"], "code": person["code"]}
    )

    assert said.verdict == (422, "staff_code_wrong")


async def test_a_key_is_held_in_by_role_and_address(api: Api) -> None:
    """A reader changes nothing; a key of another network is refused; what is no network is not taken."""
    reader = (await api.post("/v1/keys", api.shop, {"role": "reader", "networks": ["127.0.0.1"]})).json
    assert reader["networks"] == ["127.0.0.1/32"]
    assert (await api.get("/v1/balance", reader["secret_key"])).status == 200
    body = {"reference": fresh(), "amount": 1, "currency": "CNY"}
    assert (await api.post("/v1/orders", reader["secret_key"], body)).verdict == (403, "forbidden")

    away = (await api.post("/v1/keys", api.shop, {"networks": ["10.0.0.0/8", "2001:db8::/32"]})).json
    assert (await api.get("/v1/balance", away["secret_key"])).verdict == (403, "forbidden")
    bad = await api.post("/v1/keys", api.shop, {"networks": ["10.0.0.1/8"]})
    assert bad.places == ["/networks/0"]
    assert "secret_key" not in str((await api.get("/v1/keys", api.shop)).json)


async def test_a_key_is_rotated_with_overlap(api: Api) -> None:
    """Old and new both work for the overlap, the new one with the same bounds; an ended key is not rotated."""
    old = (await api.post("/v1/keys", api.shop, {"role": "reader", "name": "books"})).json

    new = await api.post(f"/v1/keys/{old['id']}/rotate", api.shop, {"overlap": 600})

    assert (new.status, new.json["role"], new.json["name"]) == (201, "reader", "books")
    for key in (old, new.json):
        assert (await api.get("/v1/balance", key["secret_key"])).status == 200
    listed = {one["id"]: one for one in (await api.get("/v1/keys", api.shop)).json["data"]}
    assert listed[old["id"]]["expires_at"] is not None
    assert (await api.post(f"/v1/keys/{old['id']}/revoke", api.shop)).json["revoked_at"] is not None
    assert (await api.post(f"/v1/keys/{old['id']}/rotate", api.shop)).verdict == (409, "key_ended")


@pytest.mark.parametrize(
    ("role", "refund_max", "amount", "allowed"),
    [
        ("owner", None, 10**9, True),
        ("manager", None, 10**9, True),
        ("manager", 500, 501, False),
        ("cashier", 500, 500, True),
        ("cashier", 500, 501, False),
        ("cashier", None, 1, False),
        ("terminal", None, 1, False),
        ("reader", None, 1, False),
    ],
)  # fmt: skip
def test_who_may_give_back_how_much(role: Role, refund_max: int | None, amount: int, allowed: bool) -> None:
    """The limit is what one order gives back through somebody in all."""
    caller = Merchant(new_id(), new_id(), True, Bounds(role, refund_max=refund_max))
    if allowed:
        may_refund(caller, amount)
        return
    with pytest.raises(Refused, match="refund_above_limit"):
        may_refund(caller, amount)


async def test_nobody_locks_themselves_out(api: Api) -> None:
    """The key that calls does not end itself; rotated, it goes on for an hour at least."""
    made = (await api.post("/v1/keys", api.shop, {})).json
    key = made["secret_key"]

    for path, body in (("revoke", None), ("rotate", {"overlap": 0})):
        assert (await api.post(f"/v1/keys/{made['id']}/{path}", key, body)).verdict == (409, "key_calling")
    assert (await api.post(f"/v1/keys/{made['id']}/rotate", key, {"overlap": 3_600})).status == 201
    assert (await api.get("/v1/balance", key)).status == 200
