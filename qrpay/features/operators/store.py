"""The statements about operators, typed."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from qrpay.database.pool import Queries
from qrpay.database.statements import Statements
from qrpay.features.operators.model import (
    ActRow,
    DecisionRow,
    FreezeRow,
    OperatorRow,
    PasskeyRow,
    ProposalRow,
    SessionRow,
)
from qrpay.values import Id
from qrpay.web.callers import OperatorRole

STATEMENTS: Final = Statements.load(Path(__file__).with_name("store.sql"))


async def insert_operator(queries: Queries, row: OperatorRow, enrolment: bytes, enrolment_until: datetime) -> bool:
    """Whether the name was free."""
    said = (row.id, row.name, row.role, row.totp, enrolment, enrolment_until, row.created_at)
    return await queries.fetchval(STATEMENTS["insert_operator"], *said) is not None


async def operator_named(queries: Queries, name: str) -> OperatorRow | None:
    """Somebody by name."""
    row = await queries.fetchrow(STATEMENTS["operator_named"], name)
    return OperatorRow(*row) if row else None


async def operator(queries: Queries, id_: Id) -> OperatorRow | None:
    """Somebody by id."""
    row = await queries.fetchrow(STATEMENTS["operator"], id_)
    return OperatorRow(*row) if row else None


async def operators(queries: Queries) -> list[OperatorRow]:
    """Everybody."""
    return [OperatorRow(*row) for row in await queries.fetch(STATEMENTS["operators"])]


async def operator_enrolling(queries: Queries, enrolment: bytes, now: datetime) -> OperatorRow | None:
    """Whose link it is."""
    row = await queries.fetchrow(STATEMENTS["operator_enrolling"], enrolment, now)
    return OperatorRow(*row) if row else None


async def enrol(queries: Queries, enrolment: bytes, now: datetime, password: str, step: int) -> bool:
    """Whether the link was still good."""
    return await queries.fetchval(STATEMENTS["enrol"], enrolment, now, password, step) is not None


async def offer_enrolment(queries: Queries, id_: Id, totp: bytes, enrolment: bytes, until: datetime) -> None:
    """A new link for somebody."""
    await queries.execute(STATEMENTS["offer_enrolment"], id_, totp, enrolment, until)


async def use_step(queries: Queries, id_: Id, step: int) -> bool:
    """Whether this step's code was unused."""
    return await queries.fetchval(STATEMENTS["use_step"], id_, step) is not None


async def count_miss(queries: Queries, id_: Id, misses_max: int, until: datetime) -> None:
    """A wrong code after a right password."""
    await queries.execute(STATEMENTS["count_miss"], id_, misses_max, until)


async def set_role(queries: Queries, id_: Id, role: OperatorRole) -> bool:
    """Whether there is such a person."""
    return await queries.fetchval(STATEMENTS["set_role"], id_, role) is not None


async def revoke(within: Queries, id_: Id, at: datetime) -> None:
    """Somebody leaves, and is signed out everywhere."""
    await within.execute(STATEMENTS["revoke"], id_, at)
    await within.execute(STATEMENTS["end_sessions"], id_, at)


async def end_sessions(queries: Queries, id_: Id, at: datetime) -> None:
    """Somebody is signed out everywhere."""
    await queries.execute(STATEMENTS["end_sessions"], id_, at)


async def insert_session(
    queries: Queries, id_: Id, operator_id: Id, hash_: bytes, peer: str, now: datetime, ends_at: datetime
) -> None:
    """A new session."""
    await queries.execute(STATEMENTS["insert_session"], id_, operator_id, hash_, peer, now, ends_at)


async def session(queries: Queries, hash_: bytes, now: datetime, idle_since: datetime) -> SessionRow | None:
    """A session that counts."""
    row = await queries.fetchrow(STATEMENTS["session"], hash_, now, idle_since)
    return SessionRow(*row) if row else None


async def session_seen(queries: Queries, id_: Id, now: datetime) -> None:
    """A session was used."""
    await queries.execute(STATEMENTS["session_seen"], id_, now)


async def end_session(queries: Queries, id_: Id, at: datetime) -> None:
    """End one session."""
    await queries.execute(STATEMENTS["end_session"], id_, at)


# Decisions -----------------------------------------------------------------------------------------------------


async def decide(queries: Queries, row: DecisionRow) -> bool:
    """Whether nobody had decided before."""
    said = (row.kind, row.about, row.approved, row.maker, row.operator, row.reason, row.at)
    return await queries.fetchval(STATEMENTS["decide"], *said) is not None


async def decision(queries: Queries, kind: str, about: Id) -> DecisionRow | None:
    """What was decided."""
    row = await queries.fetchrow(STATEMENTS["decision"], kind, about)
    return DecisionRow(*row) if row else None


async def undone(queries: Queries, before: datetime, limit: int) -> list[DecisionRow]:
    """What still has to be carried out."""
    return [DecisionRow(*row) for row in await queries.fetch(STATEMENTS["undone"], before, limit)]


async def carried_out(queries: Queries, kind: str, about: Id, at: datetime) -> None:
    """A decision was carried out."""
    await queries.execute(STATEMENTS["carried_out"], kind, about, at)


async def take_back(queries: Queries, kind: str, about: Id) -> None:
    """A decision could not be carried out."""
    await queries.execute(STATEMENTS["take_back"], kind, about)


# The log -------------------------------------------------------------------------------------------------------


async def last_act(queries: Queries) -> tuple[int, bytes]:
    """Number and hash of the last line; 0 and nothing before the first."""
    row = await queries.fetchrow(STATEMENTS["last_act"])
    return (row["seq"], row["hash"]) if row else (0, b"")


async def insert_act(queries: Queries, row: ActRow) -> bool:
    """Whether its place was free."""
    said = [getattr(row, name) for name in ActRow.__struct_fields__]
    return await queries.fetchval(STATEMENTS["insert_act"], *said) is not None


async def acts(queries: Queries, about: str | None, operator_id: Id | None, before: int, limit: int) -> list[ActRow]:
    """What was done, newest first."""
    return [ActRow(*row) for row in await queries.fetch(STATEMENTS["acts"], about, operator_id, before, limit)]


async def outcomes(queries: Queries, asked: Sequence[int]) -> Mapping[int, ActRow]:
    """What came of these acts, by their numbers."""
    rows = [ActRow(*row) for row in await queries.fetch(STATEMENTS["outcomes"], asked)]
    return {row.asked: row for row in rows if row.asked is not None}


async def acts_from(queries: Queries, after: int, limit: int) -> list[ActRow]:
    """The log as it stands."""
    return [ActRow(*row) for row in await queries.fetch(STATEMENTS["acts_from"], after, limit)]


# Proposals and freezes -----------------------------------------------------------------------------------------


async def insert_proposal(queries: Queries, row: ProposalRow) -> bool:
    """Whether nothing of the kind waits for the same thing."""
    said = (row.id, row.kind, row.subject, row.maker, row.reason, row.ask, row.before, row.made_at)
    return await queries.fetchval(STATEMENTS["insert_proposal"], *said) is not None


async def proposals_waiting(queries: Queries, kind: str, limit: int) -> list[ProposalRow]:
    """What waits, oldest first."""
    return [ProposalRow(*row) for row in await queries.fetch(STATEMENTS["proposals_waiting"], kind, limit)]


async def proposal(queries: Queries, id_: Id) -> ProposalRow | None:
    """One proposal."""
    row = await queries.fetchrow(STATEMENTS["proposal"], id_)
    return ProposalRow(*row) if row else None


async def proposal_waiting(queries: Queries, kind: str, subject: str) -> ProposalRow | None:
    """The one of a kind that waits for a thing."""
    row = await queries.fetchrow(STATEMENTS["proposal_waiting"], kind, subject)
    return ProposalRow(*row) if row else None


async def end_proposal(queries: Queries, id_: Id, at: datetime) -> None:
    """A proposal was decided."""
    await queries.execute(STATEMENTS["end_proposal"], id_, at)


async def insert_freeze(queries: Queries, row: FreezeRow) -> bool:
    """Whether nothing else freezes the same thing."""
    said = (row.id, row.subject, row.reason, row.maker, row.checker, row.frozen_at, row.until)
    return await queries.fetchval(STATEMENTS["insert_freeze"], *said) is not None


async def freeze(queries: Queries, id_: Id) -> FreezeRow | None:
    """One freeze."""
    row = await queries.fetchrow(STATEMENTS["freeze"], id_)
    return FreezeRow(*row) if row else None


async def freezes_standing(queries: Queries, limit: int) -> list[FreezeRow]:
    """What is frozen."""
    return [FreezeRow(*row) for row in await queries.fetch(STATEMENTS["freezes_standing"], limit)]


async def freezes_of(queries: Queries, subject: str) -> list[FreezeRow]:
    """The freezes of one thing, oldest first."""
    return [FreezeRow(*row) for row in await queries.fetch(STATEMENTS["freezes_of"], subject)]


async def freezes_over(queries: Queries, now: datetime, limit: int) -> list[FreezeRow]:
    """Freezes whose end has come."""
    return [FreezeRow(*row) for row in await queries.fetch(STATEMENTS["freezes_over"], now, limit)]


async def lift_freeze(queries: Queries, id_: Id, at: datetime) -> None:
    """A freeze was lifted."""
    await queries.execute(STATEMENTS["lift_freeze"], id_, at)


# Passkeys ------------------------------------------------------------------------------------------------------


async def insert_passkey(queries: Queries, row: PasskeyRow, passkeys_max: int) -> bool:
    """Whether it was new, and there was room."""
    said = (row.id, row.operator, row.public_key, row.sign_count, row.name, row.created_at, passkeys_max)
    return await queries.fetchval(STATEMENTS["insert_passkey"], *said) is not None


async def passkeys_of(queries: Queries, operator_id: Id) -> list[PasskeyRow]:
    """Somebody's passkeys."""
    return [PasskeyRow(*row) for row in await queries.fetch(STATEMENTS["passkeys_of"], operator_id)]


async def passkey(queries: Queries, id_: bytes) -> PasskeyRow | None:
    """A passkey that counts."""
    row = await queries.fetchrow(STATEMENTS["passkey"], id_)
    return PasskeyRow(*row) if row else None


async def use_passkey(queries: Queries, id_: bytes, sign_count: int, at: datetime) -> None:
    """A passkey was used."""
    await queries.execute(STATEMENTS["use_passkey"], id_, sign_count, at)


async def revoke_passkey(queries: Queries, operator_id: Id, id_: bytes, at: datetime) -> bool:
    """Whether it was theirs."""
    return await queries.fetchval(STATEMENTS["revoke_passkey"], operator_id, id_, at) is not None


async def use_challenge(queries: Queries, challenge: bytes, until: datetime) -> bool:
    """Whether nobody had answered it."""
    return await queries.fetchval(STATEMENTS["use_challenge"], challenge, until) is not None


async def forget_challenges(queries: Queries, now: datetime, limit: int) -> None:
    """Forget what the time refuses by now."""
    await queries.execute(STATEMENTS["forget_challenges"], now, limit)


async def end_passkeys(queries: Queries, operator_id: Id, at: datetime) -> None:
    """End all passkeys of somebody."""
    await queries.execute(STATEMENTS["end_passkeys"], operator_id, at)
