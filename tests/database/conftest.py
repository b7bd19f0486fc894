"""What tests of servers that get killed have in common."""

import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import psutil
import pytest

from tests.conftest import BINARIES

SMALL: dict[str, Any] = {
    "binaries": BINARIES,
    "shared_buffers": "16MB",
    "max_wal_size": "64MB",
    "min_wal_size": "32MB",
    "max_connections": "20",
}


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder for one server; whatever still runs in it is ended after the test."""
    folder = Path(tempfile.mkdtemp(prefix="qrpay-embedded-"))
    place = folder / "home"
    yield place
    for process in psutil.process_iter(["cwd"]):
        if (process.info["cwd"] or "").startswith(str(place.resolve())):
            process.kill()
    shutil.rmtree(folder, ignore_errors=True)


async def asked(dsn: str, query: str) -> object:
    """The answer to one query."""
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


def postmaster(home: Path) -> psutil.Process:
    """The server's process."""
    return psutil.Process(int((home / "data/postmaster.pid").read_text().split()[0]))


def kill(process: psutil.Process) -> None:
    """Kill it and see it dead: gone, or a zombie where nobody reaps."""
    process.kill()
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.002)
