"""The statements about applications, typed; what was said is sealed on the way in and opened on the way out."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from qrpay.database.pool import Queries
from qrpay.database.pool import Row as Record
from qrpay.database.statements import Statements
from qrpay.features.onboarding.model import Check, Fields, PaperRow, Person, Row, Status
from qrpay.values import Id, encode

STATEMENTS: Final = Statements.load(Path(__file__).with_name("store.sql"))
_FIELDS: Final = msgspec.json.Decoder(Fields)
_CHECKS: Final = msgspec.json.Decoder(list[Check])


class Sealed(msgspec.Struct, frozen=True):
    """What an applicant said, as it is kept: sealed, and in clear only what lists and duplicates need."""

    legal_name: str | None
    uscc: str | None
    fields: bytes


async def insert(queries: Queries, id: Id, request: bytes, said: Sealed, at: datetime) -> bool:
    """Whether this application is new."""
    args = (id, request, said.legal_name, said.uscc, said.fields, at)
    return await queries.fetchval(STATEMENTS.insert, *args) is not None


async def application(queries: Queries, id: Id) -> Record | None:
    """One application."""
    return await queries.fetchrow(STATEMENTS.application, id)


async def by_submission(queries: Queries, submission: Id) -> Record | None:
    """The application of a submission, while it is the latest."""
    return await queries.fetchrow(STATEMENTS.by_submission, submission)


async def listed(queries: Queries, status: Status | None, before: Id | None, limit: int) -> Sequence[Record]:
    """Applications, newest first."""
    return await queries.fetch(STATEMENTS.listed, status, before, limit)


async def waiting(queries: Queries, limit: int) -> Sequence[Record]:
    """What waits for a decision, oldest first."""
    return await queries.fetch(STATEMENTS.waiting, limit)


def row_of(record: Record, fields: bytes) -> Row:
    """The row of a record, given its fields in clear."""
    said = dict(record) | {"fields": _FIELDS.decode(fields), "checks": _CHECKS.decode(record["checks"])}
    return Row(**said)


async def change(queries: Queries, row: Row, said: Sealed, at: datetime) -> bool:
    """Whether nobody else changed it since `row`, and it may be changed."""
    args = (row.id, row.version, said.legal_name, said.uscc, said.fields, at)
    return await queries.fetchval(STATEMENTS.change, *args) is not None


async def touch(within: Queries, id: Id, at: datetime) -> Status:
    """Take an application until the transaction ends; its status."""
    status: Status = await within.fetchval(STATEMENTS.touch, id, at)
    return status


async def note_checks(queries: Queries, row: Row, checks: Sequence[Check]) -> bool:
    """Whether nobody else changed it since `row`."""
    return await queries.fetchval(STATEMENTS.note_checks, row.id, row.version, encode(checks).decode()) is not None


async def submit(
    within: Queries, row: Row, submission: Id, checks: Sequence[Check], test_merchant: Id, at: datetime
) -> bool:
    """Whether it is the bank's now: nobody changed it since it was checked."""
    args = (row.id, row.version, submission, encode(checks).decode(), test_merchant, at)
    return await within.fetchval(STATEMENTS.submit, *args) is not None


async def duplicates(queries: Queries, id: Id, uscc: str) -> Sequence[Id]:
    """Other applications of a company that were submitted or approved."""
    return [row["id"] for row in await queries.fetch(STATEMENTS.duplicates, id, uscc)]


async def check_off(within: Queries, submission: Id, by: Person, note: str, at: datetime) -> Id | None:
    """The application, when nobody had looked yet."""
    found: Id | None = await within.fetchval(STATEMENTS.check_off, submission, by.name, by.id, note, at)
    return found


async def ask_for_more(within: Queries, submission: Id, reason: str, at: datetime) -> Id | None:
    """The application, when it was waiting."""
    found: Id | None = await within.fetchval(STATEMENTS.ask_for_more, submission, reason, at)
    return found


async def decide(
    within: Queries, submission: Id, status: Status, by: str, reason: str, at: datetime, merchant: Id | None
) -> Id | None:
    """The application, when nobody had decided it."""
    found: Id | None = await within.fetchval(STATEMENTS.decide, submission, status, by, reason, at, merchant)
    return found


async def claim_identity(within: Queries, uscc: str, merchant: Id) -> bool:
    """Whether the company had no merchant."""
    return await within.fetchval(STATEMENTS.claim_identity, uscc, merchant) is not None


async def take_key(within: Queries, id: Id, at: datetime, *, test: bool) -> Id | None:
    """The merchant whose first key may be fetched now, for the only time."""
    statement = STATEMENTS.take_test_key if test else STATEMENTS.take_key
    found: Id | None = await within.fetchval(statement, id, at)
    return found


async def insert_act(within: Queries, id: Id, act: str, by: str, reason: str, at: datetime) -> None:
    """Note what happened to an application."""
    await within.execute(STATEMENTS.insert_act, id, act, by, reason, at)


async def acts(queries: Queries, id: Id) -> Sequence[Record]:
    """What happened to an application, oldest first: act, by, reason, at."""
    return await queries.fetch(STATEMENTS.acts, id)


async def of_company(queries: Queries, text: str) -> Sequence[Id]:
    """The latest applications of a company, by its code or its legal name."""
    return [row["id"] for row in await queries.fetch(STATEMENTS.of_company, text)]


async def forget_drafts(queries: Queries, before: datetime, limit: int) -> int:
    """Forget drafts that nobody went on with; how many."""
    return int(await queries.fetchval(STATEMENTS.forget_drafts, before, limit))


# Papers --------------------------------------------------------------------------------------------------------


async def papers(queries: Queries, application: Id) -> Sequence[PaperRow]:
    """The papers of an application."""
    return [PaperRow(**dict(row)) for row in await queries.fetch(STATEMENTS.papers, application)]


async def papers_of(queries: Queries, applications: Sequence[Id]) -> Sequence[PaperRow]:
    """The papers of these applications."""
    return [PaperRow(**dict(row)) for row in await queries.fetch(STATEMENTS.papers_of, applications)]


async def paper(queries: Queries, application: Id, id: Id) -> tuple[PaperRow, bytes] | None:
    """One paper with its sealed content."""
    found = await queries.fetchrow(STATEMENTS.paper, application, id)
    if found is None:
        return None
    said = dict(found)
    sealed: bytes = said.pop("sealed")
    return PaperRow(**said), sealed


async def insert_paper(within: Queries, row: PaperRow, sealed: bytes) -> None:
    """Keep a paper."""
    said = (row.id, row.application, row.kind, row.media_type, row.size, row.sha256, row.created_at)
    await within.execute(STATEMENTS.insert_paper, *said, sealed)


async def remove_paper(within: Queries, application: Id, id: Id) -> bool:
    """Whether there was such a paper."""
    return await within.fetchval(STATEMENTS.remove_paper, application, id) is not None
