"""The ledger on PostgreSQL: what is clean is posted in batches, the rest is decided in order by the rules."""

import asyncio
import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import asyncpg
from msgspec import Struct
from msgspec.json import decode

from qrpay.database.batcher import Batcher, BatchStats
from qrpay.database.pool import Database, Queries, Row
from qrpay.database.statements import Statements
from qrpay.ledger.capping import CapKeeper
from qrpay.ledger.caps import bank_day, is_stale
from qrpay.ledger.columns import candidates, in_any_order, is_plain, of_any_order, of_decided, of_one
from qrpay.ledger.detached import DetachedError, as_detached, corrects, decided_apart, none_refused
from qrpay.ledger.model import (
    CHANGES_MAX,
    Account,
    AccountChange,
    AccountFlag,
    Changed,
    NewAccount,
    Outcome,
    Posted,
    Result,
    Transfer,
)
from qrpay.ledger.reading import LedgerReader
from qrpay.ledger.rules import Book, chains, change_of, expiry_of, same_account
from qrpay.ledger.seals import Books
from qrpay.ledger.soundness import BALANCING, LINKED
from qrpay.ledger.traces import Traces
from qrpay.values import Clock, Id

STATEMENTS: Final = Statements.load(Path(__file__).with_name("store.sql"))

BATCH_MAX: Final = 8_190
"""Transfers a batch, and so of a chain, at most (TigerBeetle's number)."""
TRIES_MAX: Final = 5
"""How often a decision is made anew at once, because an account changed before it was written."""
TRIES_FREE_MAX: Final = 2
"""How often a balancing transfer is decided while others move on; afterwards they wait for it (a round trip)."""
_TICK: Final = timedelta(microseconds=1)
_CREATED: Final = Result.CREATED


class Route(StrEnum):
    """How transfers are posted. Every route gives the same answers; tests and benchmarks hold an engine to one."""

    ADAPTIVE = "adaptive"  # as it comes: alone, as a set, and by the rules what is not clean
    ALONE = "alone"  # what is plain one after another by ledger_post_one, the rest by the rules
    SET = "set"  # all by ledger_post, also who is alone; by the rules what is not clean
    EXACT = "exact"  # all by the rules


class Engine(CapKeeper, LedgerReader):
    """The ledger of one process.

    Two batchers stand one behind the other. The first posts clean transfers, in one call for all callers, and leaves
    the others undecided; the second reads what those depend on, decides them by the rules, and writes what passed,
    all or nothing, on the condition that the decisions still hold. Neither locks by itself; ids make all of it safe
    to repeat. `clock` is handed in by tests; without it the server's clock counts. `queue_max` and `deadline_s` are the
    batchers' own.

    books  follows what was posted: seals, closing figures, and whether accounts agree with their transfers
    traces how payments went, for whoever said when they came
    route  how it posts; for tests and benchmarks
    """

    def __init__(
        self,
        database: Database,
        *,
        clock: Clock | None = None,
        route: Route = Route.ADAPTIVE,
        in_flight: int = 2,
        queue_max: int = 20_000,
        deadline_s: float = 10.0,
    ) -> None:
        self._database = database
        self.books = Books(database)
        self.traces = Traces(database)
        self._clock = clock
        post_clean = {
            Route.ADAPTIVE: self._post_clean,
            Route.ALONE: self._post_one_by_one,
            Route.SET: self._post_set,
            Route.EXACT: self._leave_undecided,
        }[route]
        self._clean: Batcher[Transfer, Outcome | None] = Batcher(
            self.traces.watched(post_clean), name="ledger", size_max=BATCH_MAX, in_flight=in_flight,
            queue_max=queue_max, deadline_s=deadline_s, replayable=True,
        )  # fmt: skip
        self._exact: Batcher[Transfer, Outcome] = Batcher(
            self.traces.watched(self._post_exactly), name="ledger exact", size_max=BATCH_MAX, in_flight=1,
            queue_max=queue_max, deadline_s=deadline_s, replayable=True,
        )  # fmt: skip

    @property
    def stats(self) -> Sequence[tuple[str, BatchStats]]:
        """What both batchers did, by their names."""
        return [(batcher.name, batcher.stats) for batcher in (self._clean, self._exact)]

    async def close(self) -> None:
        """Finish what was asked, and take no more."""
        await self._clean.close()
        await self._exact.close()
        await self.traces.close()

    async def post(self, transfer: Transfer) -> Outcome:
        """Post one transfer; see Ledger. Raises `overloaded`, or `unavailable` when the outcome is unknown."""
        if transfer.flags & LINKED:
            return Outcome(Result.LINKED_EVENT_CHAIN_OPEN)
        return await self._clean.add(transfer) or await self._exact.add(transfer)

    async def post_chain(self, transfers: Sequence[Transfer]) -> Sequence[Outcome]:
        """Post transfers in order within one batch, at most BATCH_MAX; see Ledger."""
        if not transfers:
            return []
        open_from = list(chains(transfers))[-1][0] if transfers[-1].flags & LINKED else len(transfers)
        open_size = len(transfers) - open_from
        left_open = [Outcome(Result.LINKED_EVENT_FAILED)] * (open_size - 1)
        left_open += [Outcome(Result.LINKED_EVENT_CHAIN_OPEN)] * min(1, open_size)
        closed = transfers[:open_from]
        if not closed:
            return left_open
        if len(closed) > 1 and not in_any_order(closed):
            return [*none_refused(await self._exact.add_many(closed)), *left_open]
        outcomes = await self._clean.add_many(closed)
        undecided = [transfer for transfer, outcome in zip(closed, outcomes, strict=True) if outcome is None]
        decided = iter(none_refused(await self._exact.add_many(undecided)) if undecided else ())
        return [*(outcome or next(decided) for outcome in outcomes), *left_open]

    async def _post_clean(self, batch: Sequence[Transfer]) -> list[Outcome | None]:
        """Post what is clean; None stands for what must be decided one by one."""
        if len(batch) == 1 and (outcome := await self._post_one(batch[0])) is not None:
            return [outcome]
        return await self._post_set(batch)

    async def _post_one_by_one(self, batch: Sequence[Transfer]) -> list[Outcome | None]:
        """Post what is plain, up to the first that is not: whatever comes after that may depend on it."""
        outcomes: list[Outcome | None] = []
        for transfer in batch:
            outcome = await self._post_one(transfer)
            if outcome is None:
                break
            outcomes.append(outcome)
        return outcomes + [None] * (len(batch) - len(outcomes))

    async def _leave_undecided(self, batch: Sequence[Transfer]) -> list[Outcome | None]:
        return [None] * len(batch)

    async def _post_set(self, batch: Sequence[Transfer]) -> list[Outcome | None]:
        places = candidates(batch)
        chosen = batch if places is None else [batch[place] for place in places]
        args = of_any_order(chosen) if chosen else None
        if args is None:
            return [None] * len(batch)
        args += [False, self._now()]
        try:
            row = await self._call_post(args, self._database.ledger)
        except DetachedError:
            return [None] * len(batch)
        except asyncpg.SerializationError:
            # Whoever was quicker with an id has committed, so it is known now.
            row = await self._call_post(args, self._database.ledger)
        at = row["base"]
        outcomes: list[Outcome | None] = [Outcome(_CREATED, at := at + _TICK) for _ in chosen]
        unclean = [place - 1 for place in row["unclean"] or ()]
        refusals = _refusals([chosen[place] for place in unclean], row) if unclean and places is None else None
        for n, place in enumerate(unclean):
            outcomes[place] = None if refusals is None else refusals[n]
        if places is None:
            return outcomes
        everything: list[Outcome | None] = [None] * len(batch)
        for place, outcome in zip(places, outcomes, strict=True):
            everything[place] = outcome
        return everything

    async def _post_one(self, transfer: Transfer) -> Outcome | None:
        """Post a plain payment that is alone: a single caller waits for nothing else. None: ask in the common way."""
        if not is_plain(transfer):
            return None
        try:
            base = await self._database.ledger.fetchval(STATEMENTS.post_one, *of_one(transfer), self._now())
        except (asyncpg.UniqueViolationError, asyncpg.CheckViolationError, asyncpg.SerializationError):
            # Somebody was quicker with the id, and has committed; or it stands where nobody sees it; or the day ended.
            return None
        return None if base is None else Outcome(_CREATED, base + _TICK)

    async def _post_exactly(self, batch: Sequence[Transfer]) -> list[Outcome]:
        """Decide in order on a snapshot, then write what passed, if the snapshot's guards still hold."""
        for attempt in range(TRIES_MAX):
            try:
                if attempt < TRIES_FREE_MAX or not any(transfer.flags & BALANCING for transfer in batch):
                    return await self._decide(batch, self._database.ledger)
                async with self._database.transaction() as held:
                    await held.execute(STATEMENTS.hold_still, _accounts_of(batch))
                    return await self._decide(batch, held)
            except (asyncpg.SerializationError, asyncpg.DeadlockDetectedError, DetachedError):
                if attempt == TRIES_MAX - 1:
                    raise  # the batcher waits a little, and asks again
                await asyncio.sleep(random.uniform(0, 0.001) * 2**attempt)  # noqa: S311 - jitter
        raise AssertionError("the last attempt answers or raises")

    async def _decide(self, batch: Sequence[Transfer], on: Queries) -> list[Outcome]:
        book, now, detached = await self._look(batch, on)
        if stale := [account.id for account in book.accounts.values() if is_stale(account, bank_day(now))]:
            await on.execute(STATEMENTS.renew_limits, stale, self._now())
            book, now, detached = await self._look(batch, on)
        if detached:
            return await decided_apart(batch, detached, lambda rest: self._decide(rest, on))
        book.release_due(now)
        outcomes = book.post_all(batch, now)
        places = {posted.id: place for place, posted in enumerate(book.posted, 1)}
        if not any(o.result.stands and t.id in places for t, o in zip(batch, outcomes, strict=True)):
            return outcomes  # all refused, or there before: nothing to write, and due holds can wait
        row = await self._call_post([*of_decided(book, bank_day(now)), True, self._now()], on)
        outcomes = [
            Outcome(outcome.result, row["base"] + places[transfer.id] * _TICK)
            if outcome.result.stands and transfer.id in places
            else outcome
            for transfer, outcome in zip(batch, outcomes, strict=True)
        ]
        return await self._sure(batch, outcomes, book, on)

    async def _sure(self, batch: Sequence[Transfer], outcomes: list[Outcome], book: Book, on: Queries) -> list[Outcome]:
        """The outcomes, each refusal of them one that was true at some moment.

        What passed was written because its guards still held, though an account may have moved on since the look. A
        refusal that counted on it then saw a balance that never was; it is decided again.
        """
        doubtful = _counting_on(book, batch, outcomes)
        if not doubtful:
            return outcomes
        asked = [batch[place] for place in doubtful]
        stands, *_ = await self._look(asked, on)
        if any(account != book.accounts.get(id) for id, account in stands.accounts.items()):
            for place, outcome in zip(doubtful, await self._decide(asked, on), strict=True):
                outcomes[place] = outcome
        return outcomes

    async def _look(self, batch: Sequence[Transfer], on: Queries) -> tuple[Book, datetime, set[Id]]:
        """A book of all that these transfers depend on, the time it shows, and what of it is not attached."""
        holds = list({transfer.pending_id for transfer in batch if transfer.pending_id is not None})
        ids = {transfer.id for transfer in batch}
        ids |= {t.about for t in batch if corrects(t) and t.about is not None}
        row = await on.fetchrow(STATEMENTS.look, list(ids), holds, _accounts_of(batch), self._now())
        assert row is not None, "a look is one row"
        book = Book()
        book.accounts = {values[0]: Account(*values) for values in row["accounts"]}
        book.transfers = {values[0]: Posted(*values) for values in row["standing"]}
        resolutions = [Posted(*values) for values in row["resolutions"]]
        book.resolutions = {posted.pending_id: posted for posted in resolutions if posted.pending_id is not None}
        book.due = {hold: due_at for hold, due_at, _ in row["open"]}
        book.counted_on = {hold: day for hold, _, day in row["open"] if day is not None}
        book.read = dict(book.accounts)
        return book, row["now"], set(row["detached"]) - book.transfers.keys()

    async def _call_post(self, args: Sequence[Any], on: Queries) -> Row:
        try:
            row = await on.fetchrow(STATEMENTS.post, *args)
        except asyncpg.UniqueViolationError as error:
            raise asyncpg.SerializationError("an id was taken meanwhile") from error
        except asyncpg.CheckViolationError as error:
            raise as_detached(error) from error
        assert row is not None, "a function answers one row"
        return row

    def _now(self) -> datetime | None:
        return None if self._clock is None else self._clock()

    async def create_accounts(self, accounts: Sequence[NewAccount]) -> Sequence[Result]:
        """Open accounts; see Ledger. What may change later, freezes and limits, is not compared."""
        columns = [
            [account.id for account in accounts],
            *([int(getattr(account, field)) for account in accounts] for field in ("ledger", "code", "flags")),
            *(
                [getattr(account, field) for account in accounts]
                for field in ("day_limit", "year_limit", "balance_limit", "cap_class")
            ),
            self._now(),
        ]
        fresh = {row["id"] for row in await self._database.fetch(STATEMENTS.open_accounts, *columns)}
        standing = await self.lookup_accounts([account.id for account in accounts])
        results = []
        for account in accounts:
            created = account.id in fresh
            fresh.discard(account.id)  # its repetition in the same call exists
            results.append(_CREATED if created else same_account(standing[account.id], account))
        return results

    async def change_accounts(self, changes: Sequence[AccountChange]) -> Sequence[Changed]:
        """Freeze, unfreeze, close, reopen; see Ledger. Raises ValueError for more than CHANGES_MAX of them."""
        if len(changes) > CHANGES_MAX:
            raise ValueError(f"at most {CHANGES_MAX} accounts are changed at once, not {len(changes)}")
        rows = await self._database.fetch(
            STATEMENTS.change_accounts,
            [change.id for change in changes],
            [int(change.set) for change in changes],
            [int(change.clear) for change in changes],
        )
        flags = {row["place"]: (row["before"], row["after"]) for row in rows}
        answers = [change_of(change, flags.get(place)) for place, change in enumerate(changes, 1)]
        doubtful = [place for place, answer in enumerate(answers) if answer is Changed.CLOSED_BY_TRANSFER]
        if doubtful and await self.release_due_holds():  # a closing transfer that ran out of time closes nothing
            still = await self.lookup_accounts([changes[place].id for place in doubtful])
            for place in doubtful:
                change = changes[place]
                if not still[change.id].flags & AccountFlag.CLOSED_BY_TRANSFER:
                    was_so = flags[place + 1][0] == flags[place + 1][1]
                    answers[place] = Changed.UNCHANGED if was_so else Changed.CHANGED
        return answers

    async def release_due_holds(self, limit: int = 1_000) -> int:
        """Void holds that ran out of time, at most `limit`; how many there were."""
        rows = await self._database.fetch(STATEMENTS.due_holds, self._now(), min(limit, BATCH_MAX))
        if rows:
            await self._exact.add_many([expiry_of(Posted(*row)) for row in rows])
        return len(rows)


def _accounts_of(batch: Sequence[Transfer]) -> list[Id]:
    return list({transfer.debit for transfer in batch} | {transfer.credit for transfer in batch})


def _shared_by(book: Book, id: Id) -> Id | None:
    """Where all accounts are counted that share their caps with this one."""
    return book.accounts[id].code_group if id in book.accounts else None


def _counting_on(book: Book, batch: Sequence[Transfer], outcomes: Sequence[Outcome]) -> list[int]:
    """The places of chains that an account refused, on which something else was posted in this book."""
    touched = {id for posted in book.posted for id in (posted.debit, posted.credit)}
    touched |= {counter for id in touched if (counter := _shared_by(book, id)) is not None}
    places: list[int] = []
    for start, end in chains(batch):
        refused = any(outcome.result >= Result.DEBIT_ACCOUNT_CLOSED for outcome in outcomes[start:end])
        ends = _accounts_of(batch[start:end])
        if refused and not touched.isdisjoint([*ends, *(_shared_by(book, id) for id in ends)]):
            places += range(start, end)
    return places


class _Seen(Struct, frozen=True):
    """What ledger_post tells about the unclean transfers of a batch."""

    accounts: list[Account]
    standing: list[Posted]
    due: bool  # whether holds have run out of time, so that there is more money than the accounts show


def _refusals(unclean: Sequence[Transfer], row: Row) -> list[Outcome] | None:
    """Their outcomes when none of them is to be posted (the common case: somebody is poor), without another call."""
    if row["seen"] is None:
        return None
    seen = decode(row["seen"], type=_Seen)
    now = row["base"] + _TICK
    book = Book()
    book.accounts = {account.id: account for account in seen.accounts}
    book.transfers = {posted.id: posted for posted in seen.standing}
    if any(account.code_group or is_stale(account, bank_day(now)) for account in seen.accounts):
        return None  # what decides stands elsewhere
    outcomes = book.post_all(unclean, now)
    return None if book.posted or seen.due else outcomes
