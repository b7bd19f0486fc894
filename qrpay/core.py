"""Core: what every service is handed, one a process."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from msgspec import Struct, field

from qrpay.codes.reader import Reader
from qrpay.codes.signing import Keyring
from qrpay.database.batcher import Batcher, BatchStats
from qrpay.database.pool import Database
from qrpay.database.statements import Statement
from qrpay.hub import Hub
from qrpay.ledger.engine import Engine
from qrpay.settings import Settings
from qrpay.values import Clock
from qrpay.vault import Vault

if TYPE_CHECKING:
    from qrpay.background.model import Event, EventSource
    from qrpay.desk import Finder, Review


Item = TypeVar("Item")
Result = TypeVar("Result")


class Core(Struct, frozen=True):
    """The shared things: what is set, what time it is, where it is kept, who moves money, who signs, who waits.

    sources  who tells what an event says; reviews, finders: what operators decide and look for; checks: what must
             return no row. All are the features', filled in by the app
    """

    settings: Settings
    clock: Clock
    database: Database
    ledger: Engine
    keyring: Keyring
    reader: Reader
    vault: Vault
    hub: "Hub[Event]"
    sources: "list[EventSource]" = field(default_factory=list)
    reviews: "list[Review]" = field(default_factory=list)
    finders: "list[Finder]" = field(default_factory=list)
    checks: list[Statement] = field(default_factory=list)
    batchers: dict[str, Batcher[Any, Any]] = field(default_factory=dict)

    @property
    def queues(self) -> "Mapping[str, BatchStats]":
        """What waits in this process, by the name of its batcher."""
        return {**dict(self.ledger.stats), **{name: batcher.stats for name, batcher in self.batchers.items()}}

    def batcher(
        self, name: str, send: "Callable[[Database, Sequence[Item]], Awaitable[Sequence[Result]]]"
    ) -> Batcher[Item, Result]:
        """The process's batcher of this name: what many callers write or read at once goes as one statement.

        `send` must be safe to repeat, since a batch that met a lost connection is sent again.
        """
        batcher = self.batchers.get(name)
        if batcher is None:
            settings, database = self.settings, self.database
            batcher = self.batchers[name] = Batcher(
                lambda items: send(database, items),
                name=name,
                size_max=settings.batch_max,
                queue_max=settings.queue_max,
                deadline_s=settings.deadline_s,
                replayable=True,
            )
        return batcher
