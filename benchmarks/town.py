"""Everybody who takes part, as one file of credentials says it, and the requests that they send."""

import random
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import accumulate
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct

from benchmarks.generator import Address
from qrpay.features.merchants.service import account_of
from qrpay.values import Id, id_from_text, id_text

AMOUNT_MAX: Final = 5_000
POOR_SHARE: Final = 0.05
ZIPF: Final = 1.0
"""Exponent: the n-th busiest is chosen 1/n as often as the busiest."""
CURRENCY: Final = "CNY"


class Customer(Struct, frozen=True):
    """Somebody who pays: ids as the API writes them, and a token."""

    id: str
    account: str
    access_token: str


class Merchant(Struct, frozen=True):
    """Somebody who is paid; name, city, mcc and country as they stand in its codes."""

    id: str
    secret_key: str
    name: str
    city: str
    mcc: str
    country: str


class Credentials(Struct, frozen=True):
    """What `qrpay bench seed` writes and every generator reads. `poor` are customers without money."""

    base_url: str
    expires_at: str
    merchants: list[Merchant]
    customers: list[Customer]
    poor: list[Customer]


class Due(Struct, frozen=True):
    """An order that waits to be paid, as a wallet sees it; a line of the file of codes."""

    order: str
    merchant: str
    amount: int
    scanned: str


class Payment(Struct, frozen=True):
    """A payment that will be asked for: what the ledger must show once it was acknowledged."""

    order: Id
    debit: Id
    credit: Id
    amount: int


def known(prefix: str, text: str) -> Id:
    """An id that the house wrote itself."""
    id = id_from_text(prefix, text)
    assert id is not None, f"{text} is no id of ours"
    return id


def read_credentials(file: Path) -> Credentials:
    """Of a file that `qrpay bench seed` wrote; says so when its tokens are over."""
    try:
        found = msgspec.json.decode(file.read_bytes(), type=Credentials)
    except (OSError, msgspec.MsgspecError) as reason:
        raise SystemExit(f"{file} cannot be read ({reason}): `qrpay bench seed` writes one") from None
    if datetime.fromisoformat(found.expires_at) < datetime.now(UTC):
        raise SystemExit(f"the tokens in {file} ended at {found.expires_at}: run `qrpay bench seed` again")
    return found


class Town:
    """Draws who pays whom, and writes their requests byte by byte. The same seed draws the same."""

    def __init__(self, credentials: Credentials, address: Address, seed: int = 7) -> None:
        self.credentials = credentials
        self.people, self.poor, self.shops = credentials.customers, credentials.poor, credentials.merchants
        self.address = address
        self.random = random.Random(seed)
        self._accounts = {person.id: known("acc_", person.account) for person in [*self.people, *self.poor]}
        self._payees = {shop.id: account_of(known("mer_", shop.id), CURRENCY) for shop in self.shops}
        self._many = list(accumulate(1 / rank**ZIPF for rank in range(1, len(self.people) + 1)))
        self._few = list(accumulate(1 / rank**ZIPF for rank in range(1, len(self.shops) + 1)))
        self._run = f"{time.time_ns():x}"
        self._references = 0

    # Who ---------------------------------------------------------------------------------------------------------

    def payers(self, count: int, *, spread: bool = False, declined: bool = False) -> list[Customer]:
        """So many payers: anybody, or by Zipf; `declined`: one in twenty has no money."""
        draw = self.random
        if spread:
            return draw.choices(self.people, cum_weights=self._many, k=count)
        chosen = draw.choices(self.people, k=count)
        if declined:
            chosen = [draw.choice(self.poor) if draw.random() < POOR_SHARE else payer for payer in chosen]
        return chosen

    def payees(self, count: int, *, spread: bool = False) -> list[Merchant]:
        """So many payees: the one hot merchant, or by Zipf."""
        if spread:
            return self.random.choices(self.shops, cum_weights=self._few, k=count)
        return [self.shops[0]] * count

    def payment(self, due: Due, payer: Customer) -> Payment:
        """What the ledger shows once this customer has paid it."""
        return Payment(known("ord_", due.order), self._accounts[payer.id], self._payees[due.merchant], due.amount)

    def charge(self, order: str, payer: Customer, payee: Merchant, amount: int) -> Payment:
        """What the ledger shows once this merchant has charged the customer's code."""
        return Payment(known("ord_", order), self._accounts[payer.id], self._payees[payee.id], amount)

    # What they ask for -------------------------------------------------------------------------------------------

    def orders(self, payees: Sequence[Merchant]) -> Iterator[tuple[bytes, int]]:
        """Requests that each open an order, and its amount."""
        for shop in payees:
            ask = self._bill()
            yield self.post("/v1/orders", shop.secret_key, ask | {"description": "Two coffees"}), ask["amount"]

    def reports(self, digits: Sequence[str], payees: Sequence[Merchant]) -> Iterator[tuple[bytes, int]]:
        """Requests of tills that each charge a customer's code, and the amount."""
        for scanned, shop in zip(digits, payees, strict=True):
            ask = self._bill()
            yield self.post("/v1/callbacks/scan", shop.secret_key, ask | {"scanned": scanned}), ask["amount"]

    def _bill(self) -> dict[str, Any]:
        self._references += 1
        amount = self.random.randint(1, AMOUNT_MAX)
        return {"reference": f"{self._run}-{self._references}", "amount": amount, "currency": CURRENCY}

    def pay(self, due: Due, payer: Customer) -> bytes:
        """The request that pays it."""
        return self.post("/v1/payments", payer.access_token, {"scanned": due.scanned})

    def scan(self, due: Due, payer: Customer) -> bytes:
        """The scan that goes before."""
        return self.post("/v1/scans", payer.access_token, {"scanned": due.scanned})

    def payment_code(self, payer: Customer) -> bytes:
        """A customer asks for a code to show."""
        return self.post("/v1/payment-codes", payer.access_token, {})

    def statement(self, payer: Customer) -> bytes:
        """A customer reads the newest twenty lines of the account's statement."""
        return self.get(f"/v1/accounts/{payer.account}/entries", payer.access_token)

    def post(self, path: str, bearer: str, body: Any) -> bytes:
        """A POST, as it goes over the wire."""
        content = msgspec.json.encode(body)
        head = (
            f"POST {path} HTTP/1.1\r\nHost: {self.address.name}\r\nUser-Agent: qrpay-bench\r\n"
            f"Accept: application/json\r\nAuthorization: Bearer {bearer}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
        )
        return head.encode() + content

    def get(self, path: str, bearer: str) -> bytes:
        """A GET, as it goes over the wire."""
        return (
            f"GET {path} HTTP/1.1\r\nHost: {self.address.name}\r\nUser-Agent: qrpay-bench\r\n"
            f"Accept: application/json\r\nAuthorization: Bearer {bearer}\r\n\r\n"
        ).encode()


def order_text(id: Id) -> str:
    """As the API writes it."""
    return id_text("ord_", id)
