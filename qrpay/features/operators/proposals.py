"""What operators themselves propose: to freeze, to lift a freeze, another role for somebody. Another one decides."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec

from qrpay.core import Core
from qrpay.desk import Case, Decision, Duty, Fact, Review, Waiting
from qrpay.features.merchants import service as merchants
from qrpay.features.merchants import terminals
from qrpay.features.merchants.model import Act
from qrpay.features.operators import acts, store
from qrpay.features.operators.model import (
    FreezeRow,
    FreezeView,
    NewFreeze,
    NewRole,
    PersonView,
    ProposalRow,
    ProposalView,
)
from qrpay.features.operators.problems import (
    already_frozen,
    freeze_end_refused,
    not_frozen,
    proposal_waiting,
    role_unchanged,
)
from qrpay.problem import not_found
from qrpay.values import Id, id_from_text, id_text, new_id, rfc3339
from qrpay.web.callers import Operator

PREFIX: Final = "prp_"
FREEZES_MAX: Final = 500
FREEZE_MAX: Final = timedelta(days=366)
LIFTED_AT_ONCE: Final = 50

Carry = Callable[[Core, ProposalRow, Decision], Awaitable[None]]


# Proposing -----------------------------------------------------------------------------------------------------


async def propose_freeze(core: Core, caller: Operator, ask: NewFreeze) -> ProposalView:
    """Ask for a merchant or a terminal to be frozen. Raises `not_found`, `already_frozen`, `freeze_end_refused`."""
    now = core.clock()
    if ask.until is not None and (ask.until.tzinfo is None or not now < ask.until <= now + FREEZE_MAX):
        raise freeze_end_refused()
    subject = _written(ask.subject)
    before = await _state(core, subject)
    if before != "active":
        raise already_frozen()
    wanted = {"until": rfc3339(ask.until) if ask.until else None}
    return await _propose(core, caller, "freeze", subject, ask.reason, wanted, {"status": before})


async def propose_lift(core: Core, caller: Operator, text: str, reason: str) -> ProposalView:
    """Ask for a freeze to be lifted before its end. Raises `not_found`, `not_frozen`."""
    id_ = id_from_text(PREFIX, text)
    row = None if id_ is None else await store.freeze(core.database, id_)
    if row is None:
        raise not_found()
    if row.lifted_at is not None:
        raise not_frozen()
    before = {"reason": row.reason, "until": rfc3339(row.until) if row.until else None}
    return await _propose(core, caller, "lift_freeze", row.subject, reason, {"freeze": text}, before)


async def propose_role(core: Core, caller: Operator, text: str, ask: NewRole) -> ProposalView:
    """Ask for somebody's role to be another. Raises `not_found`, `role_unchanged`."""
    id_ = id_from_text(acts.PREFIX, text)
    row = None if id_ is None else await store.operator(core.database, id_)
    if row is None or row.revoked_at is not None:
        raise not_found()
    if row.role == ask.role:
        raise role_unchanged()
    subject = id_text(acts.PREFIX, row.id)
    return await _propose(
        core, caller, "operator_role", subject, ask.reason, {"role": ask.role}, {"name": row.name, "role": row.role}
    )


async def _propose(
    core: Core, caller: Operator, kind: str, subject: str, reason: str,
    ask: Mapping[str, str | None], before: Mapping[str, str | None],
) -> ProposalView:  # fmt: skip
    row = ProposalRow(
        new_id(), kind, subject, caller.id, caller.name, reason, _json(ask), _json(before), core.clock(), None
    )
    if not await store.insert_proposal(core.database, row):
        stands = await store.proposal_waiting(core.database, kind, subject)
        if stands is None:  # it was decided in this very moment
            raise not_found()
        if (stands.maker, stands.reason, stands.ask) != (row.maker, row.reason, row.ask):
            raise proposal_waiting(proposal=id_text(PREFIX, stands.id))
        row = stands
    text = id_text(PREFIX, row.id)
    return ProposalView(
        text, kind, subject, row.reason, msgspec.Raw(row.ask.encode()), msgspec.Raw(row.before.encode()),
        rfc3339(row.made_at), f"/v1/operators/reviews/{kind}/{text}",
    )  # fmt: skip


# Deciding ------------------------------------------------------------------------------------------------------


async def _freeze(core: Core, row: ProposalRow, decision: Decision) -> None:
    """The freeze's row first, then what it freezes: what dies in between is carried out again."""
    until = msgspec.json.decode(row.ask)["until"]
    ends = None if until is None else datetime.fromisoformat(until)
    if ends is not None and ends <= decision.at:
        raise freeze_end_refused()
    kept = FreezeRow(row.id, row.subject, row.reason, row.maker_name, decision.name, decision.at, ends, None)
    stands = await store.freeze(core.database, row.id)
    if stands is None:
        if await _state(core, row.subject) != "active":
            raise already_frozen()
        for over in await store.freezes_of(core.database, row.subject):  # set free on the command line
            await store.lift_freeze(core.database, over.id, decision.at)
    if not await store.insert_freeze(core.database, kept):
        raise already_frozen()
    await _set(core, row.subject, frozen=True, act=Act(row.maker_name, row.reason, decision.name))


async def _lift(core: Core, row: ProposalRow, decision: Decision) -> None:
    freeze = id_from_text(PREFIX, msgspec.json.decode(row.ask)["freeze"])
    assert freeze is not None
    stands = await store.freeze(core.database, freeze)
    if stands is None or stands.lifted_at is not None:
        raise not_frozen()
    await _end(core, stands, Act(row.maker_name, row.reason, decision.name))


async def _give_role(core: Core, row: ProposalRow, _decision: Decision) -> None:
    """The new role counts from the next call on: a session is looked at for each."""
    id_ = id_from_text(acts.PREFIX, row.subject)
    assert id_ is not None
    if not await store.set_role(core.database, id_, msgspec.json.decode(row.ask)["role"]):
        raise not_found()


async def lift_what_is_over(core: Core) -> int:
    """Lift freezes whose end has come; how many."""
    over = await store.freezes_over(core.database, core.clock(), LIFTED_AT_ONCE)
    for row in over:
        await _end(core, row, Act("clock", "The freeze has come to its end."))
    return len(over)


async def _end(core: Core, row: FreezeRow, act: Act) -> None:
    if await _state(core, row.subject) == "frozen":  # not one that was closed meanwhile
        await _set(core, row.subject, frozen=False, act=act)
    await store.lift_freeze(core.database, row.id, core.clock())


def _review(kind: str, en: str, zh: str, carry: Carry, duty: Duty = "decide") -> Review:
    async def waiting(core: Core, limit: int) -> Sequence[Waiting]:
        return [_waiting(row) for row in await store.proposals_waiting(core.database, kind, limit)]

    async def show(core: Core, id_: Id) -> Case | None:
        row = await store.proposal(core.database, id_)
        return Case(_waiting(row), facts(row)) if row and row.kind == kind and row.ended_at is None else None

    async def approve(core: Core, id_: Id, decision: Decision) -> None:
        row = await store.proposal(core.database, id_)
        assert row is not None
        if row.ended_at is None:
            await carry(core, row, decision)
            await store.end_proposal(core.database, id_, core.clock())

    async def reject(core: Core, id_: Id, decision: Decision) -> None:
        await store.end_proposal(core.database, id_, decision.at)

    return Review(
        kind=kind, prefix=PREFIX, en=en, zh=zh, duty=duty, waiting=waiting, show=show, approve=approve, reject=reject
    )


reviews: Final = [
    _review("freeze", "Freeze", "冻结", _freeze),
    _review("lift_freeze", "Lift a freeze", "解除冻结", _lift),
    _review("operator_role", "Another role", "变更角色", _give_role, "administer"),
]


def _waiting(row: ProposalRow) -> Waiting:
    return Waiting(row.id, row.subject, row.made_at, row.maker)


_NAMES: Final = {
    "until": ("Until", "截止时间"), "role": ("Role", "角色"), "status": ("Status", "状态"), "name": ("Name", "姓名"),
    "reason": ("Reason of the freeze", "冻结原因"), "freeze": ("Freeze", "冻结编号"),
}  # fmt: skip


def facts(row: ProposalRow) -> Sequence[Fact]:
    """Who proposed what and why, and what it is before."""
    lines = [
        Fact("About", "对象", row.subject), Fact("Proposed by", "提案人", row.maker_name),
        Fact("Reason", "原因", row.reason),
    ]  # fmt: skip
    for name, value in msgspec.json.decode(row.ask).items():
        en, zh = _NAMES[name]
        lines.append(Fact(en, zh, value or "—"))
    for name, value in msgspec.json.decode(row.before).items():
        en, zh = _NAMES[name]
        lines.append(Fact(f"Now: {en.lower()}", f"当前{zh}", value or "—"))
    return lines


# What may be frozen --------------------------------------------------------------------------------------------


async def _state(core: Core, subject: str) -> str:
    """`active`, `frozen` or `closed`. Raises `not_found`."""
    if merchant := id_from_text("mer_", subject):
        return await merchants.status_of(core, merchant)
    terminal = id_from_text("ter_", subject)
    if terminal is None:
        raise not_found()
    return "frozen" if (await terminals.state(core, terminal)).frozen else "active"


async def _set(core: Core, subject: str, *, frozen: bool, act: Act) -> None:
    if merchant := id_from_text("mer_", subject):
        await merchants.set_status(core, merchant, "frozen" if frozen else "active", act)
    elif terminal := id_from_text("ter_", subject):
        await (terminals.freeze if frozen else terminals.unfreeze)(core, terminal)


def _written(subject: str) -> str:
    return subject[:4].lower() + subject[4:].upper()


def _json(said: Mapping[str, str | None]) -> str:
    return msgspec.json.encode(said).decode()


# Lists ---------------------------------------------------------------------------------------------------------


async def standing(core: Core) -> Sequence[FreezeView]:
    """What is frozen, latest first."""
    return [
        FreezeView(
            id_text(PREFIX, row.id), row.subject, row.reason, row.maker, row.checker, rfc3339(row.frozen_at),
            rfc3339(row.until) if row.until else None,
        )
        for row in await store.freezes_standing(core.database, FREEZES_MAX)
    ]  # fmt: skip


async def people(core: Core) -> Sequence[PersonView]:
    """Everybody, by name."""
    return [
        PersonView(
            id_text(acts.PREFIX, row.id), row.name, row.role,
            "left" if row.revoked_at else "enrolled" if row.password else "invited", rfc3339(row.created_at),
        )
        for row in await store.operators(core.database)
    ]  # fmt: skip


async def revoke(core: Core, caller: Operator, text: str) -> None:
    """Somebody leaves: signed out everywhere at once. Nobody revokes himself. Raises `not_found`."""
    id_ = id_from_text(acts.PREFIX, text)
    if id_ is None or id_ == caller.id or await store.operator(core.database, id_) is None:
        raise not_found()
    async with core.database.transaction() as within:
        await store.revoke(within, id_, core.clock())
