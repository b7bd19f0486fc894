"""The embedded server: found again, shared, and whole after whatever was killed."""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from qrpay.database.embedded import EmbeddedServer, EmbeddedServerError, server
from tests.database.conftest import SMALL, asked, kill, postmaster

CHECKOUT = Path(__file__).parents[2]
# Another process that holds the server: it says the DSN when it has it, and lets go when its input ends.
HOLDER = """
import sys
from pathlib import Path
from qrpay.database.embedded import server
from tests.database.conftest import SMALL
with server(Path(sys.argv[1]), **SMALL) as dsn:
    print(dsn, flush=True)
    sys.stdin.read()
"""


def hold(home: Path, *wrap: str) -> "subprocess.Popen[str]":
    """Start another process that holds the server."""
    return subprocess.Popen(
        [*wrap, sys.executable, "-c", HOLDER, str(home)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=CHECKOUT,
    )  # fmt: skip


def said(process: "subprocess.Popen[str]") -> str:
    """The DSN that a holder says once the server runs."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def let_go(process: "subprocess.Popen[str]") -> None:
    """Let a holder leave, and see that it left well."""
    _, errors = process.communicate("", timeout=30)
    assert process.returncode == 0, errors


async def test_it_starts_cold_with_durable_settings_and_keeps_what_was_written(home: Path) -> None:
    """A first start makes everything; the second finds it."""
    with server(home, **SMALL) as dsn:
        durable = "SELECT string_agg(setting, ' ') FROM pg_settings WHERE name = ANY('{fsync,synchronous_commit}')"
        assert await asked(dsn, durable) == "on on"
        assert await asked(dsn, "SHOW listen_addresses") == ""
        await asked(dsn, "CREATE TABLE kept AS SELECT 7 AS n")

    held = EmbeddedServer(home, **SMALL)
    assert not held.running()
    assert await asked(held.start(), "SELECT n FROM kept") == 7
    held.stop()


async def test_whoever_comes_second_adopts_it_and_the_last_one_stops_it(home: Path) -> None:
    """Leaving while somebody else holds it changes nothing for them."""
    with server(home, **SMALL) as dsn:
        started = postmaster(home)
        other = hold(home)
        assert said(other) == dsn
        assert postmaster(home) == started

    assert await asked(dsn, "SELECT 1") == 1, "the other still holds it"
    let_go(other)
    assert not EmbeddedServer(home).running()


async def test_many_may_start_it_at_once(home: Path) -> None:
    """One makes it, the others find it."""
    holders = [hold(home) for _ in range(3)]
    dsns = {said(holder) for holder in holders}

    assert len(dsns) == 1
    assert await asked(dsns.pop(), "SELECT 1") == 1
    for holder in holders:
        let_go(holder)
    assert not EmbeddedServer(home).running()


async def test_a_killed_starter_leaves_a_server_that_the_next_one_adopts_and_stops(home: Path) -> None:
    """The kernel drops the locks of the dead, so nothing stale is left."""
    starter = hold(home)
    dsn = said(starter)
    started = postmaster(home)
    starter.kill()
    starter.wait()

    with server(home, **SMALL) as again:
        assert again == dsn
        assert postmaster(home) == started
        assert await asked(again, "SELECT 1") == 1

    assert not EmbeddedServer(home).running()


async def test_a_killed_server_is_started_again_with_everything_that_was_committed(home: Path) -> None:
    """start() on a held server brings it back after a crash."""
    held = EmbeddedServer(home, **SMALL)
    dsn = held.start()
    await asked(dsn, "CREATE TABLE kept AS SELECT 7 AS n")
    killed = postmaster(home)
    kill(killed)

    held.start()

    assert postmaster(home) != killed
    assert await asked(dsn, "SELECT n FROM kept") == 7
    held.stop()


async def test_a_recycled_process_number_is_not_taken_for_the_server(home: Path) -> None:
    """After a power cut the number in postmaster.pid may belong to anybody, such as to us: who is not stopped."""
    with server(home, **SMALL):
        kill(postmaster(home))
        recorded = home / "data/postmaster.pid"
        recorded.write_text("\n".join([str(os.getpid()), *recorded.read_text().split("\n")[1:]]))

    with server(home, **SMALL) as dsn:
        assert await asked(dsn, "SELECT 1") == 1


async def test_a_killed_initdb_never_passes_for_a_database(home: Path) -> None:
    """The data folder is made aside and renamed when it is whole; what initdb's children still write is waited for."""
    starter = hold(home)
    unfinished = home / "data.new"
    while not (unfinished / "PG_VERSION").exists():
        assert starter.poll() is None
        time.sleep(0.002)
    starter.kill()
    starter.wait()
    assert not (home / "data").exists()

    with server(home, **SMALL) as dsn:
        assert await asked(dsn, "SELECT 1") == 1


async def test_a_long_path_with_spaces_and_quotes_is_fine(home: Path) -> None:
    """A Unix socket's path is short, so the socket goes elsewhere when the home is deep."""
    deep = home / "a folder of O'Brien 文件夹" / ("deep" * 25)

    with server(deep, **SMALL) as dsn:
        assert await asked(dsn, "SELECT 1") == 1
        socket = EmbeddedServer(deep).socket
        assert (socket.stat().st_mode & 0o777, socket.stat().st_uid) == (0o700, os.geteuid())
    shutil.rmtree(socket)


async def test_a_home_inside_another_leaves_the_outer_one_private(tmp_path: Path) -> None:
    """As when `qrpay sim` comes first, in .qrpay/sim: the next server takes .qrpay itself, if it is private."""
    outer = tmp_path / "outer"
    for home in (outer / "inner", outer):
        with server(home, **SMALL) as dsn:
            assert await asked(dsn, "SELECT 1") == 1
    assert [folder.stat().st_mode & 0o777 for folder in (outer, outer / "inner")] == [0o700, 0o700]


async def test_a_short_folder_that_somebody_else_made_first_is_refused(home: Path) -> None:
    """In a shared temporary folder a stranger could listen in."""
    deep = home / ("deep" * 25)
    socket = EmbeddedServer(deep).socket
    socket.mkdir(0o777)
    socket.chmod(0o777)

    with pytest.raises(EmbeddedServerError, match="remove it"), server(deep, **SMALL):
        raise AssertionError("it must not start")
    socket.rmdir()


async def test_an_impossible_setting_is_said_with_the_log_and_advice(home: Path) -> None:
    """The message holds the reason, and what to do."""
    with pytest.raises(EmbeddedServerError, match=r"(?s)does not start.*QRPAY_DATABASE_URL.*shared_buffers"):
        EmbeddedServer(home, **(SMALL | {"shared_buffers": "much"})).start()

    with server(home, **SMALL) as dsn:
        assert await asked(dsn, "SELECT 1") == 1


async def test_a_missing_program_is_said_with_advice(home: Path, tmp_path: Path) -> None:
    """A wrong bin folder is named, with the ways out."""
    with pytest.raises(EmbeddedServerError, match=r"no PostgreSQL program .*QRPAY_POSTGRES_BIN"):
        EmbeddedServer(home, binaries=tmp_path).start()


async def test_a_forked_child_shares_the_hold_of_its_parent(home: Path) -> None:
    """A supervisor starts it once; when it lets go, no copy of its lock in a child is in the way."""
    held = EmbeddedServer(home, **SMALL)
    held.start()
    child = os.fork()
    if child == 0:
        signal.pause()
    try:
        held.stop()
        assert not held.running()
        with server(home, **SMALL) as dsn:
            assert await asked(dsn, "SELECT 1") == 1
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


async def test_an_ordinary_user_runs_it_as_himself(home: Path) -> None:
    """Root lends it to nobody, everybody else runs it under the own name."""
    wrap: list[str] = []
    if os.geteuid() == 0:
        user = pwd.getpwnam("nobody")
        home.parent.chmod(0o755)
        home.mkdir(0o700)
        os.chown(home, user.pw_uid, user.pw_gid)
        # The interpreter and the checkout may lie below root's 0700 home: the user may read there, and no more.
        wrap = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups",
                "--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]  # fmt: skip

    holder = hold(home, *wrap)
    dsn = said(holder)
    assert dsn, holder.communicate("")[1]

    assert await asked(dsn, "SELECT 1") == 1
    assert (home / "data").stat().st_uid == psutil.Process(holder.pid).uids().real
    assert (home / "data").stat().st_uid != 0
    let_go(holder)
