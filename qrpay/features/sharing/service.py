"""The rules of sharing: what is held of a paid order goes to receivers, back to its merchant, or is taken back.

The ledger alone says what was shared: an act's transfers bear receiver and reference, so a repetition is found there.
"""

from collections.abc import Sequence

from qrpay.core import Core
from qrpay.features.orders import service as orders
from qrpay.features.orders.model import OrderRow
from qrpay.features.orders.problems import reference_reused
from qrpay.features.sharing import acts, plans, receivers, store
from qrpay.features.sharing.model import (
    Move,
    NewClawback,
    NewShares,
    NewSharing,
    PlannedShare,
    PlanRow,
    Share,
    Sharing,
    Standing,
)
from qrpay.features.sharing.problems import (
    clawback_exceeds_share,
    order_not_shared,
    receiver_balance_insufficient,
    receiver_cannot_take,
    sharing_contended,
)
from qrpay.features.sharing.reckoning import amounts_of
from qrpay.ledger.chart import TransferCode
from qrpay.ledger.model import Outcome, Posted, Result
from qrpay.problem import FieldError, not_found
from qrpay.values import CURRENCY_OF_LEDGER, Id, id_from_text, id_of, id_text, rfc3339
from qrpay.web.callers import Merchant

PREFIX = "shr_"


# Saying how ----------------------------------------------------------------------------------------------------


async def decide(core: Core, merchant: Merchant, path: str, ask: NewSharing) -> Sharing:
    """Say, before an order is paid, how it is shared. Safe to repeat. Refuses as `plans.decide`, and `order_paid`."""
    order = await orders.find(core, merchant.id, path, merchant.store)
    await plans.too_late(core, order.id)
    row = await plans.decide(core, order, ask)
    await plans.too_late(core, order.id)  # whoever paid meanwhile had not heard of it
    return _view(order, row, (await acts.standing_of(core, [order.id]))[order.id])


async def read(core: Core, merchant: Merchant, path: str) -> Sharing:
    """How an order is shared. Raises `order_not_shared`."""
    order = await orders.find(core, merchant.id, path, merchant.store)
    return await _read(core, order)


async def _read(core: Core, order: OrderRow) -> Sharing:
    [row] = await store.plans(core.database, [order.id])
    if row is None:
        raise order_not_shared()
    return _view(order, row, (await acts.standing_of(core, [order.id]))[order.id])


def _view(order: OrderRow, row: PlanRow, standing: Standing) -> Sharing:
    paid = standing.payment is not None
    status = "planned" if not paid else "not_shared" if not standing.holds else "held" if standing.held else "finished"
    return Sharing(
        order=id_text("ord_", order.id),
        status=status,  # type: ignore[arg-type] # one of the four
        amount=standing.net if paid else None,
        held=standing.held,
        planned=[
            PlannedShare(id_text(receivers.PREFIX, id_of(bytes.fromhex(line.receiver))), line.amount, line.ratio_bp)
            for line in row.lines
        ],
        shares=[_share(standing, share) for share in standing.shares],
    )


def _share(standing: Standing, share: Posted) -> Share:
    receiver, reference = acts.of_share(share)
    return Share(
        id=id_text(PREFIX, share.id),
        order=id_text("ord_", share.about),
        receiver=id_text(receivers.PREFIX, id_of(bytes.fromhex(receiver))),
        reference=reference or None,
        amount=share.amount,
        returned_amount=standing.returned(share),
        created_at=rfc3339(share.timestamp),
    )


# Sharing -------------------------------------------------------------------------------------------------------


async def share(core: Core, merchant: Merchant, path: str, ask: NewShares) -> tuple[Sharing, bool]:
    """Share out of what is held of a paid order, all of these shares or none; and whether it was done just now.

    Refuses `order_not_shared`, `sharing_exceeds`, `reference_reused`, `receiver_cannot_take`, `invalid_field`,
    `sharing_contended`.
    """
    order, standing = await _held(core, merchant, path)
    both = await receivers.accounts_of(core, order.merchant, [one.receiver for one in ask.shares], _currency(standing))
    said = plans.asked(ask.shares)
    while True:
        amounts = amounts_of(standing.net, said)
        moves = [
            Move(standing.holds[0].credit, account, amount, TransferCode.SHARE, f"{row.id.hex}:{ask.reference}")
            for (row, account), amount in zip(both, amounts, strict=True)
            if amount
        ]
        if before := [one for one in standing.shares if acts.of_share(one)[1] == ask.reference]:
            _same(before, moves)
            return await _read(core, order), False
        shared = sum(one.amount - standing.returned(one) for one in standing.shares)
        plans.within(core, standing.net, standing.held, sum(amounts), shared)
        rest = standing.held - sum(amounts)
        if ask.finish and rest:
            moves.append(_release(standing, rest))
        if not moves:
            return await _read(core, order), False
        done = await acts.act(core, order.id, _bounded(standing), moves)
        if done is not None:
            _must_stand(merchant, moves[done[0]], done[1])
            return await _read(core, order), True
        standing = (await acts.standing_of(core, [order.id]))[order.id]


async def finish(core: Core, merchant: Merchant, path: str) -> tuple[Sharing, bool]:
    """Let the merchant have what is held still; and whether anything was. Refuses `order_not_shared`."""
    order, standing = await _held(core, merchant, path)
    while standing.held:
        moves = [_release(standing, standing.held)]
        done = await acts.act(core, order.id, standing, moves)
        if done is not None:
            _must_stand(merchant, moves[0], done[1])
            return await _read(core, order), True
        standing = (await acts.standing_of(core, [order.id]))[order.id]
    return await _read(core, order), False


async def _held(core: Core, merchant: Merchant, path: str) -> tuple[OrderRow, Standing]:
    order = await orders.find(core, merchant.id, path, merchant.store)
    standing = (await acts.standing_of(core, [order.id]))[order.id]
    if not standing.holds:
        raise order_not_shared()
    return order, standing


def _currency(standing: Standing) -> str:
    assert standing.payment is not None, "nothing is held of what is not paid"
    return CURRENCY_OF_LEDGER[standing.payment.ledger].code


def _release(standing: Standing, amount: int) -> Move:
    assert standing.payment is not None, "nothing is held of what is not paid"
    return Move(standing.holds[0].credit, standing.payment.credit, amount, TransferCode.SHARING_RELEASE)


def _bounded(standing: Standing) -> Standing:
    if standing.acts >= acts.ACTS_MAX:
        raise sharing_contended(count_max=acts.ACTS_MAX)
    return standing


def _same(before: Sequence[Posted], moves: Sequence[Move]) -> None:
    """Refuse `reference_reused` when a reference stands for other shares."""
    stood = {one.reference[:32]: one.amount for one in before}
    now = {move.reference[:32]: move.amount for move in moves}
    if stood != now:
        raise reference_reused(
            errors=[FieldError("/shares", f"They were {len(stood)} shares of {sum(stood.values())}.")]
        )


def _must_stand(merchant: Merchant, move: Move, outcome: Outcome) -> None:
    if outcome.result.stands:
        return
    whose = id_text("mer_", merchant.id)
    if move.code == TransferCode.SHARE:
        whose = id_text(receivers.PREFIX, id_of(bytes.fromhex(move.reference[:32])))
    raise receiver_cannot_take(receiver=whose, because=outcome.result.name.lower())


# Taking back ---------------------------------------------------------------------------------------------------


async def claw_back(core: Core, merchant: Merchant, text: str, ask: NewClawback) -> tuple[Share, bool]:
    """Take back part or all of a share from its receiver, for the merchant; and whether it was done just now.

    Refuses `not_found`, `reference_reused`, `clawback_exceeds_share`, `receiver_balance_insufficient` (it may be
    asked for again), `receiver_cannot_take` for an account that is frozen or closed, `sharing_contended`.
    """
    order, standing, given = await _found(core, merchant, text)
    reference = f"{given.id.hex}:{ask.reference}"
    while True:
        if before := next((one for one in standing.returns if one.reference == reference), None):
            if ask.amount not in (None, before.amount):
                raise reference_reused(
                    errors=[FieldError("/amount", f"It was {before.amount}, now it is {ask.amount}.")]
                )
            return _share(standing, given), False
        left = given.amount - standing.returned(given)
        amount = left if ask.amount is None else ask.amount
        if not 0 < amount <= left:
            raise clawback_exceeds_share(left=left)
        assert standing.payment is not None, "what is not paid was not shared"
        move = Move(given.credit, standing.payment.credit, amount, TransferCode.SHARE_RETURN, reference)
        done = await acts.act(core, order, _bounded(standing), [move])
        if done is not None and done[1].result is Result.EXCEEDS_CREDITS:
            raise receiver_balance_insufficient(available=done[1].left or 0)
        if done is not None and not done[1].result.stands:
            whose = id_text(receivers.PREFIX, id_of(bytes.fromhex(acts.of_share(given)[0])))
            raise receiver_cannot_take(receiver=whose, because=done[1].result.name.lower())
        standing = (await acts.standing_of(core, [order]))[order]
        if done is not None:
            return _share(standing, given), True


async def read_share(core: Core, merchant: Merchant, text: str) -> Share:
    """One share of the merchant's orders. Raises `not_found`."""
    _, standing, given = await _found(core, merchant, text)
    return _share(standing, given)


async def _found(core: Core, merchant: Merchant, text: str) -> tuple[Id, Standing, Posted]:
    id_ = id_from_text(PREFIX, text)
    given = (await core.ledger.lookup_transfers([id_])).get(id_) if id_ else None
    if given is None or given.code != TransferCode.SHARE:
        raise not_found()
    order = await orders.find(core, merchant.id, id_text("ord_", given.about), merchant.store)
    return order.id, (await acts.standing_of(core, [order.id]))[order.id], given
