"""The table of fee plans, seen from Python."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from qrpay.database.pool import Database
from qrpay.database.statements import Statements
from qrpay.features.fees.model import FeeTerms, NewPlan, PlanRow, Tier
from qrpay.values import Id

STATEMENTS: Final = Statements.load(Path(__file__).with_name("store.sql"))
TIERS: Final = msgspec.json.Decoder(list[Tier])


async def insert_plan(database: Database, id_: Id, new: NewPlan, by: str, at: datetime) -> bool:
    """Keep the next version and have every process hear of it; False when somebody else set one at the same time."""
    terms = new.terms
    async with database.transaction() as within:
        kept = await within.fetchval(
            STATEMENTS.insert_plan, id_, new.merchant, new.mcc, new.currency, new.effective_on,
            msgspec.json.encode(terms.tiers).decode(), terms.minimum, terms.maximum, terms.rounding, terms.borne_by,
            by, at,
        )  # fmt: skip
        await within.execute(STATEMENTS.announce, "" if new.merchant is None else str(new.merchant))
    return kept is not None


async def plans_of(database: Database, merchants: Sequence[Id]) -> Sequence[Sequence[PlanRow]]:
    """All versions that concern each of these merchants."""
    found: dict[Id, list[PlanRow]] = {merchant: [] for merchant in merchants}
    for row in await database.fetch(STATEMENTS.plans_of, list(found)):
        tiers, minimum, maximum, rounding, borne_by = (
            row[name] for name in ("tiers", "minimum", "maximum", "rounding", "borne_by")
        )
        terms = FeeTerms(TIERS.decode(tiers), minimum, maximum, rounding, borne_by)
        found[row["of"]].append(
            PlanRow(
                row["id"], row["merchant"], row["mcc"], row["currency"], row["number"], row["effective_on"], terms,
                row["set_by"], row["set_at"],
            )
        )  # fmt: skip
    return [found[merchant] for merchant in merchants]
