"""The moments of a call: how the accounts it touched may have stood between its beginning and its end."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime
from itertools import islice, product
from typing import Final

from msgspec.structs import replace

from qrpay.ledger.caps import bank_day, counts_of, give_back
from qrpay.ledger.chart import TransferCode
from qrpay.ledger.model import NIL, Account, AccountFlag, Posted, Transfer
from qrpay.ledger.rules import Book
from qrpay.ledger.soundness import BALANCING, CLOSING, CLOSING_CREDIT, CLOSING_DEBIT
from qrpay.simulation.evidence import NEVER, Evidence, Known
from qrpay.simulation.history import Asked, Change
from qrpay.simulation.retrace import Retrace, moved_on
from qrpay.values import Id

CUTS_MAX: Final = 20_000
"""Combinations of moments that are tried for one answer."""


class Moments:
    """What a history left behind, looked at from within a call."""

    def __init__(self, evidence: Evidence, retrace: Retrace) -> None:
        self._evidence = evidence
        self._retrace = retrace

    def _at_some_moment(
        self,
        asked: Asked,
        transfers: Sequence[Transfer],
        fits: Callable[[Book, datetime], bool],
        failing: int = 0,
        *,
        counts: bool = False,
    ) -> bool:
        """Whether the rules say this of some state that the accounts may have had during the call.

        failing  the place of the transfer that was refused; the accounts of others in its chain count as willing
        counts   whether it was refused by what its payer has spent: else that makes no difference
        """
        spenders = {transfer.debit for transfer in transfers} if counts else set()
        moments = self._moments(asked, transfers, {transfers[failing].debit, transfers[failing].credit}, spenders)
        return any(fits(book, now) for book, now in islice(moments, CUTS_MAX))

    def _moments(
        self, asked: Asked, transfers: Sequence[Transfer], focus: set[Id], spenders: set[Id]
    ) -> Iterator[tuple[Book, datetime]]:
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
                ahead = self._evidence.shown_until(asked.until)
                options = [
                    self._options(id, place, now, focus, ahead if id in spenders else None) for id, place in cut.items()
                ]
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

    def _options(
        self, id: Id, place: int, now: datetime, focus: set[Id], ahead: Iterable[date] | None
    ) -> Sequence[Account]:
        """How an account may have stood; one that did not refuse counts as willing."""
        options = self._retrace.lines[id].states[place].options
        if id not in focus:
            return [_willing(options[0])]
        if ahead is None:  # what it has spent makes no difference, and so not on which day it is counted
            options, ahead = tuple(dict.fromkeys(_unspent(option) for option in options)), ()
        return list(dict.fromkeys(
            one for option in options for counted in moved_on(option, ahead, bank_day(now))
            for one in self._released(counted, place, now)
        ))  # fmt: skip

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


def _unspent(account: Account) -> Account:
    return replace(account, used_on=None, day_used=0, year_used=0, code_a_used=None, code_b_used=None, code_c_used=None,
                   code_d_used=None)  # fmt: skip


def _willing(account: Account) -> Account:
    return replace(account, flags=0, day_limit=None, year_limit=None, balance_limit=None)
