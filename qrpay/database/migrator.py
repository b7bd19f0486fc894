"""Migrations: numbered SQL files, applied once and in order, and functions, replaced whenever their text changed."""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import asyncpg
from msgspec import Struct

import qrpay
from qrpay.database.errors import DatabaseUnusableError
from qrpay.database.hosts import connect
from qrpay.database.pool import reachable

Progress = Callable[[str], None]

OWNER: Final = "qrpay_owner"
APPLICATION: Final = "qrpay_app"
LOCK_KEY: Final = 0x71727061790001  # "qrpay", then a number of its own
LOCK_TIMEOUT: Final = "4s"
STATEMENT_TIMEOUT: Final = "60s"
LOCK_TRIES_MAX: Final = 5
LOCK_PAUSE_S: Final = 0.1
GATE_S_MAX: Final = 600.0

_NUMBERED: Final = re.compile(r"(\d{4})_[a-z0-9]+_[a-z0-9_]+\.sql\Z")
_TABLE: Final = """
CREATE TABLE IF NOT EXISTS migrations (
    name text PRIMARY KEY,
    sha256 text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)
"""
_RECORD: Final = """
INSERT INTO migrations (name, sha256) VALUES ($1, $2)
ON CONFLICT (name) DO UPDATE SET sha256 = excluded.sha256, applied_at = now()
"""


class MigrationError(DatabaseUnusableError):
    """A migration cannot be applied; the message names the file and what to do."""


class Migration(Struct, frozen=True):
    """One file: its name in the table, its text, and whether it is numbered (history) or a function (replaced)."""

    name: str
    text: str
    numbered: bool

    @property
    def sha256(self) -> str:
        """The digest that tells whether the file was changed."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    def says(self, line: str) -> bool:
        """Whether the file carries this line: `-- no transaction`, or `-- as: the connecting user`."""
        return line in self.text.splitlines()


def folders() -> list[Path]:
    """The folder of numbered files (beside the package in a checkout, inside it in a wheel), and all of functions."""
    package = Path(qrpay.__file__).parent
    inside = package / "migrations"
    return [inside if inside.is_dir() else package.parent / "migrations", *sorted(package.glob("**/functions/"))]


def read(places: Iterable[Path]) -> list[Migration]:
    """The files of these folders: numbered ones in order, then functions by name. Raises MigrationError."""
    numbered: dict[str, Migration] = {}
    functions: list[Migration] = []
    for path in sorted(path for place in places for path in place.glob("*.sql")):
        text = path.read_text(encoding="utf-8")
        if path.parent.name == "functions":
            functions.append(Migration(f"{path.parent.parent.name}/functions/{path.name}", text, numbered=False))
        elif match := _NUMBERED.match(path.name):
            if match[1] in numbered:
                raise MigrationError(f"{path.name} and {numbered[match[1]].name} have one number; give one the next.")
            numbered[match[1]] = Migration(path.name, text, numbered=True)
        else:
            raise MigrationError(f"{path} must be called NNNN_feature_what.sql.")
    return [*(numbered[number] for number in sorted(numbered)), *functions]


async def migrate(dsn: str, places: Sequence[Path] | None = None, progress: Progress | None = None) -> list[str]:
    """Bring the database up to these files; answers the names of what was applied.

    dsn     a user that is qrpay_owner, may become it, or (the first time) may make it
    places  folders of numbered files and folders called `functions`; None: all of the house

    Any number of processes may call it at once: one works, the others find it done. Each file is one transaction
    with limits on waiting (4 s for a lock, tried five times; 60 s a statement), unless it says `-- no transaction`:
    then it must be a single statement. Raises MigrationError, having kept what was applied before.
    """
    wanted = read(folders() if places is None else places)
    await reachable(dsn)
    connection = await connect(dsn, server_settings={"application_name": "qrpay migrate"})
    try:
        async with _alone(connection):
            await connection.execute("SET client_min_messages = warning")
            if await connection.fetchval("SELECT to_regclass('migrations') IS NULL"):
                await connection.execute(_TABLE)
            applied = {row["name"]: row["sha256"] for row in await connection.fetch("SELECT * FROM migrations")}
            due = _due(wanted, applied)
            for number, migration in enumerate(due, 1):
                if progress is not None:
                    progress(f"applying {migration.name} ({number} of {len(due)})")
                await _apply(connection, migration)
    finally:
        await connection.close()
    return [migration.name for migration in due]


def _due(wanted: list[Migration], applied: dict[str, str]) -> list[Migration]:
    """What is still to be applied."""
    for migration in wanted:
        if migration.numbered and applied.get(migration.name, migration.sha256) != migration.sha256:
            raise MigrationError(
                f"{migration.name} was changed after it had been applied."
                " Undo the change, and write what you want in a new numbered file."
            )
    known = {migration.name for migration in wanted}
    # A newer release was here, and runs beside us: its functions are not to be put back to our text.
    overtaken = any(_NUMBERED.match(name) and name not in known for name in applied)
    return [
        migration
        for migration in wanted
        if applied.get(migration.name) != migration.sha256 and (migration.numbered or not overtaken)
    ]


@asynccontextmanager
async def _alone(connection: "asyncpg.Connection[Any]") -> AsyncIterator[None]:
    """Hold the advisory lock of this database's migrations."""
    deadline = asyncio.get_running_loop().time() + GATE_S_MAX
    # Asked for again and again, not waited for: a waiting statement holds a snapshot,
    # and CREATE INDEX CONCURRENTLY in the process that works would wait for it for ever.
    while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", LOCK_KEY):
        if asyncio.get_running_loop().time() > deadline:
            raise MigrationError(f"Another process has been migrating this database for {GATE_S_MAX:g} s.")
        await asyncio.sleep(0.1)
    try:
        yield
    finally:
        if not connection.is_closed():
            await connection.execute("SELECT pg_advisory_unlock($1)", LOCK_KEY)


async def _apply(connection: "asyncpg.Connection[Any]", migration: Migration) -> None:
    run = _apply_bare if migration.says("-- no transaction") else _apply_in_transaction
    for attempt in range(1, LOCK_TRIES_MAX + 1):
        try:
            await run(connection, migration)
        except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError) as error:
            if attempt == LOCK_TRIES_MAX:
                raise MigrationError(
                    f"{migration.name}: a table stayed busy for {LOCK_TRIES_MAX} times {LOCK_TIMEOUT}."
                    " Migrate again when the long transaction is over (see pg_stat_activity)."
                ) from error
            await asyncio.sleep(LOCK_PAUSE_S * attempt)  # those who queued behind us come first
        except asyncpg.PostgresError as error:
            hint = f" {error.hint}" if isinstance(error.hint, str) else ""
            raise MigrationError(f"{migration.name}: {error}.{hint}") from error
        else:
            return


async def _apply_in_transaction(connection: "asyncpg.Connection[Any]", migration: Migration) -> None:
    async with connection.transaction():
        await connection.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
        await connection.execute(f"SET LOCAL statement_timeout = '{STATEMENT_TIMEOUT}'")
        if not migration.says("-- as: the connecting user"):
            await connection.execute(f"SET LOCAL ROLE {OWNER}")
        await connection.execute(migration.text)
        await connection.execute(_RECORD, migration.name, migration.sha256)


async def _apply_bare(connection: "asyncpg.Connection[Any]", migration: Migration) -> None:
    """For CREATE INDEX CONCURRENTLY and its like, which take as long as they take but block nobody."""
    await connection.execute(f"SET lock_timeout = '{LOCK_TIMEOUT}'")
    await connection.execute(f"SET ROLE {OWNER}")
    try:
        await connection.execute(migration.text)
        await connection.execute(_RECORD, migration.name, migration.sha256)
    finally:
        await connection.execute("RESET ROLE")
        await connection.execute("RESET lock_timeout")
