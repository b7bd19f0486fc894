"""Reading one's events: from the log by number, and live from the hub."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Final

from qrpay.background import store
from qrpay.background.model import Event
from qrpay.background.telling import event_id, find, told
from qrpay.features.events.model import PREFIX
from qrpay.values import Id, id_from_text

if TYPE_CHECKING:
    from qrpay.core import Core

PAGE: Final = 100
"""Events of the log read at once for a stream that resumes."""


async def place(core: "Core", receiver: Id, text: str) -> int | None:
    """The number behind `evt_…` in this receiver's log; None when it is no event of theirs."""
    event = id_from_text(PREFIX, text)
    logged = None if event is None else await find(core, receiver, event)
    return None if logged is None else logged.seq


async def poll(core: "Core", receiver: Id, after: int, limit: int, wait_s: float) -> Sequence[Event]:
    """The receiver's events after a number; when there is none yet, wait up to `wait_s` for the next."""
    with core.hub.subscribe(receiver) as subscription:
        logged = await store.events_of(core.database, receiver, after, limit)
        if logged or not wait_s:
            return await told(core, logged)
        try:
            async with asyncio.timeout(wait_s):
                await subscription.queue.get()
        except TimeoutError:
            return ()
        return await told(core, await store.events_of(core.database, receiver, after, limit))


async def latest(core: "Core", receiver: Id) -> tuple[int, Id] | None:
    """The number and the id of the receiver's latest event."""
    logged = await store.latest_of(core.database, receiver)
    return None if logged is None else (logged.seq, event_id(core.vault, receiver, logged.seq, logged.created_at))


async def missed(core: "Core", receiver: Id, after: int) -> AsyncIterator[Sequence[Event]]:
    """Everything the log holds for this receiver after a number, a page at a time."""
    while logged := await store.events_of(core.database, receiver, after, PAGE):
        yield await told(core, logged)
        after = logged[-1].seq
