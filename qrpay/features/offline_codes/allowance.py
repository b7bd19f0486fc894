"""What a terminal may still take without its network: two accounts of units, drawn on in the payment's own chain."""

from collections.abc import Mapping, Sequence
from typing import Final

from qrpay.codes.problems import code_revoked
from qrpay.core import Core
from qrpay.features.offline_codes.model import OfflineKeyRow
from qrpay.features.offline_codes.problems import offline_limit_exceeded
from qrpay.ledger.chained import linked
from qrpay.ledger.chart import AccountCode, TransferCode, Unit
from qrpay.ledger.model import (
    NIL,
    AccountChange,
    AccountFlag,
    NewAccount,
    Outcome,
    Result,
    Transfer,
)
from qrpay.values import Id, claim, rfc3339

UNITS: Final = (Unit.OFFLINE_AMOUNT, Unit.OFFLINE_COUNT)


def _account(key: Id, unit: Unit) -> Id:
    return claim("offline_allowance", key, unit)


def _control(unit: Unit) -> Id:
    return claim("offline_control", NIL, unit)


async def grant(core: Core, key: OfflineKeyRow) -> None:
    """Open a key's allowances and fill them, once."""
    guard = AccountFlag.DEBITS_MUST_NOT_EXCEED_CREDITS
    accounts = [NewAccount(_control(unit), unit, AccountCode.OFFLINE_CONTROL) for unit in UNITS]
    accounts += [NewAccount(_account(key.id, unit), unit, AccountCode.OFFLINE_ALLOWANCE, guard) for unit in UNITS]
    for opened in await core.ledger.create_accounts(accounts):
        assert opened.stands, f"an allowance cannot be opened: {opened.name}"
    for unit, most in zip(UNITS, (key.total_max, key.count_max), strict=True):
        id, account = claim("offline_grant", key.id, unit), _account(key.id, unit)
        given = Transfer(id, _control(unit), account, most, TransferCode.OFFLINE_GRANT, unit, key.id)
        outcome = await core.ledger.post(given)
        assert outcome.result.stands, f"an allowance cannot be filled: {outcome.result.name}"


async def freeze(core: Core, keys: Sequence[OfflineKeyRow]) -> None:
    """Let nothing be drawn on these keys' allowances any more."""
    accounts = [_account(key.id, unit) for key in keys for unit in UNITS]
    if accounts:
        await core.ledger.change_accounts([AccountChange.frozen(account, credits_too=True) for account in accounts])


async def used(core: Core, keys: Sequence[OfflineKeyRow]) -> Mapping[Id, tuple[int, int]]:
    """By key: minor units and codes that were paid."""
    ids = {(key.id, unit): _account(key.id, unit) for key in keys for unit in UNITS}
    found = await core.ledger.lookup_accounts(list(ids.values())) if ids else {}
    drawn = {place: found[id].debits_posted if id in found else 0 for place, id in ids.items()}
    return {key.id: (drawn[key.id, Unit.OFFLINE_AMOUNT], drawn[key.id, Unit.OFFLINE_COUNT]) for key in keys}


async def post(core: Core, key: OfflineKeyRow, payment: Transfer, beside: Sequence[Transfer] = ()) -> Outcome:
    """Post a payment together with what it draws on the key's allowances, all or nothing; answers the payment's own.

    beside  what else goes with it, such as its fee

    Refuses `offline_limit_exceeded`; `code_revoked` when the key was revoked before this payment.
    """
    assert payment.amount is not None
    uses = [
        Transfer(
            claim("offline_use", payment.id, unit), _account(key.id, unit), _control(unit), drawn,
            TransferCode.OFFLINE_USE, unit, payment.id,
        )
        for unit, drawn in zip(UNITS, (payment.amount, 1), strict=True)
    ]  # fmt: skip
    paid, *rest = await core.ledger.post_chain(linked([payment, *uses, *beside]))
    if paid.result is not Result.LINKED_EVENT_FAILED:
        return paid
    for outcome in rest[: len(uses)]:
        if outcome.result is Result.EXCEEDS_CREDITS:
            raise offline_limit_exceeded()
        if outcome.result is Result.DEBITS_FROZEN:
            raise code_revoked(revoked_at=rfc3339(key.revoked_at or core.clock()))
    if payment.id in await core.ledger.lookup_transfers([payment.id]):
        return await core.ledger.post(payment)  # with another fee then: what stands wins
    return next(outcome for outcome in rest if outcome.result is not Result.LINKED_EVENT_FAILED)
