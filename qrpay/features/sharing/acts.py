"""Acts: what moves money of a shared order. Each claims the next place of the order's row of acts, so that two that saw
the same cannot both be right: one gets the place, the other looks again. No lock, no counter."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from qrpay.core import Core
from qrpay.features.fees import service as fees
from qrpay.features.fees.reckoning import part_of
from qrpay.features.merchants import service as merchants
from qrpay.features.merchants.remembered import Remembered
from qrpay.features.sharing.model import CODES, Move, Standing
from qrpay.ledger.chained import linked
from qrpay.ledger.chart import PAYMENTS, AccountCode, TransferCode
from qrpay.ledger.model import AccountFlag, NewAccount, Outcome, Posted, Result, Transfer
from qrpay.values import Id, claim, ledger_of

ABOUT: Final = (*sorted(PAYMENTS), *fees.CODES, *CODES)
ACTS_MAX: Final = 50
"""Acts of one order, at most: refunds are counted by themselves."""
_opened: Final = Remembered[Id, Id](20_000)


def account_of(merchant: Id, currency: str) -> Id:
    """Where what is to be shared of a merchant's payments is held; one for each merchant."""
    return claim("sharing", merchant, currency)


async def ensure_account(core: Core, merchant: Id, currency: str) -> Id:
    """That account, opened when it is not. Asks once."""
    account = account_of(merchant, currency)
    if _opened.get(account) is None:
        ledger = ledger_of(currency, (await merchants.directory(core, merchant)).test)
        guard = AccountFlag.DEBITS_MUST_NOT_EXCEED_CREDITS
        [result] = await core.ledger.create_accounts([NewAccount(account, ledger, AccountCode.SHARING, guard)])
        assert result.stands, f"an account for sharing cannot be opened: {result.name}"
        _opened.put(account, account, _opened.reading)
    return account


async def standing_of(core: Core, orders: Collection[Id]) -> Mapping[Id, Standing]:
    """What the ledger holds of these orders."""
    about = await core.ledger.about_many(list(orders), ABOUT) if orders else {}
    return {order: Standing.of(order, about.get(order, ())) for order in orders}


def chain(order: Id, place: int, ledger: int, moves: Sequence[Move]) -> list[Transfer]:
    """The transfers of an act; place 0 is the payment's own commit."""
    return [
        Transfer(
            claim("sharing", order, place, number), move.debit, move.credit, move.amount, move.code, ledger, order,
            move.reference,
        )
        for number, move in enumerate(moves)
    ]  # fmt: skip


async def act(core: Core, order: Id, standing: Standing, moves: Sequence[Move]) -> tuple[int, Outcome] | None:
    """Post an act; None: somebody else has taken its place. Otherwise the first of its moves that was refused and why,
    or the last and that it stands."""
    assert standing.payment is not None
    outcomes = await core.ledger.post_chain(linked(chain(order, standing.acts + 1, standing.payment.ledger, moves)))
    if outcomes[0].result is Result.CREATED:
        return len(moves) - 1, outcomes[-1]
    place, refusal = next(
        (place, one) for place, one in enumerate(outcomes) if one.result is not Result.LINKED_EVENT_FAILED
    )
    return None if refusal.result.differs or refusal.result is Result.EXISTS else (place, refusal)


# With refunds --------------------------------------------------------------------------------------------------


def given_back(
    standing: Standing, amount: int, refunded: int, fee_back: int, short: Collection[Id] = ()
) -> Sequence[Transfer]:
    """What comes back from receivers, and out of what is held, beside a refund of `amount` minor units, with which
    `refunded` of the payment are given back; `fee_back` comes from the bank.

    short  shares whose receivers have too little: the merchant gives that; it is due with the next refund, or clawed
           back
    """
    payment = standing.payment
    if payment is None or not standing.holds:
        return ()
    moves = []
    for share in standing.shares:
        due = part_of(share.amount, refunded, payment.amount) - standing.returned(share)
        if due > 0 and share.id not in short:
            moves.append(Move(share.credit, payment.credit, due, TransferCode.SHARE_RETURN, share.id.hex))
    left = amount - fee_back - sum(move.amount for move in moves)
    if (release := min(standing.held, left)) > 0:
        moves.append(Move(standing.holds[0].credit, payment.credit, release, TransferCode.SHARING_RELEASE))
    return chain(payment.id, standing.acts + 1, payment.ledger, moves)


def of_share(share: Posted) -> tuple[str, str]:
    """The receiver's id in hex and the merchant's reference ("": none) that a share bears."""
    receiver, _, reference = share.reference.partition(":")
    return receiver, reference
