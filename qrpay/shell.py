"""Opening the house from outside, for one piece of work: by the command line, the demo, a benchmark."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import msgspec

from qrpay.core import Core
from qrpay.database.embedded import EmbeddedServer
from qrpay.database.migrator import APPLICATION, migrate
from qrpay.database.pool import dsn_as
from qrpay.settings import Settings

T = TypeVar("T")


class HouseShell:
    """Opens the house for one piece of work: embedded database found or started, migrated, and let go again."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def __call__(self, work: Callable[[Core], Awaitable[T]]) -> T:
        with database(self.settings) as settings:
            return asyncio.run(_in_house(settings, work))


async def _in_house(settings: Settings, work: Callable[[Core], Awaitable[T]]) -> T:
    from qrpay.app import open_core

    async with open_core(settings) as core:
        return await work(core)


@contextmanager
def database(settings: Settings, *, migrated: bool = True) -> Iterator[Settings]:
    """The settings with a database that is up to date: the named one, or the embedded one."""
    if settings.database_url:
        if migrated:
            asyncio.run(migrate(settings.migration_url or settings.database_url))
        yield settings
        return
    binaries = Path(settings.postgres_bin) if settings.postgres_bin else None
    server = EmbeddedServer(settings.folder, binaries=binaries)
    dsn = server.start()
    try:
        if migrated:
            asyncio.run(migrate(dsn))
        yield msgspec.structs.replace(settings, database_url=dsn_as(dsn, APPLICATION), migration_url=dsn)
    finally:
        server.stop()
