"""The tables of sharing, seen from Python: many in, many out."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from qrpay.database.pool import Database, Row
from qrpay.database.statements import Statements
from qrpay.features.sharing.model import Line, PlanRow, ReceiverRow
from qrpay.values import Id

SQL: Final = Statements.load(Path(__file__).with_name("store.sql"))
LINES: Final = msgspec.json.Decoder(list[Line])


async def keep_receiver(database: Database, row: ReceiverRow) -> ReceiverRow:
    """Keep a new receiver; it comes back as it stands under its reference."""
    async with database.transaction() as within:
        await within.execute(
            SQL.insert_receiver,
            row.id,
            row.merchant,
            row.reference,
            row.payee_merchant,
            row.payee_account,
            row.created_at,
        )  # fmt: skip
        await within.execute(SQL.announce, str(row.merchant))
    found = await database.fetchrow(SQL.receiver_by_reference, row.merchant, row.reference)
    assert found is not None, "it was kept, by us or before"
    return ReceiverRow(*found)


async def receivers(database: Database, ids: Sequence[Id]) -> Mapping[Id, ReceiverRow]:
    """Receivers by their ids; one that is not there is left out."""
    return {row["id"]: ReceiverRow(*row) for row in await database.fetch(SQL.receivers_by_id, ids)}


async def receivers_page(database: Database, merchant: Id, below: Id | None, limit: int) -> Sequence[ReceiverRow]:
    """A page of a merchant's receivers, newest first."""
    return [ReceiverRow(*row) for row in await database.fetch(SQL.receivers_page, merchant, below, limit)]


async def remove_receiver(database: Database, id_: Id, at: datetime) -> None:
    """It takes no new shares."""
    await database.execute(SQL.remove_receiver, id_, at)


async def sharing(database: Database, merchants: Sequence[Id]) -> Sequence[bool]:
    """Whether each of these merchants may have orders that are shared."""
    found = {row["merchant"] for row in await database.fetch(SQL.sharing_merchants, list(set(merchants)))}
    return [merchant in found for merchant in merchants]


async def keep_plan(database: Database, row: PlanRow) -> PlanRow:
    """Say how an order is shared; it comes back as it stands."""
    async with database.transaction() as within:
        lines = msgspec.json.encode(row.lines).decode()
        await within.execute(SQL.insert_plan, row.order, row.merchant, lines, row.hold, row.created_at)
        await within.execute(SQL.announce, str(row.merchant))
    [found] = await plans(database, [row.order])
    assert found is not None, "it was kept, by us or before"
    return found


async def plans(database: Database, orders: Sequence[Id]) -> Sequence[PlanRow | None]:
    """How each of these orders is shared; None: nobody said."""
    found = {row["order_id"]: row for row in await database.fetch(SQL.plans, list(set(orders)))}
    return [_plan(found[order]) if order in found else None for order in orders]


def _plan(row: Row) -> PlanRow:
    return PlanRow(row["order_id"], row["merchant"], LINES.decode(row["lines"]), row["hold"], row["created_at"])
