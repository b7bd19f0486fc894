"""The caps of an account: what it may spend in a bank day and a bank year, and hold at any moment (rules.md 3).

`ledger_allows` and the posting functions say the same in SQL.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Final

from msgspec.structs import replace

from qrpay.ledger.chart import SPENDS
from qrpay.ledger.model import Account, Result

_BEIJING: Final = timedelta(hours=8)


def bank_day(moment: datetime) -> date:
    """The calendar day in Asia/Shanghai, which has no summer time (rules.md 3)."""
    return (moment.astimezone(UTC) + _BEIJING).date()


def used(account: Account, today: date) -> tuple[int, int]:
    """What an account has spent in this bank day and in this year; the counters are those of used_on."""
    if account.used_on is None:
        return 0, 0
    return (
        account.day_used if account.used_on >= today else 0,
        account.year_used if account.used_on >= today.replace(month=1, day=1) else 0,
    )


def spent_by(code: int, amount: int) -> int:
    """What of a transfer's amount counts against its payer's caps, in minor units."""
    return amount if code in SPENDS else 0


def cap_guards(debit: Account, credit: Account, code: int, now: datetime) -> Iterator[tuple[Result, int | None, int]]:
    """The caps that a transfer of this kind meets, in order of precedence: refusal, limit (None: no cap), used."""
    if code in SPENDS:
        day_used, year_used = used(debit, bank_day(now))
        yield Result.EXCEEDS_CAP_DAY, debit.day_limit, day_used
        yield Result.EXCEEDS_CAP_YEAR, debit.year_limit, year_used
    yield (
        Result.EXCEEDS_CAP_BALANCE,
        credit.balance_limit,
        credit.credits_posted + credit.credits_pending - credit.debits_posted,
    )


def count(account: Account, spent: int, today: date) -> Account:
    """The account after it has spent this much today, in minor units."""
    if not spent:
        return account
    day_used, year_used = used(account, today)
    used_on = today if account.used_on is None else max(account.used_on, today)
    return replace(account, used_on=used_on, day_used=day_used + spent, year_used=year_used + spent)
