"""The verdict on a history: everything that cannot be explained, in sentences."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import pairwise
from typing import Final

from msgspec import Struct

from qrpay.features.refunds import held as held_refunds
from qrpay.ledger.caps import bank_day, used
from qrpay.ledger.chart import PAYMENTS, TransferCode
from qrpay.ledger.model import Account, Posted, Result
from qrpay.ledger.rules import expiry_of_hold
from qrpay.ledger.soundness import PENDING, VOID
from qrpay.simulation.changes import Changes, limits_of
from qrpay.simulation.evidence import NEVER, Evidence, Known, as_asked, in_real_time
from qrpay.simulation.explain import Explain
from qrpay.simulation.history import Asked, Change, History, Kept
from qrpay.simulation.retrace import Retrace
from qrpay.values import Id


class Violation(Struct, frozen=True):
    """One thing that must not be: which check rang, and what it says."""

    check: str
    text: str


class Verdict(Struct):
    """What was checked, and what was found. `checks` counts how often each was made."""

    violations: list[Violation]
    checks: Counter[str]


EVENTS: Final = {
    TransferCode.PAYMENT: ("order.paid", "payment.paid"),
    TransferCode.ORDER_CLOSE: ("order.closed",),
    TransferCode.ORDER_EXPIRE: ("order.expired",),
}
"""Who is told of what: the merchant first, then the payer."""


class Judge:
    """Checks a history. Every check is a method that yields what it finds."""

    def __init__(self, history: History) -> None:
        self.history = history
        self.books = history.books
        self.evidence = Evidence(history)
        self.changes = Changes(self.evidence)
        self.retrace = Retrace(history.books.opening)
        self.checks: Counter[str] = Counter()

    def verdict(self) -> Verdict:
        """All checks, in an order in which the first is likely the cause of those that follow."""
        checks: list[tuple[str, Callable[[], Iterator[str]]]] = [
            ("asked for", self._asked_for),
            ("rules", self._rules),
            ("changes", self._changes),
            ("counters", self._counters),
            ("balance", self._balance),
            ("invariants", self._invariants),
            ("order", self._order),
            ("statements", self._statements),
            ("answers", self._answers),
            ("once", self._once),
            ("chains", self._chains),
            ("events", self._events),
            ("refunds", self._refunds),
            ("settlements", self._settlements),
        ]
        violations = [Violation(name, text) for name, check in checks for text in check()]
        return Verdict(violations, self.checks)

    def _asked_for(self) -> Iterator[str]:
        """Nothing was posted that nobody asked for."""
        for kept in self.books.transfers:
            self.checks["transfers that somebody asked for"] += 1
            posted = kept.posted
            if posted.id in self.evidence.claims and posted.code != TransferCode.ORDER_EXPIRE:
                continue  # that it is what they asked for is looked at with the rules
            if posted.pending_id is not None and posted.id == expiry_of_hold(posted.pending_id):
                continue  # its time is looked at by the rules
            order = self.evidence.order_of.get(posted.id)
            latest = max(self.history.readings)
            if posted.code == TransferCode.ORDER_EXPIRE and order is not None and order.expires_at <= latest:
                continue
            yield f"nobody asked for {_said(posted)}"

    def _rules(self) -> Iterator[str]:
        """In the order of its accounts each transfer was allowed: no guard and no cap was passed at any moment."""
        steps: list[tuple[datetime, int, Id, Kept | Change]] = [
            (kept.posted.timestamp, 0, kept.posted.id, kept) for kept in self.books.transfers
        ]
        steps += [(change.at, change.number, change.id, change) for change in self.books.changes]
        for *_, kept in sorted(steps, key=lambda step: step[:3]):
            if isinstance(kept, Change):
                self.checks["changes of accounts replayed"] += 1
                if defect := self.retrace.change(kept):
                    yield defect
                continue
            self.checks["transfers replayed by the rules"] += 1
            clocks = self.evidence.clocks_of(kept.posted.id)
            asked_for, ahead = self.evidence.claims.get(kept.posted.id, ()), self.evidence.ahead_of(kept.posted.id)
            if refusal := self.retrace.follow(kept.posted, clocks, asked_for, ahead):
                yield f"{_said(kept.posted)}: {refusal}"
                self.retrace.force(kept.posted, clocks)
            elif kept.posted.code != TransferCode.ORDER_EXPIRE and not any(
                self.retrace.standing(asked) is Result.EXISTS
                for asked in self.evidence.claims.get(kept.posted.id, (as_asked(kept.posted),))
            ):
                yield f"nobody asked for {_said(kept.posted)}, only for something else under its id"

    def _counters(self) -> Iterator[str]:
        """Every account stands as the replay leaves it."""
        days = {bank_day(self.history.readings[-1]), bank_day(max(self.history.readings))}
        for id, account in self.books.accounts.items():
            self.checks["accounts compared"] += 1
            options = self.retrace.lines[id].states[-1].options
            if not any(_same(account, option) for option in options):
                yield f"account {id} stands at {_figures(account)}, replayed {[_figures(one) for one in options]}"
            elif not any(used(account, day) == used(one, day) for one in options for day in days):
                yield (
                    f"account {id} has used {account.day_used} of the day {account.used_on}, {account.year_used} of the"
                    f" year, replayed {[(one.day_used, one.used_on, one.year_used) for one in options]}"
                )

    def _balance(self) -> Iterator[str]:
        """In each ledger debits equal credits."""
        for ledger in {account.ledger for account in self.books.accounts.values()}:
            self.checks["ledgers balanced"] += 1
            rows = [account for account in self.books.accounts.values() if account.ledger == ledger]
            for kind in ("posted", "pending"):
                debits = sum(getattr(row, f"debits_{kind}") for row in rows)
                credits_ = sum(getattr(row, f"credits_{kind}") for row in rows)
                if debits != credits_:
                    yield f"ledger {ledger}: debits {debits}, credits {credits_} {kind}"

    def _invariants(self) -> Iterator[str]:
        """The product's own checks held whenever they were looked at."""
        self.checks["looks at the invariants"] += self.history.looks
        for name, rows in self.books.broken.items():
            yield f"{name} did not hold: {rows} rows"

    def _order(self) -> Iterator[str]:
        """On each account timestamps rise, and what was acknowledged before another began stands before it."""
        for line in self.retrace.lines.values():
            self.checks["accounts in order"] += 1
            for earlier, later in pairwise(line.transfers):
                if earlier.timestamp == later.timestamp:
                    yield f"{_said(earlier)} and {_said(later)} of one account have one timestamp"
            moments = [self._moments(entry.id) for entry in line.entries]
            for place in in_real_time(moments):
                yield f"{_said(line.entries[place])} was acknowledged before one ahead of it was asked for"

    def _changes(self) -> Iterator[str]:
        """Somebody asked for each change of an account, and its limits are what its caps say."""
        self.checks["changes asked for"] += len(self.books.changes)
        yield from self.changes.defects()

    def _statements(self) -> Iterator[str]:
        """Statements, read page by page, and balances at moments that have passed are the replay's."""
        for id, lines in self.books.statements.items():
            self.checks["lines of statements compared"] += len(lines)
            line = self.retrace.lines[id]
            if len(lines) < len(line.transfers):
                yield f"the statement of {id} has {len(lines)} lines, not {len(line.transfers)}"
            elif defect := self.retrace.misread(id, lines, len(line.entries)):
                yield f"the statement of {id}: {defect}"
        for id, at, counters in self.books.balances:
            self.checks["balances at a moment compared"] += 1
            replayed = self.retrace.counters_at(id, at, len(self.retrace.lines[id].entries))
            if counters != replayed:
                yield f"account {id} at {at} had {counters}, replayed {replayed}"

    def _answers(self) -> Iterator[str]:
        """Every answer was true at some moment between the call's beginning and its end."""
        explain = Explain(self.evidence, self.retrace)
        left: dict[int, Asked] = {}
        for asked in self.history.asked:
            if asked.answer is None or asked.answer.open:
                left.setdefault(asked.call.number, asked)
                continue
            self.checks["answers explained"] += 1
            if defect := explain.defect(asked):
                yield f"call {asked.call.number} ({asked.call.verb} {asked.call.thing}): {defect}"
        closed = {a.call.number for a in self.history.asked if a.answer is not None and not a.answer.open}
        for number, asked in left.items():
            if number not in closed:
                yield f"call {number} ({asked.call.verb} {asked.call.thing}) was never answered"
        yield from (f"a crash: {text}" for text in self.history.crashes)

    def _once(self) -> Iterator[str]:
        """One id is created once, and whoever repeats a payment hears the same."""
        created: Counter[Id] = Counter()
        bodies: dict[tuple[Id, Id], bytes] = {}
        for asked in self.history.asked:
            answer = asked.answer
            if answer is None or answer.open:
                continue
            for transfer, outcome in zip(self.evidence.asked_for(asked), answer.outcomes, strict=False):
                created[transfer.id] += outcome.result is Result.CREATED
            if answer.body and (order := self.evidence.order(asked)):
                self.checks["answers compared with the first"] += 1
                created[order.id] += answer.figures["made"]
                first = bodies.setdefault((order.id, self.evidence.payer(asked)), answer.body)
                if first != answer.body:
                    yield f"call {asked.call.number} heard {answer.body!r}, the first one {first!r}"
        yield from (f"{id} was created {times} times" for id, times in created.items() if times > 1)

    def _chains(self) -> Iterator[str]:
        """A chain stands or falls as one."""
        for asked in self.history.asked:
            transfers = self.evidence.asked_for(asked)
            if len(transfers) < 2:
                continue
            self.checks["chains whole"] += 1
            stand = [self.evidence.kept.get(transfer.id) for transfer in transfers]
            if asked.call.verb == "chain" and None in stand and any(stand):
                yield f"of chain {asked.call.thing} {len(stand) - stand.count(None)} of {len(stand)} stand"
            paid = stand[0] is not None and stand[0].posted.code in PAYMENTS
            if asked.call.verb == "scan" and paid:
                mark = stand[1]
                if mark is None or mark.posted.about != transfers[0].id:
                    yield f"scan {asked.call.thing} is paid, but its code was not used for it"

    def _events(self) -> Iterator[str]:
        """Each is told once, to everybody it concerns, in the order of the ledger, and causes before effects."""
        wanted: Counter[tuple[str, Id, Id]] = Counter()
        for kept in self.books.transfers:
            for type_, receiver in self._told(kept.posted):
                wanted[type_, receiver, kept.posted.id] += 1
        types = {type_ for each in EVENTS.values() for type_ in each}
        told = [event for event in self.books.events if event.type in types and event.transfer is not None]
        seen = Counter((event.type, event.receiver, event.transfer) for event in told if event.transfer is not None)
        self.checks["events compared"] += sum(wanted.values())
        yield from (f"event {type_} of {id} was never told" for type_, _, id in wanted - seen)
        yield from (f"event {type_} of {id} was told too often" for type_, _, id in seen - wanted)
        kept_of = [
            self.evidence.kept[e.transfer] for e in told if e.transfer is not None and e.transfer in self.evidence.kept
        ]
        places = [(kept.xid, kept.posted.timestamp, kept.posted.id) for kept in kept_of]
        yield from (
            f"event of {here[2]} was told after one of a later transaction"
            for before, here in pairwise(places) if here < before
        )  # fmt: skip
        for place in in_real_time([self._moments(kept.posted.id) for kept in kept_of]):
            yield f"event of {kept_of[place].posted.id} was acknowledged before one ahead of it was asked for"

    def _refunds(self) -> Iterator[str]:
        """An order gives back at most what was paid, to its payer, each refund on the next place and once."""
        for order, refunds in self.evidence.refunds.items():
            self.checks["refunded orders"] += 1
            posted = [kept.posted for kept in refunds]
            payment = self.evidence.kept.get(order)
            if payment is None or payment.posted.code not in PAYMENTS:
                yield f"order {order} gave back what nobody had paid"
                continue
            if sum(one.amount for one in posted) > payment.posted.amount:
                yield f"order {order} gave back {[one.amount for one in posted]} of {payment.posted.amount}"
            if len({one.reference for one in posted}) < len(posted):
                yield f"order {order} gave back twice for one reference: {[one.reference for one in posted]}"
            held = held_refunds.account_of(self.evidence.order_of[order].merchant, "CNY")
            for one in posted:
                if one.debit != payment.posted.credit or one.credit not in (payment.posted.debit, held):
                    yield f"{_said(one)} of order {order} went to somebody else"
            if any(later.timestamp < earlier.timestamp for earlier, later in pairwise([payment.posted, *posted])):
                yield f"the refunds of order {order} are not in the order of their places"

    def _settlements(self) -> Iterator[str]:
        """Each entry of a merchant's account is in one settlement, which pays out what they add up to, and once."""
        for account in {row.account for row in self.books.settlements}:
            rows = [row for row in self.books.settlements if row.account == account]
            for before, row in pairwise([None, *rows]):
                assert row is not None
                self.checks["settlements added up"] += 1
                if before is not None and (row.from_at, row.opening) != (before.to_at, before.closing):
                    yield f"settlement {row.number} of {account} does not go on from the one before it"
                added = sum(
                    self._effect(posted, account)
                    for posted in self.retrace.lines[account].transfers
                    if row.from_at < posted.timestamp <= row.to_at
                )
                if row.movement != added:
                    yield f"settlement {row.number} of {account} counts {row.movement}, its entries add {added}"
                due = row.opening + row.movement
                moved = self.evidence.kept.get(row.id)
                held = 0 if moved is None else moved.posted.amount
                if row.planned != max(0, due) or held > row.planned or (row.amount is not None and row.amount != held):
                    yield f"settlement {row.number} of {account} holds {held} of {row.planned}, due were {due}"
                if row.amount is not None and row.closing != due - row.amount:
                    yield f"settlement {row.number} of {account} carries {row.closing} of {due - row.amount}"

    def _effect(self, posted: Posted, account: Id) -> int:
        """What a transfer adds to what a merchant is owed: holds on its side take away, and give back when they end."""
        if posted.code == TransferCode.SETTLEMENT and posted.flags & PENDING:
            return 0
        pays = posted.debit == account
        if posted.flags & PENDING:
            return -posted.amount if pays else 0
        held = 0 if posted.pending_id is None else self.retrace.transfers[posted.pending_id].amount
        moved = 0 if posted.flags & VOID else posted.amount
        return held - moved if pays else moved

    def _told(self, posted: Posted) -> Iterator[tuple[str, Id]]:
        types = EVENTS.get(TransferCode(posted.code)) if posted.code in list(TransferCode) else None
        if types is None:
            return
        if posted.code in PAYMENTS:
            receivers = [self.books.owners.get(posted.credit), self.books.owners.get(posted.debit)]
        else:
            order = self.evidence.order_of.get(posted.id)
            receivers = [order.merchant if order is not None else None]
        yield from ((type_, one) for type_, one in zip(types, receivers, strict=True) if one is not None)

    def _moments(self, id: Id) -> tuple[int, int]:
        known = self.evidence.known.get(id) or Known(NEVER, NEVER)
        return known.begun, known.acked


def judged(history: History) -> Verdict:
    """The verdict on a history."""
    return Judge(history).verdict()


def _same(one: Account, other: Account) -> bool:
    fields = ("debits_posted", "debits_pending", "credits_posted", "credits_pending", "flags", "ledger", "limits_until")
    return limits_of(one) == limits_of(other) and all(getattr(one, field) == getattr(other, field) for field in fields)


def _figures(account: Account) -> tuple[int, int, int, int]:
    return account.debits_posted, account.debits_pending, account.credits_posted, account.credits_pending


def _said(posted: Posted | Change) -> str:
    if isinstance(posted, Change):
        return f"a change of account {posted.account} to flags {posted.flags}, limits {posted.limits}"
    return f"transfer {posted.id} (code {posted.code}, {posted.amount}, {posted.timestamp:%d %H:%M:%S.%f})"
