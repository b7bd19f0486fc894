"""The desk: what waits for a decision, whatever feature's it is, decided once and by another person than its maker."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final, Literal, NoReturn

import structlog

from qrpay.core import Core
from qrpay.desk import Case, Decision, Review
from qrpay.features.operators import store
from qrpay.features.operators.model import CaseView, DecisionRow, DecisionView, NewDecision, WaitingView
from qrpay.features.operators.problems import already_decided, own_proposal
from qrpay.problem import FieldError, Refused, forbidden, not_found
from qrpay.values import Id, id_from_text, id_text, rfc3339
from qrpay.web.callers import Operator

QUEUE_MAX: Final = 100
"""Of each kind, the oldest; the next come up as these are decided."""
UNDONE: Final = timedelta(minutes=1)
UNDONE_MAX: Final = 20
log = structlog.get_logger()


async def queue(core: Core, caller: Operator) -> Sequence[WaitingView]:
    """What waits, of every kind, oldest first."""
    lines = [
        WaitingView(
            review.kind, review.en, review.zh, id_text(review.prefix, one.id), one.about, rfc3339(one.since),
            one.maker == caller.id, review.duty,
        )
        for review in core.reviews
        for one in await review.waiting(core, QUEUE_MAX)
    ]  # fmt: skip
    return sorted(lines, key=lambda line: line.since)


async def case(core: Core, caller: Operator, kind: str, text: str) -> CaseView:
    """All there is to see of one thing that waits. Raises `not_found`, `already_decided`."""
    review, about = _named(core, kind, text)
    found = await _waiting(core, review, about)
    one = found.waiting
    return CaseView(
        kind, review.en, review.zh, id_text(review.prefix, about), one.about, rfc3339(one.since),
        one.maker == caller.id, review.duty, found.facts,
    )  # fmt: skip


async def decide(core: Core, caller: Operator, kind: str, text: str, ask: NewDecision) -> DecisionView:
    """Approve or reject, once. The same decision by the same person again is the first one again.

    Raises `not_found`, `forbidden`, `own_proposal`, `already_decided`, and whatever the feature says against it.
    """
    review, about = _named(core, kind, text)
    if not caller.may(review.duty):
        raise forbidden(errors=[FieldError("Cookie", f"The role {caller.role} does not {review.duty}.")])
    stands = await store.decision(core.database, kind, about)
    if stands is None:
        found = await _waiting(core, review, about)
        if found.waiting.maker == caller.id:
            raise own_proposal()
        approved = ask.verdict == "approve"
        row = DecisionRow(
            kind, about, approved, found.waiting.maker, caller.id, caller.name, ask.reason, core.clock(), None
        )
        # The decision first: of two who decide at once, one has, and the other is told.
        if not await store.decide(core.database, row):
            _told(await store.decision(core.database, kind, about))
        await _carry_out(core, review, row)
        return _shown(review, row)
    if (stands.operator, stands.approved, stands.reason) != (caller.id, ask.verdict == "approve", ask.reason):
        _told(stands)
    if stands.done_at is None:
        await _carry_out(core, review, stands)
    return _shown(review, stands)


async def carry_out_undone(core: Core) -> int:
    """Carry out decisions whose process died in between."""
    reviews = {review.kind: review for review in core.reviews}
    rows = await store.undone(core.database, core.clock() - UNDONE, UNDONE_MAX)
    for row in rows:
        if row.kind in reviews:
            try:
                await _carry_out(core, reviews[row.kind], row)
            except Refused as refused:
                log.warning("decision_taken_back", kind=row.kind, about=str(row.about), code=refused.problem.code)
    return 0


async def _carry_out(core: Core, review: Review, row: DecisionRow) -> None:
    decision = Decision(row.operator, row.name, row.reason, row.at)
    try:
        await (review.approve if row.approved else review.reject)(core, row.about, decision)
    except Refused as refused:
        if refused.problem.status < 500:  # it cannot be done: nobody has decided
            await store.take_back(core.database, row.kind, row.about)
        raise
    await store.carried_out(core.database, row.kind, row.about, core.clock())


def _named(core: Core, kind: str, text: str) -> tuple[Review, Id]:
    review = next((one for one in core.reviews if one.kind == kind), None)
    about = None if review is None else id_from_text(review.prefix, text)
    if review is None or about is None:
        raise not_found()
    return review, about


async def _waiting(core: Core, review: Review, about: Id) -> Case:
    found = await review.show(core, about)
    if found is None:
        _told(await store.decision(core.database, review.kind, about))
    return found


def _told(stands: DecisionRow | None) -> NoReturn:
    if stands is None:
        raise not_found()
    verdict = "approved" if stands.approved else "rejected"
    raise already_decided(name=stands.name, at=rfc3339(stands.at), verdict=verdict)


def _shown(review: Review, row: DecisionRow) -> DecisionView:
    verdict: Literal["approved", "rejected"] = "approved" if row.approved else "rejected"
    return DecisionView(row.kind, id_text(review.prefix, row.about), verdict, row.name, row.reason, rfc3339(row.at))
