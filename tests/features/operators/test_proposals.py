"""Freezing with a reason and an end, by two; another role, by two administrators."""

from datetime import timedelta
from typing import Any

from qrpay.features.operators import proposals
from qrpay.values import rfc3339
from tests.features.people import Person, signed_in
from tests.web.house import House


async def decided(desk: House, proposal: dict[str, Any], by: Person, verdict: str = "approve") -> str:
    """The verdict, or why there is none."""
    said = await desk.api.post(proposal["review"], body={"verdict": verdict, "reason": "looked at"}, headers=by.headers)
    return said.code or str(said.json["verdict"])


async def test_a_merchant_is_frozen_by_two_and_free_again_at_the_end(desk: House) -> None:
    """Nothing happens before the second one agrees; then its key and its money stand still, until the time is over."""
    clerk, approver = await signed_in(desk.core, "clerk"), await signed_in(desk.core, "approver")
    shop, api = desk.api.demo.merchant, desk.api
    until = rfc3339(desk.clock() + timedelta(hours=2))
    ask = {"subject": shop.id, "reason": "complaints", "until": until}
    path = "/v1/operators/freezes"

    for wrong in ({"until": "2020-01-01T00:00:00Z"}, {"until": "2090-01-01T00:00:00Z"}):
        said = await api.post(path, body={**ask, **wrong}, headers=clerk.headers)
        assert said.verdict == (422, "freeze_end_refused")
    nobody = {**ask, "subject": "mer_" + "0" * 26}
    assert (await api.post(path, body=nobody, headers=clerk.headers)).code == "not_found"

    proposal = (await api.post(path, body=ask, headers=clerk.headers)).json
    assert (await api.post(path, body=ask, headers=clerk.headers)).json == proposal  # sent again, the same
    other = await api.post(path, body={**ask, "reason": "more"}, headers=clerk.headers)
    assert other.verdict == (409, "proposal_waiting")
    order = await api.order()
    case = (await api.get(proposal["review"], headers=approver.headers)).json
    assert {"en": "Reason", "zh": "原因", "value": "complaints"} in case["facts"]

    assert await decided(desk, proposal, clerk) == "forbidden"
    assert await decided(desk, proposal, approver) == "approved"
    desk.clock.move(seconds=6)
    assert (await api.pay(api.ana, order)).code == "account_frozen"
    [frozen] = [
        line for line in (await api.get(path, headers=clerk.headers)).json["data"] if line["subject"] == shop.id
    ]
    assert (frozen["maker"], frozen["checker"], frozen["until"]) == (clerk.name, approver.name, until)
    assert (await api.post(path, body=ask, headers=clerk.headers)).code == "already_frozen"

    desk.clock.move(hours=2)
    await proposals.lift_what_is_over(desk.core)
    assert await proposals._state(desk.core, shop.id) == "active"
    assert (await api.pay(api.ana, await api.order())).status == 201


async def test_a_stolen_terminal_is_taken_away_and_nobody_becomes_it(desk: House) -> None:
    """Its key ends with the freeze, its open pairing code too; lifted by two, it can be paired anew."""
    maker, approver = await signed_in(desk.core, "approver"), await signed_in(desk.core, "approver")
    api, terminal = desk.api, desk.api.demo.merchant.terminal

    async def code() -> str:
        return str((await api.post(f"/v1/terminals/{terminal}/pairing-codes", api.shop)).json["code"])

    paired = (await api.post("/v1/pairings", body={"code": await code()})).json["secret_key"]
    assert (await api.get("/v1/merchant", paired)).status == 200
    open_code = await code()
    ask = {"subject": terminal, "reason": "stolen"}
    proposal = (await api.post("/v1/operators/freezes", body=ask, headers=maker.headers)).json
    assert await decided(desk, proposal, maker) == "own_proposal"
    assert await decided(desk, proposal, approver) == "approved"
    for tried in (open_code, await code()):
        assert (await api.post("/v1/pairings", body={"code": tried})).code == "pairing_code_unknown"
    frozen = proposal["id"]
    lift = (
        await api.post(f"/v1/operators/freezes/{frozen}/lift", body={"reason": "found"}, headers=maker.headers)
    ).json
    assert await decided(desk, lift, approver) == "approved"
    assert (await api.post("/v1/pairings", body={"code": await code()})).status == 201


async def test_a_role_is_given_by_two_administrators_and_counts_at_once(desk: House) -> None:
    """An approver cannot; a rejected one changes nothing; who leaves is out at once."""
    first, second = await signed_in(desk.core, "administrator"), await signed_in(desk.core, "administrator")
    clerk, approver, api = await signed_in(desk.core, "clerk"), await signed_in(desk.core, "approver"), desk.api
    [line] = [one for one in (await api.get("/v1/operators/people", headers=clerk.headers)).json["data"]
              if one["name"] == clerk.name]  # fmt: skip
    path = f"/v1/operators/people/{line['id']}"
    ask = {"role": "approver", "reason": "promoted"}
    assert (await api.post(f"{path}/role", body=ask, headers=approver.headers)).code == "forbidden"

    no = (await api.post(f"{path}/role", body=ask, headers=first.headers)).json
    assert await decided(desk, no, approver) == "forbidden"
    assert await decided(desk, no, second, "reject") == "rejected"
    yes = (await api.post(f"{path}/role", body=ask, headers=first.headers)).json
    assert await decided(desk, yes, second) == "approved"
    me = await api.get("/v1/operators/session", headers=clerk.headers)
    assert me.json["role"] == "approver"

    gone = await api.post(f"{path}/revoke", body={"reason": "left"}, headers=first.headers)
    assert gone.status == 204
    assert (await api.get("/v1/operators/session", headers=clerk.headers)).code == "unauthenticated"
