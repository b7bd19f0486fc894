"""Payments through a clearing house that runs as its own process, and misbehaves when it is told to."""

from pathlib import Path

import aiohttp
import pytest

from qrpay.core import Core
from qrpay.features.clearing import service
from qrpay.features.clearing.feature import feature
from qrpay.features.clearing.jobs import turn
from qrpay.features.clearing.model import NewInstruction, Party, Received, Report
from qrpay.ledger.chart import AccountCode, TransferCode
from qrpay.ledger.model import NewAccount, Transfer, TransferFlag
from qrpay.problem import Refused
from qrpay.values import TEST_LEDGERS, new_id
from tests.features.clearing.conftest import Sandbox, payout, sandbox, turns
from tests.features.clearing.test_iso20022 import ORDER


async def test_money_is_posted_by_the_booking_and_not_by_the_promise(core: Core, house: Sandbox) -> None:
    """As long as the house only promises, it is held; the house's own list agrees."""
    await house.behave(silent=True)
    promised = await payout(core)
    await turns(core, "accepted", promised)
    assert await promised.money() == (1_000, 500)

    await house.behave()
    paid = await payout(core)
    await turns(core, "settled", paid)
    assert await paid.money() == (500, 0)
    assert (await house.paid())[paid.id.hex] == 500


async def test_a_rejected_payment_gives_its_money_back_and_says_why(core: Core, house: Sandbox) -> None:
    """One of two in the same message: the other is paid."""
    closed, open_ = await payout(core, to="6217000000000404"), await payout(core)
    await turns(core, "rejected", closed)
    await turns(core, "settled", open_)
    assert (await closed.money(), await open_.money()) == ((1_000, 0), (500, 0))
    ended = {one.id: one for one in await service.ended(core, "test", 1_000)}
    assert (ended[closed.id].status, ended[closed.id].code) == ("rejected", "AC04")


async def test_whoever_asked_hears_once_how_it_ended(core: Core) -> None:
    """Note is taken in the transaction that does what follows."""
    paid = await payout(core)
    await turns(core, "settled", paid)
    mine = [one for one in await service.ended(core, "test", 1_000) if one.id == paid.id]
    async with core.database.transaction() as within:
        await service.heard(within, mine)
    assert [one.status for one in mine] == ["settled"]
    assert paid.id not in {one.id for one in await service.ended(core, "test", 1_000)}


async def test_answers_twice_and_out_of_order_move_money_once(core: Core, house: Sandbox) -> None:
    """The return stands before the booking, the booking before the promise, and all of them twice."""
    await house.behave(twice=True, shuffle=True)
    paid, back = await payout(core), await payout(core, to="6217000000000505")
    await turns(core, "settled", paid)
    await turns(core, "returned", back)
    for _ in range(3):
        await turn(core)
    assert (await paid.status(), await back.status()) == ("settled", "returned")
    assert (await paid.money(), await back.money()) == ((500, 0), (1_000, 0))


async def test_a_house_that_is_away_or_late_is_waited_for(core: Core, house: Sandbox) -> None:
    """The same document is sent again under the same number, and paid once."""
    await house.behave(away=True)
    paid = await payout(core)
    await turn(core)
    assert (await paid.status(), await paid.money()) == ("sent", (1_000, 500))

    await house.behave(late_s=0.3)
    core.clock.move(seconds=6)  # type: ignore[attr-defined] # the test's own clock
    await turn(core)
    assert await paid.status() == "sent"
    await turns(core, "settled", paid)
    assert await paid.money() == (500, 0)


async def test_a_booking_of_another_amount_moves_nothing(core: Core, house: Sandbox) -> None:
    """An operator decides, with what proves it."""
    await house.behave(wrong=True)
    strange = await payout(core)
    await turns(core, "disputed", strange)
    assert await strange.money() == (1_000, 500)

    decided = await service.decide(core, strange.id.hex, "booked", "letter 12, by ana")
    assert (decided.status, decided.reason) == ("settled", "letter 12, by ana")
    assert await strange.money() == (500, 0)


async def test_a_rejection_after_the_booking_is_disputed_and_gives_nothing_back(core: Core, house: Sandbox) -> None:
    """What is booked is booked."""
    await house.behave(relapse=True)
    strange = await payout(core)
    await turns(core, "disputed", strange)
    assert await strange.money() == (500, 0)


async def test_a_booking_after_a_rejection_is_put_right_by_a_correction_once(core: Core, house: Sandbox) -> None:
    """It was rejected and given back, then paid after all: an operator's decision takes the money again."""
    late = await payout(core, to="6217000000000404")
    await turns(core, "rejected", late)
    assert await late.money() == (1_000, 0)
    await service._believe(core, [Report("booked", late.id.hex, "", 500, "CNY", None, "")])
    assert (await late.status(), await late.money()) == ("disputed", (1_000, 0))

    for _ in range(2):
        decided = await service.decide(core, late.id.hex, "booked", "letter 13, by ana")
        assert (decided.status, decided.reason) == ("settled", "letter 13, by ana")
        assert await late.money() == (500, 0)
    for check in feature.checks:
        assert await core.database.fetch(check) == [], check.name


async def test_money_that_is_not_there_any_more_is_not_taken_again(core: Core, house: Sandbox) -> None:
    """It was given back and spent meanwhile: the operator is told what lacks, and nothing changes."""
    late = await payout(core, to="6217000000000404")
    await turns(core, "rejected", late)
    hold = (await core.ledger.lookup_transfers([late.id]))[late.id]
    spent = Transfer(new_id(), hold.debit, hold.credit, 600, TransferCode.REFUND, hold.ledger)
    assert (await core.ledger.post(spent)).result.stands

    with pytest.raises(Refused, match="payout_not_covered"):
        await service.decide(core, late.id.hex, "booked", "letter 14, by ana")
    assert (await late.status(), await late.money()) == ("rejected", (400, 0))


async def test_money_for_trying_never_reaches_the_house(core: Core) -> None:
    """A hold in a test ledger cannot be sent, whatever a feature asks for."""
    debit, credit, hold = new_id(), new_id(), new_id()
    ledger = 156 + TEST_LEDGERS
    await core.ledger.create_accounts([NewAccount(id, ledger, AccountCode.CLEARING) for id in (debit, credit)])
    held = Transfer(hold, debit, credit, 5, TransferCode.SETTLEMENT, ledger, flags=int(TransferFlag.PENDING))
    assert (await core.ledger.post(held)).result.stands
    new = NewInstruction(hold, hold, "test", "CNY", 5, Party("Shop", "6217001234567890", "102100099996"), "trying")
    with pytest.raises(AssertionError, match="money for trying"):
        async with core.database.transaction() as within:
            await service.instruct(core, "test", [new], within)
    assert await service.instructions(core, [hold]) == {}


async def test_what_cannot_be_read_or_is_not_ours_is_kept_and_changes_nothing(core: Core, house: Sandbox) -> None:
    """An operator finds both among the noted messages; what follows is read all the same."""
    stranger = await payout(core)
    await turns(core, "settled", stranger)
    async with core.database.transaction() as within:
        await service._keep(core, within, Received(0, b"<nonsense"))
    noted = await service.messages(core, only_noted=True, limit=100)
    assert any(one.status == "unreadable" and one.body == b"<nonsense" for one in noted)
    assert await stranger.money() == (500, 0)


async def test_a_house_that_was_killed_remembers_what_it_took(tmp_path: Path) -> None:
    """With --home: the same order again is no second payment, and its answers are still there."""

    async def given(url: str, after: int) -> list[bytes]:
        found: list[bytes] = []
        async with aiohttp.ClientSession() as session:
            while True:
                async with session.get(f"{url}/documents?after={after + len(found)}") as answer:
                    if answer.status == 204:
                        return found
                    found.append(await answer.read())

    for _ in range(2):
        async with sandbox("--home", str(tmp_path)) as house, aiohttp.ClientSession() as session:
            async with session.post(f"{house.url}/documents", data=ORDER) as answer:
                assert answer.status == 202
            async with session.post(f"{house.url}/documents", data=ORDER.replace(b"12.5", b"13.5")) as answer:
                assert answer.status in (409, 422)
            assert len(await given(house.url, 0)) == 2


async def test_the_invariants_hold(core: Core) -> None:
    """What was settled is posted, what was rejected is voided."""
    for check in feature.checks:
        assert await core.database.fetch(check) == [], check.name
