"""The three zeros: what was acknowledged against what stands in the ledger, id by id, and whether the books balance."""

from typing import Final

from benchmarks.figures import Verdict
from benchmarks.generator import CREATED, OK
from benchmarks.town import Payment
from qrpay.app import features
from qrpay.core import Core
from qrpay.database.invariants import rows_against
from qrpay.ledger import audit
from qrpay.values import Id

UNKNOWN: Final = frozenset({0, 500, 502, 503, 504})
"""Statuses after which a payment may stand or not."""


class Books:
    """Remembers what the server said yes to."""

    def __init__(self) -> None:
        self.acknowledged: dict[Id, Payment] = {}
        self.unknown: dict[Id, Payment] = {}
        self.twice = 0

    def enter(self, status: int, payment: Payment) -> None:
        """What one caller was told. A payment made just now is 201; asked for again, 200 with what stands."""
        if status == CREATED:
            self.twice += payment.order in self.acknowledged
        if status in (CREATED, OK):
            self.acknowledged[payment.order] = payment
        elif status in UNKNOWN:
            self.unknown[payment.order] = payment

    async def compare(self, core: Core, issued: int) -> Verdict:
        """With the ledger as it stands now; so many orders were said to be open."""
        rows = await core.database.fetch(
            "SELECT id, debit, credit, amount FROM transfers WHERE code IN (10, 17, 18, 19)"
        )
        standing = {row[0]: Payment(row[0], row[1], row[2], row[3]) for row in rows}
        missing = sum(standing.get(order) != payment for order, payment in self.acknowledged.items())
        uncalled = sum(order not in self.acknowledged and order not in self.unknown for order in standing)
        light = await core.ledger.conservation()
        sides = sum(
            one.debits_posted != one.credits_posted or one.debits_pending != one.credits_pending
            for one in light.ledgers
        )
        broken = {}
        for statement in [*audit.CHECKS, *(check for feature in features() for check in feature.checks)]:
            if found := len(await rows_against(core.database, statement)):
                broken[statement.name] = found
        opened = int(await core.database.fetchval("SELECT count(*) FROM orders WHERE description IS NOT NULL"))
        return Verdict(
            payments=len(self.acknowledged),
            missing=missing,
            doubled=self.twice + uncalled + len(rows) - len(standing),
            unbalanced=sides + sum(broken.values()),
            orders=issued,
            orders_missing=max(0, issued - opened),
            broken=sorted(broken),
        )
