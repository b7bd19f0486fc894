"""What stands, read from PostgreSQL: accounts, transfers, statements, balances, the tail of the log."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from qrpay.database.pool import Database, Queries
from qrpay.database.statements import Statements
from qrpay.ledger import history
from qrpay.ledger.counters import Conservation, Counters
from qrpay.ledger.detached import attached
from qrpay.ledger.model import Account, Entry, Ledger, Posted
from qrpay.ledger.seals import Books
from qrpay.values import Id, id_of

STATEMENTS: Final = Statements.load(Path(__file__).with_name("reading.sql"))
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class LedgerReader(Ledger):
    """The part of the engine that reads."""

    _database: Database
    books: Books

    async def lookup_accounts(self, ids: Sequence[Id]) -> dict[Id, Account]:
        """The accounts among these that exist, by id."""
        return {row["id"]: Account(*row) for row in await self._database.fetch(STATEMENTS.accounts, ids)}

    async def lookup_transfers(self, ids: Sequence[Id]) -> dict[Id, Posted]:
        """The transfers among these that stand, by id. Raises `history_detached` when one of them cannot be read."""
        return attached(await self._database.fetch(STATEMENTS.transfers, ids))

    async def about(self, about: Id, code: int) -> Sequence[Posted]:
        """All transfers of one kind about one thing, oldest first. Raises `history_detached` when it cannot be read."""
        return list(attached(await self._database.fetch(STATEMENTS.about, about, code)).values())

    async def about_many(self, abouts: Sequence[Id], codes: Sequence[int]) -> dict[Id, list[Posted]]:
        """All transfers of these kinds about each of these; see Ledger. Raises `history_detached`, as `about` does."""
        found: dict[Id, list[Posted]] = {}
        for posted in attached(await self._database.fetch(STATEMENTS.about_many, abouts, codes)).values():
            found.setdefault(posted.about, []).append(posted)
        return found

    async def entries(self, account: Id, *, limit: int, before: str | None = None) -> Sequence[Entry]:
        """The account's statement, newest first. Raises ValueError for a cursor that is none."""
        return await history.entries(self._database, account, limit, before)

    async def balance_at(self, account: Id, at: datetime) -> Counters | None:
        """An account's counters as recorded up to a moment; see Ledger. Raises `unavailable`."""
        return await history.balance_at(self._database, account, at)

    async def conservation(self) -> Conservation:
        """Whether money is conserved. Its cost is that of what was posted since it was last looked at, by anybody."""
        await self.books.catch_up()
        return await self.books.conservation()

    async def tail(self, cursor: str, limit: int, on: Queries | None = None) -> tuple[Sequence[Posted], str]:
        """What was posted after `cursor` ("" for the beginning), in commit order without gaps, and the next cursor."""
        xid, _, place = cursor.partition(".")
        at, last = history.place_of(place) if place else (_EPOCH, id_of(bytes(16)))
        rows = await (on or self._database).fetch(STATEMENTS.tail, xid or "0", at, last, limit)
        if not rows:
            return [], cursor
        end = rows[-1]
        return [Posted(*row[1:]) for row in rows], f"{end['xid']}.{history.micros(end['timestamp'])}.{end['id'].hex}"
