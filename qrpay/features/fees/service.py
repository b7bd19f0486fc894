"""The rules of fees: which plan counts, what goes beside a payment, and what goes back with a refund.

A fee is taken in the payment's own commit, by a transfer linked to it. So nobody has to wait for it, settle around
it or take it later, and whoever pays again is answered from what stands, whatever the plan says by then.
"""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Final, Literal

from qrpay.core import Core
from qrpay.features.calendar.service import bank_day
from qrpay.features.fees import store
from qrpay.features.fees.model import PREFIX, TAKEN, BorneBy, Fee, FeePlan, FeeQuote, FeeStanding, NewPlan, PlanRow
from qrpay.features.fees.problems import fee_plan_in_the_past
from qrpay.features.fees.reckoning import fee_of, part_of
from qrpay.features.merchants import service as merchants
from qrpay.features.merchants.remembered import Remembered
from qrpay.ledger.chart import AccountCode, TransferCode
from qrpay.ledger.model import AccountFlag, NewAccount, Posted, Transfer
from qrpay.problem import FieldError, invalid_field
from qrpay.values import CURRENCY_OF_LEDGER, Id, claim, id_of, id_text, ledger_of, new_id

CHANNEL: Final = "qrpay_fee_plans"
REMEMBERED_MAX: Final = 20_000
AGE_MAX_S: Final = 600.0
TRIES: Final = 5
CODES: Final = (*TAKEN.values(), TransferCode.FEE_RETURN)

Schedule = Sequence[PlanRow]
"""The versions that concern a merchant, those that count first standing first. Empty: it pays no fees."""

# Merchants' ids are never given twice, so that these need no clearing between databases.
schedules: Final = Remembered[Id, Schedule](REMEMBERED_MAX, AGE_MAX_S)
_opened: Final = Remembered[Id, Id](REMEMBERED_MAX)


async def start(core: Core) -> None:
    """Hear of new plans, and of merchants that changed their category."""

    def forget(payload: str) -> None:
        if payload:
            schedules.forget(Id(payload))
        else:
            schedules.forget_all()

    await core.database.listen(CHANNEL, forget, schedules.forget_all)
    await core.database.listen(merchants.CHANNEL, forget)


# Plans ---------------------------------------------------------------------------------------------------------


async def set_plan(core: Core, new: NewPlan, by: str) -> PlanRow:
    """Put a version in force from its day on; what was paid before is left as it is. Refuses `fee_plan_in_the_past`.

    Raises `not_found` for an unknown merchant, `invalid_field` for tiers that do not rise or a cap below the minimum.
    """
    today = bank_day(core.clock())
    if new.effective_on < today:
        raise fee_plan_in_the_past(today=str(today))
    terms = new.terms
    starts = [tier.from_amount for tier in terms.tiers]
    if starts != sorted(set(starts)):
        raise invalid_field(errors=[FieldError("/tiers", "Each tier begins above the one before it.")])
    if terms.maximum is not None and terms.maximum < terms.minimum:
        raise invalid_field(errors=[FieldError("/maximum", "The cap is not below the minimum.")])
    if new.merchant is not None:
        await merchants.directory(core, new.merchant)
    id_ = new_id()
    for _ in range(TRIES):
        if await store.insert_plan(core.database, id_, new, by, core.clock()):
            break
    else:
        raise AssertionError("others have set this plan again and again")
    schedules.forget_all()  # the others hear of it; whoever set it sees it at once
    return PlanRow(id_, new.merchant, new.mcc, new.currency, 0, new.effective_on, terms, by, core.clock())


async def schedule_of(core: Core, merchant: Id) -> Schedule:
    """The versions that concern a merchant, remembered; many who ask at once are one statement."""
    found = schedules.get(merchant)
    if found is None:
        reading = schedules.reading
        read = await core.batcher("fee_plans", store.plans_of).add(merchant)
        found = sorted(read, key=_rank, reverse=True)
        schedules.put(merchant, found, reading)
    return found


def _rank(row: PlanRow) -> tuple[int, date, int]:
    """Which of two that have begun counts: the greater."""
    nearness = 2 if row.merchant is not None else 1 if row.mcc is not None else 0
    return nearness, row.effective_on, row.number


def in_force(schedule: Schedule, currency: str, on: date) -> PlanRow | None:
    """The version that counts for a payment of this bank day."""
    return next((row for row in schedule if row.currency == currency and row.effective_on <= on), None)


async def plans(core: Core, merchant: Id) -> list[FeePlan]:
    """The versions that concern a merchant as it reads them, newest first."""
    schedule, today = await schedule_of(core, merchant), bank_day(core.clock())
    first = {currency: in_force(schedule, currency, today) for currency in {row.currency for row in schedule}}
    newest_first = sorted(schedule, key=lambda row: (row.effective_on, row.set_at), reverse=True)
    return [_plan(row, row is first[row.currency]) for row in newest_first]


def _plan(row: PlanRow, counts: bool) -> FeePlan:
    applies_to: Literal["merchant", "mcc", "all"] = "merchant" if row.merchant else "mcc" if row.mcc else "all"
    terms = row.terms
    return FeePlan(
        id_text(PREFIX, row.id), applies_to, row.currency, row.effective_on, counts, terms.tiers, terms.minimum,
        terms.maximum, terms.rounding, terms.borne_by,
    )  # fmt: skip


async def quote(core: Core, merchant: Id, amount: int, currency: str, on: date | None = None) -> FeeQuote:
    """What a payment of this amount would cost on a bank day."""
    day = on or bank_day(core.clock())
    row = in_force(await schedule_of(core, merchant), currency, day)
    if row is None:
        return FeeQuote(amount, currency, day, 0, amount, None, None)
    fee = fee_of(row.terms, amount)
    net = amount - fee if row.terms.borne_by == "merchant" else amount
    return FeeQuote(amount, currency, day, fee, net, row.terms.borne_by, id_text(PREFIX, row.id))


# Taking --------------------------------------------------------------------------------------------------------


def account_of(merchant: Id, currency: str, borne_by: BorneBy | None = None) -> Id:
    """Where a merchant's fees go; with `borne_by` "bank", from where the bank pays them for it.

    One of each for a merchant, so that payments to two merchants never wait for each other.
    """
    return claim("fees_borne" if borne_by == "bank" else "fees", merchant, currency)


def may_cost(merchant: Id) -> bool:
    """Whether anything may go beside a payment to this merchant: False for one that is known to have no plan."""
    found = schedules.get(merchant)
    return found is None or bool(found)


async def beside(core: Core, merchant: Id, payment: Transfer) -> Sequence[Transfer]:
    """What goes beside a payment to this merchant: its fee; nothing for a merchant without a plan."""
    schedule = schedules.get(merchant)
    if schedule is None:
        schedule = await schedule_of(core, merchant)
    return await _fee(core, merchant, payment, schedule) if schedule else ()


async def _fee(core: Core, merchant: Id, payment: Transfer, schedule: Schedule) -> Sequence[Transfer]:
    currency = CURRENCY_OF_LEDGER[payment.ledger].code
    row = in_force(schedule, currency, bank_day(core.clock()))
    assert payment.amount is not None, "a payment says what it moves"
    fee = fee_of(row.terms, payment.amount) if row is not None else 0
    if row is None or not fee:
        return ()
    await _ensure_accounts(core, merchant, currency)
    return [
        Transfer(
            id=fee_id(payment.id),
            debit=payment.credit if row.terms.borne_by == "merchant" else account_of(merchant, currency, "bank"),
            credit=account_of(merchant, currency),
            amount=fee,
            code=TAKEN[row.terms.borne_by],
            ledger=payment.ledger,
            about=payment.id,
            reference=row.id.hex,
        )
    ]


def fee_id(order: Id) -> Id:
    """The id of what was taken beside the payment of an order."""
    return claim("fee", order)


def fee_return_id(order: Id, number: int) -> Id:
    """The id of what went back beside refund `number` of an order."""
    return claim("fee_return", order, number)


def borne(taken: Sequence[Transfer]) -> int:
    """What a merchant bears of what goes beside a payment, minor units."""
    return sum(one.amount or 0 for one in taken if one.code == TransferCode.FEE)


async def _ensure_accounts(core: Core, merchant: Id, currency: str) -> None:
    """Open the accounts of a merchant's fees, once."""
    income = account_of(merchant, currency)
    if _opened.get(income) is not None:
        return
    ledger = ledger_of(currency, (await merchants.directory(core, merchant)).test)
    guard = AccountFlag.DEBITS_MUST_NOT_EXCEED_CREDITS
    opened = await core.ledger.create_accounts([
        NewAccount(income, ledger, AccountCode.FEES, guard),
        NewAccount(account_of(merchant, currency, "bank"), ledger, AccountCode.FEES_BORNE),
    ])  # fmt: skip
    assert all(result.stands for result in opened), "an account for fees cannot be opened"
    _opened.put(income, income, _opened.reading)


# Giving back ---------------------------------------------------------------------------------------------------


def given_back(standing: FeeStanding, paid: int, refunded: int, number: int) -> Sequence[Transfer]:
    """What goes back of the fee beside refund `number`, with which `refunded` of `paid` minor units are given back."""
    fee = standing.fee
    back = 0 if fee is None else part_of(fee.amount, refunded, paid) - standing.returned
    if fee is None or back <= 0:
        return ()
    return [
        Transfer(
            id=fee_return_id(fee.about, number),
            debit=fee.credit,
            credit=fee.debit,
            amount=back,
            code=TransferCode.FEE_RETURN,
            ledger=fee.ledger,
            about=fee.about,
            reference=fee.reference,
        )
    ]


async def fees_of(core: Core, orders: Collection[Id]) -> dict[Id, Fee]:
    """The fees of these orders; those without one are left out. One question for all."""
    found = await core.ledger.about_many(list(orders), CODES) if orders else {}
    return {order: fee for order, posted in found.items() if (fee := fee_from(posted)) is not None}


def fee_from(posted: Sequence[Posted]) -> Fee | None:
    """The fee of an order, from all that is about it."""
    standing = FeeStanding.of(posted)
    fee = standing.fee
    if fee is None:
        return None
    plan = id_text(PREFIX, id_of(bytes.fromhex(fee.reference)))
    return Fee(fee.amount, standing.returned, "bank" if fee.code == TransferCode.FEE_BORNE else "merchant", plan)
