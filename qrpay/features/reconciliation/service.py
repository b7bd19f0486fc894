"""The rules of comparing lists: digests of buckets first, then the lines of those that differ (docs/decisions/0028).

Both sides of a comparison are of days that are over, so that the answer is the same however often and late it is asked.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from qrpay.core import Core
from qrpay.features.reconciliation import store
from qrpay.features.reconciliation.model import (
    Comparison,
    DifferingBucket,
    Line,
    NewComparison,
    NewReconciliation,
    Reconciliation,
    Span,
    difference,
    mark_in,
)
from qrpay.features.reconciliation.problems import too_many_lines
from qrpay.features.statements import service as statements
from qrpay.features.statements.model import Period
from qrpay.problem import FieldError, invalid_field
from qrpay.values import Id

SLICE: Final = 50_000
"""Lines that one statement reads: well below a second."""
DAYS_MAX: Final = 31
HERE_MAX: Final = 20_000
"""Lines of ours that are looked at one by one."""
AT_ONCE: Final = 1
"""Comparisons that one worker has the database do at once; others wait for their turn."""
_slots: Final[dict[asyncio.AbstractEventLoop, asyncio.Semaphore]] = {}


def _slot() -> asyncio.Semaphore:
    return _slots.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(AT_ONCE))


async def _account(core: Core, merchant: Id, span: Span) -> tuple[Id, str, Period]:
    """The account, its currency and the days. Raises `invalid_field`, `statement_not_ready`, `history_detached`."""
    if not 0 <= (span.to - span.from_).days < DAYS_MAX or span.from_.year not in statements.YEARS:
        raise invalid_field(errors=[FieldError("/to", f"Ask for 1 to {DAYS_MAX} days, the earlier one first.")])
    currency = await statements.currency_of(core, merchant, span.currency)
    period = statements.span_of(span.from_, span.to)
    account, *_ = await statements.settled_account(core, merchant, currency, period)
    return account, currency, period


async def reconcile(core: Core, merchant: Id, ask: NewReconciliation) -> Reconciliation:
    """Which of the merchant's buckets are not as ours. Raises as `_account` does."""
    buckets = _buckets(ask)
    account, currency, period = await _account(core, merchant, ask)
    async with _slot():
        found = await digests_of(core, account, currency, period, ask.bits)
    differing = [
        DifferingBucket(bucket, found.get(bucket, (0, 0))[1])
        for bucket, digest in zip(buckets, ask.digests, strict=True)
        if found.get(bucket, (0, 0))[0] != mark_in(digest)
    ]
    return Reconciliation(sum(found.get(bucket, (0, 0))[1] for bucket in buckets), differing)


def _buckets(ask: NewReconciliation) -> Sequence[int]:
    """Which buckets the digests are of. Raises `invalid_field`."""
    whole = 1 << ask.bits
    if ask.buckets is None:
        if len(ask.digests) != whole:
            raise invalid_field(errors=[FieldError("/digests", f"Send {whole}, or say which buckets they are of.")])
        return range(whole)
    if len(ask.buckets) != len(ask.digests):
        raise invalid_field(errors=[FieldError("/buckets", "Send one digest for each bucket.")])
    _require_buckets(ask.buckets, whole)
    return ask.buckets


def _require_buckets(buckets: Sequence[int], whole: int) -> None:
    if max(buckets) >= whole or len(set(buckets)) != len(buckets):
        raise invalid_field(errors=[FieldError("/buckets", f"Name each once, from 0 to {whole - 1}.")])


async def digests_of(core: Core, account: Id, currency: str, period: Period, bits: int) -> dict[int, tuple[int, int]]:
    """Our digest and number of lines of each bucket that has any, slice by slice."""
    found: dict[int, tuple[int, int]] = {}
    after: datetime = period.after
    while True:
        buckets, last = await store.digests(core.database, account, after, period.until, SLICE, currency, bits)
        for bucket, mark, lines in buckets:
            known = found.get(bucket, (0, 0))
            found[bucket] = known[0] ^ mark, known[1] + lines
        if last is None or sum(lines for *_, lines in buckets) < SLICE:
            return found
        after = last


async def compare(core: Core, merchant: Id, ask: NewComparison) -> Comparison:
    """Which lines of some buckets are not the same on both sides. Raises as `_account` does, and `too_many_lines`."""
    _require_buckets(ask.buckets, 1 << ask.bits)
    there = {(line.kind, line.reference): line for line in ask.lines}
    if len(there) != len(ask.lines):
        raise invalid_field(errors=[FieldError("/lines", "Send each kind and reference once.")])
    account, currency, period = await _account(core, merchant, ask)
    async with _slot():
        lines = await _lines_of(core, account, currency, period, ask)
    here = {(line.kind, line.reference): line for line in lines}
    found = [difference(here.get(key), there.get(key)) for key in sorted(here.keys() | there.keys())]
    return Comparison([one for one in found if one is not None])


async def _lines_of(core: Core, account: Id, currency: str, period: Period, ask: NewComparison) -> list[Line]:
    found: list[Line] = []
    after: datetime = period.after
    while True:
        lines, read, last = await store.lines(
            core.database, account, after, period.until, SLICE, currency, ask.bits, ask.buckets
        )
        found += lines
        if len(found) > HERE_MAX:
            raise too_many_lines(limit=HERE_MAX)
        if last is None or read < SLICE:
            return found
        after = last
