"""How settlements are shown to their merchants, and found."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final

import msgspec

from qrpay.core import Core
from qrpay.features.clearing import service as clearing
from qrpay.features.settlement import store
from qrpay.features.settlement.model import (
    PREFIX,
    Covered,
    Line,
    PayoutView,
    Period,
    Row,
    SettledTransfer,
    Settlement,
    SettlementsQuery,
    Status,
    TransfersQuery,
)
from qrpay.ledger.chart import MARKERS, PAYMENTS, TransferCode
from qrpay.ledger.history import micros
from qrpay.problem import FieldError, invalid_field, not_found
from qrpay.values import Id, Page, id_from_text, id_text, rfc3339

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
LINES: Final = msgspec.json.Decoder(list[Line])
ORDERS: Final = PAYMENTS | MARKERS | {
    TransferCode.REFUND, TransferCode.FEE, TransferCode.FEE_RETURN, TransferCode.SHARING_HOLD, TransferCode.SHARE,
    TransferCode.SHARING_RELEASE, TransferCode.SHARE_RETURN,
}  # fmt: skip


def kind_of(code: int) -> str:
    """A kind of transfer as merchants read it; the kinds of payment are one to them."""
    return "payment" if code in PAYMENTS else TransferCode(code).name.lower()


async def views(core: Core, rows: Sequence[Row]) -> list[Settlement]:
    """Settlements as their merchants read them. Money is read first: the ledger may know more than the row does yet."""
    posts = {clearing.post_of(row.id): row.id for row in rows if row.status == "pending"}
    paid = await core.ledger.lookup_transfers(list(posts)) if posts else {}
    proved = {posts[id_]: posted.timestamp for id_, posted in paid.items()}
    return [_view(row, proved.get(row.id)) for row in rows]


def _view(row: Row, proved_at: datetime | None) -> Settlement:
    status: Status = "paid" if proved_at else "pending" if row.status == "planned" else row.status
    paid_at = row.paid_at or proved_at
    amount = row.planned if row.amount is None else row.amount
    payout = None
    if row.name and row.bank_account and row.bank:
        payout = PayoutView(row.name, f"****{row.bank_account[-4:]}", row.bank)
    return Settlement(
        id=id_text(PREFIX, row.id),
        status=status,
        currency=row.currency,
        business_date=row.business_date,
        cycle=row.cycle,
        period=Period(None if row.from_at == store.BEGINNING else exact(row.from_at), exact(row.to_at)),
        transfers=row.entries,
        opening=row.opening,
        movement=row.movement,
        lines=LINES.decode(row.lines),
        reserved=row.reserved,
        amount=amount,
        closing=row.opening + row.movement - amount,
        reason=row.reason,
        payout=payout,
        created_at=rfc3339(row.created_at),
        paid_at=rfc3339(paid_at) if paid_at else None,
    )


def exact(moment: datetime) -> str:
    """RFC 3339 with the ledger's microseconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


async def page(core: Core, merchant: Id, ask: SettlementsQuery) -> Page[Settlement]:
    """A merchant's settlements, newest business date first."""
    after = None if ask.cursor is None else _place(ask.cursor)
    rows = await store.page(core.database, merchant, ask.status, (ask.from_, ask.to), after, ask.limit)
    cursor = f"{rows[-1].business_date}.{rows[-1].id.hex}" if len(rows) == ask.limit else None
    return Page(await views(core, rows), cursor)


def _place(cursor: str) -> tuple[date, Id]:
    day, _, id_ = cursor.partition(".")
    try:
        return date.fromisoformat(day), Id(id_)
    except ValueError:
        raise invalid_field(errors=[FieldError("cursor", "This is no cursor of this list.")]) from None


async def row_of(core: Core, merchant: Id, text: str) -> Row:
    """The merchant's settlement `set_…`. Raises `not_found`, alike for unknown and for somebody else's."""
    id_ = id_from_text(PREFIX, text)
    row = (await store.by_id(core.database, [id_])).get(id_) if id_ else None
    if row is None or row.merchant != merchant:
        raise not_found()
    return row


async def transfers(core: Core, merchant: Id, text: str, ask: TransfersQuery) -> Page[SettledTransfer]:
    """The transfers that a settlement covers, oldest first; their effects add up to its movement."""
    row = await row_of(core, merchant, text)
    after = row.from_at if ask.cursor is None else EPOCH + timedelta(microseconds=int(ask.cursor))
    after = max(after, row.from_at)
    covered = await store.covered(core.database, row.account, after, row.to_at, ask.limit, TransferCode.SETTLEMENT)
    more = len(covered) == ask.limit and covered[-1].timestamp < row.to_at
    return Page([_line(one) for one in covered], str(micros(covered[-1].timestamp)) if more else None)


def _line(one: Covered) -> SettledTransfer:
    prefix = "ord_" if one.code in ORDERS else PREFIX if one.code == TransferCode.SETTLEMENT else ""
    about = id_text(prefix, one.about)
    return SettledTransfer(
        id_text("", one.id), kind_of(one.code), one.direction, one.amount, one.effect, about, one.reference,
        exact(one.timestamp),
    )  # fmt: skip
