"""Caps on PostgreSQL: set, shared, read. Where money is moved, the functions of the database count them."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

import asyncpg

from qrpay.database.pool import Database, Row
from qrpay.database.statements import Statements
from qrpay.ledger.caps import bank_day, counter_of, resets_at, used_of
from qrpay.ledger.chart import AccountCode
from qrpay.ledger.limits import Cap, CapBook, CapKind, CapUse, NewCap, Progress, SharedCaps, Use
from qrpay.ledger.model import Account
from qrpay.values import Clock, Id

STATEMENTS: Final = Statements.load(Path(__file__).with_name("capping.sql"))
STEP: Final = 1_000
"""Accounts that are told of a cap in one transaction: a payment waits for at most so many row updates."""


class CapKeeper(CapBook):
    """The part of the engine that keeps the caps."""

    _database: Database
    _clock: Clock | None

    async def set_cap(self, cap: NewCap, progress: Progress | None = None) -> bool:
        """See CapBook. The cap is committed first; then all accounts are walked through, in steps of STEP."""
        try:
            known = await self._database.fetchval(
                STATEMENTS.set_cap, cap.ledger, cap.cap_class, cap.account, cap.kind.value, cap.amount, cap.inherits,
                cap.effective_on, cap.set_by, cap.source, self._time(),
            )  # fmt: skip
        except asyncpg.CheckViolationError as error:
            raise ValueError(str(error)) from error
        if cap.cap_class is None:
            return bool(known)
        after: Id | None = None
        while True:
            row = await self._database.fetchrow(STATEMENTS.announce_caps, cap.cap_class, cap.effective_on, after, STEP)
            assert row is not None, "a function answers one row"
            if progress is not None:
                progress(row["walked"])
            after = row["last"]
            if after is None:
                return True

    async def caps(self, *, ledger: int, account: Id | None = None) -> Sequence[Cap]:
        """See CapBook."""
        if account is None:
            rows = await self._database.fetch(STATEMENTS.caps_of_classes, ledger)
        else:
            rows = await self._database.fetch(STATEMENTS.caps_of_account, ledger, account)
        return [_cap(row) for row in rows]

    async def share_caps(self, shared: SharedCaps) -> None:
        """See CapBook."""
        await self._database.execute(
            STATEMENTS.share_caps,
            [account for account, _ in shared.accounts],
            [day_group for _, day_group in shared.accounts],
            shared.code_group,
            int(AccountCode.CAP_GROUP),
            self._time(),
        )

    async def cap_use(self, accounts: Sequence[Id], at: datetime | None = None) -> dict[Id, CapUse]:
        """See CapBook. Limits are read from the caps: those in a row may wait for its next transfer to be renewed."""
        found = await self._rows(accounts)
        ids = {counter_of(account, kind) for account in found.values() for kind in CapKind}
        rows = found | await self._rows(ids - found.keys())
        limits = {
            row["id"]: row for row in await self._database.fetch(STATEMENTS.limits, list(ids), at or self._time())
        }
        return {account.id: _use(account, rows, limits) for account in found.values()}

    async def cap_members(self, groups: Sequence[Id]) -> dict[Id, list[Id]]:
        """The accounts that count together in these rows (Account.day_group, code_group)."""
        return {row["id"]: row["members"] for row in await self._database.fetch(STATEMENTS.members, groups)}

    async def about_how_many(self) -> int | None:
        """About how many accounts `set_cap` walks through for a class; None: nobody has counted them yet."""
        counted: int = await self._database.fetchval(STATEMENTS.about_how_many)
        return counted if counted >= 0 else None

    async def _rows(self, ids: Collection[Id]) -> dict[Id, Account]:
        if not ids:
            return {}
        return {row["id"]: Account(*row) for row in await self._database.fetch(STATEMENTS.rows, list(ids))}

    def _time(self) -> datetime | None:
        return None if self._clock is None else self._clock()


def _cap(row: Row) -> Cap:
    said = dict(row.items())
    return Cap(**said | {"kind": CapKind(said["kind"])})


def _use(account: Account, rows: Mapping[Id, Account], limits: Mapping[Id, Row]) -> CapUse:
    caps_now = {}
    for kind in CapKind:
        counter = counter_of(account, kind)
        limit, moment = limits[counter][kind.value], limits[counter]["now"]
        if limit is not None:
            caps_now[kind] = Use(limit, used_of(rows[counter], kind, bank_day(moment)), resets_at(kind, moment))
    return CapUse(caps_now, shared=account.code_group is not None)
