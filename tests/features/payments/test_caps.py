"""Caps at the door: what a payer is told, what the PIN changes, and one person with several accounts."""

import asyncio
from collections.abc import Mapping
from typing import Any

from qrpay.database.pool import Database
from qrpay.features.e_accounts import service as e_accounts
from qrpay.ledger.caps import bank_day, resets_at
from qrpay.ledger.limits import CapKind, NewCap
from qrpay.values import Id, id_from_text, id_text, rfc3339
from tests.features.served import CNY
from tests.web.house import House, house
from tests.web.world import Said, nothing_moves, verdicts


def ids(home: House) -> tuple[Id, Id]:
    """Ana, and her first account."""
    ana = home.api.demo.customers[0]
    customer, account = id_from_text("cus_", ana.id), id_from_text("acc_", ana.account)
    assert customer is not None and account is not None
    return customer, account


async def set_day(home: House, account: Id, amount: int) -> None:
    """A cap of the day for this account alone, from today on."""
    cap = NewCap(CNY, CapKind.DAY, amount, bank_day(home.clock()), "the test", account=account)
    assert await home.core.ledger.set_cap(cap)


async def limits(home: House, account: Id) -> Mapping[str, Any]:
    """What the account says of its limits."""
    said = await home.api.get(f"/v1/accounts/{id_text('acc_', account)}", home.api.ana)
    assert said.status == 200
    found: Mapping[str, Any] = said.json["limits"]
    return found


async def test_until_the_cap_of_the_day_and_what_the_refusal_says(database: Database) -> None:
    """It names the rule, its figures, what would pass and when it begins anew; the account says the same."""
    async with house(database, balance=10_000, caps=None) as home:
        api, (_, account) = home.api, ids(home)
        await set_day(home, account, 2_500)
        assert [(await api.pay(api.ana, await api.order(amount=1_000))).status for _ in range(2)] == [201, 201]
        third, rest = await api.order(amount=1_000), await api.order(amount=500)

        async with nothing_moves(api):
            refused = await api.pay(api.ana, third)

        midnight = resets_at(CapKind.DAY, home.clock())
        assert refused.verdict == (422, "cap_exceeded") and midnight is not None
        figures = {name: refused.json[name] for name in ("rule", "limit", "used", "left", "passes", "resets_at")}
        assert figures == {
            "rule": "day", "limit": 2_500, "used": 2_000, "left": 500, "passes": 500, "resets_at": rfc3339(midnight),
        }  # fmt: skip
        day = (await limits(home, account))["day"]
        assert day == {name: figures[name] for name in ("limit", "used", "left", "resets_at")}
        assert (await api.pay(api.ana, rest)).status == 201, "what the refusal called passing passes"
        assert (await limits(home, account))["day"]["left"] == 0
        # A till learns which rule and until when, and nothing of the payer's figures.
        async with nothing_moves(api):
            till = await api.report(api.shop, await api.digits(api.ana), 1)
        assert (*till.verdict, till.json["rule"], till.json["resets_at"]) == (
            422,
            "cap_exceeded",
            "day",
            day["resets_at"],
        )
        assert not {"limit", "used", "left", "passes"} & set(till.json)


async def test_the_pin_lifts_a_payment_into_class_b(database: Database) -> None:
    """Without it 1,000.00 may be paid in a day (class C), with it 5,000.00 (class B); each is counted apart."""
    async with house(database, balance=700_000, caps=None) as home:
        api, (_, account) = home.api, ids(home)
        pin = api.demo.customers[0].pin
        for amount in (60_000, 40_000):
            assert (await api.pay(api.ana, await api.order(amount=amount))).status == 201
        order = await api.order(amount=1)

        async with nothing_moves(api):
            refused = await api.pay(api.ana, order)
            wrong = await api.pay(api.ana, order, pin="111111")
        lifted = await api.pay(api.ana, order, pin=pin)

        assert (*refused.verdict, refused.json["rule"]) == (422, "cap_exceeded", "code_c")
        assert (refused.json["limit"], refused.json["left"], refused.json["passes"]) == (100_000, 0, 0)
        assert wrong.verdict == (422, "pin_wrong")
        assert lifted.status == 201
        assert (await api.pay(api.ana, order)).status == 200, "it stands, with the PIN or without"
        codes = (await limits(home, account))["codes"]
        assert (codes["c"]["used"], codes["b"]["used"]) == (100_000, 1)
        assert (await api.pay(api.ana, await api.order(amount=499_999), pin=pin)).status == 201
        refused = await api.pay(api.ana, await api.order(amount=1), pin=pin)
        assert (*refused.verdict, refused.json["rule"]) == (422, "cap_exceeded", "code_b")


async def test_accounts_of_one_customer_share_their_cap_from_the_moment_they_are_opened(database: Database) -> None:
    """Two more are opened while the first pays; all three pay at once, and together reach the cap, no fen more."""
    async with house(database, balance=100_000, caps=None) as home:
        api, (customer, first) = home.api, ids(home)
        await set_day(home, first, 50_000)
        opened: list[Id] = [first]

        async def pays(account: Id) -> list[Said]:
            orders = [await api.order(amount=1_000) for _ in range(30)]
            return list(await asyncio.gather(*(api.pay(api.ana, o, account=id_text("acc_", account)) for o in orders)))

        async def opens() -> list[Said]:
            account = (await e_accounts.open_account(home.core, customer, "II", "CNY")).id
            opened.append(account)
            await e_accounts.top_up(home.core, account, 100_000, "R1")
            return await pays(account)

        answers = [said for part in await asyncio.gather(pays(first), opens(), opens()) for said in part]

        assert verdicts(answers) == [(201, "")] * 50 + [(422, "cap_exceeded")] * 40
        for account in opened:
            said = await limits(home, account)
            assert (said["shared"], said["day"]["limit"], said["day"]["used"]) == (True, 50_000, 50_000)
            assert said["codes"]["c"]["used"] == 50_000
        balances = [one["balance"]["available"] for one in (await api.get("/v1/accounts", api.ana)).json["data"]]
        assert sum(balances) == 250_000
