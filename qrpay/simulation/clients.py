"""What clients ask, through the services and the ledger, exactly as a worker's routes would ask for them."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec import Struct

from qrpay.core import Core
from qrpay.features.e_accounts import service as e_accounts
from qrpay.features.orders import service as orders
from qrpay.features.orders.model import NewOrder
from qrpay.features.payment_codes import service as payment_codes
from qrpay.features.payment_codes.model import NewPaymentCode, ScanReport
from qrpay.features.payments import service as payments
from qrpay.features.payments.model import NewPayment
from qrpay.ledger.chart import TransferCode
from qrpay.ledger.model import Outcome, Result, Transfer, TransferFlag
from qrpay.problem import Refused
from qrpay.simulation.history import Answer
from qrpay.simulation.plan import CUSTOMERS, Call
from qrpay.simulation.stage import CNY, People
from qrpay.values import claim

LINKED, PENDING = int(TransferFlag.LINKED), int(TransferFlag.PENDING)
TIMEOUTS_S: Final = (0, 4, 9, 31)
LIVES_S: Final = (30, 45, 90)
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
            "chain": self._chain,
        }  # fmt: skip
        make = verbs.get(call.verb)
        return None if make is None else make(call)

    def order(self, call: Call) -> NewOrder:
        """The order of a number; a till's scan has numbers of its own."""
        letter = "S" if call.verb == "scan" or (call.verb == "read" and call.other % 4 == 0) else "R"
        amount = 1 + call.thing * 37 % 260
        return NewOrder(f"{letter}-{call.thing}", amount, "CNY", expires_in=LIVES_S[call.thing % 3])

    def top_up(self, call: Call) -> tuple[int, int, str]:
        """Customer, amount and reference of a top-up."""
        return call.thing % CUSTOMERS, 50 + call.thing * 53 % 400, f"T-{call.thing}"

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

    # The services ----------------------------------------------------------------------------------------------

    async def _service(self, core: Core, call: Call) -> Answer:
        verbs: dict[str, Callable[[Core, Call], Awaitable[Answer]]] = {
            "pay": self._pay, "close": self._close, "close_unseen": self._close, "scan": self._scan,
            "read": self._read, "balance": self._balance, "top_up": self._top_up, "expire": self._expire,
            "release": self._release,
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
        return Answer("paid", {"made": made}, seen=payment, body=msgspec.json.encode(payment))

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

    async def _balance(self, core: Core, call: Call) -> Answer:
        account = self.people.customer(call.payer)
        found: dict[Any, Any] = dict(await core.ledger.lookup_accounts([account]))
        return Answer("seen", seen=found[account])

    async def _top_up(self, core: Core, call: Call) -> Answer:
        customer, amount, reference = self.top_up(call)
        return _of_outcomes([await e_accounts.top_up(core, self.people.customer(customer), amount, reference)])

    async def _expire(self, core: Core, _call: Call) -> Answer:
        return Answer("swept", {"count": await orders.expire(core)})

    async def _release(self, core: Core, _call: Call) -> Answer:
        return Answer("swept", {"count": await core.ledger.release_due_holds()})


def _of_outcomes(outcomes: "list[Outcome] | Any") -> Answer:
    results = [outcome.result for outcome in outcomes]
    said = next(
        (result for result in results if result not in (Result.CREATED, Result.LINKED_EVENT_FAILED)), results[0]
    )
    return Answer(said.name.lower(), outcomes=tuple(outcomes))
