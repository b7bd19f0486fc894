"""Where histories are played: a PostgreSQL, a template with people in it, and a clone of that for each history."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import asyncpg
from msgspec import Struct
from msgspec.structs import replace

from qrpay.app import open_core
from qrpay.core import Core
from qrpay.database.embedded import EmbeddedServer, postmaster_of
from qrpay.database.errors import MAYBE_AWAY
from qrpay.database.migrator import APPLICATION, migrate
from qrpay.database.pool import dsn_as, dsn_to
from qrpay.database.statements import Statements
from qrpay.features.clearing import service as clearing
from qrpay.features.e_accounts import service as e_accounts
from qrpay.features.e_accounts.model import NO_CAPS, Caps, NewCustomer
from qrpay.features.merchants import service as merchants
from qrpay.features.merchants.model import NewMerchant
from qrpay.features.refunds import held
from qrpay.features.settlement import terms as settlement_terms
from qrpay.features.settlement.model import PayoutAccount, Terms
from qrpay.folders import private_folder
from qrpay.ledger.caps import bank_day
from qrpay.ledger.chart import CapClass
from qrpay.ledger.limits import CapKind, NewCap
from qrpay.settings import Settings
from qrpay.simulation.plan import CUSTOMERS, MERCHANTS
from qrpay.values import Id, new_id
from qrpay.web.callers import Merchant, Wallet

STATEMENTS: Final = Statements.load(Path(__file__).with_name("store.sql"))
OPENED: Final = datetime(2026, 12, 29, 4, 0, tzinfo=UTC)
"""When the people of the template came: before any history begins."""
CNY: Final = 156
DEATH_LOOKS: Final = 500
"""Hundredths of a second in which a killed process is gone."""
FLOAT: Final = 3_000
PAYOUT: Final = PayoutAccount("Shop", "6222020000000000", "102100099996")
CAPS: Final = (
    NO_CAPS, NO_CAPS, None, None,
    Caps(day=700, year=2_000), Caps(balance=3_400), Caps(day=400), Caps(day=900, year=1_500, balance=4_000),
)  # fmt: skip
"""Of each customer; minor units, small, so that they are met. None: those of class II."""
CLASS_DAY: Final = 800
CLASS_YEAR: Final = 2_500
LIMITS: Final = {"queue_max": 40, "deadline_s": 2.0, "pool_size": 4, "guess_tries": 1_000, "issuer": "qrpay"}
"""A short queue, so that it fills, and little patience, so that a stall is noticed."""


class People(Struct, frozen=True):
    """Who acts, the same in each history of a run.

    root  what the ids of transfers that the clients ask for themselves are claimed about
    """

    root: Id
    bank: Id
    clearing: Id
    wallets: tuple[Wallet, ...]
    shops: tuple[Merchant, ...]

    def customer(self, number: int) -> Id:
        """A customer's ledger account."""
        return self.wallets[number % CUSTOMERS].account

    def shop(self, number: int) -> Id:
        """A merchant's ledger account."""
        return merchants.account_of(self.shops[number % MERCHANTS].id, "CNY")


class Stage:
    """A server for histories. Made by `stage`."""

    def __init__(self, folder: Path, settings: Settings, dsn: str, server: EmbeddedServer | None) -> None:
        self.folder = folder
        self.settings = settings
        self.dsn = dsn
        self.server = server
        self.people: People
        self._template = f"sim_template_{os.getpid()}"
        self._made = 0
        self._killing = asyncio.Lock()

    @property
    def socket(self) -> Path:
        """The folder of the server's Unix socket."""
        return Path(self.dsn.partition("host=")[2].partition("&")[0])

    async def prepare(self) -> None:
        """Make the template."""
        await self.administer(f"DROP DATABASE IF EXISTS {self._template} WITH (FORCE)")
        await self.administer(f"CREATE DATABASE {self._template}")
        dsn = dsn_to(self.dsn, self._template)
        await migrate(dsn)
        settings = replace(self.settings, database_url=dsn_as(dsn, APPLICATION), migration_url=dsn)
        async with open_core(settings, lambda: OPENED) as core:
            self.people, _ = await people_of(core, OPENED)
        connection = await asyncpg.connect(dsn, timeout=5.0)
        try:
            await connection.execute(STATEMENTS.witness.text)
            await connection.execute(STATEMENTS.sequences.text)
        finally:
            await connection.close()
        # A listener's loop of the closed house may still be there: nobody may be connected to a template.
        await self.administer(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{self._template}'"  # noqa: S608 - ours
        )

    async def leave(self) -> None:
        """Drop the template."""
        await self.administer(f"DROP DATABASE IF EXISTS {self._template} WITH (FORCE)")

    @asynccontextmanager
    async def database(self) -> AsyncIterator[str]:
        """The superuser's DSN of a database for one history."""
        self._made += 1
        name = f"sim_{os.getpid()}_{self._made}"
        await self.administer(f"CREATE DATABASE {name} TEMPLATE {self._template}")
        try:
            yield dsn_to(self.dsn, name)
        finally:
            await self.administer(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    async def administer(self, statement: str) -> None:
        """Run one statement as superuser, waiting for a server that comes back."""
        for _ in range(300):
            try:
                connection = await asyncpg.connect(self.dsn, timeout=5.0)
            except (*MAYBE_AWAY, asyncpg.ObjectInUseError):
                await asyncio.sleep(0.1)
                continue
            try:
                await connection.execute(statement)
            finally:
                await connection.close()
            return
        raise TimeoutError("the simulation's PostgreSQL does not come back")

    async def kill_postgres(self) -> bool:
        """kill -9 of our own postmaster; it comes back from its log. Whether there was one to kill."""
        if self.server is None:
            return False
        async with self._killing:
            ours = postmaster_of(self.server.data)  # never the number alone: it may be anybody's by now
            if ours is not None:
                with suppress(ProcessLookupError):
                    os.kill(ours, signal.SIGKILL)
            for _ in range(DEATH_LOOKS):
                if not self.server.running():
                    break
                await asyncio.sleep(0.01)
            await asyncio.to_thread(self.server.start)
        return True


@asynccontextmanager
async def stage(settings: Settings) -> AsyncIterator[Stage]:
    """A stage on a server of its own under `home`/sim, or on the one that QRPAY_MIGRATION_URL names.

    Only its own server is ever killed. The named one must be reached through a Unix socket, as its superuser.
    """
    folder = private_folder(settings.folder / "sim")
    settings = replace(settings, home=str(folder), **LIMITS)
    server = None
    if settings.migration_url:
        dsn = settings.migration_url
    else:
        binaries = Path(settings.postgres_bin) if settings.postgres_bin else None
        server = EmbeddedServer(
            folder, binaries=binaries, shared_buffers="64MB", max_wal_size="1GB", min_wal_size="80MB"
        )
        dsn = await asyncio.to_thread(server.start)
    made = Stage(folder, settings, dsn, server)
    try:
        await made.prepare()
        yield made
        await made.leave()
    finally:
        if server is not None:
            await asyncio.to_thread(server.stop)


async def people_of(core: Core, now: datetime) -> tuple[People, list[str]]:
    """Customers and merchants, with the merchants' keys. Phones are of this moment, so that nobody is met again."""
    shops, keys = [], []
    for number in range(MERCHANTS):
        onboarded = await merchants.add(core, NewMerchant(name=f"Shop {chr(65 + number)}", name_latin=None, mcc="5411"))
        await merchants.ensure_account(core, onboarded.merchant.id, "CNY")
        await held.ensure_account(core, onboarded.merchant.id, "CNY")
        await settlement_terms.set_terms(core, onboarded.merchant.id, Terms(cycle="D+1", payout=PAYOUT), "simulation")
        shops.append(Merchant(onboarded.merchant.id, onboarded.secret.id, test=False))
        keys.append(onboarded.secret.text)
    wallets = []
    for number in range(CUSTOMERS):
        new = NewCustomer(
            name=f"Client {chr(65 + number)}",
            phone=f"138{(int(now.timestamp()) * CUSTOMERS + number) % 10**8:08}",
            pin="246810",
            caps=CAPS[number],
        )
        opened = await e_accounts.add_customer(core, new)
        await e_accounts.top_up(core, opened.account.id, FLOAT, "float")
        wallets.append(Wallet(opened.customer.id, opened.account.id, CNY, 2**40, opened.customer.name_masked))
    for kind, amount in ((CapKind.DAY, CLASS_DAY), (CapKind.YEAR, CLASS_YEAR)):
        await core.ledger.set_cap(NewCap(CNY, kind, amount, bank_day(now), "the stage", cap_class=CapClass.CLASS_II))
    bank = await e_accounts.bank_cash(core, "CNY")
    clearing_house = await clearing.clearing_account(core, "CNY")
    return People(new_id(int(now.timestamp() * 1_000)), bank, clearing_house, tuple(wallets), tuple(shops)), keys
