"""PINs: few tries, whoever tries and however many at once (rules.md 9, row 59)."""

import asyncio
from collections import Counter

import pytest

from qrpay.core import Core
from qrpay.features.e_accounts import pins, service
from qrpay.features.e_accounts.model import NewCustomer
from qrpay.problem import Refused
from qrpay.values import Id, new_id
from tests.features.conftest import HandClock

RIGHT, WRONG = "264813", "111111"


async def somebody(core: Core) -> Id:
    """A customer with the right PIN."""
    phone = f"139{new_id().int % 10**8:08}"
    return (await service.add_customer(core, NewCustomer("张三", phone, RIGHT))).customer.id


async def said(core: Core, customer: Id, pin: str) -> Refused | None:
    """The refusal of a try, or None when the PIN holds."""
    try:
        await pins.check(core, customer, pin)
    except Refused as refused:
        return refused
    return None


async def test_a_wrong_pin_says_how_many_tries_are_left_and_a_right_one_starts_anew(core: Core) -> None:
    """Four wrong, one right, and the count begins again."""
    customer = await somebody(core)
    for left in (4, 3, 2, 1):
        refused = await said(core, customer, WRONG)
        assert refused is not None
        assert (refused.problem.code, refused.figures["tries_left"]) == ("pin_wrong", left)

    assert await said(core, customer, RIGHT) is None

    refused = await said(core, customer, WRONG)
    assert refused is not None
    assert refused.figures["tries_left"] == 4


async def test_of_twenty_wrong_tries_at_once_five_learn_anything(core: Core) -> None:
    """The others are told that it is locked, and so is the right PIN from then on."""
    customer = await somebody(core)

    refusals = await asyncio.gather(*(said(core, customer, f"{guess:06}") for guess in range(20)))

    assert Counter(each.problem.code for each in refusals if each) == {"pin_wrong": 5, "pin_locked": 15}
    assert sorted(each.figures["tries_left"] for each in refusals if each and each.problem.code == "pin_wrong") == [
        0, 1, 2, 3, 4,
    ]  # fmt: skip
    locked = await said(core, customer, RIGHT)
    assert locked is not None
    assert locked.problem.code == "pin_locked"
    assert 890 <= int(locked.headers["Retry-After"]) <= 900
    assert locked.figures["until"].endswith("Z")


async def test_a_right_pin_among_a_locking_crowd_tells_nothing_after_the_lock(core: Core) -> None:
    """Whoever guesses a thousand PINs at once, the right one among them, gets five answers at most."""
    customer = await somebody(core)
    for _ in range(4):
        await said(core, customer, WRONG)

    await asyncio.gather(said(core, customer, "000001"), said(core, customer, "000002"))

    for _ in range(3):
        refused = await said(core, customer, RIGHT)
        assert refused is not None
        assert refused.problem.code == "pin_locked"


async def test_twenty_right_pins_at_once_all_hold(core: Core) -> None:
    """A busy customer is never locked out by being busy."""
    customer = await somebody(core)

    assert await asyncio.gather(*(said(core, customer, RIGHT) for _ in range(20))) == [None] * 20


async def test_a_lock_runs_out_and_the_count_begins_anew(core: Core, clock: HandClock) -> None:
    """After pin_lock_s there are five tries again, not one."""
    customer = await somebody(core)
    for _ in range(5):
        await said(core, customer, WRONG)
    clock.move(seconds=core.settings.pin_lock_s + 1)

    refused = await said(core, customer, WRONG)
    assert refused is not None
    assert refused.figures["tries_left"] == 4
    assert await said(core, customer, RIGHT) is None


async def test_two_customers_with_one_pin_have_nothing_alike_at_rest(core: Core) -> None:
    """Salted, bound to the customer, keyed: equal PINs cannot be seen to be equal, nor tried without the key."""
    one, other = await somebody(core), await somebody(core)
    rows = await core.database.fetch("SELECT phc FROM pins WHERE customer = ANY($1)", [one, other])
    assert len({row["phc"] for row in rows}) == 2
    assert all(row["phc"].startswith("$argon2id$v=19$m=19456,t=2,p=1$") for row in rows)

    await core.database.execute(
        "UPDATE pins SET phc = (SELECT phc FROM pins WHERE customer = $1) WHERE customer = $2", one, other
    )
    assert (refused := await said(core, other, RIGHT)) is not None
    assert refused.problem.code == "pin_wrong"


async def test_a_customer_without_a_pin_has_none_that_holds(core: Core) -> None:
    """Somebody who does not exist takes as long and gets a no."""
    refused = await said(core, new_id(), RIGHT)
    assert refused is not None
    assert refused.problem.code in {"pin_wrong", "pin_locked"}


async def test_more_pins_than_can_be_checked_are_told_to_come_back(core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    """The queue of hashes is bounded: beyond, 503 with Retry-After, and no try is counted."""
    customer = await somebody(core)
    monkeypatch.setattr(pins, "WAITING_MAX", 1)

    refusals = await asyncio.gather(*(said(core, customer, WRONG) for _ in range(4)))

    codes = Counter(each.problem.code for each in refusals if each)
    assert codes["overloaded"] >= 1
    assert codes["pin_wrong"] >= 1
    kept = await core.database.fetchval("SELECT tries FROM pins WHERE customer = $1", customer)
    assert kept == codes["pin_wrong"]
