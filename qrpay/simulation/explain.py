"""Whether an answer was true: for each call some moment between its beginning and its end at which it is right."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime
from itertools import islice, product
from typing import Final

from msgspec.structs import replace

from qrpay.ledger.caps import bank_day, counts_of, give_back, used
from qrpay.ledger.chart import PAYMENTS, TransferCode
from qrpay.ledger.model import NIL, Account, AccountFlag, Outcome, Posted, Result, Transfer
from qrpay.ledger.rules import Book
from qrpay.ledger.soundness import BALANCING, CLOSING, CLOSING_CREDIT, CLOSING_DEBIT
from qrpay.simulation.evidence import NEVER, Evidence, Known
from qrpay.simulation.history import Answer, Asked, Change
from qrpay.simulation.retrace import Retrace
from qrpay.values import Id

CUTS_MAX: Final = 20_000
"""Combinations of moments that are tried for one answer."""
REFUSALS: Final[dict[str, frozenset[Result]]] = {
    "insufficient_funds": frozenset({Result.EXCEEDS_CREDITS, Result.EXCEEDS_DEBITS}),
    "cap_exceeded": frozenset(
        {
            Result.EXCEEDS_CAP_DAY,
            Result.EXCEEDS_CAP_YEAR,
            Result.EXCEEDS_CAP_CODE_A,
            Result.EXCEEDS_CAP_CODE_B,
            Result.EXCEEDS_CAP_CODE_C,
            Result.EXCEEDS_CAP_CODE_D,
        }
    ),
    "balance_cap_exceeded": frozenset({Result.EXCEEDS_CAP_BALANCE}),
    "account_frozen": frozenset({Result.DEBITS_FROZEN, Result.CREDITS_FROZEN}),
    "account_closed": frozenset({Result.DEBIT_ACCOUNT_CLOSED, Result.CREDIT_ACCOUNT_CLOSED}),
}
"""The ledger's results behind what a service says."""


class Explain:
    """Explains the answers of a history by what it left behind, gone over by the rules."""

    def __init__(self, evidence: Evidence, retrace: Retrace) -> None:
        self._evidence = evidence
        self._retrace = retrace

    def defect(self, asked: Asked) -> str | None:
        """Why this answer cannot have been true; None when it can."""
        answer = asked.answer
        if answer is None or answer.open:
            return None
        if answer.word == "crashed":
            return "it crashed"
        if answer.outcomes:
            return self._of_outcomes(asked, self._evidence.asked_for(asked), answer.outcomes)
        words: dict[str, Callable[[Asked, Answer], str | None]] = {
            "pay": self._pay, "scan": self._pay, "close": self._close, "close_unseen": self._close,
            "read": self._read, "balance": self._balance, "top_up": self._top_up, "freeze": self._change,
            "unfreeze": self._change, "statement": self._statement, "balance_at": self._balance_at, "cap": self._cap,
        }  # fmt: skip
        explain = words.get(asked.call.verb)
        return explain(asked, answer) if explain is not None else None

    # The ledger's own words ------------------------------------------------------------------------------------

    def _of_outcomes(self, asked: Asked, transfers: Sequence[Transfer], outcomes: Sequence[Outcome]) -> str | None:
        if all(outcome.result.stands for outcome in outcomes):
            for transfer, outcome in zip(transfers, outcomes, strict=True):
                kept = self._evidence.kept.get(transfer.id)
                if kept is None:
                    return f"{outcome.result.name.lower()}, but nothing stands under its id"
                if kept.posted.timestamp != outcome.timestamp:
                    return f"it was told {outcome.timestamp}, but stands at {kept.posted.timestamp}"
                if self._retrace.standing(transfer) is not Result.EXISTS:
                    return f"{outcome.result.name.lower()}, but something else stands under its id"
            return None
        said = [(o.result, o.limit, o.used, o.left) for o in outcomes]

        def fits(book: Book, now: datetime) -> bool:
            return [(o.result, o.limit, o.used, o.left) for o in book.post_all(transfers, now)] == said

        failing = next((n for n, o in enumerate(outcomes) if o.result is not Result.LINKED_EVENT_FAILED), 0)
        if self._at_some_moment(asked, transfers, fits, failing):
            return None
        return f"{[o.result.name.lower() for o in outcomes]} {said[failing][1:]}: true at no moment of the call"

    def _top_up(self, asked: Asked, answer: Answer) -> str | None:
        if answer.word != "top_up_refused":
            return f"a top-up cannot end with {answer.word}"
        transfers = self._evidence.asked_for(asked)
        said = answer.figures

        def fits(book: Book, now: datetime) -> bool:
            [outcome] = book.post_all(transfers, now)
            return (outcome.result.name.lower(), outcome.limit, outcome.left) == (
                said["result"], said["limit"], said["left"]
            )  # fmt: skip

        return None if self._at_some_moment(asked, transfers, fits) else f"{said}: true at no moment of the call"

    # The services' words ---------------------------------------------------------------------------------------

    def _pay(self, asked: Asked, answer: Answer) -> str | None:
        if answer.word == "code_expired" and asked.call.verb == "scan":
            ends = self._evidence.history.code_ends[asked.call.thing // 2]
            return None if ends <= self._clocks(asked)[-1] else f"the code was good until {ends}"
        order = self._evidence.order(asked)
        if order is None:
            return f"{answer.word}, but there is no such order"
        stands = self._stood(order.id, asked)
        code = None if stands is None else stands.code
        payer = self._evidence.payer(asked)
        own = stands is not None and code in PAYMENTS and stands.debit == payer
        match answer.word:
            case "paid":
                return None if own else "paid, but this payment does not stand"
            case "order_paid":
                return None if code in PAYMENTS and not own else "order_paid, by nobody else"
            case "order_closed":
                return None if code == TransferCode.ORDER_CLOSE or order.amount is None else "it is not closed"
            case "order_expired":
                return None if code == TransferCode.ORDER_EXPIRE else "it was never claimed as expired"
            case "code_expired":
                if order.expires_at.replace(microsecond=0) > self._clocks(asked)[-1]:
                    return f"the code was good until {order.expires_at}"
                return "it stood before, and money is read first" if self._known(order.id).acked < asked.began else None
            case "code_used":
                assert order.payment_code is not None
                mark = self._stood(order.payment_code, asked)
                return None if mark is not None and mark.about != order.id else "the code was not used for another"
            case word if word in REFUSALS:
                return self._refused(asked, answer)
        return f"a payment cannot end with {answer.word}"

    def _refused(self, asked: Asked, answer: Answer) -> str | None:
        transfers = self._evidence.asked_for(asked)
        figures = answer.figures
        limit, used_, left = figures.get("limit"), figures.get("used"), figures.get("left")

        def fits(book: Book, now: datetime) -> bool:
            for outcome in book.post_all(transfers, now):
                if outcome.result in REFUSALS[answer.word]:
                    return limit is None or (outcome.limit, outcome.used, outcome.left) == (limit, used_, left)
            return False

        if self._at_some_moment(asked, transfers, fits):
            return None
        return f"{answer.word} {limit, used_, left}: true at no moment of the call"

    def _close(self, asked: Asked, answer: Answer) -> str | None:
        order = self._evidence.order(asked)
        stands = None if order is None else self._stood(order.id, asked)
        wanted = {
            "closed": TransferCode.ORDER_CLOSE, "expired": TransferCode.ORDER_EXPIRE,
            "order_paid": TransferCode.PAYMENT,
        }.get(answer.word)  # fmt: skip
        if wanted is None:
            return f"closing cannot end with {answer.word}"
        return None if stands is not None and stands.code == wanted else f"{answer.word}, but that does not stand"

    def _read(self, asked: Asked, answer: Answer) -> str | None:
        order = self._evidence.order(asked)
        if answer.word == "not_found":
            return None if order is None or not self._answered_before(asked) else "it was known before"
        if order is None:
            return f"{answer.word}, but there is no such order"
        stands = self._stood(order.id, asked)
        settled = self._known(order.id).acked < asked.began
        clocks = self._clocks(asked)
        match answer.word:
            case "open":
                return "it was settled before" if settled or clocks[0] >= order.expires_at else None
            case "paid":
                return None if stands is not None and stands.code in PAYMENTS else "it is not paid"
            case "closed":
                closed = order.amount is None or (stands is not None and stands.code == TransferCode.ORDER_CLOSE)
                return None if closed else "it is not closed"
            case "expired":
                if stands is not None and stands.code == TransferCode.ORDER_EXPIRE:
                    return None
                return None if not settled and clocks[-1] >= order.expires_at else "it did not run out of time"
        return f"reading cannot end with {answer.word}"

    def _balance(self, asked: Asked, answer: Answer) -> str | None:
        seen: Account = answer.seen
        for place in self._places(seen.id, asked):
            for account in self._retrace.lines[seen.id].states[place].options:
                if (
                    _counters(account) == _counters(seen)
                    and account.flags == seen.flags
                    and any(used(account, bank_day(now)) == used(seen, bank_day(now)) for now in self._clocks(asked))
                ):
                    return None
        return f"{_counters(seen)} used {seen.day_used}, {seen.year_used}: it stood so at no moment of the call"

    def _change(self, asked: Asked, answer: Answer) -> str | None:
        """`changed` is looked at with the changes themselves."""
        change = self._evidence.clients.change(asked.call)
        flags = [option.flags for place in self._places(change.id, asked)
                 for option in self._retrace.lines[change.id].states[place].options]  # fmt: skip
        match answer.word:
            case "changed":
                return None
            case "unchanged":
                fits = any(one & ~change.clear | change.set == one for one in flags)
                return None if fits else "it stood so at no moment of the call"
            case "closed_by_transfer":
                closed = any(one & AccountFlag.CLOSED_BY_TRANSFER for one in flags)
                return None if closed else "no transfer closed it"
        return f"a change cannot end with {answer.word}"

    def _cap(self, asked: Asked, answer: Answer) -> str | None:
        days = {bank_day(now) for now in self._clocks(asked)}
        if answer.word == "set" or (answer.word == "past" and len(days) > 1):
            return None
        return f"a cap cannot end with {answer.word}"

    def _statement(self, asked: Asked, answer: Answer) -> str | None:
        """Two pages, the second from where the first one ended: the newest lines at some moment of the call."""
        id = self._evidence.history.people.customer(asked.call.payer)
        defects = [self._retrace.misread(id, answer.seen, place) for place in self._places(id, asked)]
        if None in defects:
            return None
        return f"its newest lines were so at no moment of the call: {defects[-1]}"

    def _balance_at(self, asked: Asked, answer: Answer) -> str | None:
        """All that had been recorded up to then, of what stood at some moment of the call.

        PostgreSQL reads its own clock under the lock, so what waits for a lock comes later than any moment that has
        passed. Ours is handed in before it: what waits may still come, and only the last look compares all of it.
        """
        id, at = self._evidence.history.people.customer(asked.call.payer), answer.figures["at"]
        replayed = [self._retrace.counters_at(id, at, place) for place in self._places(id, asked)]
        return None if answer.seen in replayed else f"{answer.seen} at {at}: replayed {replayed[-1]}"

    # Moments ---------------------------------------------------------------------------------------------------

    def _at_some_moment(
        self, asked: Asked, transfers: Sequence[Transfer], fits: Callable[[Book, datetime], bool], failing: int = 0
    ) -> bool:
        """Whether the rules say this of some state that the accounts may have had during the call.

        failing  the place of the transfer that was refused; the accounts of others in its chain count as willing
        """
        moments = self._moments(asked, transfers, {transfers[failing].debit, transfers[failing].credit})
        return any(fits(book, now) for book, now in islice(moments, CUTS_MAX))

    def _moments(self, asked: Asked, transfers: Sequence[Transfer], focus: set[Id]) -> Iterator[tuple[Book, datetime]]:
        retrace, kept = self._retrace, self._evidence.kept
        holds = {t.pending_id for t in transfers if t.pending_id is not None}
        touched = {id for t in transfers for id in (t.debit, t.credit) if id != NIL}
        for hold in holds & kept.keys():
            touched |= {kept[hold].posted.debit, kept[hold].posted.credit}
        accounts = sorted(touched & retrace.lines.keys())
        if holds:
            focus = set(accounts)
        payers = {t.debit for t in transfers}
        looks = any(t.flags & BALANCING or t.code == TransferCode.CORRECTION for t in transfers)  # at both ends
        # What is near the end is likelier: the answer was given then.
        ranges = [list(reversed(self._places(id, asked))) for id in accounts]
        for place, id in enumerate(accounts):
            if not holds and (id not in focus or not (looks or self._may_refuse(id, pays=id in payers))):
                ranges[place] = ranges[place][:1]
        clocks = {bank_day(now): now for now in self._clocks(asked)} | {"first": self._clocks(asked)[0]}
        standing = [id for t in transfers for id in (t.id, t.pending_id, corrected(t)) if id is not None and id in kept]
        for places in product(*ranges):
            cut = dict(zip(accounts, places, strict=True))
            for now in dict.fromkeys(clocks.values()):
                options = [self._options(id, place, now, focus) for id, place in cut.items()]
                for chosen, seen in product(product(*options), (True, False)):
                    book = Book()
                    book.accounts = {account.id: account for account in chosen}
                    moment = {id: place for id, place in cut.items() if id in focus}
                    self._put_standing(book, standing, moment, asked, seen=seen)
                    yield book, now

    def _may_refuse(self, id: Id, *, pays: bool) -> bool:
        """Whether how an account stands can make a difference: a shop that is only paid takes whatever comes."""
        account, entries = self._retrace.accounts[id], self._retrace.lines[id].entries
        if pays or account.balance_limit is not None or account.flags & AccountFlag.CREDITS_MUST_NOT_EXCEED_DEBITS:
            return True
        return any(isinstance(entry, Change) or entry.flags & CLOSING for entry in entries)

    def _put_standing(self, book: Book, ids: Sequence[Id], cut: dict[Id, int], asked: Asked, *, seen: bool) -> None:
        """The transfers that stood at this moment, and how far their holds had come.

        seen  whether what was posted meanwhile, between accounts of others, had been posted before this moment
        """
        kept, retrace = self._evidence.kept, self._retrace
        for id in ids:
            posted = kept[id].posted
            at = retrace.place_of(posted.debit, id) if posted.debit in cut else None
            known = self._known(id)
            elsewhere = known.acked < asked.began or (seen and known.begun < asked.ended)
            if at <= cut[posted.debit] if at is not None else elsewhere:
                book.transfers[id] = posted
                if id in retrace.holds:
                    book.due[id] = retrace.holds[id]
        for id in [id for id in ids if id in book.due]:
            resolution = retrace.resolutions.get(id)
            at = None if resolution is None else retrace.place_of(resolution.debit, resolution.id)
            if resolution is not None and at is not None and at <= cut[resolution.debit]:
                book.resolutions[id] = resolution
                del book.due[id]

    def _options(self, id: Id, place: int, now: datetime, focus: set[Id]) -> Sequence[Account]:
        """How an account may have stood; one that did not refuse counts as willing."""
        options = self._retrace.lines[id].states[place].options
        if id not in focus:
            return [_willing(option) for option in options]
        return list(dict.fromkeys(one for option in options for one in self._released(option, place, now)))

    def _released(self, account: Account, place: int, now: datetime) -> Sequence[Account]:
        """The account once the holds that ran out of time are given back, as everybody who decides does first."""
        retrace = self._retrace
        accounts = [account]
        for hold in retrace.lines[account.id].states[place].open:
            due = retrace.holds[hold]
            if due is not None and due <= now:
                days: Iterable[date | None] = retrace.days.get(hold, (None,))
                accounts = [_without(one, retrace.transfers[hold], day) for one in accounts for day in days]
        return accounts

    def _places(self, id: Id, asked: Asked) -> range:
        """How many transfers and changes of an account may have stood at a moment of the call."""
        line = self._retrace.lines[id].entries
        least, most = 0, len(line)
        for place, posted in enumerate(line, 1):
            if self._known(posted.id).acked < asked.began:
                least = place
        for place in range(len(line), least, -1):
            begun = self._known(line[place - 1].id).begun
            if begun > asked.ended and begun < NEVER:
                most = place - 1
        return range(least, most + 1)

    def _known(self, id: Id) -> Known:
        """What is known of a transfer; nothing, of those that a sweep posts."""
        return self._evidence.known.get(id) or Known()

    def _stood(self, id: Id, asked: Asked) -> Posted | None:
        """What stands under an id, when it may have stood before the call ended."""
        kept = self._evidence.kept.get(id)
        begun = self._known(id).begun
        return kept.posted if kept is not None and (begun < asked.ended or begun == NEVER) else None

    def _clocks(self, asked: Asked) -> list[datetime]:
        return self._evidence.clocks(asked.since, asked.until)

    def _answered_before(self, asked: Asked) -> bool:
        """Whether somebody had seen this order before the call began."""
        wanted = self._evidence.order(asked)
        return any(
            one.ended < asked.began and one.answer is not None and not one.answer.open
            and one.call.verb in ("pay", "scan", "close") and self._evidence.order(one) == wanted
            for one in self._evidence.history.asked
        )  # fmt: skip


def corrected(transfer: Transfer) -> Id | None:
    """What a correction corrects."""
    return transfer.about if transfer.code == TransferCode.CORRECTION else None


def _without(account: Account, hold: Posted, day: date | None) -> Account:
    """The account once this hold on it has run out: money, caps as counted on a day, and what it had closed."""
    pays = hold.debit == account.id
    if hold.flags & (CLOSING_DEBIT if pays else CLOSING_CREDIT):
        account = replace(account, flags=account.flags & ~int(AccountFlag.CLOSED_BY_TRANSFER))
    if not pays:
        return replace(account, credits_pending=account.credits_pending - hold.amount)
    account = replace(account, debits_pending=account.debits_pending - hold.amount)
    if day is not None:
        for _, amount, code_class in counts_of(hold.code, hold.amount, account):
            account = give_back(account, amount, code_class, day)
    return account


def _willing(account: Account) -> Account:
    return replace(account, flags=0, day_limit=None, year_limit=None, balance_limit=None)


def _counters(account: Account) -> tuple[int, int, int, int]:
    return account.debits_posted, account.debits_pending, account.credits_posted, account.credits_pending
