"""Telling: ids that are derived and still nobody else's, and events that say the same whenever they are read."""

import pytest

from qrpay.background.telling import event_id, find, told
from qrpay.core import Core
from qrpay.values import id_of, id_time_ms
from tests.background.world import log_of, logged_in, open_shop, sales, until_logged, working


async def test_an_id_leads_to_its_event_for_its_receiver_alone(fresh_core: Core) -> None:
    """Whichever of its 128 bits is altered, it leads nowhere; nor does it for another receiver."""
    shop = await open_shop(fresh_core)
    async with working(fresh_core, sales):
        await shop.pay_many(20)
        events = await until_logged(fresh_core, 40)
    for event in events:
        found = await find(fresh_core, event.receiver, event.id)
        assert found is not None and found.seq == event.seq
        other = shop.customer if event.receiver == shop.merchant else shop.merchant
        assert await find(fresh_core, other, event.id) is None
    mine = [event for event in events if event.receiver == shop.merchant]
    known = {event.id for event in mine}
    for bit in range(128):
        altered = id_of((mine[0].id.int ^ 1 << bit).to_bytes(16, "big"))
        assert altered in known or await find(fresh_core, shop.merchant, altered) is None


async def test_an_id_holds_its_time_and_hides_its_number(fresh_core: Core) -> None:
    """The first 48 bits are milliseconds; the rest says nothing of how many events there are."""
    shop = await open_shop(fresh_core)
    async with working(fresh_core, sales):
        await shop.pay_many(5)
        events = await until_logged(fresh_core, 10)
    assert all(id_time_ms(event.id) == int(event.created_at.timestamp() * 1_000) for event in events)
    assert all(event.id.version == 8 and event.id.int & (1 << 62) - 1 > 1_000_000 for event in events)
    at, vault = events[0].created_at, fresh_core.vault
    assert len({event_id(vault, shop.merchant, seq, at) for seq in range(1, 1_001)}) == 1_000


async def test_what_no_feature_tells_is_said_aloud(fresh_core: Core) -> None:
    """A release that does not know a type of event fails, instead of telling nothing in its place."""
    shop = await open_shop(fresh_core)
    async with working(fresh_core, sales):
        await shop.pay()
        await until_logged(fresh_core, 2)
    logged = await logged_in(fresh_core)
    assert [event.type for event in await log_of(fresh_core)] == [one.type for one in logged]
    fresh_core.sources.clear()
    with pytest.raises(LookupError, match=r"order\.paid"):
        await told(fresh_core, logged)
