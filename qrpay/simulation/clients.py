"""What clients ask, through the services and the ledger, exactly as a worker's routes would ask for them."""

from collections.abc import Awaitable, Callable
from datetime import date, datetime, timedelta
from typing import Any, Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from qrpay.core import Core
from qrpay.features.clearing import service as clearing
from qrpay.features.e_accounts import service as e_accounts
from qrpay.features.orders import service as orders
from qrpay.features.orders.model import NewOrder
from qrpay.features.payment_codes import service as payment_codes
from qrpay.features.payment_codes.model import NewPaymentCode, ScanReport
from qrpay.features.payments import service as payments
from qrpay.features.payments.model import NewPayment
from qrpay.features.refunds import service as refunds
from qrpay.features.refunds.model import NewRefund
from qrpay.features.settlement import service as settlement
from qrpay.ledger.caps import bank_day
from qrpay.ledger.chart import CapClass, TransferCode
from qrpay.ledger.limits import CapKind, NewCap
from qrpay.ledger.model import CHANGEABLE, AccountChange, Outcome, Result, Transfer, TransferFlag
from qrpay.ledger.soundness import BALANCING_CREDIT, BALANCING_DEBIT, CLOSING_CREDIT, CLOSING_DEBIT
from qrpay.problem import Refused
from qrpay.simulation.history import Answer
from qrpay.simulation.plan import CUSTOMERS, Call
from qrpay.simulation.stage import CNY, People
from qrpay.values import claim

LINKED, PENDING = int(TransferFlag.LINKED), int(TransferFlag.PENDING)
TIMEOUTS_S: Final = (0, 4, 9, 31)
LIVES_S: Final = (30, 45, 90)
CLOSED_S: Final = (4, 9, 15)
"""How long a closing transfer closes an account; not for ever, as the others want to go on."""
CAP_KINDS: Final = (CapKind.DAY, CapKind.YEAR, CapKind.BALANCE, CapKind.CODE_C)
HOLDS: Final = 4
"""Things that are one hold, so that posts and voids meet it."""
LINKS: Final = 4
"""Transfers of a chain at most, beside the first."""


class Known(Struct):
    """What the clients have seen so far and need to go on: codes by order, digits by number and when they end."""

    codes: dict[int, str] = msgspec.field(default_factory=dict)
    digits: dict[int, str] = msgspec.field(default_factory=dict)
    ends: dict[int, datetime] = msgspec.field(default_factory=dict)


class Clients:
    """Asks for the calls of a plan. What a thing is about follows from its number, so that a retry asks the same."""

    def __init__(self, people: People) -> None:
        self.people = people
        self.known = Known()

    async def ask(self, core: Core, call: Call) -> Answer:
        """One call at one worker, answered in the words that its caller would read."""
        try:
            if (transfers := self.transfers(call)) is not None:
                return _of_outcomes(await core.ledger.post_chain(transfers) if len(transfers) > 1
                                    else [await core.ledger.post(transfers[0])])  # fmt: skip
            return await self._service(core, call)
        except Refused as refused:
            return Answer(refused.problem.code, dict(refused.figures))

    def transfers(self, call: Call) -> list[Transfer] | None:
        """What this call asks of the ledger itself; None when it goes through a service."""
        verbs: dict[str, Callable[[Call], list[Transfer]]] = {
            "send": self._send, "hold": self._hold, "post": self._post, "void": self._void, "refund": self._refund,
            "chain": self._chain, "shut": self._shut, "reopen": self._reopen, "drain": self._drain,
            "correct": self._correct, "payout": self._payout,
        }  # fmt: skip
        make = verbs.get(call.verb)
        return None if make is None else make(call)

    def order(self, call: Call) -> NewOrder:
        """The order of a number; a till's scan has numbers of its own."""
        letter = "S" if call.verb == "scan" or (call.verb == "read" and call.other % 4 == 0) else "R"
        amount = 1 + call.thing * 37 % 260
        return NewOrder(f"{letter}-{call.thing}", amount, "CNY", expires_in=LIVES_S[call.thing % 3])

    def refund(self, call: Call) -> NewRefund:
        """One of an order's three refunds: a part, or all that is left. The reference says which one it is."""
        number = call.other % 3
        part = 1 + (call.thing * 13 + number * 47) % 120
        return NewRefund(f"B-{call.thing}-{number}", None if (call.thing + number) % 3 == 0 else part)

    def day(self, call: Call) -> date:
        """The business date that is settled: one of the first two of a history."""
        return date(2026, 12, 31 if call.other % 4 == 0 else 30)

    def top_up(self, call: Call) -> tuple[int, int, str]:
        """Customer, amount and reference of a top-up."""
        return call.thing % CUSTOMERS, 50 + call.thing * 53 % 400, f"T-{call.thing}"

    def change(self, call: Call) -> AccountChange:
        """A freeze of debits, of both sides, or the closing of an account; and the end of all three."""
        account = self.people.customer(call.thing)
        if call.verb == "unfreeze":
            return AccountChange(account, clear=int(CHANGEABLE))
        if call.other % 4 == 0:
            return AccountChange.closed(account)
        return AccountChange.frozen(account, credits_too=call.other % 4 == 1)

    # The ledger ------------------------------------------------------------------------------------------------

    def _send(self, call: Call) -> list[Transfer]:
        thing, people = call.thing, self.people
        amount = 1 + thing * 29 % 180 + (call.other == 0)  # now and then the same id asks for something else
        return [Transfer(claim("send", people.root, thing), people.customer(thing), people.customer(thing * 3 + 1),
                         amount, TransferCode.HOLD, CNY)]  # fmt: skip

    def _hold(self, call: Call) -> list[Transfer]:
        thing, people = call.thing // HOLDS, self.people
        return [Transfer(claim("hold", people.root, thing), people.customer(thing * 5), people.shop(thing),
                         1 + thing * 41 % 200, TransferCode.HOLD, CNY, flags=PENDING,
                         timeout_s=TIMEOUTS_S[thing % 4])]  # fmt: skip

    def _post(self, call: Call) -> list[Transfer]:
        thing, root = call.thing // HOLDS, self.people.root
        amount = 1 if thing % 3 == 0 else None
        return [Transfer.of_hold(claim("post", root, thing), claim("hold", root, thing), amount=amount)]

    def _void(self, call: Call) -> list[Transfer]:
        thing, root = call.thing // HOLDS, self.people.root
        return [Transfer.of_hold(claim("void", root, thing), claim("hold", root, thing), void=True)]

    def _refund(self, call: Call) -> list[Transfer]:
        thing, people = call.thing, self.people
        return [Transfer(claim("refund", people.root, thing), people.shop(thing), people.customer(thing),
                         1 + thing * 31 % 90, TransferCode.REFUND, CNY,
                         about=claim("sale", people.root, thing))]  # fmt: skip

    def _chain(self, call: Call) -> list[Transfer]:
        """Money goes from hand to hand; one who lacks it fails the whole chain."""
        thing, people = call.thing, self.people
        hands = [people.customer(thing), people.shop(thing), people.customer(thing + 3), people.customer(thing + 6),
                 people.shop(thing + 1), people.customer(thing + 5)]  # fmt: skip
        size = 2 + thing % LINKS
        transfers = []
        for place in range(size):
            debit, credit = hands[place], hands[place + 1]
            code = TransferCode.HOLD if place % 2 == 0 else TransferCode.REFUND
            transfers.append(
                Transfer(claim("chain", people.root, thing, place), debit, credit, 1 + thing * 17 % 150, code, CNY,
                         flags=LINKED if place + 1 < size else 0)
            )  # fmt: skip
        return transfers

    def _shut(self, call: Call) -> list[Transfer]:
        """Closes a customer's account, holding all that is there, or nothing, or from the other side."""
        thing, people = call.thing // HOLDS, self.people
        customer, shop = people.customer(thing * 3), people.shop(thing)
        debit, credit, flags = ((customer, shop, CLOSING_DEBIT | BALANCING_DEBIT), (customer, shop, CLOSING_DEBIT),
                                (shop, customer, CLOSING_CREDIT))[thing % 3]  # fmt: skip
        amount = None if flags & BALANCING_DEBIT else 0
        return [Transfer(claim("shut", people.root, thing), debit, credit, amount, TransferCode.CLOSING, CNY,
                         flags=PENDING | flags, timeout_s=CLOSED_S[thing % 3])]  # fmt: skip

    def _reopen(self, call: Call) -> list[Transfer]:
        thing, root = call.thing // HOLDS, self.people.root
        return [Transfer.of_hold(claim("reopen", root, thing), claim("shut", root, thing), void=True)]

    def _drain(self, call: Call) -> list[Transfer]:
        """As much as is there, or as is owed, at most so much."""
        thing, people = call.thing, self.people
        most = 1 + thing * 43 % 1_500
        if thing % 4 == 0:
            debit, credit, flags = people.customer(thing), people.bank, BALANCING_CREDIT
        else:
            debit, credit, flags = people.customer(thing), people.customer(thing * 5 + 3), BALANCING_DEBIT
        code = TransferCode.REFUND if thing % 2 else TransferCode.HOLD
        return [Transfer(claim("drain", people.root, thing), debit, credit, most, code, CNY, flags=flags)]

    def _correct(self, call: Call) -> list[Transfer]:
        """Gives back what a `send` has moved, or a part of it."""
        thing, people = call.thing - 2, self.people
        wrong = claim("send", people.root, thing)
        return [Transfer(claim("correction", wrong, 1), people.customer(thing * 3 + 1), people.customer(thing),
                         1 + thing * 29 % 180 // (1 + thing % 2), TransferCode.CORRECTION, CNY,
                         about=wrong)]  # fmt: skip

    def _payout(self, call: Call) -> list[Transfer]:
        """What the clearing house says of a settlement: it was booked, or (one in three) rejected."""
        void = call.other % 3 == 0
        settlement = claim(
            "settlement", self.people.shops[call.thing % len(self.people.shops)].id, "CNY", self.day(call)
        )
        id = claim("clearing_void", settlement) if void else clearing.post_of(settlement)
        return [Transfer.of_hold(id, settlement, void=void)]

    # The services ----------------------------------------------------------------------------------------------

    async def _service(self, core: Core, call: Call) -> Answer:
        verbs: dict[str, Callable[[Core, Call], Awaitable[Answer]]] = {
            "pay": self._pay, "close": self._close, "close_unseen": self._close, "scan": self._scan,
            "read": self._read, "balance": self._balance, "top_up": self._top_up, "expire": self._expire,
            "release": self._release, "freeze": self._change, "unfreeze": self._change, "cap": self._cap,
            "statement": self._statement, "balance_at": self._balance_at, "give_back": self._give_back,
            "settle": self._settle,
        }  # fmt: skip
        return await verbs[call.verb](core, call)

    async def _pay(self, core: Core, call: Call) -> Answer:
        shop = self.people.shops[call.thing % len(self.people.shops)]
        payload = self.known.codes.get(call.thing)
        if payload is None:
            order, _ = await orders.open_order(core, shop.id, self.order(call))
            assert order.code is not None, "an order that is opened shows a code"
            payload = self.known.codes.setdefault(call.thing, order.code.payload)
        wallet = self.people.wallets[call.payer]
        payment, made = await payments.pay(core, wallet, NewPayment(scanned=payload))
        return Answer("paid", {"made": made}, seen=payment,
                      body=msgspec.json.encode(replace(payment, refunded_amount=0)))  # fmt: skip

    async def _close(self, core: Core, call: Call) -> Answer:
        shop = self.people.shops[call.thing % len(self.people.shops)]
        order = await orders.close(core, shop.id, f"ref:{self.order(call).reference}")
        return Answer(order.status)

    async def _read(self, core: Core, call: Call) -> Answer:
        shop = self.people.shops[call.thing % len(self.people.shops)]
        order = await orders.read(core, shop.id, f"ref:{self.order(call).reference}", 0)
        return Answer(order.status, seen=order.payment)

    async def _scan(self, core: Core, call: Call) -> Answer:
        number = call.thing // 2  # two scans meet on one code
        digits = self.known.digits.get(number)
        if digits is None:
            made = await payment_codes.make(core, self.people.wallets[number % CUSTOMERS], NewPaymentCode())
            digits = self.known.digits.setdefault(number, made.digits)
            self.known.ends.setdefault(number, datetime.fromisoformat(made.expires_at))
        shop, order = self.people.shops[call.thing % len(self.people.shops)], self.order(call)
        report = ScanReport(digits, order.reference, order.amount, order.currency)
        outcome, _ = await payment_codes.report(core, shop, report)
        return Answer(outcome.status, seen=outcome.payment)

    async def _give_back(self, core: Core, call: Call) -> Answer:
        shop = self.people.shops[call.thing % len(self.people.shops)]
        refund, made = await refunds.refund(core, shop, f"ref:R-{call.thing}", self.refund(call))
        return Answer("refunded", {"made": made}, seen=refund)

    async def _settle(self, core: Core, call: Call) -> Answer:
        summary = await settlement.settle(core, self.day(call), ["D+1"])
        return Answer("settled", {"paid_out": summary.paid_out, "unsettled": summary.unsettled})

    async def _balance(self, core: Core, call: Call) -> Answer:
        account = self.people.customer(call.payer)
        found: dict[Any, Any] = dict(await core.ledger.lookup_accounts([account]))
        return Answer("seen", seen=found[account])

    async def _statement(self, core: Core, call: Call) -> Answer:
        """Two pages, one after the other."""
        account, limit = self.people.customer(call.payer), 1 + call.other % 6
        lines = list(await core.ledger.entries(account, limit=limit))
        if lines:
            lines += await core.ledger.entries(account, limit=limit, before=lines[-1].cursor)
        return Answer("seen", seen=lines)

    async def _balance_at(self, core: Core, call: Call) -> Answer:
        at = core.clock() - timedelta(seconds=1 + call.other * 3)
        counters = await core.ledger.balance_at(self.people.customer(call.payer), at)
        return Answer("seen", {"at": at}, seen=counters)

    async def _change(self, core: Core, call: Call) -> Answer:
        [changed] = await core.ledger.change_accounts([self.change(call)])
        return Answer(changed.name.lower())

    async def _cap(self, core: Core, call: Call) -> Answer:
        """A cap of one customer from today on, or the end of it, or of a class; `source` says which call has set it."""
        amount = None if call.other % 3 == 0 else 200 + call.thing * 71 % 3_000
        kind = CAP_KINDS[call.other % len(CAP_KINDS)]
        of_class = call.other in (4, 5, 6, 8)  # by day, year or balance
        cap = NewCap(
            CNY, kind, amount, bank_day(core.clock()), "simulation", source=source_of(call),
            cap_class=CapClass.CLASS_II if of_class else None,
            account=None if of_class else self.people.customer(call.payer),
        )  # fmt: skip
        try:
            known = await core.ledger.set_cap(cap)
        except ValueError:
            return Answer("past")  # midnight has come meanwhile
        return Answer("set" if known else "no_account", seen=cap)

    async def _top_up(self, core: Core, call: Call) -> Answer:
        customer, amount, reference = self.top_up(call)
        return _of_outcomes([await e_accounts.top_up(core, self.people.customer(customer), amount, reference)])

    async def _expire(self, core: Core, _call: Call) -> Answer:
        return Answer("swept", {"count": await orders.expire(core)})

    async def _release(self, core: Core, _call: Call) -> Answer:
        return Answer("swept", {"count": await core.ledger.release_due_holds()})


def source_of(call: Call) -> str:
    """How a cap names the call that has set it."""
    return f"call {call.number}"


def _of_outcomes(outcomes: "list[Outcome] | Any") -> Answer:
    results = [outcome.result for outcome in outcomes]
    said = next(
        (result for result in results if result not in (Result.CREATED, Result.LINKED_EVENT_FAILED)), results[0]
    )
    return Answer(said.name.lower(), outcomes=tuple(outcomes))
