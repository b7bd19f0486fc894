"""Withdrawals: held, paid by proof, rejected, returned; once, and to nobody else's account."""

import asyncio

import pytest

from qrpay.core import Core
from qrpay.features.clearing.jobs import turn
from qrpay.features.e_accounts import rights
from qrpay.features.e_accounts import service as e_accounts
from qrpay.features.openings import deciding
from qrpay.features.openings.model import Consent
from qrpay.features.withdrawals import service
from qrpay.features.withdrawals.feature import feature
from qrpay.features.withdrawals.model import NewWithdrawal, Withdrawal
from qrpay.problem import Refused
from qrpay.web.callers import Wallet
from tests.features.clearing.conftest import Sandbox
from tests.features.conftest import HandClock
from tests.features.openings.conftest import Person, Verifier, card_number, ready


async def customer(core: Core, sms: Verifier, ending: str = "") -> Wallet:
    """Somebody with a bound account and 500.00."""
    person = Person(core, sms, card=card_number(ending))
    opened = await deciding.consent(core, await ready(core, person, "II"), Consent("2026-01", person.pin))
    assert opened.access_token is not None
    wallet = await e_accounts.check_token(core, opened.access_token)
    await e_accounts.top_up(core, wallet.account, 500_00, "R1")
    return wallet


async def has(core: Core, wallet: Wallet) -> tuple[int, int]:
    """The balance, and what of it is held."""
    account = (await core.ledger.lookup_accounts([wallet.account]))[wallet.account]
    return account.credits_posted - account.debits_posted, account.debits_pending


async def until(core: Core, wallet: Wallet, one: Withdrawal, status: str) -> None:
    """Let the background work until the withdrawal stands so."""
    async with asyncio.timeout(60):
        while (await service.read(core, wallet, one.id)).status != status:
            await turn(core)
            await service.hear(core)
            await asyncio.sleep(0.02)


async def test_money_goes_to_the_bound_account_once(core: Core, sms: Verifier, house: Sandbox) -> None:
    """Five at once under one key: one hold, one payment at the clearing house; paid, rejected and returned add up."""
    wallet = await customer(core, sms)
    ask = NewWithdrawal(120_00, "264813")
    answers = await asyncio.gather(*(service.withdraw(core, wallet, "K1", ask) for _ in range(5)))
    assert len({one.id for one, _ in answers}) == 1
    assert await has(core, wallet) == (500_00, 120_00)
    with pytest.raises(Refused, match="idempotency_key_reused"):
        await service.withdraw(core, wallet, "K1", NewWithdrawal(121_00, "264813"))
    with pytest.raises(Refused, match="pin_wrong"):
        await service.withdraw(core, wallet, "K2", NewWithdrawal(1, "000000"))
    with pytest.raises(Refused, match="insufficient_funds"):
        await service.withdraw(core, wallet, "K3", NewWithdrawal(380_01, "264813"))
    await until(core, wallet, answers[0][0], "paid")
    assert await has(core, wallet) == (380_00, 0)
    assert list((await house.paid()).values()).count(120_00) >= 1

    closed, returns = await customer(core, sms, "0404"), await customer(core, sms, "0505")
    rejected, _ = await service.withdraw(core, closed, "K1", ask)
    returned, _ = await service.withdraw(core, returns, "K1", ask)
    await until(core, closed, rejected, "rejected")
    await until(core, returns, returned, "returned")
    assert [await has(core, one) for one in (closed, returns)] == [(500_00, 0)] * 2
    with pytest.raises(Refused, match="not_found"):
        await service.read(core, closed, returned.id)
    for check in feature.checks:
        assert not await core.database.fetch(check), check.name


async def test_one_class_iii_account_takes_money_from_others_after_consent(core: Core, sms: Verifier) -> None:
    """After a first credit from the bound account, and one a person, also when two are asked for at once."""
    person = Person(core, sms)
    wallets = []
    for _ in range(2):
        opened = await deciding.consent(core, await ready(core, person, "III"), Consent("2026-01", person.pin))
        wallets.append(await e_accounts.check_token(core, opened.access_token or ""))
    for wallet in wallets:
        with pytest.raises(Refused, match="account_takes_no_transfers"):
            await rights.take_unbound_credits(core, wallet.id, wallet.account)
        await e_accounts.top_up(core, wallet.account, 1_00, "R1")
    answers = await asyncio.gather(
        *(rights.take_unbound_credits(core, one.id, one.account) for one in wallets), return_exceptions=True
    )
    assert sorted(isinstance(answer, Refused) for answer in answers) == [False, True]


async def test_t_plus_one_goes_out_with_the_next_bank_day(core: Core, sms: Verifier, clock: HandClock) -> None:
    """Held at once, sent when its day begins, by the clock."""
    wallet = await customer(core, sms)
    one, _ = await service.withdraw(core, wallet, "K1", NewWithdrawal(10_00, "264813", "T+1"))
    assert await service.send_due(core) == 0
    assert one.status == "pending"
    assert await core.database.fetchval("SELECT count(*) FROM clearing_instructions") == 0
    clock.move(days=1)
    await service.send_due(core)
    await until(core, wallet, one, "paid")
    assert await has(core, wallet) == (490_00, 0)
