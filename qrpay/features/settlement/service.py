"""The rules of settlement: what a merchant is owed up to a cut of its history leaves for its bank account, once.

Story first, money last. A settlement is planned from the ledger's history, which never changes, and kept under an id
claimed from merchant, currency and business date; then a transfer of that id holds the money; then the clearing house
is asked to pay it. Whoever dies in between, or runs beside, finds what stands and goes on from there.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Final

import msgspec
import structlog
from msgspec.structs import replace

from qrpay.background.model import NewEvent
from qrpay.background.outbox import announce
from qrpay.core import Core
from qrpay.database.errors import RETRY_AFTER_S
from qrpay.features.calendar import service as calendar
from qrpay.features.calendar.service import bank_day, day_begins
from qrpay.features.clearing import service as clearing
from qrpay.features.clearing.model import Ended, NewInstruction, Party
from qrpay.features.settlement import looks, store
from qrpay.features.settlement import terms as agreed
from qrpay.features.settlement.model import Candidate, Cycle, Line, Row, Slice, Summary, Terms
from qrpay.features.settlement.problems import settlement_day_open
from qrpay.ledger.chart import TransferCode
from qrpay.ledger.model import Result, Transfer, TransferFlag
from qrpay.problem import unavailable
from qrpay.values import CURRENCIES, TEST_LEDGERS, Id, claim, id_of, id_text

if TYPE_CHECKING:
    pass

log = structlog.get_logger()

PURPOSE: Final = "settlement"
PAGE: Final = 200
"""Accounts that are planned, and paid, together."""
SLICE_MAX: Final = 100_000
"""Entries that one statement sums: a merchant with a million of them holds nobody up."""
WAIT_S: Final = 30.0
HEAR_MAX: Final = 500
ENDED: Final = {"settled": "paid", "rejected": "rejected", "returned": "returned"}
ACCOUNT_REASONS: Final = ("AC", "BE", "RR")
"""Beginnings of ISO 20022 codes that lay it on the payout account: closed, blocked, another name."""
NOBODY: Final = id_of(bytes(16))

Progress = Callable[[int, int, int], None]
"""How many accounts were looked at, of how many, and how many of their entries were added up."""


# When ----------------------------------------------------------------------------------------------------------


def cut_of(core: Core, cycle: Cycle, business_date: date) -> datetime:
    """The moment up to which a business date is settled: its end; for T+0 an hour of the day itself."""
    if cycle == "T+0":
        return day_begins(business_date) + timedelta(hours=core.settings.settle_t0_hour)
    return day_begins(business_date + timedelta(days=1))


async def due_cycles(core: Core, business_date: date) -> Sequence[Cycle]:
    """The cycles that pay this business date out, and whose cut has passed: T+1 only if the next day is a workday.

    What T+1 skips before a holiday is in its first business date that a workday follows. Raises `calendar_unknown`.
    """
    due = ended_cycles(core, business_date)
    if "T+1" in due and not await calendar.is_workday(core, business_date + timedelta(days=1)):
        due.remove("T+1")
    return due


def ended_cycles(core: Core, business_date: date) -> list[Cycle]:
    """The cycles whose cut has passed."""
    cycles: tuple[Cycle, ...] = ("T+0", "D+1", "T+1")
    return [cycle for cycle in cycles if core.clock() >= cut_of(core, cycle, business_date)]


async def by_the_clock(core: Core) -> int:
    """Settle what is due now, once: yesterday's business date from `settle_hour` on, and today's T+0."""
    today = bank_day(core.clock())
    yesterday = today - timedelta(days=1)
    await _settle_unfinished(core, today, [cycle for cycle in ended_cycles(core, today) if cycle == "T+0"])
    if core.clock() >= day_begins(today) + timedelta(hours=core.settings.settle_hour):
        await _settle_unfinished(core, yesterday, ["T+0", "D+1"])
        # Last, and apart: in a year that nobody has entered, T+1 alone stands still, and says so.
        if "T+1" in await due_cycles(core, yesterday):
            await _settle_unfinished(core, yesterday, ["T+1"])
    return 0


async def _settle_unfinished(core: Core, business_date: date, cycles: Sequence[Cycle]) -> None:
    finished = await store.finished(core.database, business_date, cycles)
    left = [cycle for cycle in cycles if cycle not in finished]
    if not left:
        return
    summary = await settle(core, business_date, left)
    log.info("settled", business_date=str(business_date), cycles=left, paid_out=summary.paid_out,
             carried=summary.carried, unsettled=summary.unsettled)  # fmt: skip
    if not summary.unsettled:
        await store.finish_run(core.database, business_date, left, core.clock())


# Settling ------------------------------------------------------------------------------------------------------


async def settle(
    core: Core,
    business_date: date,
    cycles: Sequence[Cycle] | None = None,
    *,
    merchant: Id | None = None,
    progress: Progress = lambda _done, _total, _entries: None,
) -> Summary:
    """Settle a business date for all merchants of these cycles (None: of all that are due), or one of them.

    Safe to repeat, at any time and beside others: killed half-way and started again, it makes the same settlements.
    Raises `settlement_day_open` before the cut, `calendar_unknown`, `unavailable` while an old transaction runs on.
    """
    chosen = await due_cycles(core, business_date) if cycles is None else cycles
    if not chosen or not set(chosen) <= set(ended_cycles(core, business_date)):
        raise settlement_day_open(day=str(business_date))
    await _all_is_visible(core)
    while await _pay_out(core, await store.planned(core.database, None, PAGE)):
        pass  # what a run that was killed had planned
    summary = Summary()
    after, total, seen, entries = NOBODY, await store.count_accounts(core.database), 0, 0

    def added_up(more: int) -> None:
        nonlocal entries
        entries += more
        progress(min(seen, total), total, entries)

    while True:
        page = await store.candidates(core.database, chosen, after, business_date, PAGE, merchant)
        if not page:
            progress(total, total, entries)
            return summary
        summary = await _settle_page(core, page, business_date, summary, added_up)
        after = page[-1].account
        seen += len(page)
        progress(min(seen, total), total, entries)


async def _all_is_visible(core: Core) -> None:
    """Wait until whatever began before now has ended: from then on nothing new can be older than a cut that passed."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + WAIT_S
    horizon = await store.horizon(core.database)
    while await store.running(core.database) < horizon:
        if loop.time() > deadline:
            raise unavailable(headers={"Retry-After": str(RETRY_AFTER_S)})
        await asyncio.sleep(0.02)


async def _settle_page(
    core: Core, page: Sequence[Candidate], business_date: date, summary: Summary, added_up: Callable[[int], None]
) -> Summary:
    rows: list[Row] = []
    unsettled = 0
    for one in page:
        if one.detached or one.status == "planned":
            # Somebody else settles it just now, or its history has to be attached first.
            unsettled += 1
            log.error("settlement_left_out", account=one.account.hex, detached=one.detached)
        elif row := await _planned(core, one, business_date, added_up):
            rows.append(row)
    await store.plan(core.database, rows)
    await _pay_out(core, await store.planned(core.database, [row.account for row in rows], PAGE))
    stand = await store.by_id(core.database, [row.id for row in rows])
    return Summary(
        summary.paid_out + sum(1 for row in stand.values() if row.amount),
        summary.carried + sum(1 for row in stand.values() if row.amount == 0),
        summary.unsettled + unsettled,
    )


async def _planned(core: Core, one: Candidate, business_date: date, added_up: Callable[[int], None]) -> Row | None:
    """What is settled of an account, from where its last settlement ended to the cut; None: nothing happened."""
    whole = await summed(core, one.account, one.to_at, cut_of(core, one.terms.cycle, business_date), added_up)
    if not any(effect for *_, effect in whole.sums) and one.closing <= 0:
        return None
    lines = lines_of(whole)
    payments = sum(line.amount for line in lines if line.kind == "payment")
    terms, due = one.terms, one.closing + whole.movement
    reserved = max(terms.reserve, (one.turnover + payments) * terms.reserve_bp // 10_000)
    planned, reason = (0, "test_merchant") if one.ledger >= TEST_LEDGERS else payable(terms, due, reserved)
    if planned == 0 and not any(effect for *_, effect in whole.sums):
        return None  # it carries what it carried: that is no news
    payout = terms.payout if planned else None
    return Row(
        id=claim("settlement", one.merchant, one.currency, business_date),
        merchant=one.merchant,
        currency=one.currency,
        account=one.account,
        number=one.number + 1,
        business_date=business_date,
        cycle=terms.cycle,
        from_at=one.to_at,
        to_at=whole.until or one.to_at,
        entries=whole.entries,
        movement=whole.movement,
        lines=msgspec.json.encode(lines).decode(),
        opening=one.closing,
        reserved=min(reserved, max(0, due)),
        planned=planned,
        amount=None,
        closing=None,
        status="planned",
        reason=reason,
        name=payout.name if payout else None,
        bank_account=payout.account if payout else None,
        bank=payout.bank if payout else None,
        created_at=core.clock(),
        paid_at=None,
    )


def payable(terms: Terms, due: int, reserved: int) -> tuple[int, str | None]:
    """What of a sum due is paid out now, minor units, and why nothing is."""
    if due <= 0:
        return 0, "nothing_due" if due == 0 else "negative_balance"
    if terms.hold is not None:
        return 0, f"hold: {terms.hold}"
    if terms.payout is None:
        return 0, "no_payout_account"
    if due <= reserved:
        return 0, "reserve"
    if due - reserved < terms.minimum:
        return 0, "below_minimum"
    return due - reserved, None


async def summed(
    core: Core, account: Id, after: datetime, until: datetime, added_up: Callable[[int], None] = lambda _more: None
) -> Slice:
    """The entries of an account between two moments, summed slice by slice: the cost of one is bounded.

    added_up  is told how many entries each slice had
    """
    totals: defaultdict[tuple[int, str], list[int]] = defaultdict(lambda: [0, 0])
    last, entries, movement = None, 0, 0
    while True:
        one = await store.movement(core.database, account, last or after, until, SLICE_MAX, TransferCode.SETTLEMENT)
        for code, direction, count, effect in one.sums:
            totals[code, direction][0] += count
            totals[code, direction][1] += effect
        entries, movement, last = entries + one.entries, movement + one.movement, one.until or last
        added_up(one.entries)
        if one.entries < SLICE_MAX:
            sums = [(*key, count, effect) for key, (count, effect) in sorted(totals.items())]
            return Slice(last, entries, movement, sums)  # type: ignore[arg-type] # directions, as they came


def lines_of(whole: Slice) -> list[Line]:
    """Sums by kind, the four kinds of payment as one; what adds nothing is left out."""
    totals: defaultdict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    for code, _, count, effect in whole.sums:
        if effect:
            total = totals[looks.kind_of(code), "credit" if effect > 0 else "debit"]
            total[0] += count
            total[1] += abs(effect)
    return [Line(kind, direction, *total) for (kind, direction), total in sorted(totals.items())]  # type: ignore[arg-type] # the two directions


# Paying out ----------------------------------------------------------------------------------------------------


async def _pay_out(core: Core, rows: Sequence[Row]) -> int:
    """Hold the money of planned settlements, and have it paid; how many."""
    if not rows:
        return 0
    currencies = {row.currency for row in rows}
    to = {currency: await clearing.clearing_account(core, currency) for currency in currencies}
    held = await asyncio.gather(*(_held(core, row, to[row.currency]) for row in rows))
    async with core.database.transaction() as within:
        finished = await store.finish(
            within, [(row.id, amount, reason) for row, (amount, reason) in zip(rows, held, strict=True)]
        )
        instructed = [
            _instruction(row, amount)
            for row, (amount, _) in zip(rows, held, strict=True)
            if amount and row.id in finished
        ]
        await clearing.instruct(core, PURPOSE, instructed, within)
    return len(finished)


async def _held(core: Core, row: Row, clearing_account: Id) -> tuple[int, str | None]:
    """What is held of a settlement's money, and why nothing is, or less.

    The plan is what was owed at the cut; refunds since then may have taken some of it. Then the ledger decides: it
    holds what is there, and the rest is owed by what comes.
    """
    transfer = Transfer(
        row.id, row.account, clearing_account, row.planned, TransferCode.SETTLEMENT,
        CURRENCIES[row.currency].numeric, reference=str(row.business_date), flags=TransferFlag.PENDING,
    )  # fmt: skip
    outcome = await core.ledger.post(transfer)
    if outcome.result is Result.EXCEEDS_CREDITS:
        transfer = replace(transfer, flags=TransferFlag.PENDING | TransferFlag.BALANCING_DEBIT)
        outcome = await core.ledger.post(transfer)
    if outcome.result.stands or outcome.result.differs:
        standing = (await core.ledger.lookup_transfers([row.id]))[row.id]
        return standing.amount, None if standing.amount == row.planned else "balance_was_less"
    match outcome.result:
        case Result.NOTHING_TO_BALANCE:
            return 0, "balance_was_less"
        case Result.DEBITS_FROZEN:
            return 0, "account_frozen"
        case Result.DEBIT_ACCOUNT_CLOSED:
            return 0, "account_closed"
        case refusal:
            raise AssertionError(f"a settlement's money cannot be held: {refusal.name}")


def _instruction(row: Row, amount: int) -> NewInstruction:
    assert row.name and row.bank_account and row.bank, "a settlement that pays out says where to"
    creditor = Party(row.name, row.bank_account, row.bank)
    remittance = f"{id_text('set_', row.id)} {row.business_date}"
    return NewInstruction(row.id, row.id, PURPOSE, row.currency, amount, creditor, remittance)


# Hearing -------------------------------------------------------------------------------------------------------


async def hear(core: Core) -> int:
    """Take note of how payouts ended, and tell their merchants; how many. See clearing for what moved the money."""
    ended = await clearing.ended(core, PURPOSE, HEAR_MAX)
    if not ended:
        return 0
    rows = await store.by_id(core.database, [one.id for one in ended])
    async with core.database.transaction() as within:
        await store.end(within, [(one.id, ENDED[one.status], _why(one), one.changed_at) for one in ended])
        after = await store.by_id(within, list(rows))
        await announce(core, [await _news(core, after[one.id], one) for one in ended if one.id in after], within)
        await clearing.heard(within, ended)
    for merchant, why in {
        rows[one.id].merchant: _why(one) for one in ended if one.id in rows and _blames_account(one)
    }.items():
        await agreed.hold(core, merchant, f"payout account refused: {why}", "clearing")
    return len(ended)


def _why(one: Ended) -> str | None:
    said = " ".join(part for part in (one.code, one.reason) if part)
    return None if one.status == "settled" else said or "no reason given"


def _blames_account(one: Ended) -> bool:
    return one.status in ("rejected", "returned") and (one.code or "").startswith(ACCOUNT_REASONS)


async def _news(core: Core, row: Row, one: Ended) -> NewEvent:
    status = ENDED[one.status]
    [view] = await looks.views(core, [row])
    data = msgspec.Raw(msgspec.json.encode(view))
    return NewEvent(
        claim("settlement_event", row.id, status), f"settlement.{status}", row.merchant, row.id, one.changed_at, data
    )
