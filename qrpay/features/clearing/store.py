"""The statements of clearing, typed."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from msgspec import Struct

from qrpay.database.pool import Queries, Row
from qrpay.database.statements import Statements
from qrpay.features.clearing.model import Ended, Instruction, Message, NewInstruction, Standing
from qrpay.values import Id

STATEMENTS: Final = Statements.load(Path(__file__).with_name("store.sql"))


class Moved(Struct, frozen=True):
    """A payment's new status."""

    id: Id
    status: str
    code: str | None
    reason: str | None


async def instruct(within: Queries, purpose: str, new: Sequence[NewInstruction], at: datetime) -> None:
    """Keep payments that are to be made."""
    await within.execute(
        STATEMENTS.instruct, [one.id for one in new], [one.hold for one in new], purpose,
        [one.currency for one in new], [one.amount for one in new], [one.creditor.name for one in new],
        [one.creditor.account for one in new], [one.creditor.bank for one in new], [one.remittance for one in new], at,
    )  # fmt: skip


async def waiting(within: Queries, limit: int) -> list[Instruction]:
    """Payments for the next message, held for this transaction."""
    return [Instruction(*row) for row in await within.fetch(STATEMENTS.waiting, limit)]


async def put_in_message(within: Queries, ids: Sequence[Id], message: Id, at: datetime) -> None:
    """Say in which message payments travel."""
    await within.execute(STATEMENTS.put_in_message, ids, message, at)


async def add_message(within: Queries, message: Message) -> bool:
    """Whether a message is new."""
    said = message.id, message.direction, message.kind, message.msg_id, message.body, message.status
    return await within.fetchval(STATEMENTS.add_message, *said, message.notes, message.created_at) is not None


async def due(queries: Queries, status: str, at: datetime, limit: int) -> list[Message]:
    """Messages to be sent (`waiting`) or worked on (`received`)."""
    return [_message(row) for row in await queries.fetch(STATEMENTS.due, status, at, limit)]


async def tried(queries: Queries, message: Id, status: str, notes: Sequence[str], next_try_at: datetime) -> None:
    """What became of a message."""
    await queries.execute(STATEMENTS.tried, message, status, notes, next_try_at)


async def by_id(queries: Queries, ids: Sequence[Id]) -> dict[Id, Instruction]:
    """Payments by id."""
    return {row["id"]: Instruction(*row) for row in await queries.fetch(STATEMENTS.by_id, ids)}


async def of_message(queries: Queries, msg_id: str) -> list[Instruction]:
    """The payments of a message of ours."""
    return [Instruction(*row) for row in await queries.fetch(STATEMENTS.of_message, msg_id)]


async def move_on(within: Queries, moved: Sequence[Moved], at: datetime) -> None:
    """Payments that came further."""
    columns = [[getattr(one, field) for one in moved] for field in ("id", "status", "code", "reason")]
    await within.execute(STATEMENTS.move_on, *columns, at)


async def ended(queries: Queries, purpose: str, limit: int) -> list[Ended]:
    """Payments that ended unheard."""
    return [Ended(*row) for row in await queries.fetch(STATEMENTS.ended, purpose, limit)]


async def heard(within: Queries, ended: Sequence[Ended]) -> None:
    """They have been heard."""
    await within.execute(STATEMENTS.heard, [one.id for one in ended], [one.status for one in ended])


async def standing(queries: Queries) -> list[Standing]:
    """How many payments stand where."""
    return [Standing(*row) for row in await queries.fetch(STATEMENTS.standing)]


async def messages(queries: Queries, *, only_noted: bool, limit: int) -> list[Message]:
    """The latest messages."""
    return [_message(row) for row in await queries.fetch(STATEMENTS.messages, only_noted, limit)]


def _message(row: Row) -> Message:
    return Message(**dict(row))
