"""Migrations: applied once, in order, by one of many processes; history is never edited."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from qrpay.database.migrator import MigrationError, folders, migrate, read
from qrpay.database.pool import dsn_as
from tests.conftest import cloned

ROLES = next(path for path in folders()[0].glob("0001_*.sql"))


@pytest.fixture
async def empty_dsn(server_dsn: str) -> AsyncIterator[str]:
    """A database in which nothing was migrated yet."""
    async with cloned(server_dsn) as dsn:
        yield dsn


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder of migrations: the roles, one table, one function."""
    shutil.copy(ROLES, tmp_path)
    (tmp_path / "0002_things_table.sql").write_text("CREATE TABLE things (id int PRIMARY KEY);")
    functions = tmp_path / "functions"
    functions.mkdir()
    (functions / "answer.sql").write_text(
        "CREATE OR REPLACE FUNCTION answer() RETURNS int LANGUAGE sql AS 'SELECT 41';"
    )
    return tmp_path


def places(place: Path) -> list[Path]:
    """Its two folders."""
    return [place, place / "functions"]


async def asked(dsn: str, query: str) -> object:
    """The answer to one query."""
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def test_files_are_applied_in_order_and_only_once(empty_dsn: str, place: Path) -> None:
    """The second run finds nothing to do; progress names each file."""
    said: list[str] = []

    first = await migrate(empty_dsn, places(place), said.append)
    second = await migrate(empty_dsn, places(place))

    assert first == [ROLES.name, "0002_things_table.sql", f"{place.name}/functions/answer.sql"]
    assert said[1] == "applying 0002_things_table.sql (2 of 3)"
    assert second == []


async def test_many_processes_may_start_at_once(server_dsn: str, place: Path) -> None:
    """In one database one of them works; in two databases the roles, which they share, do not collide."""
    async with cloned(server_dsn) as one, cloned(server_dsn) as two:
        done = await asyncio.gather(*(migrate(dsn, places(place)) for dsn in [one, two] * 4))

    assert sorted(len(applied) for applied in done) == [0, 0, 0, 0, 0, 0, 3, 3]


async def test_an_edited_file_is_refused(empty_dsn: str, place: Path) -> None:
    """History stays as it was; the message says what to do instead."""
    await migrate(empty_dsn, places(place))
    (place / "0002_things_table.sql").write_text("CREATE TABLE things (id bigint PRIMARY KEY);")

    with pytest.raises(MigrationError, match=r"0002_things_table\.sql was changed .* new numbered file"):
        await migrate(empty_dsn, places(place))


async def test_a_function_is_replaced_when_its_text_changed(empty_dsn: str, place: Path) -> None:
    """There is one place to read each function's present text."""
    await migrate(empty_dsn, places(place))
    path = place / "functions/answer.sql"
    path.write_text(path.read_text().replace("41", "42"))

    assert await migrate(empty_dsn, places(place)) == [f"{place.name}/functions/answer.sql"]
    assert await asked(empty_dsn, "SELECT answer()") == 42


async def test_an_older_release_leaves_the_functions_of_a_newer_one_alone(empty_dsn: str, place: Path) -> None:
    """During an upgrade both run: whoever is older must not put its text back."""
    await migrate(empty_dsn, places(place))
    newer = place / "0003_things_more.sql"
    newer.write_text("ALTER TABLE things ADD more int;")
    path = place / "functions/answer.sql"
    old = path.read_text()
    path.write_text(old.replace("41", "42"))
    await migrate(empty_dsn, places(place))

    newer.unlink()
    path.write_text(old)

    assert await migrate(empty_dsn, places(place)) == []
    assert await asked(empty_dsn, "SELECT answer()") == 42


async def test_a_failing_file_leaves_nothing_and_keeps_what_went_before(empty_dsn: str, place: Path) -> None:
    """Each file is one transaction; the message names it."""
    (place / "0003_things_broken.sql").write_text("CREATE TABLE half (id int); SELECT 1 / 0;")

    with pytest.raises(MigrationError, match=r"0003_things_broken\.sql: division by zero"):
        await migrate(empty_dsn, places(place))

    assert await asked(empty_dsn, "SELECT to_regclass('half') IS NULL AND to_regclass('things') IS NOT NULL")


async def test_a_busy_table_is_waited_for_only_so_long(
    empty_dsn: str, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A long transaction elsewhere is named as the reason; payments are not queued behind the migration."""
    monkeypatch.setattr("qrpay.database.migrator.LOCK_TIMEOUT", "50ms")
    await migrate(empty_dsn, places(place))
    (place / "0003_things_more.sql").write_text("ALTER TABLE things ADD more int;")
    reader = await asyncpg.connect(empty_dsn)

    async with reader.transaction():
        await reader.execute("SELECT * FROM things")
        with pytest.raises(MigrationError, match="stayed busy"):
            await migrate(empty_dsn, places(place))

    assert await migrate(empty_dsn, places(place)) == ["0003_things_more.sql"]
    await reader.close()


async def test_an_index_may_be_made_concurrently_while_others_wait_to_migrate(empty_dsn: str, place: Path) -> None:
    """`-- no transaction` runs bare; those who wait hold no snapshot that it would wait for."""
    (place / "0003_things_index.sql").write_text(
        "-- no transaction\nCREATE INDEX CONCURRENTLY things_id ON things (id);"
    )

    done = await asyncio.wait_for(asyncio.gather(*(migrate(empty_dsn, places(place)) for _ in range(3))), 30)

    assert sorted(map(len, done)) == [0, 0, 4]
    assert await asked(empty_dsn, "SELECT indisvalid FROM pg_index WHERE indexrelid = 'things_id'::regclass")


async def test_what_migrations_make_belongs_to_the_owner_and_the_application_only_reads_it(
    empty_dsn: str, place: Path
) -> None:
    """The application's role may look and call, and change nothing it was not granted."""
    await migrate(empty_dsn, places(place))

    connection = await asyncpg.connect(empty_dsn, user="qrpay_app")
    assert await connection.fetchval("SELECT answer()") == 41
    assert await connection.fetch("SELECT * FROM things") == []
    for forbidden in ("INSERT INTO things VALUES (1)", "UPDATE things SET id = 1", "DELETE FROM migrations",
                      "SET ROLE qrpay_owner", "CREATE TABLE mine (id int)"):  # fmt: skip
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(forbidden)
    await connection.close()
    assert await asked(empty_dsn, "SELECT tableowner FROM pg_tables WHERE tablename = 'things'") == "qrpay_owner"


async def test_a_user_who_may_not_make_roles_is_told_what_to_ask_for(server_dsn: str, tmp_path: Path) -> None:
    """The hint is a line that an administrator can paste."""
    roles = tmp_path / ROLES.name
    # Roles belong to the whole server, where ours exist by now, so these have names of their own.
    roles.write_text(ROLES.read_text().replace("qrpay_owner", "other_owner").replace("qrpay_app", "other_app"))
    async with cloned(server_dsn) as dsn:
        admin = await asyncpg.connect(dsn)
        await admin.execute("CREATE ROLE lowly LOGIN")
        await admin.execute("GRANT CREATE ON SCHEMA public TO lowly")
        try:
            with pytest.raises(MigrationError, match=r"CREATE ROLE other_owner LOGIN; .*GRANT other_owner TO lowly"):
                await migrate(dsn_as(dsn, "lowly"), [tmp_path])
        finally:
            await admin.execute("DROP OWNED BY lowly; DROP ROLE lowly")
            await admin.close()


async def test_no_superuser_is_needed(server_dsn: str, tmp_path: Path) -> None:
    """Whoever owns the database and may make roles can migrate it; a second user is asked to become a member."""
    roles = tmp_path / ROLES.name
    roles.write_text(ROLES.read_text().replace("qrpay_owner", "banks_owner").replace("qrpay_app", "banks_app"))
    admin = await asyncpg.connect(server_dsn)
    await admin.execute("CREATE ROLE bank LOGIN CREATEROLE; CREATE ROLE stranger LOGIN CREATEROLE")
    async with cloned(server_dsn) as dsn:
        name = dsn.partition("?")[0].rpartition("/")[2]
        await admin.execute(f"ALTER DATABASE {name} OWNER TO bank")

        assert await migrate(dsn_as(dsn, "bank"), [tmp_path]) == [ROLES.name]

        await asked(dsn_as(dsn, "bank"), "DELETE FROM migrations RETURNING 1")
        await asked(dsn_as(dsn, "bank"), "GRANT ALL ON migrations TO stranger")
        if await asked(dsn, "SELECT current_setting('server_version_num')::int >= 160000"):
            with pytest.raises(MigrationError, match="GRANT banks_owner TO stranger"):
                await migrate(dsn_as(dsn, "stranger"), [tmp_path])
        else:  # whoever might make roles could also join any, before PostgreSQL 16
            assert await migrate(dsn_as(dsn, "stranger"), [tmp_path]) == [ROLES.name]
    await admin.execute("DROP ROLE bank, stranger, banks_owner, banks_app")
    await admin.close()


def test_two_files_of_one_number_are_refused(place: Path) -> None:
    """Two features that took the same number are told so before anything is applied."""
    (place / "0002_other_table.sql").write_text("SELECT 1;")

    with pytest.raises(MigrationError, match="have one number"):
        read([place])


def test_a_misnamed_file_is_refused(place: Path) -> None:
    """A file that would never be applied is not passed over in silence."""
    (place / "two_things.sql").write_text("SELECT 1;")

    with pytest.raises(MigrationError, match="NNNN_feature_what"):
        read([place])
