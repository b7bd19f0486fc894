"""What the simulation shows: progress while it plays, tables of what was done, and a failing history to be read."""

from collections import Counter
from collections.abc import Sequence

from msgspec import Struct, field
from rich.console import Console
from rich.table import Table

from qrpay.simulation.history import History
from qrpay.simulation.plan import Plan
from qrpay.simulation.verdict import Verdict, Violation


class Totals(Struct):
    """Sums over histories."""

    histories: int = 0
    client_minutes: float = 0
    real_s: float = 0
    answers: Counter[tuple[str, str]] = field(default_factory=Counter)
    injected: Counter[str] = field(default_factory=Counter)
    bitten: Counter[str] = field(default_factory=Counter)
    checks: Counter[str] = field(default_factory=Counter)
    violations: int = 0

    def add(self, history: History, verdict: Verdict) -> None:
        """One more history."""
        self.histories += 1
        self.client_minutes += history.plan.client_minutes
        self.real_s += history.real_s
        for asked in history.asked:
            self.answers[asked.call.verb, asked.answer.word if asked.answer else "unanswered"] += 1
        self.injected.update(history.injected)
        self.bitten.update(history.bitten)
        self.checks.update(verdict.checks)
        self.violations += len(verdict.violations)


def show(console: Console, totals: Totals) -> None:
    """Operations with their answers, faults, checks, and the closing line."""
    table = Table("call", "times", "answered", title="what clients asked", title_justify="left")
    for verb in dict.fromkeys(verb for verb, _ in sorted(totals.answers)):
        words = [(word, count) for (of, word), count in totals.answers.most_common() if of == verb]
        table.add_row(verb, f"{sum(count for _, count in words):,}", ", ".join(f"{w} {c:,}" for w, c in words))
    console.print(table)
    if totals.injected:
        table = Table("fault", "injected", "felt", title="what was broken", title_justify="left")
        for kind, count in sorted(totals.injected.items()):
            table.add_row(kind, f"{count:,}", f"{totals.bitten[kind]:,}")
        console.print(table)
    table = Table("check", "times", title="what was checked", title_justify="left")
    for check, count in totals.checks.items():
        table.add_row(check, f"{count:,}")
    console.print(table)
    mark = "[red]✗[/red]" if totals.violations else "[green]✓[/green]"
    console.print(
        f"{mark} {totals.client_minutes:,.0f} simulated client-minutes in {totals.histories} histories"
        f" ({totals.real_s:.0f} s), {sum(totals.injected.values()):,} faults, {totals.violations} violations"
    )


def show_violations(console: Console, violations: Sequence[Violation], most: int = 12) -> None:
    """The first of them, in full."""
    for violation in violations[:most]:
        console.print(f"[red]{violation.check}[/red]  {violation.text}", highlight=False, markup=True, soft_wrap=True)
    if len(violations) > most:
        console.print(f"  and {len(violations) - most} more")


def show_plan(console: Console, plan: Plan) -> None:
    """A short history, round by round."""
    table = Table("round", "clock", "call or fault", "details", title=f"seed {plan.seed}, shrunk", title_justify="left")
    clock_s = 0
    for place, one in enumerate(plan.rounds):
        clock_s += one.pause_s
        for fault in one.faults:
            details = f"worker {fault.worker}, after {fault.after} statements, {fault.for_ms} ms"
            details += f", account {fault.account}, {fault.by_s} s"
            table.add_row(str(place), f"+{clock_s} s", f"[yellow]{fault.kind}[/yellow]", details)
        for call in one.calls:
            details = f"thing {call.thing}, payer {call.payer}, worker {call.worker}, delay {call.delay}"
            details += (", twice" if call.twice else "") + (", answer lost" if call.lost else "")
            table.add_row(str(place), f"+{clock_s} s", call.verb, details)
    console.print(table)
