"""What a partition that is not attached means to whoever reads or posts: a refusal by name, never an absence."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import asyncpg

from qrpay.database.pool import Row
from qrpay.ledger.chart import TransferCode
from qrpay.ledger.model import Outcome, Posted, Transfer
from qrpay.ledger.problems import history_detached
from qrpay.ledger.rules import chains
from qrpay.problem import Refused
from qrpay.values import Id


class DetachedError(Exception):
    """A transfer of a batch stands in a partition that is not attached; the exact path finds out which."""


def as_detached(error: asyncpg.CheckViolationError) -> Exception:
    """DetachedError when that is what the database objected to, else the error itself."""
    return DetachedError() if error.constraint_name == "transfer_is_detached" else error


def attached(rows: Sequence[Row]) -> dict[Id, Posted]:
    """Transfers by id. Raises `history_detached` when of one of them nothing but its id can be read."""
    found = {row["id"]: Posted(*row) for row in rows if row["debit"] is not None}
    if len(found) < len(rows) and any(row["id"] not in found for row in rows):
        raise history_detached()
    return found


def corrects(transfer: Transfer) -> bool:
    """Whether what it is about is another transfer, which must be known to decide it."""
    return transfer.code == TransferCode.CORRECTION


async def decided_apart(
    batch: Sequence[Transfer], detached: set[Id], decide: Callable[[Sequence[Transfer]], Awaitable[Sequence[Outcome]]]
) -> list[Any]:
    """Outcomes as `decide`'s, but a refusal for each member of a chain that touches what is detached."""
    outcomes: list[Any] = [None] * len(batch)
    places: list[int] = []
    for start, end in chains(batch):
        named = {id for t in batch[start:end] for id in (t.id, t.pending_id, t.about if corrects(t) else None)}
        if not named.isdisjoint(detached):
            outcomes[start:end] = [history_detached() for _ in range(start, end)]
        else:
            places.extend(range(start, end))
    decided = await decide([batch[place] for place in places]) if places else ()
    for place, outcome in zip(places, decided, strict=True):
        outcomes[place] = outcome
    return outcomes


def none_refused(outcomes: Sequence[Outcome | Refused]) -> Sequence[Outcome]:
    """The outcomes of one call. Raises the first refusal among them; what stands beside it can be asked for again."""
    for outcome in outcomes:
        if isinstance(outcome, Refused):
            raise outcome
    return [outcome for outcome in outcomes if not isinstance(outcome, Refused)]
