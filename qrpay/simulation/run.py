"""`qrpay sim`: plays seeds one after the other, judges each, and shrinks the first that fails."""

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from qrpay import logs
from qrpay.folders import private_folder
from qrpay.settings import Settings
from qrpay.simulation.plan import FAULTS, ON_A_SERVER_OF_OTHERS, FaultKind, Plan, drawn
from qrpay.simulation.play import played
from qrpay.simulation.report import Totals, show, show_plan, show_violations
from qrpay.simulation.served import played_over_http, served_plan
from qrpay.simulation.shrink import shrunk
from qrpay.simulation.stage import Stage, stage
from qrpay.simulation.verdict import Verdict, judged

TRIES: Final = 3
"""How often a shortened history is played before it counts as one that does not fail."""


class Ask(msgspec.Struct, frozen=True):
    """What the command line asks for.

    minutes    simulated minutes of each history     histories  how many seeds, from `seed` on
    shrink_s   seconds that shrinking may take; 0: not at all
    replay     a plan that was kept, played instead
    served     over HTTP, on a real `qrpay serve`; minutes are real then
    """

    seed: int
    minutes: float
    clients: int
    histories: int
    faults: Sequence[FaultKind]
    shrink_s: float
    replay: Path | None = None
    served: bool = False


def faults_of(text: str | None, settings: Settings) -> Sequence[FaultKind]:
    """The kinds of fault behind `--faults`: names with commas, `none`, or all there can be here. Raises ValueError."""
    possible = ON_A_SERVER_OF_OTHERS if settings.migration_url else FAULTS
    if text is None:
        return possible
    names = [] if text == "none" else text.split(",")
    if unknown := sorted(set(names) - set(possible)):
        raise ValueError(f"unknown fault {', '.join(unknown)}; there are {', '.join(possible)}, and none")
    return [kind for kind in possible if kind in names]


async def run(settings: Settings, ask: Ask) -> int:
    """Play and judge; 1 when anything could not be explained."""
    folder = private_folder(settings.folder / "sim")
    if ask.served:
        return await _over_http(settings, ask)
    console, totals = Console(), Totals()
    with (folder / "sim.log").open("ab") as log:
        logs.configure(msgspec.structs.replace(settings, log_level="warning"), log)
        sys.excepthook = sys.__excepthook__  # what breaks the simulation itself belongs on the screen
        async with stage(settings) as place:
            for plan in _plans(ask):
                verdict = await _one(console, place, plan, totals)
                if verdict.violations:
                    show_violations(console, verdict.violations)
                    kept = _keep(folder, plan)
                    console.print(f"[red]seed {plan.seed} fails[/red]; it replays with: qrpay sim --replay {kept}")
                    await _shrink(console, place, plan, verdict, ask.shrink_s, folder)
                    break
    show(console, totals)
    return 1 if totals.violations else 0


async def _over_http(settings: Settings, ask: Ask) -> int:
    """The same on a real server, one after the other; a failing one is not made shorter."""
    console, totals = Console(), Totals()
    for seed in range(ask.seed, ask.seed + ask.histories):
        plan = served_plan(seed, round(ask.minutes * 60), ask.clients)
        history = await played_over_http(settings, plan, console)
        verdict = judged(history)
        totals.add(history, verdict)
        if verdict.violations:
            show_violations(console, verdict.violations)
            console.print(f"[red]seed {seed} fails[/red]")
            break
    show(console, totals)
    return 1 if totals.violations else 0


def _plans(ask: Ask) -> Sequence[Plan]:
    if ask.replay is not None:
        return [msgspec.json.decode(ask.replay.read_bytes(), type=Plan)]
    return [drawn(ask.seed + n, ask.minutes, ask.clients, ask.faults) for n in range(ask.histories)]


async def _one(console: Console, place: Stage, plan: Plan, totals: Totals) -> Verdict:
    columns = (TextColumn("seed {task.fields[seed]}"), BarColumn(), MofNCompleteColumn(), TextColumn("rounds"),
               TimeElapsedColumn())  # fmt: skip
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=len(plan.rounds), seed=plan.seed)
        history = await played(place, plan, lambda done, of: progress.update(task, completed=done, total=of))
    verdict = judged(history)
    totals.add(history, verdict)
    if not console.is_terminal:
        console.print(f"seed {plan.seed}: {len(history.asked)} calls, {sum(history.injected.values())} faults, "
                      f"{history.real_s:.1f} s, {len(verdict.violations)} violations")  # fmt: skip
    return verdict


def _keep(folder: Path, plan: Plan) -> Path:
    path = folder / f"failing-{plan.seed}-{plan.length}.json"
    path.write_bytes(msgspec.json.encode(plan))
    return path


async def _shrink(console: Console, place: Stage, plan: Plan, verdict: Verdict, for_s: float, folder: Path) -> None:
    """The failing history, shorter, on the screen and in a file."""
    if for_s <= 0:
        return
    wanted = {violation.check for violation in verdict.violations}

    async def fails(shorter: Plan) -> bool:
        for _ in range(TRIES):
            found = judged(await played(place, shorter)).violations
            if wanted & {violation.check for violation in found}:
                return True
        return False

    began = time.monotonic()
    with console.status(f"shrinking for at most {for_s:.0f} s") as status:
        shorter = await shrunk(plan, fails, for_s, lambda length: status.update(f"shrinking: {length} left"))
    console.print(f"shrunk from {plan.length} to {shorter.length} calls and faults in {time.monotonic() - began:.0f} s")
    if shorter.length < plan.length:
        console.print(f"it replays with: qrpay sim --replay {_keep(folder, shorter)}")
    if shorter.length <= 60:
        show_plan(console, shorter)
