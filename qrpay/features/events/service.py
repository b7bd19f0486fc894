"""Reading one's events: from the log by number, and live from the hub."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Final

from qrpay.background import store
from qrpay.background.model import Event
from qrpay.features.events.model import PREFIX
from qrpay.values import Id, id_from_text

if TYPE_CHECKING:
    from qrpay.core import Core

PAGE: Final = 100
"""Events of the log read at once for a stream that resumes."""


async def place(core: "Core", receiver: Id, text: str) -> int | None:
    """The number behind `evt_…` in this receiver's log; None when it is no event of theirs."""
    event = id_from_text(PREFIX, text)
    return None if event is None else await store.seq_of(core.database, receiver, event)


async def poll(core: "Core", receiver: Id, after: int, limit: int, wait_s: float) -> Sequence[Event]:
    """The receiver's events after a number; when there is none yet, wait up to `wait_s` for the next."""
    with core.hub.subscribe(receiver) as subscription:
        events = await store.events_of(core.database, receiver, after, limit)
        if events or not wait_s:
            return events
        try:
            async with asyncio.timeout(wait_s):
                await subscription.queue.get()
        except TimeoutError:
            return ()
        return await store.events_of(core.database, receiver, after, limit)


async def latest(core: "Core", receiver: Id) -> Event | None:
    """The receiver's latest event."""
    return await store.latest_of(core.database, receiver)


async def missed(core: "Core", receiver: Id, after: int) -> AsyncIterator[Sequence[Event]]:
    """Everything the log holds for this receiver after a number, a page at a time."""
    while events := await store.events_of(core.database, receiver, after, PAGE):
        yield events
        after = events[-1].seq
