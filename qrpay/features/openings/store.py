"""The statements of openings, typed."""

from datetime import datetime
from pathlib import Path
from typing import Final

from qrpay.database.pool import Queries
from qrpay.database.statements import Statements
from qrpay.features.openings.model import InReview, Row
from qrpay.values import Id

STATEMENTS: Final = Statements.load(Path(__file__).with_name("store.sql"))


async def add_key(within: Queries, owner: Id, sealed: bytes) -> None:
    """Keep an owner's sealed key."""
    await within.execute(STATEMENTS.add_key, owner, sealed)


async def key(queries: Queries, owner: Id) -> bytes | None:
    """An owner's sealed key; None when there is none any more."""
    sealed: bytes | None = await queries.fetchval(STATEMENTS.key, owner)
    return sealed


async def add(within: Queries, row: Row, key_hash: bytes) -> bool:
    """Whether the opening is new."""
    said = row.id, key_hash, row.account_class, row.currency, row.created_at, row.expires_at
    return await within.fetchval(STATEMENTS.add, *said) is not None


async def by_key(queries: Queries, key_hash: bytes) -> Id | None:
    """The opening that a key has made."""
    id_: Id | None = await queries.fetchval(STATEMENTS.by_key, key_hash)
    return id_


async def by_id(queries: Queries, id_: Id) -> Row | None:
    """An opening."""
    row = await queries.fetchrow(STATEMENTS.by_id, id_)
    return Row(**dict(row)) if row else None


async def save(within: Queries, row: Row, at: datetime) -> bool:
    """Keep what a step has changed; False when somebody else changed it meanwhile."""
    said = (row.id, row.version, row.status, row.next, row.details, row.person, row.watched, row.code_hash,
            row.code_until, row.deposit, row.customer, row.account, at)  # fmt: skip
    return await within.fetchval(STATEMENTS.save, *said) is not None


async def take_try(queries: Queries, id_: Id, step: str, tries_max: int) -> int | None:
    """The number of this try; None when all are used."""
    tries: int | None = await queries.fetchval(STATEMENTS.take_try, id_, step, tries_max)
    return tries


async def give_try_back(queries: Queries, id_: Id, step: str) -> None:
    """That try does not count."""
    await queries.execute(STATEMENTS.give_try_back, id_, step)


async def decided(within: Queries, id_: Id, by: str, why: str) -> None:
    """Keep who decided a review, and why."""
    await within.execute(STATEMENTS.decided, id_, by, why)


async def in_review(queries: Queries, limit: int) -> list[InReview]:
    """Openings that wait for an operator."""
    return [InReview(**dict(row)) for row in await queries.fetch(STATEMENTS.in_review, limit)]


async def uncounted(queries: Queries, limit: int) -> list[Id]:
    """Openings whose account does not count together with the person's others yet."""
    return [row["id"] for row in await queries.fetch(STATEMENTS.uncounted, limit)]


async def counted(queries: Queries, id_: Id) -> None:
    """It does now."""
    await queries.execute(STATEMENTS.counted, id_)


async def expired(queries: Queries, now: datetime, limit: int) -> int:
    """Forget openings that were not finished; how many."""
    return len(await queries.fetch(STATEMENTS.expired, now, limit))


async def erase_opening(within: Queries, id_: Id) -> None:
    """Destroy the key of an opening."""
    await within.execute(STATEMENTS.erase_opening, id_)


async def person(queries: Queries, digest: bytes) -> Id | None:
    """The customer that a person is."""
    customer: Id | None = await queries.fetchval(STATEMENTS.person, digest)
    return customer


async def add_person(within: Queries, digest: bytes, customer: Id) -> None:
    """Say which customer a person is, unless it is one."""
    await within.execute(STATEMENTS.add_person, digest, customer)


async def take_place(within: Queries, person_: bytes, account_class: str, places: int, account: Id) -> bool:
    """Take the first free place; False when somebody else did, or there is none."""
    return await within.fetchval(STATEMENTS.take_place, person_, account_class, places, account) is not None


async def bind(
    within: Queries, account: Id, customer: Id, number_hash: bytes, masked: str, details: bytes, at: datetime
) -> None:
    """Bind an e-account to an account at another bank."""
    await within.execute(STATEMENTS.bind, account, customer, number_hash, masked, details, at)


async def sent(queries: Queries, phone_hash: bytes, since: datetime) -> tuple[int, datetime | None]:
    """How many codes went to a number, and when the last one did."""
    row = await queries.fetchrow(STATEMENTS.sent, phone_hash, since)
    assert row is not None, "a count has a row"
    return row["count"], row["last"]


async def add_sent(within: Queries, phone_hash: bytes, at: datetime) -> None:
    """A code goes to a number."""
    await within.execute(STATEMENTS.add_sent, phone_hash, at)


async def forget_sent(queries: Queries, before: datetime) -> None:
    """Forget old ones."""
    await queries.execute(STATEMENTS.forget_sent, before)


async def bound(queries: Queries, account: Id) -> tuple[Id, str, bytes] | None:
    """The customer, the bound account's masked number, and its details under the customer's key."""
    row = await queries.fetchrow(STATEMENTS.bound, account)
    return (row["customer"], row["number_masked"], row["details"]) if row else None
