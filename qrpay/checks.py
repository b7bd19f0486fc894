"""`qrpay check`: every invariant statement there is must return no row; with `--full`, every row is looked at again."""

import time
from functools import partial
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from qrpay.background.books import audited
from qrpay.core import Core
from qrpay.database.invariants import rows_against
from qrpay.ledger import audit

ROWS_SHOWN = 5
SAID: Final = {
    "transfers": "transfers, each against its seal",
    "checkpoints": "checkpoints, each against its entries",
    "accounts": "accounts, each against its transfers",
    "names": "accounts that transfers name",
    "figures": "closing figures of all days",
    "checks": "invariants of the features",
}


async def run_checks(core: Core, *, full: bool = False) -> bool:
    """Run them all, say each one's result, and answer whether all hold."""
    console = Console()
    statements = [*audit.CHECKS, *core.checks]
    held = True
    for statement in statements:
        began = time.perf_counter()
        with Progress(TextColumn(f"      {statement.name}"), BarColumn(), MofNCompleteColumn(), console=console,
                      transient=True, disable=statement.pieces is None) as bars:  # fmt: skip
            rows = await rows_against(core.database, statement, partial(_tell, bars, bars.add_task("", total=None)))
        took = f"{time.perf_counter() - began:.2f} s"
        mark = "[red]broken[/red]" if rows else "[green]holds[/green]"
        console.print(f"{mark}  {statement.name}  [dim]{took}[/dim]")
        if rows:
            held = False
            console.print(f"        {statement.doc}")
            for row in rows[:ROWS_SHOWN]:
                console.print(f"        {row}")
    if full:
        held = await _audit(core, console) and held
    light = await core.ledger.conservation()
    for total in light.ledgers:
        console.print(
            f"ledger {total.ledger}: debits {total.debits_posted} = credits {total.credits_posted}"
            f" posted, {total.debits_pending} = {total.credits_pending} pending"
        )
    for one in light.discrepancies:
        console.print(f"[red]account {one.account.hex} is not the sum of its transfers[/red]")
    return held and light.balanced


def _tell(bars: Progress, task: TaskID, done: int, total: int) -> None:
    bars.update(task, completed=done, total=total)


async def _audit(core: Core, console: Console) -> bool:
    """The full audit, with a bar for each of its stages. Interrupted, it goes on where it was when called again."""
    columns = (TextColumn("{task.description:<40}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as bars:
        tasks = {stage: bars.add_task(said, total=None, start=False) for stage, said in SAID.items()}

        def progress(stage: str, done: int, total: int) -> None:
            bars.start_task(tasks[stage])
            bars.update(tasks[stage], completed=done, total=total)

        found = await audited(core, progress)
    for finding in found.findings:
        console.print(f"[red]broken[/red]  {finding.kind}  {finding.what}\n        {finding.detail}", highlight=False)
    console.print(
        f"audit {found.number}: {found.transfers:,} transfers, {found.accounts:,} accounts,"
        f" {found.checkpoints:,} checkpoints; {len(found.findings)} findings"
    )
    return not found.findings
