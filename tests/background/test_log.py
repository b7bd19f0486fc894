"""The log: in commit order, without a gap, each thing once, whoever dies in between."""

import asyncio
from collections.abc import Sequence

import asyncpg
import pytest

from qrpay.background import store
from qrpay.background.log import LogWriter
from qrpay.background.model import EventSource, Noted, Tail
from qrpay.background.outbox import announce
from qrpay.core import Core
from qrpay.ledger.chart import TransferCode
from qrpay.ledger.model import Transfer
from qrpay.values import claim, new_id
from tests.background.world import (
    CNY,
    announcement,
    emptied,
    log_of,
    open_shop,
    paid,
    refunded,
    sales,
    until_free,
    until_logged,
    waiting_in_outbox,
    working,
)


def writer_of(core: Core, *sources: EventSource) -> LogWriter:
    """A log writer nobody listens to."""
    return LogWriter(core, sources or [paid], lambda _last: None)


async def test_every_payment_is_told_once_in_commit_order_without_a_gap(fresh_core: Core) -> None:
    """300 payments at once, written in several batches: numbers 1 to 600, in the order the ledger reads them."""
    shop = await open_shop(fresh_core)
    writer = writer_of(fresh_core)
    for _ in range(3):
        await shop.pay_many(100)
        await emptied(fresh_core, writer)

    events = await log_of(fresh_core)
    transfers, _ = await fresh_core.ledger.tail("", 1_000)
    order = [posted.id for posted in transfers if posted.code == TransferCode.PAYMENT]

    assert [event.seq for event in events] == list(range(1, 601))
    assert [event.about for event in events if event.type == "order.paid"] == order
    assert [event.about for event in events if event.type == "payment.succeeded"] == order
    assert await fresh_core.database.fetch(store.STATEMENTS.the_event_log_has_no_gap) == []


async def test_a_writer_that_commits_late_is_waited_for(fresh_core: Core, fresh_dsn: str) -> None:
    """While an older transaction runs, nothing that began after it is told; then everything is, nothing skipped."""
    shop = await open_shop(fresh_core)
    writer = writer_of(fresh_core)
    await emptied(fresh_core, writer)
    stalled = await asyncpg.connect(fresh_dsn)
    transaction = stalled.transaction()
    await transaction.start()
    await stalled.fetchval("SELECT pg_current_xact_id()")

    order = await shop.pay()
    assert await writer.step() == 0
    assert await log_of(fresh_core) == []
    assert await store.held_back_s(fresh_core.database) > 0

    await transaction.commit()
    await stalled.close()
    await emptied(fresh_core, writer)
    assert [event.about for event in await log_of(fresh_core)] == [order, order]
    assert await store.held_back_s(fresh_core.database) == 0


async def test_of_two_writers_one_is_fenced_off(fresh_core: Core) -> None:
    """Two that believe to lead tell nothing twice: the second finds the cursor moved and writes nothing."""
    shop = await open_shop(fresh_core)
    first, second = writer_of(fresh_core), writer_of(fresh_core)
    await emptied(fresh_core, first)
    await second.step()
    await shop.pay_many(50)
    await until_free(fresh_core)

    answers = await asyncio.gather(first.step(), second.step(), return_exceptions=True)

    assert sum(isinstance(answer, store.CursorMovedError) for answer in answers) == 1
    assert [event.seq for event in await log_of(fresh_core)] == list(range(1, 101))


async def test_a_batch_that_dies_half_way_is_noted_again_and_told_once(fresh_core: Core) -> None:
    """A feature that fails while it notes leaves no event, no hole and no moved cursor."""
    shop = await open_shop(fresh_core)
    await shop.pay_many(5)
    await until_free(fresh_core)
    failing = True

    async def note(core: Core, tail: Tail) -> Sequence[Noted]:
        if failing:
            raise RuntimeError("the disk is full")
        return await paid.note(core, tail)

    writer = writer_of(fresh_core, EventSource(paid.codes, paid.types, note, paid.tell))
    with pytest.raises(RuntimeError, match="disk is full"):
        await writer.step()
    assert await log_of(fresh_core) == []

    failing = False
    await writer.step()
    assert [event.seq for event in await log_of(fresh_core)] == list(range(1, 11))


async def test_what_is_announced_is_told_if_its_transaction_commits(fresh_core: Core) -> None:
    """An announcement rolled back was never made; one made twice under one id is told once."""
    writer, about, receiver = writer_of(fresh_core), new_id(), new_id()
    with pytest.raises(RuntimeError):
        async with fresh_core.database.transaction() as transaction:
            await announce(fresh_core, [announcement(receiver, new_id(), fresh_core)], transaction)
            raise RuntimeError("changed my mind")
    async with fresh_core.database.transaction() as transaction:
        await announce(fresh_core, [announcement(receiver, about, fresh_core)], transaction)
    await announce(fresh_core, [announcement(receiver, about, fresh_core)])

    await emptied(fresh_core, writer)

    assert [(event.seq, event.about) for event in await log_of(fresh_core)] == [(1, about)]
    assert await waiting_in_outbox(fresh_core) == 0

    await announce(fresh_core, [announcement(receiver, about, fresh_core)])
    await emptied(fresh_core, writer)
    assert len(await log_of(fresh_core)) == 1


async def test_announcements_and_payments_stand_in_the_order_they_happened(fresh_core: Core) -> None:
    """Please confirm, paid, and what came of it: one story, whichever of them is written by whom."""
    shop = await open_shop(fresh_core)
    orders = [new_id() for _ in range(20)]
    for order in orders:
        await announce(fresh_core, [announcement(shop.customer, order, fresh_core)])
        await shop.pay(order)
        await announce(fresh_core, [announcement(shop.customer, order, fresh_core, "payment.thanks")])

    await emptied(fresh_core, writer_of(fresh_core))

    mine = [event for event in await log_of(fresh_core) if event.receiver == shop.customer]
    story = ["payment.confirm", "payment.succeeded", "payment.thanks"]
    assert [(event.about, event.type) for event in mine] == [(order, type_) for order in orders for type_ in story]


async def test_sources_of_one_batch_are_merged_in_the_order_of_the_ledger(fresh_core: Core) -> None:
    """Paid, then refunded: two sources, one order."""
    shop = await open_shop(fresh_core)
    for _ in range(10):
        order = await shop.pay()
        back = Transfer(claim("refund", order, 1), shop.merchant, shop.customer, 1_00, TransferCode.REFUND, CNY, order)
        await fresh_core.ledger.post(back)

    await emptied(fresh_core, writer_of(fresh_core, refunded, paid))

    types = [event.type for event in await log_of(fresh_core) if event.receiver == shop.merchant]
    assert types == ["order.paid", "order.refunded"] * 10


async def test_news_is_in_the_log_within_a_moment(fresh_core: Core) -> None:
    """From the commit of a payment to its event takes well under a second, on a machine that is busy testing."""
    shop = await open_shop(fresh_core)
    async with working(fresh_core, sales):
        await until_logged(fresh_core, 0)
        await shop.pay()
        events = await until_logged(fresh_core, 2)
        lag_s = (fresh_core.clock() - events[0].created_at).total_seconds()
    assert lag_s < 1.0
