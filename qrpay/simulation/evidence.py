"""What is known of each transfer from the outside: who could have posted it, since when, and who saw it stand."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Final

from msgspec import Struct

from qrpay.features.merchants import service as merchants
from qrpay.ledger.caps import bank_day
from qrpay.ledger.chart import TransferCode
from qrpay.ledger.markers import marker
from qrpay.ledger.model import Posted, Result, Transfer, TransferFlag
from qrpay.simulation.clients import Clients
from qrpay.simulation.history import Asked, History, Kept, Order, Settled
from qrpay.simulation.plan import CUSTOMERS
from qrpay.simulation.stage import CNY
from qrpay.values import Id, claim

NEVER: Final = 2**62
"""A moment after all others."""


class Known(Struct):
    """Of one transfer: the first call that could post it, the first answer that proves it, and the clock meanwhile."""

    begun: int = NEVER
    acked: int = NEVER
    since: int = 0
    until: int = 0


class Evidence:
    """A history as its clients know it. Moments are places in the order of all beginnings and ends."""

    def __init__(self, history: History) -> None:
        self.history = history
        self.clients = Clients(history.people)
        self.kept: dict[Id, Kept] = {one.posted.id: one for one in history.books.transfers}
        self.orders: dict[tuple[Id, str], Order] = {(o.merchant, o.reference): o for o in history.books.orders}
        self.order_of: dict[Id, Order] = {order.id: order for order in history.books.orders}
        self.known: dict[Id, Known] = {}
        self.claims: dict[Id, list[Transfer]] = {}
        self.last = len(history.readings) - 1
        self.refunds: dict[Id, list[Kept]] = {}  # of each order, by their places
        self._settled = [self._settling(row) for row in history.books.settlements if row.planned]
        self._find_refunds()
        for asked in history.asked:
            self._note(asked)

    def clocks(self, since: int, until: int) -> list[datetime]:
        """What the clock showed between two of its moves, in order of time."""
        return sorted(set(self.history.readings[since : until + 1]))

    def clocks_of(self, id: Id) -> list[datetime]:
        """What it may have shown when this transfer was decided. A sweep posts at any time, whoever asks."""
        known = self.known.get(id)
        kept = self.kept.get(id)
        if kept is not None and kept.posted.code == TransferCode.ORDER_EXPIRE:
            known = None
        return self.clocks(0, self.last) if known is None else self.clocks(known.since, known.until)

    def ahead_of(self, id: Id) -> set[date]:
        """The bank days that the clock had shown when this transfer was decided, also before it was set back."""
        known = self.known.get(id)
        return self.shown_until(self.last if known is None else known.until)

    def shown_until(self, place: int) -> set[date]:
        """The bank days that the clock has shown up to one of its moves."""
        return {bank_day(reading) for reading in self.history.readings[: place + 1]}

    def order(self, asked: Asked) -> Order | None:
        """The order that a call is about, if it was ever opened."""
        call, people = asked.call, self.history.people
        shop = people.shops[call.thing % len(people.shops)]
        return self.orders.get((shop.id, self.clients.order(call).reference))

    def payer(self, asked: Asked) -> Id:
        """Whose money a call would spend."""
        call, people = asked.call, self.history.people
        return people.customer(call.thing // 2 % CUSTOMERS if call.verb == "scan" else call.payer)

    def asked_for(self, asked: Asked) -> list[Transfer]:
        """The transfers that a call may post."""
        if asked.claims:
            return asked.claims
        call, people = asked.call, self.history.people
        if call.verb == "top_up":
            number, amount, reference = self.clients.top_up(call)
            account = people.customer(number)
            return [Transfer(claim("top_up", account, reference), people.bank, account, amount, TransferCode.TOP_UP,
                             CNY, reference=reference)]  # fmt: skip
        if call.verb == "give_back":
            refund = self.refund(asked)
            return [] if refund is None else [as_asked(refund.posted)]
        if call.verb == "settle":
            return [transfer for row in self._settled for transfer in row]
        order = self.order(asked)
        if order is None or call.verb not in ("pay", "scan", "close", "close_unseen"):
            return []
        if call.verb.startswith("close") or order.amount is None:
            return [marker(order.id, TransferCode.ORDER_CLOSE)]
        payee = merchants.account_of(order.merchant, "CNY")
        payment = Transfer(order.id, self.payer(asked), payee, order.amount, TransferCode.PAYMENT, CNY)
        if call.verb == "pay":
            return [payment]
        assert order.payment_code is not None, "a scanned order bears its code"
        linked = Transfer(payment.id, payment.debit, payment.credit, payment.amount, payment.code, payment.ledger,
                          flags=int(TransferFlag.LINKED))  # fmt: skip
        return [linked, marker(order.payment_code, TransferCode.CODE_USED, order.id)]

    def refund(self, asked: Asked) -> Kept | None:
        """The refund that stands under a call's reference, on a place of its order and for what was asked."""
        order, ask = self.order(asked), self.clients.refund(asked.call)
        for kept in self.refunds.get(order.id, ()) if order is not None else ():
            if kept.posted.reference == ask.reference and ask.amount in (None, kept.posted.amount):
                return kept
        return None

    def _find_refunds(self) -> None:
        for order in self.order_of:
            place = 1
            while kept := self.kept.get(claim("refund", order, place)):
                self.refunds.setdefault(order, []).append(kept)
                place += 1

    def _settling(self, row: Settled) -> list[Transfer]:
        """How the money of a settlement may be held: all that is planned, or as much of it as is there."""
        flags = (TransferFlag.PENDING, TransferFlag.PENDING | TransferFlag.BALANCING_DEBIT)
        return [
            Transfer(row.id, row.account, self.history.people.clearing, row.planned, TransferCode.SETTLEMENT, CNY,
                     reference=str(row.business_date), flags=int(one))
            for one in flags
        ]  # fmt: skip

    def _note(self, asked: Asked) -> None:
        transfers = self.asked_for(asked)
        until = asked.until if asked.until >= 0 else self.last
        for place, transfer in enumerate(transfers):
            known = self.known.setdefault(transfer.id, Known(since=asked.since))
            known.begun = min(known.begun, asked.began)
            known.until = max(known.until, self.last if asked.answer is None or asked.answer.open else until)
            self.claims.setdefault(transfer.id, []).append(transfer)
            if asked.answer is not None and self._proves(asked, place, len(transfers)):
                known.acked = min(known.acked, asked.ended)

    @staticmethod
    def _proves(asked: Asked, place: int, size: int) -> bool:
        """Whether the answer says that this transfer stands."""
        answer = asked.answer
        assert answer is not None
        if answer.outcomes:
            return len(answer.outcomes) == size and answer.outcomes[place].result in (Result.CREATED, Result.EXISTS)
        return answer.word == {
            "pay": "paid",
            "scan": "paid",
            "close": "closed",
            "close_unseen": "closed",
            "give_back": "refunded",
        }.get(asked.call.verb)


def as_asked(posted: Posted) -> Transfer:
    """The transfer that was asked for."""
    return Transfer(
        posted.id, posted.debit, posted.credit, posted.amount, posted.code, posted.ledger, posted.about,
        posted.reference, posted.flags, posted.pending_id, posted.timeout_s,
    )  # fmt: skip


def in_real_time(moments: Sequence[tuple[int, int]]) -> list[int]:
    """Places that stand too late in an order: acknowledged before something ahead of them was even asked for.

    moments  begun and acked of each, in the order that is to be judged
    """
    found, latest = [], -1
    for place, (begun, acked) in enumerate(moments):
        if acked < latest:
            found.append(place)
        if begun < NEVER:
            latest = max(latest, begun)
    return found
