"""What became of freezes and caps: each change was asked for by somebody, and each limit is what the caps say."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Final

from msgspec.structs import replace

from qrpay.ledger.caps import bank_day, concerns, renewed
from qrpay.ledger.limits import Cap
from qrpay.ledger.model import CHANGEABLE, Account
from qrpay.simulation.clients import source_of
from qrpay.simulation.evidence import NEVER, Evidence, Known
from qrpay.simulation.history import Asked, Change
from qrpay.values import Id

_CHANGEABLE: Final = int(CHANGEABLE)


class Changes:
    """The changes of a history, matched with the calls that asked for them."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        books = evidence.history.books
        self.caps: dict[int, Cap] = {cap.id: cap for cap in books.caps}
        self.before: dict[Id, tuple[Account, tuple[int, ...]]] = {}
        self.setting: dict[str, list[Asked]] = {}
        self.freezing: dict[Id, list[Asked]] = {}
        for asked in evidence.history.asked:
            if asked.call.verb == "cap":
                self.setting.setdefault(source_of(asked.call), []).append(asked)
            elif asked.call.verb in ("freeze", "unfreeze"):
                self.freezing.setdefault(evidence.clients.change(asked.call).id, []).append(asked)
        opened = {
            id: tuple(c.id for c in books.caps if concerns(c, [account]) and c.source not in self.setting)
            for id, account in books.opening.items()
        }
        self._last = {id: (account, opened[id]) for id, account in books.opening.items()}
        for change in books.changes:
            self.before[change.id] = self._last[change.account]
            after = after_change(self._last[change.account][0], change)
            self._last[change.account] = replace(after, flags=change.flags), change.caps
            evidence.known[change.id] = self._known(change)
        for asked in (one for calls in self.freezing.values() for one in calls):
            self._acknowledge(asked)

    def defects(self) -> Iterator[str]:
        """Changes that nobody asked for, limits that no cap says, and answers that say otherwise."""
        for change in self.evidence.history.books.changes:
            account, _ = self.before[change.id]
            if (account.flags ^ change.flags) & _CHANGEABLE and not self._askers(change):
                yield f"nobody asked for the flags {change.flags} of account {change.account}, after {account.flags}"
            if change.limits != limits_of(account):
                allowed = [limits_of(one) for one in self._renewals(change)]
                if change.limits not in allowed:
                    yield f"account {change.account} has the limits {change.limits}, its caps say {allowed}"
            elif change.limits_until != account.limits_until and change.limits_until not in self._begin(change):
                yield f"account {change.account} is to be looked up anew on {change.limits_until}, for no cap"
        yield from self._untold()
        for asked in (one for calls in self.setting.values() for one in calls):
            yield from self._of_cap(asked)
        for asked in (one for calls in self.freezing.values() for one in calls):
            if asked.answer is not None and asked.answer.word == "changed" and not self._done_by(asked):
                yield f"call {asked.call.number} ({asked.call.verb}) was told that it changed an account, which did not"

    def _of_cap(self, asked: Asked) -> Iterator[str]:
        if asked.answer is None or asked.answer.word != "set":
            return
        said = asked.answer.seen
        stands = [c for c in self.caps.values() if c.source == said.source and (c.kind, c.amount, c.account) ==
                  (said.kind, said.amount, said.account)]  # fmt: skip
        if not stands:
            yield f"call {asked.call.number} was told that a cap is set, which does not stand"

    def _renewals(self, change: Change) -> Sequence[Account]:
        """How the account's limits may be looked up, by what caps stood then."""
        account, _ = self.before[change.id]
        caps = [self.caps[id] for id in change.caps]
        # A cap of a class is committed without this account's lock: it may have come after the look, and before ours.
        seen = [[cap for cap in caps if cap not in unseen] for unseen in ([], self._on_their_way(change))]
        return [renewed(account, [account], some, day) for some in seen for day in self._days()]

    def _on_their_way(self, change: Change) -> list[Cap]:
        """The caps of its class whose setting had not come to its end by then."""
        caps = [self.caps[id] for id in change.caps if self.caps[id].account is None]
        ended = {source: max(asked.ended_at for asked in calls) for source, calls in self.setting.items()}
        return [cap for cap in caps if change.made_at <= ended.get(cap.source, 0.0)]

    def _untold(self) -> Iterator[str]:
        """In the end every account of a class knows its caps, or will look them up before it next spends."""
        books, days = self.evidence.history.books, self._days()
        for account in books.accounts.values():
            due = account.limits_until is not None and account.limits_until <= days[-1]
            if not account.cap_class or due:
                continue
            caps = [cap for cap in books.caps if concerns(cap, [account])]
            if limits_of(account) not in [limits_of(renewed(account, [account], caps, day)) for day in days]:
                yield f"account {account.id} has not heard of its class's caps: {limits_of(account)}"

    def _begin(self, change: Change) -> set[date | None]:
        """The days on which caps begin that are new since the account was last changed; and as looked up anew."""
        _, known = self.before[change.id]
        new = {self.caps[id].effective_on for id in change.caps if id not in known}
        new |= {cap.effective_on for cap in self._on_their_way(change)}  # it was looked up before it was told
        return new | {one.limits_until for one in self._renewals(change)}

    def _days(self) -> list[date]:
        return sorted({bank_day(reading) for reading in self.evidence.history.readings})

    def _known(self, change: Change) -> Known:
        account, caps = self.before[change.id]
        if (account.flags ^ change.flags) & _CHANGEABLE:
            return Known(begun=min((asked.began for asked in self._askers(change)), default=NEVER))
        until, was = change.limits_until, account.limits_until
        if until is None or (was is not None and until >= was):
            return Known()  # whoever came first has looked its limits up; a cap that is set only brings that day nearer
        setting = [
            asked for id in change.caps if id not in caps for asked in self.setting.get(self.caps[id].source, ())
        ]
        ended = [asked.ended if asked.answer is not None and asked.answer.word == "set" else NEVER for asked in setting]
        return Known(min((asked.began for asked in setting), default=NEVER), max(ended, default=NEVER))

    def _askers(self, change: Change) -> list[Asked]:
        return [asked for asked in self.freezing.get(change.account, ()) if self._may_be(asked, change)]

    def _may_be(self, asked: Asked, change: Change) -> bool:
        """Whether this call can have made this change of flags."""
        wanted = self.evidence.clients.change(asked.call)
        before = self.before[change.id][0].flags
        after = before & ~wanted.clear | wanted.set
        did = (before ^ change.flags) & _CHANGEABLE
        return bool(did) and after == change.flags and asked.began_at <= change.made_at <= asked.ended_at

    def _done_by(self, asked: Asked) -> list[Change]:
        account = self.evidence.clients.change(asked.call).id
        return [c for c in self.evidence.history.books.changes if c.account == account and self._may_be(asked, c)]

    def _acknowledge(self, asked: Asked) -> None:
        if asked.answer is None or asked.answer.word != "changed":
            return
        done = self._done_by(asked)
        if len(done) == 1:  # of several, nobody knows which one it was
            known = self.evidence.known[done[0].id]
            known.acked = min(known.acked, asked.ended)


def limits_of(account: Account) -> tuple[int | None, ...]:
    """As the witness writes them down."""
    return (account.day_limit, account.year_limit, account.balance_limit, account.code_a_limit, account.code_b_limit,
            account.code_c_limit, account.code_d_limit, account.inflow_day_limit,
            account.inflow_year_limit)  # fmt: skip


def after_change(account: Account, change: Change) -> Account:
    """The account once its flags and limits were changed; what a closing transfer closes is that transfer's."""
    day, year, balance, code_a, code_b, code_c, code_d, inflow_day, inflow_year = change.limits
    return replace(
        account, flags=account.flags & ~_CHANGEABLE | change.flags & _CHANGEABLE, limits_until=change.limits_until,
        day_limit=day, year_limit=year, balance_limit=balance,
        code_a_limit=code_a, code_b_limit=code_b, code_c_limit=code_c, code_d_limit=code_d,
        inflow_day_limit=inflow_day, inflow_year_limit=inflow_year,
    )  # fmt: skip
