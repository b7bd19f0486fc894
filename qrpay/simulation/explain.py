"""Whether an answer was true: for each call some moment between its beginning and its end at which it is right."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from qrpay.features.calendar.service import day_begins
from qrpay.features.payments.model import Payment as PaymentView
from qrpay.ledger.caps import bank_day, rule_of, used
from qrpay.ledger.chart import PAYMENTS, TransferCode
from qrpay.ledger.model import Account, AccountFlag, Outcome, Result, Transfer
from qrpay.ledger.rules import Book
from qrpay.simulation.history import Answer, Asked
from qrpay.simulation.moments import Moments
from qrpay.simulation.retrace import moved_on
from qrpay.simulation.stage import CNY
from qrpay.values import Id, claim

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


class Explain(Moments):
    """Explains the answers of a history by what it left behind, gone over by the rules."""

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
            "give_back": self._give_back, "settle": self._settle,
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
        if self._at_some_moment(asked, transfers, fits, failing, counts=rule_of(outcomes[failing].result) is not None):
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
                return self._paid(asked, answer, order.id) if own else "paid, but this payment does not stand"
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

    def _paid(self, asked: Asked, answer: Answer, order: Id) -> str | None:
        """A payment shows what was given back of it since."""
        if not isinstance(answer.seen, PaymentView):
            return None
        back, given = answer.seen.refunded_amount, self._given(asked, order)
        return None if back in given else f"{back} were said to be refunded, there were {given}"

    def _refused(self, asked: Asked, answer: Answer) -> str | None:
        transfers = self._evidence.asked_for(asked)
        figures = answer.figures
        limit, used_, left = figures.get("limit"), figures.get("used"), figures.get("left")

        def fits(book: Book, now: datetime) -> bool:
            for outcome in book.post_all(transfers, now):
                if outcome.result in REFUSALS[answer.word]:
                    return limit is None or (outcome.limit, outcome.used, outcome.left) == (limit, used_, left)
            return False

        if self._at_some_moment(asked, transfers, fits, counts=answer.word == "cap_exceeded"):
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

    def _give_back(self, asked: Asked, answer: Answer) -> str | None:
        order = self._evidence.order(asked)
        if answer.word == "not_found":
            return None if order is None or not self._answered_before(asked) else "it was known before"
        if order is None:
            return f"{answer.word}, but there is no such order"
        stands = self._stood(order.id, asked)
        paid = stands is not None and stands.code in PAYMENTS
        match answer.word:
            case "refunded":
                kept = self._evidence.refund(asked)
                if kept is None or stands is None:
                    return "refunded, but no such refund stands"
                status = "succeeded" if kept.posted.credit == stands.debit else "pending"
                right = (answer.seen.amount, answer.seen.status) == (kept.posted.amount, status)
                return None if right else f"it was told {answer.seen}, but {kept.posted.amount} {status} stands"
            case "order_not_paid":
                return "it was paid before" if paid and self._known(order.id).acked < asked.began else None
            case "refund_exceeds_payment":
                return self._exceeded(asked, stands.amount if stands is not None and paid else 0, answer)
            case "merchant_balance_insufficient":
                return self._short(asked, answer)
        return f"a refund cannot end with {answer.word}"

    def _exceeded(self, asked: Asked, paid: int, answer: Answer) -> str | None:
        """What was left at some moment of the call, between the refunds that stood before and those that could."""
        order = self._evidence.order(asked)
        lefts = {paid - given for given in (self._given(asked, order.id) if order is not None else {0})}
        amount, left = self._evidence.clients.refund(asked.call).amount, answer.figures["refundable"]
        if left in lefts and (left == 0 or (amount is not None and amount > left)):
            return None
        return f"{left} were said to be left, of {paid} there were {lefts}"

    def _given(self, asked: Asked, order: Id) -> set[int]:
        """What an order may have given back at the moments of a call."""
        refunds = self._evidence.refunds.get(order, [])
        least = sum(self._known(kept.posted.id).acked < asked.began for kept in refunds)
        most = sum(self._known(kept.posted.id).begun < asked.ended for kept in refunds)
        return {sum(kept.posted.amount for kept in refunds[:stood]) for stood in range(least, most + 1)}

    def _short(self, asked: Asked, answer: Answer) -> str | None:
        """The merchant's account had what it was told to have."""
        amount, available = answer.figures["amount"], answer.figures["available"]
        call, people = asked.call, self._evidence.history.people
        take = Transfer(claim("short", people.root, asked.began), people.shop(call.thing), people.bank, amount,
                        TransferCode.REFUND, CNY)  # fmt: skip

        def fits(book: Book, now: datetime) -> bool:
            [outcome] = book.post_all([take], now)
            return (outcome.result, outcome.left) == (Result.EXCEEDS_CREDITS, available)

        return None if self._at_some_moment(asked, [take], fits) else f"{available} were there at no moment of the call"

    def _settle(self, asked: Asked, answer: Answer) -> str | None:
        cut = day_begins(self._evidence.clients.day(asked.call) + timedelta(days=1))
        clocks = self._clocks(asked)
        if answer.word == "settlement_day_open":
            return None if clocks[0] < cut else "the day had ended"
        if answer.word == "settled":
            return None if clocks[-1] >= cut else "the day had not ended"
        return f"settling cannot end with {answer.word}"

    def _balance(self, asked: Asked, answer: Answer) -> str | None:
        seen: Account = answer.seen
        days = {bank_day(now) for now in self._clocks(asked)}
        ahead = self._evidence.shown_until(asked.until)
        for place in self._places(seen.id, asked):
            for account in self._retrace.lines[seen.id].states[place].options:
                same = _counters(account) == _counters(seen) and account.flags == seen.flags
                if same and any(
                    used(one, day) == used(seen, day) for day in days for one in moved_on(account, ahead, day)
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


def _counters(account: Account) -> tuple[int, int, int, int]:
    return account.debits_posted, account.debits_pending, account.credits_posted, account.credits_pending
