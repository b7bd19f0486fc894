"""The statements of reconciliation, typed."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from qrpay.database.pool import Queries
from qrpay.database.statements import Statements
from qrpay.features.reconciliation.model import Line
from qrpay.ledger.chart import PAYMENTS, TransferCode
from qrpay.values import Id

STATEMENTS: Final = Statements.load(Path(__file__).with_name("store.sql"))
_CODES: Final = (sorted(PAYMENTS), TransferCode.REFUND, TransferCode.REFUND_RELEASE)


async def digests(
    queries: Queries, account: Id, after: datetime, until: datetime, limit: int, currency: str, bits: int
) -> tuple[list[tuple[int, int, int]], datetime | None]:
    """Bucket, digest and number of lines of the first lines between two moments, and the time of the last one."""
    rows = await queries.fetch(STATEMENTS.digests, account, after, until, limit, *_CODES, currency, bits)
    last = max((row["until"] for row in rows), default=None)
    return [(row["bucket"], int(row["mark"], 2), row["lines"]) for row in rows], last


async def lines(
    queries: Queries, account: Id, after: datetime, until: datetime, limit: int, currency: str, bits: int,
    buckets: Sequence[int],
) -> tuple[list[Line], int, datetime | None]:  # fmt: skip
    """Those of the first lines between two moments that are in these buckets; how many were read, and the last time."""
    rows = await queries.fetch(STATEMENTS.lines, account, after, until, limit, *_CODES, bits, buckets)
    found = [Line(row["kind"], row["reference"], row["amount"], currency, row["status"]) for row in rows if row["kind"]]
    [whole] = [row for row in rows if row["kind"] is None]
    return found, whole["amount"], whole["until"]
