"""Several hosts in one DSN: the newest primary is taken, whoever else answers."""

from pathlib import Path
from urllib.parse import quote

import asyncpg
import pytest

from qrpay.database.embedded import EmbeddedServer
from qrpay.database.hosts import connect, dsn_as, each_host
from tests.database.conftest import SMALL, kill, postmaster


async def reached(dsn: str) -> str:
    """The socket folder of the server that a DSN leads to."""
    connection = await connect(dsn)
    try:
        return str(await connection.fetchval("SHOW unix_socket_directories"))
    finally:
        await connection.close()


async def test_the_newest_primary_is_found_whatever_else_answers(home: Path) -> None:
    """A standby is passed over, a dead host too, and an old primary that came back believing it still is one."""
    home.mkdir(0o700)
    one = EmbeddedServer(home / "one", **SMALL)
    one.start()
    two = EmbeddedServer(home / "two", **SMALL)
    two.home.mkdir(0o700)
    assert two._run("pg_basebackup", "-R", "-c", "fast", "-h", str(one.socket), "-U", "qrpay") == 0
    two.start()
    both = ",".join(quote(str(server.socket), safe="") for server in (one, two))
    dsn = f"postgresql://qrpay@127.0.0.1:1,{both}/postgres"
    assert await reached(dsn) == str(one.socket)

    kill(postmaster(one.home))
    with pytest.raises(ConnectionRefusedError, match="none of the hosts is a primary"):
        await connect(dsn)
    assert two._run("pg_ctl", "-w", "promote") == 0
    assert await reached(dsn) == str(two.socket)

    one.start()
    assert await reached(f"postgresql://qrpay@{quote(str(one.socket), safe='')}/postgres") == str(one.socket)
    assert await reached(dsn) == str(two.socket), "the old primary is on the older timeline"
    two.stop()
    one.stop()


async def test_whoever_is_locked_out_everywhere_hears_that(server_dsn: str) -> None:
    """A wrong database name is not reported as a missing primary."""
    place = quote(server_dsn.partition("host=")[2], safe="")

    with pytest.raises(asyncpg.InvalidCatalogNameError):
        await connect(f"postgresql://qrpay@{place},{place}/no_such_database")


def test_a_dsn_is_entered_as_another_user_without_the_first_ones_password() -> None:
    """A password belongs to its user."""
    assert dsn_as("postgresql://ann:s3cret@h1:5432,h2/bank?sslmode=require", "bo") == (
        "postgresql://bo@h1:5432,h2/bank?sslmode=require"
    )
    assert each_host("postgresql://ann:s3cret@h1:5432,h2/bank") == [
        "postgresql://ann:s3cret@h1:5432/bank",
        "postgresql://ann:s3cret@h2/bank",
    ]
