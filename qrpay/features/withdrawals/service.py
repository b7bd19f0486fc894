"""The rules of withdrawals: held, sent to the bound account in the holder's own name, posted by proof or free again."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from qrpay.core import Core
from qrpay.features.calendar.service import bank_day, day_begins
from qrpay.features.clearing import service as clearing
from qrpay.features.clearing.model import NewInstruction, Party
from qrpay.features.e_accounts import pins
from qrpay.features.e_accounts import service as e_accounts
from qrpay.features.openings import bound
from qrpay.features.payments.problems import refusal_of
from qrpay.features.payments.service import resets_at
from qrpay.features.withdrawals import store
from qrpay.features.withdrawals.model import NewWithdrawal, Row, Withdrawal
from qrpay.features.withdrawals.problems import no_bound_account
from qrpay.ledger.chart import TransferCode
from qrpay.ledger.model import Transfer, TransferFlag
from qrpay.problem import FieldError, idempotency_key_missing, idempotency_key_reused, invalid_field, not_found
from qrpay.values import CURRENCIES, Id, claim, id_from_text, id_text, rfc3339
from qrpay.web.callers import Wallet

PURPOSE: Final = "withdrawal"
KEY_MAX: Final = 255
LIST_MAX: Final = 100
LOOK_BACK: Final = timedelta(days=30)
ENDS: Final = {"settled": "paid", "rejected": "rejected", "returned": "returned"}


async def withdraw(core: Core, wallet: Wallet, key: str | None, ask: NewWithdrawal) -> tuple[Withdrawal, bool]:
    """Send money to the bound account, and whether it was asked just now. Safe to repeat under its key.

    Refuses `no_bound_account`, `pin_wrong`, `idempotency_key_reused`, and what the account says.
    """
    if not key or len(key) > KEY_MAX:
        raise idempotency_key_missing(errors=[FieldError("Idempotency-Key", f"1 to {KEY_MAX} characters.")])
    row, told_now = await _story(core, wallet, claim("withdrawal", wallet.id, key), ask)
    if row.id not in await core.ledger.lookup_transfers([row.id]):
        await pins.check(core, wallet.id, ask.pin)
        hold = Transfer(
            row.id, row.account, await clearing.clearing_account(core, row.currency), row.amount,
            TransferCode.WITHDRAWAL, CURRENCIES[row.currency].numeric, flags=TransferFlag.PENDING,
        )  # fmt: skip
        outcome = await core.ledger.post(hold)
        if not outcome.result.stands:
            raise refusal_of(outcome, row.currency, resets_at(outcome), figures=True)
    if core.clock() >= row.due_at:
        await _send(core, row)
    return (await views(core, [(await store.by_ids(core.database, [row.id]))[row.id]]))[0], told_now


async def _story(core: Core, wallet: Wallet, id_: Id, ask: NewWithdrawal) -> tuple[Row, bool]:
    account = wallet.account if ask.account is None else id_from_text("acc_", ask.account)
    if account is None:
        raise invalid_field(errors=[FieldError("/account", "An account's id starts with acc_.")])
    owned = await e_accounts.owned_account(core, wallet.id, account)
    told = (await store.by_ids(core.database, [id_])).get(id_)
    if told is None:
        to_masked = await bound.masked(core, account)
        if to_masked is None or owned.test:
            raise no_bound_account()
        now = core.clock()
        due_at = now if ask.speed == "instant" else day_begins(bank_day(now) + timedelta(days=1))
        row = Row(id_, wallet.id, account, ask.amount, owned.currency, ask.speed, to_masked, "asked", None, now, due_at)
        await store.add(core.database, row)
    stands = (await store.by_ids(core.database, [id_]))[id_]
    pairs = (("/amount", stands.amount, ask.amount), ("/speed", stands.speed, ask.speed),
             ("/account", stands.account, account))  # fmt: skip
    if errors := [FieldError(place, f"It was {was}, and is {now}.") for place, was, now in pairs if was != now]:
        raise idempotency_key_reused(errors=errors)
    return stands, told is None


async def _send(core: Core, row: Row) -> None:
    """Have the clearing house pay what is held, once."""
    to = await bound.party(core, row.account)
    remittance = f"{id_text('wdr_', row.id)} withdrawal 提现"
    async with core.database.transaction() as within:
        if await store.sent(within, row.id):
            new = NewInstruction(row.id, row.id, PURPOSE, row.currency, row.amount, Party(*to), remittance)
            await clearing.instruct(core, PURPOSE, [new], within)


# By the clock --------------------------------------------------------------------------------------------------


async def send_due(core: Core) -> int:
    """Send what is due and held: T+1, and what a process that died has left."""
    now = core.clock()
    rows = await store.due(core.database, now, now - LOOK_BACK, LIST_MAX)
    held = await core.ledger.lookup_transfers([row.id for row in rows]) if rows else {}
    for row in rows:
        if row.id in held:
            await _send(core, row)
    return len(held) if len(held) == LIST_MAX else 0


async def hear(core: Core) -> int:
    """Take note of how withdrawals ended; how many. Clearing has moved the money."""
    ended = await clearing.ended(core, PURPOSE, LIST_MAX)
    if ended:
        async with core.database.transaction() as within:
            whys = [" ".join(part for part in (one.code, one.reason) if part) or None for one in ended]
            await store.ended(within, [(one.id, ENDS[one.status], why) for one, why in zip(ended, whys, strict=True)])
            await clearing.heard(within, ended)
    return len(ended)


# Looking -------------------------------------------------------------------------------------------------------


async def latest(core: Core, wallet: Wallet) -> Sequence[Withdrawal]:
    """The customer's latest withdrawals."""
    return await views(core, await store.latest(core.database, wallet.id, LIST_MAX))


async def read(core: Core, wallet: Wallet, path: str) -> Withdrawal:
    """One. Raises `not_found`, also for somebody else's."""
    id_ = id_from_text("wdr_", path)
    row = (await store.by_ids(core.database, [id_])).get(id_) if id_ else None
    if row is None or row.customer != wallet.id:
        raise not_found()
    return (await views(core, [row]))[0]


async def views(core: Core, rows: Sequence[Row]) -> list[Withdrawal]:
    """Withdrawals on the wire: money is read first."""
    held = await core.ledger.lookup_transfers([row.id for row in rows if row.status == "asked"])
    return [
        Withdrawal(
            id_text("wdr_", row.id), "pending" if row.status == "sent" or row.id in held else row.status, row.amount,
            row.currency, row.speed, row.to_masked, row.reason, rfc3339(row.created_at), rfc3339(row.due_at),
        )
        for row in rows
    ]  # fmt: skip
