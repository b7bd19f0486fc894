"""The caps of an account: what it may spend in a bank day and year, and by codes of a class, and hold at any moment.

The figures are data (rules.md 3): rows with the day from which they hold. An account's row bears the limits that were
in force when they were last looked up. `ledger_allows`, `ledger_limits` and the posting functions say the same in SQL.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final, TypeVar

from msgspec.structs import replace

from qrpay.ledger.chart import CODE_CLASS, RECEIVES, RESTORES, SPENDS, CapClass, TransferCode
from qrpay.ledger.limits import CapKind, CapUse, NewCap, Use
from qrpay.ledger.model import NEVER_LOOKED_UP, Account, Posted, Result, Transfer, TransferFlag
from qrpay.values import Id

_BEIJING: Final = timedelta(hours=8)
COLUMNS: Final = (
    "limits_until", "day_limit", "year_limit", "code_a_limit", "code_b_limit", "code_c_limit", "code_d_limit",
    "used_on", "day_used", "year_used", "code_a_used", "code_b_used", "code_c_used", "code_d_used",
)  # fmt: skip
"""Limits and counters of spending, as an account's row bears them."""
INFLOW_COLUMNS: Final = (
    "limits_until", "inflow_day_limit", "inflow_year_limit", "inflow_on", "inflow_day_used", "inflow_year_used",
)  # fmt: skip
"""The same of inflow."""
_CODE_KINDS: Final = (CapKind.CODE_A, CapKind.CODE_B, CapKind.CODE_C, CapKind.CODE_D)
_CODES: Final = ("code_a_used", "code_b_used", "code_c_used", "code_d_used")
_RULES: Final = {
    Result.EXCEEDS_CAP_DAY: CapKind.DAY,
    Result.EXCEEDS_CAP_YEAR: CapKind.YEAR,
    Result.EXCEEDS_CAP_BALANCE: CapKind.BALANCE,
    Result.EXCEEDS_CAP_CODE_A: CapKind.CODE_A,
    Result.EXCEEDS_CAP_CODE_B: CapKind.CODE_B,
    Result.EXCEEDS_CAP_CODE_C: CapKind.CODE_C,
    Result.EXCEEDS_CAP_CODE_D: CapKind.CODE_D,
    Result.EXCEEDS_CAP_INFLOW_DAY: CapKind.INFLOW_DAY,
    Result.EXCEEDS_CAP_INFLOW_YEAR: CapKind.INFLOW_YEAR,
}
_REFUSALS: Final = {kind: result for result, kind in _RULES.items()}

_INFLOW_KINDS: Final = (CapKind.INFLOW_DAY, CapKind.INFLOW_YEAR)

C = TypeVar("C", bound=NewCap)
Count = tuple[Id, int, int]
"""What counts where: the account whose row counts it, minor units, the class of code (0: none)."""


# Days ------------------------------------------------------------------------------------------------------------


def bank_day(moment: datetime) -> date:
    """The calendar day in Asia/Shanghai, which has no summer time (rules.md 3)."""
    return (moment.astimezone(UTC) + _BEIJING).date()


def resets_at(rule: CapKind, now: datetime) -> datetime | None:
    """When what a cap has counted begins anew, in UTC: with the bank's day or year; None: never."""
    if rule is CapKind.BALANCE:
        return None
    today = bank_day(now)
    first = date(today.year + 1, 1, 1) if rule in (CapKind.YEAR, CapKind.INFLOW_YEAR) else today + timedelta(days=1)
    return datetime(first.year, first.month, first.day, tzinfo=UTC) - _BEIJING


# What a cap says now -----------------------------------------------------------------------------------------------


def rule_of(result: Result) -> CapKind | None:
    """The cap behind a refusal."""
    return _RULES.get(result)


def counter_of(account: Account, kind: CapKind) -> Id:
    """The account in whose row a cap of this kind is counted: its own, unless it shares its caps."""
    if kind is CapKind.BALANCE:
        return account.id
    return (account.code_group if kind in _CODE_KINDS else account.day_group) or account.id


def limit_of(account: Account, kind: CapKind) -> int | None:
    """An account's limit, in minor units; None: no cap."""
    limit: int | None = getattr(account, f"{kind}_limit")
    return limit


def used_of(account: Account, kind: CapKind, today: date) -> int:
    """What counts against an account's cap on this bank day, in minor units."""
    if kind is CapKind.BALANCE:
        return account.credits_posted + account.credits_pending - account.debits_posted
    if kind in _INFLOW_KINDS:
        return _inflow_used(account, kind, today)
    if account.used_on is None:
        return 0
    if kind is CapKind.YEAR:
        return account.year_used if account.used_on >= today.replace(month=1, day=1) else 0
    counted: int | None = getattr(account, f"{kind}_used")
    return counted or 0 if account.used_on >= today else 0


def _inflow_used(account: Account, kind: CapKind, today: date) -> int:
    if account.inflow_on is None:
        return 0
    if kind is CapKind.INFLOW_YEAR:
        return account.inflow_year_used or 0 if account.inflow_on >= today.replace(month=1, day=1) else 0
    return account.inflow_day_used or 0 if account.inflow_on >= today else 0


def used(account: Account, today: date) -> tuple[int, ...]:
    """What counts against all caps on this bank day: day, year, the classes A to D of codes, and inflow."""
    return tuple(used_of(account, kind, today) for kind in CapKind if kind is not CapKind.BALANCE)


def is_stale(account: Account, today: date) -> bool:
    """Whether an account's limits are to be looked up anew."""
    return account.limits_until is not None and account.limits_until <= today


def cap_guards(
    accounts: Mapping[Id, Account], transfer: Transfer, now: datetime
) -> Iterator[tuple[Result, int | None, int]]:
    """The caps that a transfer meets, in order of precedence: refusal, limit (None: no cap), used."""
    today = bank_day(now)
    payer, payee = accounts[transfer.debit], accounts[transfer.credit]
    spends = transfer.code in SPENDS
    if spends:
        counter = accounts[counter_of(payer, CapKind.DAY)]
        for kind in (CapKind.DAY, CapKind.YEAR):
            yield _REFUSALS[kind], limit_of(counter, kind), used_of(counter, kind, today)
    yield Result.EXCEEDS_CAP_BALANCE, payee.balance_limit, used_of(payee, CapKind.BALANCE, today)
    if spends and (code_class := CODE_CLASS.get(TransferCode(transfer.code))):
        kind = CapKind(f"code_{code_class.name.lower()}")
        counter = accounts[counter_of(payer, kind)]
        yield _REFUSALS[kind], limit_of(counter, kind), used_of(counter, kind, today)
    if transfer.code in RECEIVES:
        counter = accounts[counter_of(payee, CapKind.INFLOW_DAY)]
        for kind in _INFLOW_KINDS:
            yield _REFUSALS[kind], limit_of(counter, kind), used_of(counter, kind, today)


# Counting ----------------------------------------------------------------------------------------------------------


def counts_of(code: int, amount: int, payer: Account) -> list[Count]:
    """Where a transfer of this kind counts for its payer's caps: in the payer's row, or where it shares its caps."""
    if code not in SPENDS or not amount:
        return []
    code_class = int(CODE_CLASS.get(TransferCode(code), 0))
    of_day, of_code = payer.day_group or payer.id, payer.code_group or payer.id
    if not code_class or of_day == of_code:
        return [(of_day, amount, code_class)]
    return [(of_day, amount, 0), (of_code, amount, code_class)]


def spent_by(posted: Posted, accounts: Mapping[Id, Account]) -> list[Count]:
    """What a transfer adds to the counters of caps."""
    if posted.flags & (TransferFlag.POST_PENDING | TransferFlag.VOID_PENDING):
        return []
    return counts_of(posted.code, posted.amount, accounts[posted.debit])


def given_back_by(
    posted: Posted, transfers: Mapping[Id, Posted], counted_on: Mapping[Id, date], accounts: Mapping[Id, Account]
) -> tuple[date, list[Count]] | None:
    """What a transfer gives back of caps, and the bank day on which that was counted; None: nothing.

    A void gives back all of its hold, a post what it leaves of it, a correction what it corrects of a payment
    (chart.RESTORES); a refund nothing.
    """
    if posted.pending_id is not None:
        hold = transfers[posted.pending_id]
        amount = hold.amount - (0 if posted.flags & TransferFlag.VOID_PENDING else posted.amount)
        day = counted_on.get(hold.id)
        counts = counts_of(hold.code, amount, accounts[hold.debit]) if amount else []
        return (day, counts) if counts and day is not None else None
    if posted.code not in RESTORES:
        return None
    wrong = transfers[posted.about]
    if wrong.pending_id is not None or wrong.flags & TransferFlag.PENDING or wrong.debit != posted.credit:
        return None
    counts = counts_of(wrong.code, min(posted.amount, wrong.amount), accounts[wrong.debit])
    return (bank_day(wrong.timestamp), counts) if counts else None


def count(account: Account, spent: int, code_class: int, today: date) -> Account:
    """The account after it has spent this much today, by a code of this class (0: none); minor units."""
    goes_on = account.used_on is not None and account.used_on >= today
    counters: dict[str, int | None] = {name: getattr(account, name) if goes_on else None for name in _CODES}
    if code_class:
        name = _CODES[code_class - 1]
        counters[name] = (counters[name] or 0) + spent
    return replace(
        account,
        used_on=account.used_on if goes_on else today,
        day_used=used_of(account, CapKind.DAY, today) + spent,
        year_used=used_of(account, CapKind.YEAR, today) + spent,
        **counters,
    )


def give_back(account: Account, amount: int, code_class: int, counted_on: date) -> Account:
    """The account after a part of what it spent on a bank day was given back, as far as that is still counted."""
    if account.used_on is None:
        return account
    if counted_on.year == account.used_on.year:
        account = replace(account, year_used=max(0, account.year_used - amount))
    if counted_on == account.used_on:
        account = replace(account, day_used=max(0, account.day_used - amount))
        if code_class:
            name = _CODES[code_class - 1]
            account = replace(account, **{name: max(0, (getattr(account, name) or 0) - amount) or None})
    return account


def received_by(posted: Posted, accounts: Mapping[Id, Account]) -> tuple[Id, int] | None:
    """Where a transfer counts as inflow, and how much, in minor units; None: it is none."""
    if posted.code not in RECEIVES or posted.flags & (TransferFlag.POST_PENDING | TransferFlag.VOID_PENDING):
        return None
    return counter_of(accounts[posted.credit], CapKind.INFLOW_DAY), posted.amount


def inflow_given_back_by(
    posted: Posted, transfers: Mapping[Id, Posted], accounts: Mapping[Id, Account]
) -> tuple[date, Id, int] | None:
    """What a transfer takes back of inflow: the bank day that counted it, where, and how much; None: nothing.

    As with spending: a void all of its hold, a post what it leaves of it, a correction what it corrects.
    """
    if posted.pending_id is not None:
        was = transfers[posted.pending_id]
        amount = was.amount - (0 if posted.flags & TransferFlag.VOID_PENDING else posted.amount)
    elif posted.code in RESTORES:
        was = transfers[posted.about]
        if was.pending_id is not None or was.flags & TransferFlag.PENDING or was.credit != posted.debit:
            return None
        amount = min(posted.amount, was.amount)
    else:
        return None
    if was.code not in RECEIVES or not amount:
        return None
    return bank_day(was.timestamp), counter_of(accounts[was.credit], CapKind.INFLOW_DAY), amount


def receive(account: Account, amount: int, today: date) -> Account:
    """The account after this much came in today, in minor units."""
    goes_on = account.inflow_on is not None and account.inflow_on >= today
    return replace(
        account,
        inflow_on=account.inflow_on if goes_on else today,
        inflow_day_used=_inflow_used(account, CapKind.INFLOW_DAY, today) + amount,
        inflow_year_used=_inflow_used(account, CapKind.INFLOW_YEAR, today) + amount,
    )


def give_back_inflow(account: Account, amount: int, counted_on: date) -> Account:
    """The account after a part of what came in on a bank day was taken back, as far as that is still counted."""
    if account.inflow_on is None:
        return account
    if counted_on.year == account.inflow_on.year:
        account = replace(account, inflow_year_used=max(0, (account.inflow_year_used or 0) - amount))
    if counted_on == account.inflow_on:
        account = replace(account, inflow_day_used=max(0, (account.inflow_day_used or 0) - amount))
    return account


# Which caps are in force -------------------------------------------------------------------------------------------


def renewed(account: Account, members: Sequence[Account], caps: Sequence[NewCap], today: date) -> Account:
    """The account with the limits that the caps say today. `members`: who counts in its row, if only itself."""
    shares = dict.fromkeys((CapKind.DAY, CapKind.YEAR, *_INFLOW_KINDS), account.day_group) | {CapKind.BALANCE: None}
    limits: dict[str, int | None] = {}
    for kind in CapKind:
        if shares.get(kind, account.code_group):
            limits[f"{kind}_limit"] = 0  # it spends nothing in its own row
        elif account.cap_class == CapClass.EVERY and kind in shares:
            limits[f"{kind}_limit"] = None  # a row that counts codes, and nothing else
        else:
            strictest = strictest_of(members, kind, caps, today)
            limits[f"{kind}_limit"] = None if strictest is None else strictest.amount
    later = [cap.effective_on for cap in caps if cap.effective_on > today and concerns(cap, members)]
    return replace(account, limits_until=min(later, default=None), **limits)


def strictest_of(members: Sequence[Account], kind: CapKind, caps: Sequence[C], today: date) -> C | None:
    """The cap that decides for accounts which count together: the lowest of those in force; None: no cap."""
    found = [cap for member in members if (cap := in_force(member, kind, caps, today)) is not None]
    return min((cap for cap in found if cap.amount is not None), key=lambda cap: cap.amount or 0, default=None)


def in_force(account: Account, kind: CapKind, caps: Sequence[C], today: date) -> C | None:
    """The account's own cap, or that of its class; of two for one day the later one. None: nobody has set one."""
    begun = sorted((c for c in caps if c.kind == kind and c.effective_on <= today), key=lambda c: c.effective_on)
    own = [cap for cap in begun if cap.account == account.id]
    if own and not own[-1].inherits:
        return own[-1]
    whose = CapClass.EVERY if kind.startswith("code") and account.cap_class else account.cap_class
    of_class = [cap for cap in begun if cap.cap_class == whose and cap.ledger == account.ledger]
    return of_class[-1] if of_class else None


def concerns(cap: NewCap, members: Sequence[Account]) -> bool:
    """Whether a cap is one of these accounts', or of a class that they follow."""
    if cap.account is not None:
        return any(cap.account == member.id for member in members)
    whose = {member.cap_class for member in members} | ({CapClass.EVERY} if members[0].cap_class else set())
    return cap.ledger == members[0].ledger and cap.cap_class in whose


def looked_up_next(account: Account, effective_on: date) -> Account:
    """The account after a cap was set that begins on this day."""
    until = account.limits_until
    return replace(account, limits_until=effective_on if until is None else min(until, effective_on))


def sharing(account: Account, day_group: Id | None, code_group: Id) -> Account:
    """The account when it has begun to count elsewhere; what it had used has been moved there."""
    day = {"day_group": day_group, "day_limit": 0, "year_limit": 0, "day_used": 0, "year_used": 0,
           "inflow_day_limit": 0, "inflow_year_limit": 0, **dict.fromkeys(INFLOW_COLUMNS[3:])}  # fmt: skip
    code: dict[str, int | Id | None] = {"code_group": code_group, **dict.fromkeys(_CODES)}
    code |= dict.fromkeys([name.replace("used", "limit") for name in _CODES], 0)
    moved = replace(account, limits_until=NEVER_LOOKED_UP, **code)
    return replace(moved, **day) if day_group is not None else moved


def joined(group: Account, members: Sequence[Account], today: date, *, of_codes: bool) -> Account:
    """The row where these accounts count their codes, or their day and year, with what those that are new have used."""
    new = [member for member in members if (member.code_group if of_codes else member.day_group) is None]
    group = replace(count(group, 0, 0, today), limits_until=NEVER_LOOKED_UP)
    for member in new:
        if of_codes:
            for kind, name in zip(_CODE_KINDS, _CODES, strict=True):
                used = (getattr(group, name) or 0) + used_of(member, kind, today)
                group = replace(group, **{name: used or None})
        else:
            group = replace(
                group,
                day_used=group.day_used + used_of(member, CapKind.DAY, today),
                year_used=group.year_used + used_of(member, CapKind.YEAR, today),
            )
            if used_of(member, CapKind.INFLOW_YEAR, today):
                day, year = (used_of(member, kind, today) for kind in _INFLOW_KINDS)
                group = receive(group, 0, today)
                group = replace(
                    group,
                    inflow_day_used=(group.inflow_day_used or 0) + day,
                    inflow_year_used=(group.inflow_year_used or 0) + year,
                )
    return group


def use_of(accounts: Mapping[Id, Account], account: Account, now: datetime) -> CapUse:
    """What an account's caps say now, by the limits in the rows where it is counted."""
    caps_now = {}
    for kind in CapKind:
        counter = accounts[counter_of(account, kind)]
        limit = limit_of(counter, kind)
        if limit is not None:
            caps_now[kind] = Use(limit, used_of(counter, kind, bank_day(now)), resets_at(kind, now))
    return CapUse(caps_now, shared=account.code_group is not None)
