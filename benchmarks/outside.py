"""The three zeros seen from outside, for a server of which nothing but a URL is known: by its own API alone."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
from msgspec import Struct

from benchmarks import generator
from benchmarks.books import Books
from benchmarks.figures import Verdict
from benchmarks.generator import OK, Address
from benchmarks.town import Customer, Town, known, order_text
from qrpay.values import Id

READERS: Final = 64
READING_S_MAX: Final = 600


class _Balance(Struct):
    posted: int


class _Account(Struct):
    balance: _Balance


class _Paid(Struct):
    order: str
    amount: int


class _Light(Struct):
    balanced: bool


async def balances(town: Town, address: Address) -> dict[Id, int]:
    """What every customer has now, by account, as the API says it."""
    everybody: Sequence[Customer] = [*town.people, *town.poor]
    asks = [town.get(f"/v1/accounts/{person.account}", person.access_token) for person in everybody]
    read = await generator.run(address, asks, callers=READERS, seconds=READING_S_MAX, good=(OK,), bodies=True)
    if set(read.statuses) != {OK}:
        raise SystemExit(f"balances cannot be read: {read.counts}")
    return {
        known("acc_", person.account): msgspec.json.decode(body, type=_Account).balance.posted
        for person, body in zip(everybody, read.bodies, strict=True)
    }


async def compare(books: Books, town: Town, address: Address, before: Mapping[Id, int], issued: int) -> Verdict:
    """Each acknowledged payment is read back; nobody's balance may have fallen by more than was acknowledged.

    doubled     accounts that lost more than that
    unbalanced  1 when the public money light says that the books do not balance
    """
    tokens = {known("acc_", person.account): person.access_token for person in [*town.people, *town.poor]}
    payments = list(books.acknowledged.values())
    asks = [town.get(f"/v1/payments/{order_text(paid.order)}", tokens[paid.debit]) for paid in payments]
    read = await generator.run(address, asks, callers=READERS, seconds=READING_S_MAX, good=(OK,), bodies=True)
    missing = len(payments) - read.asked
    for paid, status, body in zip(payments, read.statuses, read.bodies, strict=False):
        there = status == OK and msgspec.json.decode(body, type=_Paid)
        missing += not there or (there.order, there.amount) != (order_text(paid.order), paid.amount)
    fell: dict[Id, int] = defaultdict(int)
    for paid in payments:
        fell[paid.debit] += paid.amount
    for paid in books.unknown.values():
        if paid.order not in books.acknowledged:
            fell[paid.debit] += paid.amount
    after = await balances(town, address)
    doubled = sum(before[account] - after[account] > fell[account] for account in before)
    light = await generator.run(
        address, [town.get("/v1/ledger/conservation", "")], callers=1, seconds=60, good=(OK,), bodies=True
    )
    balanced = light.counts == {"200": 1} and msgspec.json.decode(light.bodies[0], type=_Light).balanced
    return Verdict(len(payments), missing, books.twice + doubled, int(not balanced), issued, 0, outside=True)
