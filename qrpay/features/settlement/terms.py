"""How a merchant is settled: set by the bank's operators, each change kept with who made it."""

from datetime import UTC, date, datetime, timedelta
from typing import Final

from msgspec.structs import replace

from qrpay.core import Core
from qrpay.database.pool import Queries
from qrpay.features.calendar.service import bank_day
from qrpay.features.settlement import store
from qrpay.features.settlement.model import Terms
from qrpay.features.settlement.problems import settlement_too_early
from qrpay.values import Id, id_time_ms

T0_AFTER: Final = timedelta(days=90)
T0_TRADE: Final = timedelta(days=30)
TRIES: Final = 3


async def terms_of(core: Core, merchant: Id) -> Terms:
    """The terms in force; the defaults where none were set."""
    return (await store.terms(core.database, merchant))[1]


async def set_terms(core: Core, merchant: Id, new: Terms, by: str) -> Terms:
    """Put new terms in force. Raises `settlement_too_early` for T+0 (rules.md 3.1, 银发〔2016〕261号)."""
    if new.cycle == "T+0":
        await _must_be_seasoned(core, merchant)
    for _ in range(TRIES):
        number, _last = await store.terms(core.database, merchant)
        if await store.set_terms(core.database, merchant, number + 1, new, by, core.clock()):
            break
    return await terms_of(core, merchant)


async def first_terms(within: Queries, merchant: Id, agreed: Terms, by: str, at: datetime) -> None:
    """The terms of a merchant that is being taken on, with what else the transaction does; T+0 is too early then."""
    assert agreed.cycle != "T+0"
    await store.set_terms(within, merchant, 1, agreed, by, at)


async def hold(core: Core, merchant: Id, why: str | None, by: str) -> Terms:
    """Stop paying a merchant out, or (None) go on; whatever it is owed meanwhile is carried."""
    return await set_terms(core, merchant, replace(await terms_of(core, merchant), hold=why), by)


async def _must_be_seasoned(core: Core, merchant: Id) -> None:
    """90 days a merchant, and 30 since its first trade. That the trade never paused is for the operator to judge."""
    joined = datetime.fromtimestamp(id_time_ms(merchant) / 1_000, UTC)
    traded = await store.first_trade(core.database, merchant)
    earliest = max(joined + T0_AFTER, (traded or core.clock()) + T0_TRADE)
    if core.clock() < earliest:
        raise settlement_too_early(from_day=str(_day_after(earliest)))


def _day_after(moment: datetime) -> date:
    return bank_day(moment) + timedelta(days=1)
