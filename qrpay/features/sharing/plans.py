"""Plans: how an order is shared, said before it is paid; and what then goes beside its payment."""

from collections.abc import Sequence
from typing import Final

from qrpay.core import Core
from qrpay.features.fees import service as fees
from qrpay.features.merchants.remembered import Remembered
from qrpay.features.orders.model import OrderRow
from qrpay.features.orders.problems import order_paid
from qrpay.features.sharing import acts, receivers, store
from qrpay.features.sharing.model import Line, Move, NewSharing, PlanRow, ShareAsk
from qrpay.features.sharing.problems import sharing_decided, sharing_exceeds
from qrpay.features.sharing.reckoning import WHOLE_BP, amounts_of
from qrpay.ledger.chained import post_with
from qrpay.ledger.chart import TransferCode
from qrpay.ledger.model import Outcome, Transfer
from qrpay.problem import FieldError, invalid_field, not_found
from qrpay.values import CURRENCY_OF_LEDGER, Id, id_of, id_text

CHANNEL: Final = "qrpay_sharing"
REMEMBERED_MAX: Final = 20_000
AGE_MAX_S: Final = 600.0

# Whether a merchant has ever shared anything. Its id is never given twice, so this needs no clearing between databases.
sharing: Final = Remembered[Id, bool](REMEMBERED_MAX, AGE_MAX_S)


async def start(core: Core) -> None:
    """Hear of merchants that begin to share."""
    await core.database.listen(CHANNEL, lambda merchant: sharing.forget(Id(merchant)), sharing.forget_all)


def may_share(merchant: Id) -> bool:
    """Whether an order of this merchant may be shared: False for one that is known never to have shared anything."""
    return sharing.get(merchant) is not False


async def decide(core: Core, order: OrderRow, ask: NewSharing) -> PlanRow:
    """Say how an order is shared. Safe to repeat.

    Refuses `invalid_field`, `sharing_exceeds`, `order_paid` when it is settled already, `sharing_decided`.
    """
    if order.amount is None or order.currency is None:
        raise not_found()
    if not ask.shares and not ask.hold:
        raise invalid_field(errors=[FieldError("/hold", "Without shares the rest must be held.")])
    both = await receivers.accounts_of(core, order.merchant, [share.receiver for share in ask.shares], order.currency)
    said = asked(ask.shares)
    within(core, order.amount, order.amount, sum(amounts_of(order.amount, said)), 0)
    lines = [Line(row.id.hex, account.hex, *each) for (row, account), each in zip(both, said, strict=True)]
    await acts.ensure_account(core, order.merchant, order.currency)
    stands = await store.keep_plan(core.database, PlanRow(order.id, order.merchant, lines, ask.hold, core.clock()))
    sharing.forget(order.merchant)
    if (list(stands.lines), stands.hold) != (lines, ask.hold):
        raise sharing_decided()
    return stands


async def too_late(core: Core, order: Id) -> None:
    """Refuse `order_paid` when an order was paid, closed or expired before it was said that it is shared."""
    if (await acts.standing_of(core, [order]))[order].holds:
        return
    if order in await core.ledger.lookup_transfers([order]):
        raise order_paid(order=id_text("ord_", order))


def asked(shares: Sequence[ShareAsk]) -> list[tuple[int | None, int | None]]:
    """Amount or ratio of each. Raises `invalid_field` for both, or neither."""
    for place, share in enumerate(shares):
        if (share.amount is None) == (share.ratio_bp is None):
            raise invalid_field(errors=[FieldError(f"/shares/{place}", "Send either amount or ratio_bp.")])
    return [(share.amount, share.ratio_bp) for share in shares]


def within(core: Core, net: int, held: int, more: int, shared: int) -> None:
    """Refuse `sharing_exceeds` for more than is held, or than the bank lets be shared of an order."""
    most = core.settings.sharing_max_bp
    shareable = max(0, min(held, net * most // WHOLE_BP - shared))
    if more > shareable:
        raise sharing_exceeds(shareable=shareable, ratio_max_bp=most)


async def beside(core: Core, merchant: Id, payment: Transfer, fee: Sequence[Transfer]) -> Sequence[Transfer]:
    """What goes beside a payment of a shared order: what is to be shared is set apart, then each share leaves."""
    shares = sharing.get(merchant)
    if shares is None:
        reading = sharing.reading
        shares = await core.batcher("sharing_merchants", store.sharing).add(merchant)
        sharing.put(merchant, shares, reading)
    row = await core.batcher("sharing_plans", store.plans).add(payment.id) if shares else None
    return () if row is None else _moves(row, payment, fee)


def _moves(row: PlanRow, payment: Transfer, fee: Sequence[Transfer]) -> Sequence[Transfer]:
    assert payment.amount is not None, "a payment says what it moves"
    net = payment.amount - fees.borne(fee)
    apart = acts.account_of(row.merchant, CURRENCY_OF_LEDGER[payment.ledger].code)
    amounts = amounts_of(net, [(line.amount, line.ratio_bp) for line in row.lines])
    shared = sum(amounts)
    if shared > net:  # its fee left less than was planned: all of it is held, and the merchant decides
        amounts, shared = [], 0
    held = net if row.hold or not amounts else shared
    if not held:
        return ()
    moves = [Move(payment.credit, apart, held, TransferCode.SHARING_HOLD)]
    moves += [
        Move(apart, id_of(bytes.fromhex(line.account)), amount, TransferCode.SHARE, line.receiver)
        for line, amount in zip(row.lines, amounts, strict=False)
        if amount
    ]
    return acts.chain(payment.id, 0, payment.ledger, moves)


async def post(core: Core, payment: Transfer, beside: Sequence[Transfer] = ()) -> Outcome:
    """Post a payment with what goes beside it. No receiver stands in its way: what one cannot take is held."""
    outcome = await post_with(core.ledger, payment, after=beside)
    if not outcome.result.stands and not outcome.result.differs and has_shares(beside):
        outcome = await post_with(core.ledger, payment, after=without_shares(beside))
    return outcome


def has_shares(transfers: Sequence[Transfer]) -> bool:
    """Whether any receiver is among them."""
    return any(one.code == TransferCode.SHARE for one in transfers)


def without_shares(transfers: Sequence[Transfer]) -> Sequence[Transfer]:
    """The same, but that what was to be shared is held: no receiver can stand in the way of a payment."""
    return [one for one in transfers if one.code != TransferCode.SHARE]
