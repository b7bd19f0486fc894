"""`qrpay check`: every invariant statement there is must return no row."""

import time

from rich.console import Console

from qrpay.app import features
from qrpay.core import Core
from qrpay.ledger import audit

ROWS_SHOWN = 5


async def run_checks(core: Core) -> bool:
    """Run them all, say each one's result, and answer whether all hold."""
    console = Console()
    statements = [*audit.CHECKS, *(statement for feature in features() for statement in feature.checks)]
    held = True
    for statement in statements:
        began = time.perf_counter()
        rows = await core.database.fetch(statement)
        took = f"{time.perf_counter() - began:.2f} s"
        mark = "[red]broken[/red]" if rows else "[green]holds[/green]"
        console.print(f"{mark}  {statement.name}  [dim]{took}[/dim]")
        if rows:
            held = False
            console.print(f"        {statement.doc}")
            for row in rows[:ROWS_SHOWN]:
                console.print(f"        {dict(row.items())}")
    light = await core.ledger.conservation()
    for total in light.ledgers:
        console.print(
            f"ledger {total.ledger}: debits {total.debits_posted} = credits {total.credits_posted}"
            f" posted, {total.debits_pending} = {total.credits_pending} pending"
        )
    return held and light.balanced
