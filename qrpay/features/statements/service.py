"""The rules of statements: a period that is over, cut from the ledger's history, whose sums always add up.

A period's lines are those recorded after it began and up to its end, to the microsecond, as settlement cuts them: each
is in exactly one day and one month. Once the period is over and nothing can fall into it any more, its files are the
same bytes whenever they are asked for, so nothing is kept of them.
"""

import re
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from datetime import date, datetime, timedelta
from typing import Final

import structlog
from msgspec.structs import replace

from qrpay.codes.signing import CLOCK_SKEW
from qrpay.codes.statement import SignedStatement, verify_statement
from qrpay.core import Core
from qrpay.features.calendar.service import day_begins
from qrpay.features.fees import service as fees
from qrpay.features.merchants import service as merchants
from qrpay.features.refunds import service as refunds
from qrpay.features.settlement.looks import exact, kind_of
from qrpay.features.statements import store
from qrpay.features.statements.model import Book, Day, Direction, Movement, Period, Statement, Sum, Trade
from qrpay.features.statements.problems import statement_not_ready
from qrpay.ledger.chart import PAYMENTS, TransferCode
from qrpay.ledger.counters import Counters
from qrpay.ledger.problems import history_detached
from qrpay.problem import FieldError, invalid_field, not_found
from qrpay.values import CURRENCIES, Id, id_text, rfc3339

log = structlog.get_logger()

PAGE: Final = 1_000
"""Lines that are read, and written, together: some ten milliseconds of work each."""
YEARS: Final = range(2000, 2200)
_DAY: Final = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})\Z")
_MONTH: Final = re.compile(r"([0-9]{4})-([0-9]{2})\Z")
REFUNDS_MAX: Final = 1_000
"""Refunds of one order, at most (settings.py)."""
FEES: Final = frozenset({"fee", "fee_return"})
_ONE: Final = timedelta(days=1)
DAY_FILES: Final = ("trade.csv", "trade.xlsx", "fund.csv", "fund.xlsx", "camt.053.xml")
MONTH_FILES: Final = ("days.csv", "statement.pdf")


# When ----------------------------------------------------------------------------------------------------------


def period_of(text: str) -> Period:
    """The business day `2026-11-24` or the month `2026-11`. Raises `not_found` for what is neither."""
    try:
        if said := _DAY.match(text):
            first = date(int(said[1]), int(said[2]), int(said[3]))
            last = first
        elif said := _MONTH.match(text):
            first = date(int(said[1]), int(said[2]), 1)
            last = (first + timedelta(days=31)).replace(day=1) - _ONE
        else:
            raise not_found()
    except (ValueError, OverflowError):
        raise not_found() from None
    if first.year not in YEARS:
        raise not_found()
    return span_of(first, last, text)


def span_of(first: date, last: date, text: str = "") -> Period:
    """The business days from one to another, both included."""
    days = [first + n * _ONE for n in range((last - first).days + 1)]
    return Period(text, day_begins(first), day_begins(last + _ONE), days)


def require_over(core: Core, period: Period) -> None:
    """Raises `statement_not_ready` until the period is over on all our machines, whose clocks differ a little."""
    ready_at = period.until + CLOCK_SKEW
    wait_s = (ready_at - core.clock()).total_seconds()
    if wait_s > 0:
        raise statement_not_ready(ready_at=rfc3339(ready_at), headers={"Retry-After": str(int(wait_s) + 1)})


# What ----------------------------------------------------------------------------------------------------------


async def currency_of(core: Core, merchant: Id, asked: str | None) -> str:
    """The currency that is asked for, or the merchant's only one; CNY for who has none. Raises `invalid_field`."""
    if asked is not None:
        if asked not in CURRENCIES:
            raise invalid_field(errors=[FieldError("currency", f"{asked} is not kept here.")])
        return asked
    owned = await store.currencies(core.database, merchant)
    if len(owned) > 1:
        raise invalid_field(errors=[FieldError("currency", f"Say which of your accounts: {', '.join(owned)}.")])
    return owned[0] if owned else "CNY"


async def settled_account(core: Core, merchant: Id, currency: str, period: Period) -> tuple[Id, Counters, Counters]:
    """A merchant's account, with its counters when the period began and when it ended; nothing will change them.

    Raises `statement_not_ready`, `history_detached`, and `unavailable` while somebody may still write into the period.
    """
    require_over(core, period)
    account = merchants.account_of(merchant, currency)
    # Whoever has seen the balance of the end sees all lines up to it: so it is read before them.
    closing = await core.ledger.balance_at(account, period.until) or Counters()
    opening = await core.ledger.balance_at(account, period.after) or Counters()
    if await store.detached(core.database, account, period.after, period.until):
        raise history_detached()
    return account, opening, closing


async def book(core: Core, merchant: Id, text: str, currency: str | None = None) -> Book:
    """A merchant's account in the day or month that `text` names. Raises as `settled_account` does, and `not_found`."""
    period = period_of(text)
    chosen = await currency_of(core, merchant, currency)
    account, opened, closed = await settled_account(core, merchant, chosen, period)
    days = await _days(core, account, opened.balance, period)
    lines = _together([line for day in days for line in day.lines])
    credits, debits = _total(lines, "credit"), _total(lines, "debit")
    if opened.balance + credits - debits != closed.balance:
        log.error("statement_does_not_add_up", account=account.hex, period=text)
        raise AssertionError("a statement's lines must come to the difference of its balances")
    address = f"{core.settings.url}/v1/statements/{text}"
    names = MONTH_FILES if period.is_month else DAY_FILES
    query = f"?currency={chosen}" if currency else ""
    statement = Statement(
        period=text,
        currency=chosen,
        after=exact(period.after),
        until=exact(period.until),
        opening=opened.balance,
        lines=lines,
        credits=credits,
        debits=debits,
        closing=closed.balance,
        pending=closed.debits_pending,
        days=days if period.is_month else [],
        files=[f"{address}/{name}{query}" for name in names],
    )
    card = await merchants.directory(core, merchant)
    return Book(merchant, card.name, account, period, statement)


async def _days(core: Core, account: Id, opening: int, period: Period) -> list[Day]:
    """The days of a period. Each is summed for itself, so that what one statement does is bounded."""
    days: list[Day] = []
    balance = opening
    for day in period.days:
        found = await store.sums(core.database, account, day_begins(day), day_begins(day + _ONE))
        lines = _together([_sum(*one) for one in found])
        credits, debits = _total(lines, "credit"), _total(lines, "debit")
        balance += credits - debits
        days.append(Day(day, lines, credits, debits, balance))
    return days


def _sum(code: int, pays: bool, count: int, amount: int) -> Sum:
    return Sum(kind_of(code), "debit" if pays else "credit", count, amount)


def _together(lines: Sequence[Sum]) -> list[Sum]:
    """One line for each kind and direction."""
    totals: defaultdict[tuple[str, Direction], list[int]] = defaultdict(lambda: [0, 0])
    for line in lines:
        total = totals[line.kind, line.direction]
        total[0] += line.count
        total[1] += line.amount
    return [Sum(kind, direction, *total) for (kind, direction), total in sorted(totals.items())]


def _total(lines: Sequence[Sum], direction: Direction) -> int:
    return sum(line.amount for line in lines if line.direction == direction)


# Lines ---------------------------------------------------------------------------------------------------------


async def movements(core: Core, one: Book) -> AsyncIterator[Sequence[Movement]]:
    """The lines of the account, oldest first, page by page."""
    after = one.period.after
    while page := await store.movements(core.database, one.account, after, one.period.until, PAGE):
        yield page
        after = page[-1].timestamp


async def trades(core: Core, one: Book) -> AsyncIterator[Sequence[Trade]]:
    """The payments and refunds, oldest first, page by page."""
    after: datetime = one.period.after
    while page := await store.trades(
        core.database, one.account, after, one.period.until, PAGE, one.merchant, sorted(PAYMENTS), TransferCode.REFUND
    ):
        after = page[-1].timestamp
        yield await _with_fees(core, one, page)


async def _with_fees(core: Core, one: Book, page: Sequence[Trade]) -> Sequence[Trade]:
    """The same with their fees: each has the id that its payment or refund gives it."""
    if not any(line.kind in FEES for line in one.statement.lines):
        return page
    ids = {trade.id: fee for trade in page if (fee := _fee_id(trade)) is not None}
    found = await store.fees(core.database, one.account, list(ids.values()))
    return [replace(trade, fee=found.get(ids[trade.id], 0)) if trade.id in ids else trade for trade in page]


def _fee_id(trade: Trade) -> Id | None:
    if trade.code != TransferCode.REFUND:
        return fees.fee_id(trade.order)
    numbers = range(1, REFUNDS_MAX + 1)
    number = next((n for n in numbers if refunds.refund_id(trade.order, n) == trade.id), None)
    return None if number is None else fees.fee_return_id(trade.order, number)


# Signatures ----------------------------------------------------------------------------------------------------


def claims_of(core: Core, one: Book, file: str, sha256: str, size: int) -> SignedStatement:
    """What the bank states about a file."""
    said = one.statement
    return SignedStatement(
        iss=core.settings.issuer, sub=id_text("mer_", one.merchant), name=one.name, period=said.period,
        currency=said.currency, file=file, sha256=sha256, bytes=size, opening=said.opening, credits=said.credits,
        debits=said.debits, closing=said.closing,
    )  # fmt: skip


def verified(core: Core, text: str) -> SignedStatement:
    """What a signed statement says. Raises `code_malformed`, `code_unknown_key`, `code_forged`."""
    return verify_statement(text.strip(), core.keyring, core.clock())
