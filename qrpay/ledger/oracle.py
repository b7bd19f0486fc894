"""The ledger in plain Python: one book, the rules applied one transfer after another. What the engine must equal."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from msgspec.structs import asdict, replace

from qrpay.ledger.caps import (
    bank_day,
    concerns,
    is_stale,
    joined,
    looked_up_next,
    renewed,
    sharing,
    use_of,
)
from qrpay.ledger.chart import AccountCode, CapClass, TransferCode
from qrpay.ledger.counters import Conservation, Counters, LedgerTotal
from qrpay.ledger.limits import Cap, CapKind, CapUse, NewCap, Progress, SharedCaps
from qrpay.ledger.model import (
    NEVER_LOOKED_UP,
    Account,
    AccountChange,
    Changed,
    Entry,
    Ledger,
    NewAccount,
    Outcome,
    Posted,
    Result,
    Transfer,
)
from qrpay.ledger.rules import Book, change_of, expiry_of_hold, gained, same_account
from qrpay.values import Clock, Id, utc_now


class Oracle(Ledger):
    """A ledger that forgets everything when the process ends; for tests, and to check what an engine did."""

    def __init__(self, *, clock: Clock = utc_now) -> None:
        self._clock = clock
        self.book = Book()
        self._caps: list[Cap] = []
        self._groups: dict[Id, list[Id]] = {}

    async def post(self, transfer: Transfer) -> Outcome:
        """See Ledger."""
        return (await self.post_chain([transfer]))[0]

    async def post_chain(self, transfers: Sequence[Transfer]) -> Sequence[Outcome]:
        """See Ledger."""
        now = self._clock()
        self._renew(bank_day(now))
        self.book.release_due(now)
        return self.book.post_all(transfers, now)

    async def create_accounts(self, accounts: Sequence[NewAccount]) -> Sequence[Result]:
        """See Ledger."""
        results = []
        for new in accounts:
            standing = self.book.accounts.get(new.id)
            results.append(Result.CREATED if standing is None else same_account(standing, new))
            if standing is None:
                self.book.accounts[new.id] = Account(
                    new.id, new.ledger, new.code, new.flags, 0, 0, 0, 0, new.day_limit, new.year_limit,
                    new.balance_limit, None, 0, 0, self._clock(), new.cap_class,
                    NEVER_LOOKED_UP if new.cap_class else None,
                )  # fmt: skip
                self._keep_own(new)
        return results

    def _keep_own(self, new: NewAccount) -> None:
        own = ((CapKind.DAY, new.day_limit), (CapKind.YEAR, new.year_limit), (CapKind.BALANCE, new.balance_limit))
        for kind, limit in own:
            if limit is not None:
                self._keep(NewCap(new.ledger, kind, limit, bank_day(self._clock()), "opening", account=new.id))

    def _keep(self, cap: NewCap) -> None:
        self._caps.append(Cap(**asdict(cap), id=len(self._caps) + 1, set_at=self._clock()))

    def _renew(self, today: date) -> None:
        for account in [each for each in self.book.accounts.values() if is_stale(each, today)]:
            self.book.accounts[account.id] = renewed(account, self._members(account), self._caps, today)

    def _members(self, account: Account) -> list[Account]:
        return [self.book.accounts[member] for member in self._groups.get(account.id, [account.id])]

    async def set_cap(self, cap: NewCap, progress: Progress | None = None) -> bool:
        """See CapBook."""
        if cap.effective_on < bank_day(self._clock()):
            raise ValueError("a cap begins today or later")
        if cap.account is not None and cap.account not in self.book.accounts:
            return False
        self._keep(cap)
        for account in list(self.book.accounts.values()):
            if concerns(cap, self._members(account)):
                self.book.accounts[account.id] = looked_up_next(account, cap.effective_on)
        return True

    async def caps(self, *, ledger: int, account: Id | None = None) -> Sequence[Cap]:
        """See CapBook."""
        of_ledger = [cap for cap in self._caps if cap.ledger == ledger]
        return [c for c in of_ledger if (c.account is None if account is None else c.account == account)]

    async def share_caps(self, shared: SharedCaps) -> None:
        """See CapBook."""
        today = bank_day(self._clock())
        joining = [(self.book.accounts[account], day_group) for account, day_group in shared.accounts]
        for group in {shared.code_group, *(day_group for _, day_group in joining if day_group is not None)}:
            inside = [account for account, day_group in joining if group in (day_group, shared.code_group)]
            cap_class = int(CapClass.EVERY) if group == shared.code_group else inside[0].cap_class
            standing = self.book.accounts.get(group) or Account(
                group, inside[0].ledger, AccountCode.CAP_GROUP, 0, 0, 0, 0, 0, None, None, None, None, 0, 0,
                self._clock(), cap_class, NEVER_LOOKED_UP,
            )  # fmt: skip
            self._groups[group] = sorted({*self._groups.get(group, ()), *(account.id for account in inside)})
            self.book.accounts[group] = joined(standing, inside, today, of_codes=group == shared.code_group)
        for account, day_group in joining:
            self.book.accounts[account.id] = sharing(account, account.day_group or day_group, shared.code_group)

    async def cap_use(self, accounts: Sequence[Id], at: datetime | None = None) -> dict[Id, CapUse]:
        """See CapBook."""
        now = at or self._clock()
        self._renew(bank_day(now))
        found = await self.lookup_accounts(accounts)
        return {account.id: use_of(self.book.accounts, account, now) for account in found.values()}

    async def change_accounts(self, changes: Sequence[AccountChange]) -> Sequence[Changed]:
        """See Ledger."""
        self.book.release_due(self._clock())
        answers = []
        for change in changes:
            account = self.book.accounts.get(change.id)
            if account is None:
                answers.append(change_of(change, None))
                continue
            flags = account.flags & ~change.clear | change.set
            self.book.accounts[change.id] = replace(account, flags=flags)
            answers.append(change_of(change, (account.flags, flags)))
        return answers

    async def lookup_accounts(self, ids: Sequence[Id]) -> dict[Id, Account]:
        """See Ledger."""
        return {key: self.book.accounts[key] for key in ids if key in self.book.accounts}

    async def lookup_transfers(self, ids: Sequence[Id]) -> dict[Id, Posted]:
        """See Ledger."""
        return {key: self.book.transfers[key] for key in ids if key in self.book.transfers}

    async def about(self, about: Id, code: int) -> Sequence[Posted]:
        """See Ledger."""
        return [posted for posted in self.book.posted if posted.about == about and posted.code == code]

    async def about_many(self, abouts: Sequence[Id], codes: Sequence[int]) -> dict[Id, list[Posted]]:
        """See Ledger."""
        found: dict[Id, list[Posted]] = {}
        for posted in self.book.posted:
            if posted.about in set(abouts) and posted.code in set(codes):
                found.setdefault(posted.about, []).append(posted)
        return found

    async def entries(self, account: Id, *, limit: int, before: str | None = None) -> Sequence[Entry]:
        """See Ledger. A cursor is a place in the journal."""
        places = range(len(self.book.posted) if before is None else int(before))
        lines = [(place, self.book.posted[place]) for place in places]
        after = Counters()
        found: list[Entry] = []
        for place, posted in lines:
            if account in (posted.debit, posted.credit):
                after = after.plus(self._gained(posted, account))
                found.append(Entry(posted, str(place), after, self._effective(posted)))
        return found[: -limit - 1 : -1]

    async def balance_at(self, account: Id, at: datetime) -> Counters | None:
        """See Ledger: all that was posted up to then, added up."""
        if account not in self.book.accounts:
            return None
        after = Counters()
        for posted in self.book.posted:
            if account in (posted.debit, posted.credit) and posted.timestamp <= at:
                after = after.plus(self._gained(posted, account))
        return after

    def _gained(self, posted: Posted, account: Id) -> Counters:
        hold = self.book.transfers[posted.pending_id] if posted.pending_id is not None else None
        return gained(posted, account, 0 if hold is None else hold.amount)

    def _effective(self, posted: Posted) -> datetime:
        if posted.pending_id is not None and posted.id == expiry_of_hold(posted.pending_id):
            hold = self.book.transfers[posted.pending_id]
            return min(posted.timestamp, hold.timestamp + timedelta(seconds=hold.timeout_s))
        corrected = self.book.transfers.get(posted.about) if posted.code == TransferCode.CORRECTION else None
        return posted.timestamp if corrected is None else min(posted.timestamp, corrected.timestamp)

    async def conservation(self) -> Conservation:
        """See Ledger."""
        totals = []
        for ledger in sorted({account.ledger for account in self.book.accounts.values()}):
            rows = [account for account in self.book.accounts.values() if account.ledger == ledger]
            totals.append(
                LedgerTotal(
                    ledger,
                    sum(row.debits_posted for row in rows),
                    sum(row.credits_posted for row in rows),
                    sum(row.debits_pending for row in rows),
                    sum(row.credits_pending for row in rows),
                )
            )
        return Conservation(all(total.balanced for total in totals), len(self.book.posted), b"", totals)

    async def tail(self, cursor: str, limit: int) -> tuple[Sequence[Posted], str]:
        """See Ledger. A cursor is a place in the journal."""
        start = int(cursor or 0)
        found = self.book.posted[start : start + limit]
        return found, str(start + len(found))

    async def release_due_holds(self, limit: int = 1_000) -> int:
        """See Ledger; all of them, whatever the limit."""
        before = len(self.book.posted)
        self.book.release_due(self._clock())
        return len(self.book.posted) - before
