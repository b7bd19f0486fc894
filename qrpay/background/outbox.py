"""The outbox: how a service announces what no transfer tells, in the transaction that made it true."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from qrpay.background import store
from qrpay.background.model import NewEvent

if TYPE_CHECKING:
    from qrpay.core import Core
    from qrpay.database.pool import Queries


async def announce(core: "Core", events: Sequence[NewEvent], transaction: "Queries | None" = None) -> None:
    """Announce events. Inside `transaction` they are told if it commits, and never if it does not.

    They enter the log in commit order, about 50 ms later; an event whose id is in the log is not told again.
    """
    if events:
        await store.announce(transaction or core.database, events)
