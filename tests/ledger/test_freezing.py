"""Freezing and closing against racing payments: each is decided before or after, never half."""

import asyncio
from collections.abc import Sequence

import pytest

from qrpay.ledger.chart import TransferCode
from qrpay.ledger.engine import Engine
from qrpay.ledger.model import (
    AccountChange,
    Changed,
    Outcome,
    Result,
    Transfer,
    TransferFlag,
)
from qrpay.values import new_id
from tests.ledger.statement import CNY
from tests.ledger.teller import Teller, payment

BALANCING = int(TransferFlag.BALANCING_DEBIT)
PENDING = int(TransferFlag.PENDING)
FAILED = Result.LINKED_EVENT_FAILED
LINKED = int(TransferFlag.LINKED)


async def test_a_freeze_is_before_or_after_a_payment(engines: Sequence[Engine]) -> None:
    """Payments alone, in batches and in chains race with a freeze: none passes that was asked after its answer."""
    teller = Teller(engines[0])
    payer, shop, other = await teller.account(1_000_000), await teller.account(), await teller.account()
    frozen = asyncio.Event()
    late: list[Result] = []
    passed: list[int] = []

    async def pay(engine: Engine, size: int) -> None:
        while True:
            after = frozen.is_set()
            chain = [payment(payer, shop if n % 2 else other, 1) for n in range(size)]
            linked = [Transfer(t.id, t.debit, t.credit, 1, t.code, CNY, flags=LINKED) for t in chain[:-1]]
            results = {outcome.result for outcome in await engine.post_chain([*linked, chain[-1]])}
            assert results in ({Result.CREATED}, {Result.DEBITS_FROZEN}, {Result.DEBITS_FROZEN, FAILED}), results
            passed.append(size if Result.CREATED in results else 0)
            if after:
                late.extend(results)
                return

    paying = [asyncio.ensure_future(pay(engine, size)) for engine in engines for size in (1, 1, 2, 5)]
    while sum(passed) < 50:
        await asyncio.sleep(0.001)
    assert await engines[1].change_accounts([AccountChange.frozen(payer, credits_too=False)]) == [Changed.CHANGED]
    frozen.set()
    await asyncio.gather(*paying)

    assert Result.CREATED not in late
    assert await teller.balance(shop) + await teller.balance(other) == sum(passed) > 0
    assert await teller.balance(payer) == 1_000_000 - sum(passed)
    unfrozen = AccountChange.unfrozen(payer)
    assert await engines[2].change_accounts([unfrozen, unfrozen]) == [Changed.CHANGED, Changed.UNCHANGED]
    assert (await engines[0].post(payment(payer, shop, 1))).result is Result.CREATED


async def test_a_closing_transfer_is_before_or_after_a_payment(engines: Sequence[Engine]) -> None:
    """Many pay from an account while it is closed with all that is in it: nothing is left, and nothing is lost."""
    teller = Teller(engines[0])
    payer, shop = await teller.account(1_000), await teller.account()
    closing = Transfer(new_id(), payer, teller.bank, None, TransferCode.CLOSING, CNY,
                       flags=PENDING | BALANCING | int(TransferFlag.CLOSING_DEBIT))  # fmt: skip
    paying = [asyncio.ensure_future(engines[n % 3].post(payment(payer, shop, 1))) for n in range(60)]
    closed = await engines[1].post(closing)
    outcomes = await asyncio.gather(*paying)

    paid = sum(outcome.result is Result.CREATED for outcome in outcomes)
    assert closed.result is Result.CREATED
    assert {outcome.result for outcome in outcomes} <= {Result.CREATED, Result.DEBIT_ACCOUNT_CLOSED}
    held = (await engines[0].lookup_transfers([closing.id]))[closing.id].amount
    assert (held, await teller.balance(shop)) == (1_000 - paid, paid)
    assert (await engines[2].post(payment(payer, shop, 1))).result is Result.DEBIT_ACCOUNT_CLOSED
    assert (await engines[0].post(Transfer.of_hold(new_id(), closing.id, void=True))).result is Result.CREATED
    assert (await engines[2].post(payment(payer, shop, 1))).result is Result.CREATED


async def test_balancing_takes_all_of_a_busy_account(engines: Sequence[Engine]) -> None:
    """Money streams into a shop while all of it is taken out, again and again: each time exactly what was there."""
    teller = Teller(engines[0])
    payer, shop, payout = await teller.account(1_000_000), await teller.account(), await teller.account()
    done = asyncio.Event()

    async def pay(engine: Engine) -> int:
        count = 0
        while not done.is_set():
            count += (await engine.post(payment(payer, shop, 1))).result.stands
        return count

    async def sweep() -> list[Outcome]:
        swept = []
        for _ in range(12):
            take = Transfer(new_id(), shop, payout, None, TransferCode.CLOSING, CNY, flags=BALANCING)
            swept.append(await engines[1].post(take))
        done.set()
        return swept

    paying = [asyncio.ensure_future(pay(engine)) for engine in engines for _ in range(4)]
    swept = await sweep()
    paid = sum(await asyncio.gather(*paying))

    assert {outcome.result for outcome in swept} <= {Result.CREATED, Result.NOTHING_TO_BALANCE}
    assert await teller.balance(shop) + await teller.balance(payout) == paid
    lines = [entry.transfer for entry in await engines[0].entries(shop, limit=100_000)]
    balance = 0
    for posted in reversed(lines):  # by the ledger's own times, each sweep left nothing behind
        balance += posted.amount if posted.credit == shop else -posted.amount
        assert balance == 0 if posted.debit == shop else balance > 0


async def test_a_change_is_for_an_account_only(engines: Sequence[Engine]) -> None:
    """Guards cannot be changed, even by whoever calls the database's function; and no call is without bound."""
    account = await Teller(engines[0]).account(1)
    with pytest.raises(ValueError, match="at most"):
        await engines[0].change_accounts([AccountChange.unfrozen(account)] * 1_001)
    with pytest.raises(Exception, match="only freezes and closing"):
        await engines[0].change_accounts([AccountChange(account, clear=1)])
    assert await engines[0].change_accounts([]) == []
