"""Follows what was posted: seals it, keeps each day's closing figures, and looks whether accounts agree with it.

A transfer debits what it credits, so the log itself is always balanced, and its sums can be kept instead of added up.
What can break is a row that somebody edits behind the application's back: an account's, which is compared with its
transfers soon after it has moved and in turn with all others, or a transfer's, which a seal shows (ledger/audit.py).
"""

import asyncio
import time
from collections.abc import Sequence
from datetime import date
from math import inf
from pathlib import Path
from typing import Final, Protocol

import structlog
from msgspec import Struct

from qrpay.database.pool import Database
from qrpay.database.statements import Statements
from qrpay.ledger import history
from qrpay.ledger.counters import Conservation, Counters, Discrepancy, LedgerTotal
from qrpay.values import Id, id_of

log = structlog.get_logger()

STATEMENTS: Final = Statements.load(Path(__file__).with_name("seals.sql"))

CHUNK_MAX: Final = 4_000
"""Transfers a step: some 20 ms of the database. While a step runs, the event log waits before what came after it."""
COMPARED_MAX: Final = 128
"""Accounts that moved and are compared in a step; beyond that they wait, the ones that moved most first."""
WAITING_MAX: Final = 10_000
"""Accounts that wait to be compared; beyond that they are left to the patrol and to the nightly audit."""
REST_S: Final = 5.0
"""The background compares an account this long after it has moved: once for all that it did meanwhile."""
PATROL: Final = 16
"""Accounts compared in each step in turn, whether they moved or not: what was edited while nobody moves it."""
PATROL_S: Final = 1.0
"""Who asks compares accounts in turn at most this often in each process, as it costs ten times the answer."""
STEPS_MAX: Final = 5
"""Steps for somebody who asks: a backlog is the background's to work off."""
AFTER_MAX: Final = 100_000
"""Transfers after the seal that are added up for somebody who asks."""
_BUSY_S: Final = 0.02
_NOBODY: Final = id_of(bytes(16))


class Head(Struct, frozen=True):
    """The newest seal: its number, how many transfers are sealed in all, the root over them."""

    number: int
    position: int
    root: bytes
    signed: bool


class Closing(Struct, frozen=True):
    """What the accounts of one kind had together before a bank day, and at its end: sums of their counters."""

    ledger: int
    code: int
    before: Counters
    after: Counters


class Notary(Protocol):
    """Signs seals, and knows the signatures."""

    def sign(self, message: bytes) -> tuple[str, bytes]:
        """The id of the key that signs now, and its signature."""
        ...

    def holds(self, kid: str, signature: bytes, message: bytes) -> bool | None:
        """Whether it is this key's signature over this message; None when the key's time is over."""
        ...


class Books:
    """How one process follows the log. Several may: each step is taken by one of them, and adds to the same books."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: dict[Id, float] = {}  # when each is to be compared
        self._patrolled = _NOBODY
        self._patrol_at = 0.0
        self._differing: dict[Id, Counters] = {}

    async def follow(self, rest_s: float = 0.0, patrol: int = PATROL) -> int | None:
        """One step along the log; how many transfers were sealed, CHUNK_MAX when there may be more.

        An account that moved is compared `rest_s` seconds later; 0: at once, with all that wait; and `patrol` others
        in turn. None when another process is taking a step in this moment.
        """
        row = await self._database.ledger.fetchrow(STATEMENTS.follow, CHUNK_MAX, WAITING_MAX // 10)
        assert row is not None, "a function answers one row"
        if row["place"] is None:
            return None
        for account in row["moved"] or ():
            if len(self._waiting) < WAITING_MAX:
                self._waiting.setdefault(account, time.monotonic() + rest_s)
        await self._compare(time.monotonic() if rest_s else inf, patrol)
        return int(row["sealed"])

    async def catch_up(self) -> bool:
        """Follow until nothing is left (True), or for STEPS_MAX steps."""
        for _ in range(STEPS_MAX):
            due = time.monotonic() >= self._patrol_at
            sealed = await self.follow(patrol=PATROL if due else 0)
            if sealed is None:
                await asyncio.sleep(_BUSY_S)
            elif sealed < CHUNK_MAX:
                return True
        return False

    async def _compare(self, due: float, patrol: int) -> None:
        """Compare accounts that moved with their transfers, some others in turn, and again those that differed."""
        moved = [account for account, at in self._waiting.items() if at <= due][:COMPARED_MAX]
        in_turn: list[Id] = []
        if patrol:
            rows = await self._database.fetch(history.STATEMENTS.accounts_after, self._patrolled, patrol)
            in_turn = [row["id"] for row in rows]
            self._patrolled = in_turn[-1] if len(in_turn) == patrol else _NOBODY
            self._patrol_at = time.monotonic() + PATROL_S
        accounts = moved + in_turn + list(self._differing)
        if not accounts:
            return
        differing, again = await history.verify(self._database.ledger, accounts)
        for account in moved:
            del self._waiting[account]
        self._waiting.update(dict.fromkeys(again, 0.0))
        for account, excess in differing.items():
            if self._differing.get(account) != excess:
                log.error("ledger_account_differs", account=account.hex, **_shown(excess))
        for account in self._differing.keys() - differing.keys() - set(again):
            log.warning("ledger_account_agrees_again", account=account.hex)
        self._differing = differing

    async def conservation(self) -> Conservation:
        """Both sides of every ledger as they stand now, and the accounts that are known to differ."""
        head = await self.head()
        # Held to index scans: the planner cannot know how little comes after the seal, and would read the whole table.
        rows = await self._database.ledger.fetch(STATEMENTS.totals, AFTER_MAX)
        totals = [LedgerTotal(*row) for row in rows]
        found = await self.discrepancies()
        balanced = not found and all(total.balanced for total in totals)
        return Conservation(balanced, head.position, head.root, [one for one in totals if one.ledger], found)

    async def discrepancies(self) -> Sequence[Discrepancy]:
        """The accounts that are known to differ from their transfers."""
        rows = await self._database.fetch(STATEMENTS.discrepancies)
        return [Discrepancy(row[0], row[1], row[2], Counters(*row[3:])) for row in rows]

    async def head(self) -> Head:
        """How far the log is sealed."""
        row = await self._database.fetchrow(STATEMENTS.head)
        assert row is not None, "the first seal is made by the migration"
        return Head(*row)

    async def sign(self, notary: Notary) -> None:
        """Put our name under all that is sealed, so that nobody who rewrites the log can rewrite its seals as well.

        The newest seal grows no more then. When it has grown meanwhile, it is left for the next time.
        """
        head = await self.head()
        if head.position and not head.signed:
            kid, signature = notary.sign(sealed_message(head.position, head.root))
            await self._database.fetchval(STATEMENTS.sign, head.number, head.root, kid, signature)

    async def trial_balance(self, day: date) -> Sequence[Closing]:
        """What each kind of account had before a bank day and at its end, in every ledger.

        It reads two rows a kind and what is not sealed yet, however many accounts and transfers there are.
        """
        rows = await self._database.ledger.fetch(STATEMENTS.trial_balance, day, AFTER_MAX)
        return [
            Closing(
                row["ledger"],
                row["code"],
                Counters(0, row["debits_before"], 0, row["credits_before"]),
                Counters(row["debits_pending"], row["debits_posted"], row["credits_pending"], row["credits_posted"]),
            )
            for row in rows
        ]


def sealed_message(position: int, root: bytes) -> bytes:
    """What is signed of a seal: a name of its own, the position in 8 bytes big endian, and the root."""
    return b"qrpay-seal-v1\n" + position.to_bytes(8, "big") + root


def _shown(counters: Counters) -> dict[str, int]:
    """The counters that say something, by name."""
    return {name: value for name in counters.__struct_fields__ if (value := getattr(counters, name))}
