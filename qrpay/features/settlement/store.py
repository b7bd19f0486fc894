"""The statements of settlement, typed."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

from qrpay.database.pool import Queries
from qrpay.database.statements import Statements
from qrpay.features.settlement.model import Candidate, Covered, Cycle, PayoutAccount, Row, Slice, Terms
from qrpay.values import Id, encode

STATEMENTS: Final = Statements.load(Path(__file__).with_name("store.sql"))

BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""From where the first settlement of an account counts; no transfer is older."""


async def horizon(queries: Queries) -> int:
    """A number above those of all transactions that have written anything until now."""
    return int(await queries.fetchval(STATEMENTS.horizon))


async def running(queries: Queries) -> int:
    """The number of the oldest transaction that still runs, or of the next one."""
    return int(await queries.fetchval(STATEMENTS.running))


async def candidates(
    queries: Queries, cycles: Sequence[Cycle], after: Id, business_date: date, limit: int, merchant: Id | None
) -> list[Candidate]:
    """Accounts that may have something to settle, after one of them."""
    rows = await queries.fetch(STATEMENTS.candidates, cycles, after, business_date, limit, merchant)
    return [Candidate(*row[:11], *[_terms(row[11:])]) for row in rows]


def _terms(said: Sequence[Any]) -> Terms:
    *terms, name, account, bank = said
    return Terms(*terms, *[None if name is None else PayoutAccount(name, account, bank)])


async def count_accounts(queries: Queries) -> int:
    """How many accounts merchants have."""
    return int(await queries.fetchval(STATEMENTS.count_accounts))


async def movement(queries: Queries, account: Id, after: datetime, until: datetime, limit: int, code: int) -> Slice:
    """The first `limit` entries of an account between two moments, summed."""
    rows = await queries.fetch(STATEMENTS.movement, account, after, until, limit, code)
    sums = [(row["code"], "debit" if row["pays"] else "credit", row["count"], row["effect"]) for row in rows]
    last = max((row["until"] for row in rows), default=None)
    return Slice(last, sum(row["count"] for row in rows), sum(row["effect"] for row in rows), sums)  # type: ignore[arg-type] # the two directions


async def covered(
    queries: Queries, account: Id, after: datetime, until: datetime, limit: int, code: int
) -> list[Covered]:
    """The entries of an account between two moments, oldest first."""
    return [Covered(*row) for row in await queries.fetch(STATEMENTS.covered, account, after, until, limit, code)]


async def plan(queries: Queries, rows: Sequence[Row]) -> None:
    """Keep settlements before their money moves."""
    await queries.execute(STATEMENTS.plan, encode(rows).decode())


async def planned(queries: Queries, accounts: Sequence[Id] | None, limit: int) -> list[Row]:
    """Settlements whose money is not held yet, of these accounts or of any."""
    return [Row(*row) for row in await queries.fetch(STATEMENTS.planned, accounts, limit)]


async def finish(within: Queries, finished: Sequence[tuple[Id, int, str | None]]) -> set[Id]:
    """Which of these were still planned, and are not any more."""
    columns = [[one[n] for one in finished] for n in range(3)]
    return {row["id"] for row in await within.fetch(STATEMENTS.finish, *columns)}


async def end(within: Queries, ended: Sequence[tuple[Id, str, str | None, datetime]]) -> None:
    """How payouts ended."""
    await within.execute(STATEMENTS.end, *([one[n] for one in ended] for n in range(4)))


async def by_id(queries: Queries, ids: Sequence[Id]) -> dict[Id, Row]:
    """Settlements by id."""
    return {row["id"]: Row(*row) for row in await queries.fetch(STATEMENTS.by_id, ids)}


async def page(
    queries: Queries, merchant: Id, status: str | None, dates: tuple[date | None, date | None],
    after: tuple[date, Id] | None, limit: int,
) -> list[Row]:  # fmt: skip
    """A merchant's settlements, newest first."""
    seen = after or (None, None)
    return [Row(*row) for row in await queries.fetch(STATEMENTS.page, merchant, status, *dates, *seen, limit)]


async def terms(queries: Queries, merchant: Id) -> tuple[int, Terms]:
    """The terms in force, and their number; 0: none were set."""
    row = await queries.fetchrow(STATEMENTS.terms, merchant)
    return (0, Terms()) if row is None else (row["number"], _terms(row[1:]))


async def set_terms(queries: Queries, merchant: Id, number: int, new: Terms, by: str, at: datetime) -> bool:
    """Whether nobody else has set others meanwhile."""
    payout = (new.payout.name, new.payout.account, new.payout.bank) if new.payout else (None, None, None)
    said = new.cycle, new.minimum, new.reserve, new.reserve_bp, new.reserve_days, new.hold, *payout
    return await queries.fetchval(STATEMENTS.set_terms, merchant, number, *said, by, at) is not None


async def first_trade(queries: Queries, merchant: Id) -> datetime | None:
    """When a merchant was first paid anything."""
    found: datetime | None = await queries.fetchval(STATEMENTS.first_trade, merchant)
    return found


async def finished(queries: Queries, business_date: date, cycles: Sequence[Cycle]) -> set[str]:
    """Which of these cycles are done for a business date."""
    return {row["cycle"] for row in await queries.fetch(STATEMENTS.finished, business_date, cycles)}


async def finish_run(queries: Queries, business_date: date, cycles: Sequence[Cycle], at: datetime) -> None:
    """A business date is done for these cycles."""
    await queries.execute(STATEMENTS.finish_run, business_date, cycles, at)
