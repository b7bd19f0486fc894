"""Backup and restore of the embedded server: base backups, the archive of its log, and any moment since the oldest.

A folder of backups holds `base-…` (by pg_basebackup, verified, with a note of when it was whole) and `wal`, into which
the server copies each piece of its log from the first backup on. Restoring copies a base into a new folder and lets
PostgreSQL replay the log up to the moment asked for; the running server is not touched.
"""

import asyncio
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import asyncpg
from msgspec import Struct

from qrpay.database.embedded import ARCHIVE_CONF, SUPERUSER, EmbeddedServer, EmbeddedServerError
from qrpay.folders import private_folder

ARCHIVE_TIMEOUT: Final = "5min"
"""A piece of the log (16 MB) is archived when it is full, or after this: what a lost disk can cost at most."""
ARCHIVED_S_MAX: Final = 120.0
RECOVERY_S_MAX: Final = 24 * 3600.0
_POLL_S: Final = 0.1
_NOTE: Final = "qrpay.json"
_START_FILE: Final = re.compile(r"START WAL LOCATION: \S+ \(file ([0-9A-F]{24})\)")
_PERCENT: Final = re.compile(r"(\d+)%")

Progress = Callable[[str], None]


class BackupError(EmbeddedServerError):
    """There is no backup, or no restoring; the message says why and what to do."""


class Base(Struct, frozen=True):
    """One base backup: its folder, from when on it can be rolled forward, and the first piece of log it needs."""

    folder: Path
    whole_at: datetime
    first_wal: str


def bases(folder: Path) -> Sequence[Base]:
    """The base backups in a folder of backups, the oldest first."""
    found = []
    for path in folder.glob(f"base-*/{_NOTE}"):
        note = json.loads(path.read_text())
        found.append(Base(path.parent, datetime.fromisoformat(note["whole_at"]), note["first_wal"]))
    return sorted(found, key=lambda base: base.whole_at)


def backup(server: EmbeddedServer, folder: Path, keep: int, progress: Progress) -> Base:
    """Make a base backup of the running server and keep the newest `keep`, with all the log since the oldest of them.

    From the first one on the server archives its log into `folder`. Raises BackupError.
    """
    folder = folder.resolve()
    _owned_folder(server, folder)
    _owned_folder(server, folder / "wal")
    _archive_into(server, folder / "wal")
    made = folder / f"new-{os.getpid()}"
    shutil.rmtree(made, ignore_errors=True)
    _watched(server, progress, "copied", "pg_basebackup", "-D", str(made), "-h", str(server.socket), "-U", SUPERUSER,
             "--checkpoint=fast", "--wal-method=stream", "--progress", "--label=qrpay")  # fmt: skip
    _watched(server, progress, "verified", "pg_verifybackup", "--exit-on-error", str(made))
    whole_at = asyncio.run(_asked(server, "SELECT clock_timestamp()"))
    started = _START_FILE.search((made / "backup_label").read_text())
    assert started is not None, "a base backup says where its log begins"
    note = {"whole_at": whole_at.isoformat(), "first_wal": started[1]}
    (made / _NOTE).write_text(json.dumps(note))
    whole = folder / f"base-{whole_at:%Y%m%dT%H%M%S%fZ}"
    made.rename(whole)
    _clean(server, folder, keep)
    return Base(whole, whole_at, started[1])


def restore(
    source: EmbeddedServer, target: EmbeddedServer, folder: Path, at: datetime | None, progress: Progress
) -> Base:
    """Make the target's data folder from a backup of the source, as it was at a moment (None: as late as possible).

    The source may run, be stopped or be gone. The target's home must be new. Raises BackupError.
    """
    folder = folder.resolve()
    if at is not None and at > datetime.now(UTC):
        raise BackupError(f"{at.isoformat()} has not come yet.")
    fitting = [base for base in bases(folder) if at is None or base.whole_at <= at]
    if not fitting:
        known = ", ".join(base.whole_at.isoformat(timespec="seconds") for base in bases(folder)) or "none at all"
        raise BackupError(f"No backup in {folder} is old enough: a moment after one of these can be restored: {known}.")
    if target.home.exists() and any(target.home.iterdir()):
        raise BackupError(f"{target.home} is not empty: restore into a new folder.")
    if source.running():
        progress("asking the running server for the end of its log")
        asyncio.run(_archived_to_here(source))
    base = fitting[-1]
    private_folder(target.home)
    _watched(target, progress, f"{base.folder.name} verified", "pg_verifybackup", "--exit-on-error",
             "--ignore", _NOTE, str(base.folder))  # fmt: skip
    _copied(base.folder, target.data, progress)
    (target.data / _NOTE).unlink()
    signal = target.data / "recovery.signal"
    signal.touch(0o600)
    _own(signal, base.folder)
    with _recovering(source, target, folder, at):
        _replayed(target, at, progress)
    return base


@contextmanager
def _recovering(source: EmbeddedServer, target: EmbeddedServer, folder: Path, at: datetime | None) -> Iterator[None]:
    """The target started so that it replays the log, and stopped again, whole."""
    # What the source had not archived when it died still lies in its own folder.
    command = f'cp "{folder}/wal/%f" "%p" 2>/dev/null || cp "{source.data}/pg_wal/%f" "%p" 2>/dev/null'
    settings = {"restore_command": command, "recovery_target_action": "promote"}
    if at is not None:
        settings["recovery_target_time"] = at.isoformat()
    recovering = target.again(**settings)
    try:
        recovering.start()
        yield
    except EmbeddedServerError as error:
        raise _why(target, at, error) from error
    finally:
        recovering.stop()


def _replayed(target: EmbeddedServer, at: datetime | None, progress: Progress) -> None:
    """Wait until the log is replayed, and say how far it is."""
    until = time.monotonic() + RECOVERY_S_MAX
    said = ""
    while time.monotonic() < until:
        if not target.running():
            raise _why(target, at, None)
        try:
            state, reached = asyncio.run(
                _asked_row(target, "SELECT pg_is_in_recovery(), pg_last_xact_replay_timestamp()::timestamptz(0)::text")
            )
        except (OSError, asyncpg.PostgresError):
            state, reached = True, None
        if not state:
            return
        if reached and reached != said:
            said = reached
            progress(f"replayed until {said}")
        time.sleep(_POLL_S)
    raise BackupError(f"The log was not replayed within {RECOVERY_S_MAX:g} s; see {target.log}.")


def _why(target: EmbeddedServer, at: datetime | None, error: EmbeddedServerError | None) -> BackupError:
    said = target.log.read_text(errors="replace")[-4000:] if target.log.exists() else ""
    if "recovery ended before configured recovery target was reached" in said and at is not None:
        return BackupError(
            f"Nothing was committed after {at.isoformat()} in the log that is left, so it cannot be told whether that"
            " moment was reached. Leave --at out to restore everything there is, into another new folder."
        )
    return BackupError(str(error) if error else f"PostgreSQL ended while it replayed. The end of {target.log}:\n{said}")


def _archive_into(server: EmbeddedServer, wal: Path) -> None:
    """Tell the running server where its log goes, for good."""
    if asyncio.run(_asked(server, "SHOW archive_mode")) != "on":
        raise BackupError("The server was started by an older qrpay: stop it and start it again, then back up.")
    if '"' in str(wal) or "'" in str(wal) or "%" in str(wal) or "\\" in str(wal):
        raise BackupError(f"The path {wal} has quotes, backslashes or percent signs: choose another folder.")
    # Whole under its name or not there; the same piece twice is no error, another one of its name is.
    command = (
        f'if test -f "{wal}/%f"; then cmp -s "%p" "{wal}/%f"; else'
        f' cp "%p" "{wal}/%f.new" && sync "{wal}/%f.new" && mv "{wal}/%f.new" "{wal}/%f"; fi'
    )
    (server.home / ARCHIVE_CONF).write_text(f"archive_command = '{command}'\narchive_timeout = '{ARCHIVE_TIMEOUT}'\n")
    asyncio.run(_asked(server, "SELECT pg_reload_conf()"))
    until = time.monotonic() + ARCHIVED_S_MAX
    while asyncio.run(_asked(server, "SHOW archive_command")) != command:
        if time.monotonic() > until:
            raise BackupError(f"The server does not take up {server.home / ARCHIVE_CONF}; see {server.log}.")
        time.sleep(_POLL_S)


async def _archived_to_here(server: EmbeddedServer) -> None:
    """Let the server archive all it has written so far."""
    connection = await asyncpg.connect(server.dsn)
    try:
        # A switch without anything written since the last one does nothing; so something is written.
        await connection.execute("SELECT pg_logical_emit_message(false, 'qrpay', 'restore')")
        last = await connection.fetchval("SELECT pg_walfile_name(pg_switch_wal())")
        until = time.monotonic() + ARCHIVED_S_MAX
        while (await connection.fetchval("SELECT last_archived_wal FROM pg_stat_archiver") or "") < last:
            if time.monotonic() > until:
                raise BackupError(f"The log is not archived within {ARCHIVED_S_MAX:g} s: see {server.log}.")
            await asyncio.sleep(_POLL_S)
    finally:
        await connection.close()


def _watched(server: EmbeddedServer, progress: Progress, done: str, tool: str, *options: str) -> None:
    """Run a program of PostgreSQL to its end and pass on its percentages."""
    private_folder(server.home)
    said: list[str] = []
    with server.program(tool, *options, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as running:
        assert running.stdout is not None
        shown = ""
        for line in running.stdout:  # carriage returns end a line too
            said.append(line)
            if (percent := _PERCENT.search(line)) and percent[1] != shown:
                shown = percent[1]
                progress(f"{tool}: {shown} %")
    if running.returncode:
        raise BackupError(f"{tool} failed: {''.join(said)[-1000:]}")
    progress(done)


def _copied(base: Path, data: Path, progress: Progress) -> None:
    """Copy a base backup, with its owners and modes."""
    files = [path for path in base.rglob("*") if path.is_file()]
    total = sum(path.stat().st_size for path in files)
    copied, shown = 0, -1
    for place in [base, *sorted(path for path in base.rglob("*") if path.is_dir())]:
        made = data / place.relative_to(base)
        made.mkdir()
        shutil.copystat(place, made)
        _own(made, place)
    for path in files:
        made = data / path.relative_to(base)
        shutil.copy2(path, made)
        _own(made, path)
        copied += path.stat().st_size
        if (percent := copied * 100 // max(1, total)) // 10 != shown:
            shown = percent // 10
            progress(f"copied {percent} % of {total // 1_048_576} MB")


def _own(path: Path, like: Path) -> None:
    if os.geteuid() == 0:
        os.chown(path, like.stat().st_uid, like.stat().st_gid)


def _owned_folder(server: EmbeddedServer, folder: Path) -> None:
    """A folder that belongs to whoever the server runs as."""
    private_folder(folder)
    _own(folder, server.data)


def _clean(server: EmbeddedServer, folder: Path, keep: int) -> None:
    """Remove the bases beyond the newest ones, and the log that none of the kept ones needs."""
    known = bases(folder)
    for base in known[:-keep]:
        shutil.rmtree(base.folder)
    oldest = known[-keep:][0]
    with server.program("pg_archivecleanup", str(folder / "wal"), oldest.first_wal, stderr=subprocess.PIPE) as running:
        said = running.communicate()[1]
    if running.returncode:
        raise BackupError(f"The old log in {folder / 'wal'} cannot be removed: {said}")


async def _asked(server: EmbeddedServer, query: str) -> Any:
    return (await _asked_row(server, query))[0]


async def _asked_row(server: EmbeddedServer, query: str) -> Any:
    connection = await asyncpg.connect(server.dsn)
    try:
        row = await connection.fetchrow(query)
        assert row is not None
        return row
    finally:
        await connection.close()
