"""Anything by any id, with one timeline; nobody in full; and who looked."""

from typing import Any

from qrpay.features.e_accounts import service as e_accounts
from qrpay.features.e_accounts.model import NO_CAPS, NewCustomer
from qrpay.values import id_text, new_id
from tests.features.people import signed_in
from tests.web.house import House
from tests.web.world import fresh


async def test_an_order_is_found_by_id_and_reference_with_all_that_happened(desk: House) -> None:
    """Opened, paid, given back: story and ledger in one line of time; from it to the refund, the shop, the terminal."""
    auditor, api = await signed_in(desk.core, "auditor"), desk.api

    async def search(text: str) -> Any:
        said = await api.get(f"/v1/operators/search?q={text}", headers=auditor.headers)
        assert said.status == 200, said.body
        return said.json

    order = await api.order(store=api.demo.merchant.store, terminal=api.demo.merchant.terminal)
    await api.pay(api.ana, order)
    refund = (
        await api.post(f"/v1/orders/{order['id']}/refunds", api.shop, {"reference": fresh("B"), "amount": 250})
    ).json
    found = await search(order["id"].lower())
    assert (await search(order["reference"]))["facts"] == found["facts"]
    assert [(one["en"], one["source"], one["detail"]) for one in found["timeline"][:3]] == [
        ("opened", "story", None), ("payment", "ledger", "12.50 CNY"), ("refund", "ledger", "2.50 CNY"),
    ]  # fmt: skip
    assert {"en": "Status", "zh": "状态", "value": "paid"} in found["facts"]
    assert set(found["related"]) == {api.demo.merchant.id, api.demo.merchant.store, api.demo.merchant.terminal}

    assert (await search(refund["reference"]))["id"] == refund["id"]
    assert order["id"] in (await search(refund["id"]))["related"]
    for id_ in (*found["related"], api.demo.customers[0].id, api.demo.customers[0].account):
        thing = await search(id_)
        assert thing["id"] == id_ and thing["facts"], id_
    account = await search(api.demo.customers[0].account)
    assert "payment" in {one["en"] for one in account["timeline"]}
    assert (await search("ord_" + "0" * 26))["id"] is None
    # Who looked stands in the log, and so in the next timeline.
    assert any(auditor.name in (one["detail"] or "") for one in (await search(order["id"]))["timeline"])


async def test_a_person_is_found_by_phone_and_shown_masked(desk: House) -> None:
    """Neither the answer nor the log holds name or number."""
    clerk, phone = await signed_in(desk.core, "clerk"), f"139{new_id().int % 10**8:08d}"
    opened = await e_accounts.add_customer(
        desk.core, NewCustomer(name="王小雨", phone=phone, pin="246810", caps=NO_CAPS)
    )
    said = await desk.api.get(f"/v1/operators/search?q={phone}", headers=clerk.headers)
    assert said.json["id"] == id_text("cus_", opened.customer.id)
    log = await desk.api.get(f"/v1/operators/acts?about={said.json['id']}", headers=clerk.headers)
    assert len(log.json["data"]) == 1
    for body in (said.body, log.body):
        assert phone.encode() not in body and "小雨".encode() not in body
