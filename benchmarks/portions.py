"""Requests made beforehand, a portion of a cell at a time, and what the ledger must show of each of them."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

import msgspec
from msgspec import Struct

from benchmarks import generator, seed
from benchmarks.figures import Name
from benchmarks.generator import CREATED, OK, Address
from benchmarks.town import AMOUNT_MAX, Customer, Due, Merchant, Payment, Town
from qrpay.core import Core
from qrpay.values import new_id

PORTION: Final = 8_000
"""Codes issued, then paid, at a time: a worker remembers that it signed a code for at least 8,192 others (codes.Reader
keeps 16,384 by halves), so in a portion none is forgotten before it is paid. In a shop one is paid a minute later."""
PREPARERS: Final = 64
PREPARING_S_MAX: Final = 60


class Portion(Struct):
    """Requests made beforehand.

    paid   what the ledger must show of each, when the answer says yes
    dealt  whether they are dealt to the callers in turn: each caller is one wallet, and keeps its connection
    """

    requests: Sequence[bytes]
    paid: Callable[[int, bytes], Payment] | None = None
    good: Sequence[int] = (CREATED,)
    bodies: bool = False
    dealt: bool = False


class _Code(Struct):
    payload: str


class _Issued(Struct):
    """What is read of an order's answer."""

    id: str
    code: _Code | None = None


class _Shown(Struct):
    """What is read of a payment code's answer."""

    digits: str


class Maker:
    """Makes portions for one server. `core`: of the same house, to issue codes elsewhere; `codes`: those of a file."""

    def __init__(self, town: Town, address: Address, core: Core | None, codes: Iterator[Due] | None = None) -> None:
        self.town, self.address, self.core, self.codes = town, address, core, codes
        self.issued = 0

    async def make(self, name: Name, count: int, wallets: int = 0) -> Portion:
        """About so many requests for a cell of this kind; of some kinds at most PORTION.

        wallets: payments to the hot merchant are made by so many wallets in turn, and orders opened by so many tills;
        0: each by anybody.
        """
        town = self.town
        match name:
            case "orders":
                tills = town.payees(wallets or count, spread=True)
                payees = [tills[place % len(tills)] for place in range(count)]
                return Portion([request for request, _ in town.orders(payees)], dealt=wallets > 0)
            case "statements":
                return Portion([town.statement(reader) for reader in town.payers(count, spread=True)], good=(OK,))
            case "for update" | "running balance":
                return Portion(self._transfers(count))
            case "till":
                return await self._till(min(PORTION, count))
            case "fresh":
                dues = await self.elsewhere(count)
                return self.payments(dues, self._in_turn(len(dues), wallets), dealt=wallets > 0)
            case "scanned":
                # As a wallet does: it shows what a code says before it pays.
                dues = await self.elsewhere(min(PORTION, count))
                payers = self._in_turn(len(dues), wallets)
                scans = [town.scan(due, payer) for due, payer in zip(dues, payers, strict=True)]
                await generator.run(self.address, scans, callers=PREPARERS, seconds=PREPARING_S_MAX, good=(OK,))
                return self.payments(dues, payers, dealt=wallets > 0)
            case "issued":
                dues = await self.issue(town.payees(min(PORTION, count)))
                return self.payments(dues, self._in_turn(len(dues), wallets), dealt=wallets > 0)
            case _:
                spread = name == "spread"
                dues = await self.issue(town.payees(min(PORTION, count), spread=spread))
                return self.payments(dues, town.payers(len(dues), spread=spread, declined=name == "declined"))

    def payments(
        self, dues: Sequence[Due], payers: Sequence[Customer] | None = None, *, dealt: bool = False
    ) -> Portion:
        """Pay these, everybody one."""
        town = self.town
        pairs = list(zip(dues, payers or town.payers(len(dues)), strict=True))
        return Portion([town.pay(*pair) for pair in pairs], lambda place, _: town.payment(*pairs[place]), dealt=dealt)

    def _in_turn(self, count: int, wallets: int) -> list[Customer]:
        """So many payers: these wallets one after the other, again and again."""
        town = self.town
        if not wallets:
            return town.payers(count)
        own = town.random.sample(town.people, min(wallets, len(town.people)))
        return [own[place % wallets % len(own)] for place in range(count)]

    async def elsewhere(self, count: int) -> list[Due]:
        """Stored orders whose codes no worker has seen; the file's, when there is no house to sign them."""
        if self.codes is not None:
            found = [due for due, _ in zip(self.codes, range(count), strict=False)]
            if not found:
                raise SystemExit("the file of codes is used up: `qrpay bench seed --codes` writes a new one")
            return found
        assert self.core is not None
        draw = self.town.random
        amounts = [draw.randint(1, AMOUNT_MAX) for _ in range(count)]
        return await seed.issue_elsewhere(self.core, self.town.payees(count), amounts)

    async def issue(self, payees: Sequence[Merchant]) -> list[Due]:
        """Orders opened on the server itself, as in a shop; their codes as its answers say."""
        asked = list(self.town.orders(payees))
        shift = await generator.run(
            self.address, [request for request, _ in asked],
            callers=PREPARERS, seconds=PREPARING_S_MAX, bodies=True, patient=True,
        )  # fmt: skip
        dues = []
        for place, status in enumerate(shift.statuses):
            if status == CREATED:
                order = msgspec.json.decode(shift.bodies[place], type=_Issued)
                assert order.code is not None
                dues.append(Due(order.id, payees[place].id, asked[place][1], order.code.payload))
        if not dues:
            raise SystemExit(f"the server opened no order: {shift.counts}; {shift.bodies[:1]}")
        self.issued += len(dues)
        return dues

    async def _till(self, count: int) -> Portion:
        """Customers' codes, drawn on the server, and tills that report them."""
        town = self.town
        asking = town.payers(count)
        shown = await generator.run(
            self.address, [town.payment_code(payer) for payer in asking],
            callers=PREPARERS, seconds=PREPARING_S_MAX, bodies=True,
        )  # fmt: skip
        pairs = [
            (payer, msgspec.json.decode(body, type=_Shown).digits)
            for payer, status, body in zip(asking, shown.statuses, shown.bodies, strict=False)
            if status == CREATED
        ]
        payees = town.payees(len(pairs), spread=True)
        reports = list(town.reports([digits for _, digits in pairs], payees))

        def paid(place: int, body: bytes) -> Payment:
            order = msgspec.json.decode(body, type=_Issued).id
            return town.charge(order, pairs[place][0], payees[place], reports[place][1])

        return Portion([request for request, _ in reports], paid, (OK,), bodies=True)

    def _transfers(self, count: int) -> list[bytes]:
        """Requests to the hand-written servers: many payers, one payee, who is account 0."""
        draw, people = self.town.random, self.town.people
        return [
            self.town.post(
                "/pay",
                draw.choice(people).access_token,
                {
                    "order": str(new_id()),
                    "payer": draw.randint(1, len(people)),
                    "payee": 0,
                    "amount": draw.randint(1, AMOUNT_MAX),
                },
            )
            for _ in range(count)
        ]
