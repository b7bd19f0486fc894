"""A shop and its customers on the real ledger, and a feature that tells their payments."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress

import msgspec

from qrpay.background import store
from qrpay.background.log import LogWriter
from qrpay.background.model import Event, EventSource, Logged, NewEvent, Noted, Tail
from qrpay.background.run import work
from qrpay.background.telling import told
from qrpay.core import Core
from qrpay.feature import Feature
from qrpay.ledger.chart import AccountCode, TransferCode
from qrpay.ledger.model import AccountFlag, NewAccount, Posted, Result, Transfer
from qrpay.values import Id, claim, encode, new_id

CNY = 156


class Shop:
    """One merchant and one customer with money. Their events go to the ids of their accounts."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self.merchant, self.customer, self.bank = new_id(), new_id(), new_id()

    async def pay(self, order: Id | None = None) -> Id:
        """Pay one order."""
        order = order or new_id()
        transfer = Transfer(order, self.customer, self.merchant, 1_00, TransferCode.PAYMENT, CNY)
        assert (await self.core.ledger.post(transfer)).result == Result.CREATED
        return order

    async def pay_many(self, count: int) -> Sequence[Id]:
        """Pay many orders at once."""
        return await asyncio.gather(*(self.pay() for _ in range(count)))


async def open_shop(core: Core) -> Shop:
    """A shop whose customer holds a million yuan, in a house that can tell of its sales."""
    shop = Shop(core)
    core.sources[:] = sales.events
    guarded = AccountFlag.DEBITS_MUST_NOT_EXCEED_CREDITS
    await core.ledger.create_accounts(
        [
            NewAccount(shop.bank, CNY, AccountCode.BANK_CASH),
            NewAccount(shop.customer, CNY, AccountCode.CUSTOMER, guarded),
            NewAccount(shop.merchant, CNY, AccountCode.MERCHANT, guarded),
        ]
    )
    top_up = Transfer(new_id(), shop.bank, shop.customer, 1_000_000_00, TransferCode.TOP_UP, CNY)
    assert (await core.ledger.post(top_up)).result == Result.CREATED
    return shop


async def _note(_core: Core, tail: Tail) -> Sequence[Noted]:
    noted: list[Noted] = []
    for place, code in enumerate(tail.codes):
        if code == TransferCode.PAYMENT:
            noted += [(place, "order.paid", tail.credits[place]), (place, "payment.succeeded", tail.debits[place])]
    return noted


async def _note_refunds(_core: Core, tail: Tail) -> Sequence[Noted]:
    return [
        (place, "order.refunded", tail.debits[place])
        for place, code in enumerate(tail.codes)
        if code == TransferCode.REFUND
    ]


async def _tell(_core: Core, events: Sequence[Logged], posted: Mapping[Id, Posted]) -> Sequence[msgspec.Raw]:
    amounts = [posted[event.transfer].amount for event in events if event.transfer is not None]
    return [msgspec.Raw(encode({"amount": amount, "currency": "CNY"})) for amount in amounts]


paid = EventSource(frozenset({TransferCode.PAYMENT}), frozenset({"order.paid", "payment.succeeded"}), _note, _tell)
refunded = EventSource(frozenset({TransferCode.REFUND}), frozenset({"order.refunded"}), _note_refunds, _tell)
sales = Feature(events=[paid, refunded])


def announcement(receiver: Id, about: Id, core: Core, type_: str = "payment.confirm") -> NewEvent:
    """An event that no transfer tells."""
    return NewEvent(claim(type_, about, receiver), type_, receiver, about, core.clock(), msgspec.Raw(b'{"please":1}'))


async def logged_in(core: Core) -> Sequence[Logged]:
    """The whole log."""
    rows = await core.database.fetch(
        "SELECT seq, type, receiver, about, transfer, created_at, data FROM events ORDER BY seq"
    )
    return [store.logged(*row) for row in rows]


async def log_of(core: Core) -> Sequence[Event]:
    """The whole log, told."""
    return await told(core, await logged_in(core))


async def until_logged(core: Core, count: int) -> Sequence[Event]:
    """The log, once it holds so many events."""
    async with asyncio.timeout(10):
        while len(events := await log_of(core)) < count:
            await asyncio.sleep(0.01)
    return events


async def until_free(core: Core) -> None:
    """Return once nothing is held back: transactions of other tests, on the same server, come first too."""
    async with asyncio.timeout(20):
        while await store.held_back_s(core.database):
            await asyncio.sleep(0.01)


async def waiting_in_outbox(core: Core) -> int:
    """How many announced events have not moved to the log."""
    count = await core.database.fetchval("SELECT count(*) FROM outbox WHERE data IS NOT NULL")
    assert isinstance(count, int)
    return count


async def emptied(core: Core, writer: LogWriter) -> None:
    """Step until nothing is left, neither in the ledger nor in the outbox."""
    await until_free(core)
    async with asyncio.timeout(20):
        while await writer.step() or await waiting_in_outbox(core):
            await asyncio.sleep(0.01)


@asynccontextmanager
async def working(core: Core, *features: Feature) -> AsyncIterator[None]:
    """The background at work, as the leader does it."""
    task = asyncio.create_task(work(core, features))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
