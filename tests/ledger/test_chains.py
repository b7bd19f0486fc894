"""Chains as long as a batch: all of it stands, or nothing of it."""

import pytest
from msgspec.structs import replace

from qrpay.ledger.engine import BATCH_MAX, Engine
from qrpay.ledger.model import Result, Transfer, TransferFlag
from qrpay.values import new_id
from tests.ledger.teller import Teller, payment

LINKED = int(TransferFlag.LINKED)
FAILED = Result.LINKED_EVENT_FAILED


def linked(transfers: list[Transfer]) -> list[Transfer]:
    """One chain of them."""
    return [*(replace(transfer, flags=transfer.flags | LINKED) for transfer in transfers[:-1]), transfers[-1]]


@pytest.mark.parametrize("length", [2, 1_000, BATCH_MAX])
async def test_a_chain_of_any_length(engine: Engine, length: int) -> None:
    """It fails for its last member, leaves no trace, stands once there is money, and answers the same again."""
    teller = Teller(engine)
    payer, shop = await teller.account(length - 1), await teller.account()
    chain = linked([payment(payer, shop, 1) for _ in range(length)])

    failed = [outcome.result for outcome in await engine.post_chain(chain)]
    assert failed == [FAILED] * (length - 1) + [Result.EXCEEDS_CREDITS]
    assert (await teller.balance(payer), await teller.balance(shop)) == (length - 1, 0)

    assert (await engine.post(payment(teller.bank, payer, 1))).result is Result.CREATED
    assert {outcome.result for outcome in await engine.post_chain(chain)} == {Result.CREATED}
    assert {outcome.result for outcome in await engine.post_chain(chain)} == {Result.EXISTS}
    assert (await teller.balance(payer), await teller.balance(shop)) == (0, length)


async def test_a_chain_with_every_kind_of_member(engine: Engine) -> None:
    """Two hundred holds, posted in part, voided, balanced and paid, in one chain that first lacks its last payee."""
    teller = Teller(engine)
    payer, shop = await teller.account(10_000), await teller.account()
    members: list[Transfer] = []
    for n in range(200):
        hold = replace(payment(payer, shop, 20), flags=int(TransferFlag.PENDING), timeout_s=60)
        members += [
            hold,
            Transfer.of_hold(new_id(), hold.id, amount=5) if n % 2 else Transfer.of_hold(new_id(), hold.id, void=True),
            payment(payer, shop, 1),
        ]
    rest = replace(payment(shop, payer, 1), amount=None, flags=int(TransferFlag.BALANCING_DEBIT))
    missing = payment(payer, new_id(), 1)

    failed = [outcome.result for outcome in await engine.post_chain(linked([*members, rest, missing]))]
    assert failed == [FAILED] * 601 + [Result.CREDIT_ACCOUNT_NOT_FOUND]
    assert await teller.balance(payer) == 10_000
    assert {outcome.result for outcome in await engine.post_chain(linked([*members, rest]))} == {Result.CREATED}
    assert (await engine.lookup_transfers([rest.id]))[rest.id].amount == 100 * 5 + 200
    assert (await teller.balance(payer), await teller.balance(shop)) == (10_000, 0)


async def test_no_chain_is_longer_than_a_batch(engine: Engine) -> None:
    """It would not fit into one statement, so it is refused before anything is sent."""
    teller = Teller(engine)
    payer, shop = await teller.account(), await teller.account()
    with pytest.raises(ValueError, match="8190"):
        await engine.post_chain(linked([payment(payer, shop, 1) for _ in range(BATCH_MAX + 1)]))
