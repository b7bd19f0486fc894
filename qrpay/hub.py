"""Hub: who in this process waits for news of what. Ten thousand may wait; waiting asks the database nothing."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Generic, TypeVar

from qrpay.values import Id

BACKLOG_MAX: Final = 256
"""Items a slow subscriber may be behind; then it is cut off and resumes by its cursor."""

Item = TypeVar("Item")


class Watch:
    """One waiter for one thing."""

    __slots__ = ("_future", "_loop")

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._future: asyncio.Future[None] = self._loop.create_future()

    async def changed(self, timeout_s: float) -> bool:
        """Whether there was news within this time. News between `watch` and here is not missed."""
        done, _ = await asyncio.wait([self._future], timeout=timeout_s)
        if done:
            self._future = self._loop.create_future()
        return bool(done)

    def wake(self) -> None:
        if not self._future.done():
            self._future.set_result(None)


class Subscription(Generic[Item]):
    """One receiver's live items, in order. `cut` is true once it fell too far behind, or everything must re-read."""

    __slots__ = ("cut", "queue")

    def __init__(self) -> None:
        self.queue: asyncio.Queue[Item | None] = asyncio.Queue()
        self.cut = False

    def put(self, item: Item) -> None:
        if self.queue.qsize() >= BACKLOG_MAX:
            self.end()
        elif not self.cut:
            self.queue.put_nowait(item)

    def end(self) -> None:
        if not self.cut:
            self.cut = True
            self.queue.put_nowait(None)


class Hub(Generic[Item]):
    """Watches by thing, subscriptions by receiver."""

    def __init__(self) -> None:
        self._watches: defaultdict[Id, set[Watch]] = defaultdict(set)
        self._subscriptions: defaultdict[Id, set[Subscription[Item]]] = defaultdict(set)
        self.waiting = 0
        self.closed = False

    @contextmanager
    def watch(self, about: Id) -> Iterator[Watch]:
        """Watch one thing. Enter first, read its state second, then wait: nothing falls in between."""
        watch = Watch()
        self._watches[about].add(watch)
        self.waiting += 1
        try:
            yield watch
        finally:
            self.waiting -= 1
            self._drop(self._watches, about, watch)

    @contextmanager
    def subscribe(self, receiver: Id) -> Iterator[Subscription[Item]]:
        """Hear a receiver's items from now on."""
        subscription = Subscription[Item]()
        self._subscriptions[receiver].add(subscription)
        self.waiting += 1
        try:
            yield subscription
        finally:
            self.waiting -= 1
            self._drop(self._subscriptions, receiver, subscription)

    def wake(self, about: Id) -> None:
        """There is news about this thing."""
        if self._watches:  # an id keeps its hash once it was asked for, 80 bytes: not for nobody
            for watch in self._watches.get(about, ()):
                watch.wake()

    def listens(self, receiver: Id) -> bool:
        """Whether somebody hears this receiver's items."""
        return receiver in self._subscriptions

    def publish(self, receiver: Id, item: Item) -> None:
        """Hand an item to everybody who listens for this receiver."""
        for subscription in tuple(self._subscriptions.get(receiver, ())):
            subscription.put(item)

    def close(self) -> None:
        """This process stops: whoever waits is answered now, and nobody waits any more."""
        self.closed = True
        self.wake_all()

    def wake_all(self) -> None:
        """News may have been missed (the feed was cut, or we stop): everybody looks again."""
        for watches in self._watches.values():
            for watch in watches:
                watch.wake()
        for subscriptions in self._subscriptions.values():
            for subscription in subscriptions:
                subscription.end()

    @staticmethod
    def _drop(table: "defaultdict[Id, set[Member]]", key: Id, member: "Member") -> None:
        table[key].discard(member)
        if not table[key]:
            del table[key]


Member = TypeVar("Member")
