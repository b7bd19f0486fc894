"""Customers, merchants, tokens and signed codes in bulk, by the house's own services; no request of it is measured."""

import random
import time
from datetime import timedelta
from itertools import accumulate
from typing import Final

import msgspec
from msgspec import Struct

from qrpay.codes.payload import CodeContent, sign_code
from qrpay.core import Core
from qrpay.features.e_accounts import service as e_accounts
from qrpay.features.e_accounts.masks import masked_name
from qrpay.features.e_accounts.tokens import token_of
from qrpay.features.merchants import service as merchants
from qrpay.features.merchants.model import MerchantCard, NewMerchant
from qrpay.features.orders import store as orders
from qrpay.features.orders.model import OrderRow
from qrpay.ledger.chart import AccountCode, TransferCode
from qrpay.ledger.model import AccountFlag, NewAccount, Transfer
from qrpay.values import CURRENCIES, Id, new_id
from qrpay.web.callers import Wallet

CNY: Final = CURRENCIES["CNY"].numeric
RICH: Final = 10_000_000_000
AMOUNT_MAX: Final = 5_000
POOR_SHARE: Final = 0.05
LIFE: Final = timedelta(hours=12)
CHUNK: Final = 5_000
ZIPF: Final = 1.0
"""Exponent: the n-th busiest is chosen 1/n as often as the busiest."""


class Person(Struct, frozen=True):
    """Somebody who pays: the ledger account, and the head lines of a request with its token."""

    account: Id
    token: str


class Shop(Struct, frozen=True):
    """Somebody who is paid."""

    card: MerchantCard
    secret: str
    account: Id


class Payment(Struct, frozen=True):
    """A payment that will be asked for: what the ledger must show once it was acknowledged."""

    order: Id
    debit: Id
    credit: Id
    amount: int


class Town:
    """Everybody there is: people with money, a few without, shops; and what they ask for."""

    def __init__(self, core: Core, port: int) -> None:
        self.core = core
        self.people: list[Person] = []
        self.poor: list[Person] = []
        self.shops: list[Shop] = []
        self._host = f"Host: 127.0.0.1:{port}\r\nUser-Agent: qrpay-bench\r\nAccept: application/json\r\n"
        self._many: list[float] = []
        self._few: list[float] = []
        self._random = random.Random(7)

    async def fill(self, people: int, shops: int) -> None:
        """Take shops on, open accounts, put money in."""
        core = self.core
        for number in range(shops):
            taken = await merchants.add(core, NewMerchant(f"Shop {number}"))
            account = await merchants.ensure_account(core, taken.merchant.id, "CNY")
            self.shops.append(Shop(taken.merchant, taken.secret.text, account))
        self.people = await self._open(people)
        self.poor = await self._open(max(50, people // 20), first=people)
        cash = await e_accounts.bank_cash(core, "CNY")
        for start in range(0, people, CHUNK):
            await core.ledger.post_chain(
                [
                    Transfer(new_id(), cash, person.account, RICH, TransferCode.TOP_UP, CNY)
                    for person in self.people[start : start + CHUNK]
                ]
            )
        self._many = list(accumulate(1 / rank**ZIPF for rank in range(1, people + 1)))
        self._few = list(accumulate(1 / rank**ZIPF for rank in range(1, shops + 1)))
        self._random.shuffle(self.people)

    async def _open(self, count: int, first: int = 0) -> list[Person]:
        """Customers with an account and a token; without a PIN, whose Argon2 would take a minute for a thousand."""
        core = self.core
        ids = [(new_id(), new_id(), f"Payer {first + number}") for number in range(count)]
        guarded = int(AccountFlag.DEBITS_MUST_NOT_EXCEED_CREDITS)
        for start in range(0, count, CHUNK):
            chunk = ids[start : start + CHUNK]
            await core.ledger.create_accounts(
                [
                    NewAccount(account, CNY, AccountCode.CUSTOMER, guarded, day_limit=RICH, year_limit=RICH)
                    for _, account, _ in chunk
                ]
            )
            await core.database.execute(
                "INSERT INTO customers (id, name_sealed, name_masked, phone_hash, phone_sealed, phone_masked)"
                " SELECT * FROM unnest($1::uuid[], $2::bytea[], $3::text[], $4::bytea[], $5::bytea[], $6::text[])",
                [customer for customer, _, _ in chunk],
                [core.vault.seal("customer-name", name.encode()) for _, _, name in chunk],
                [masked_name(name) for _, _, name in chunk],
                [core.vault.mac("customer-phone", customer.bytes) for customer, _, _ in chunk],
                [core.vault.seal("customer-phone", name.encode()) for _, _, name in chunk],
                ["138****0000"] * len(chunk),
            )
            await core.database.execute(
                "INSERT INTO e_accounts (id, customer, class, currency)"
                " SELECT a, c, 'II', 'CNY' FROM unnest($1::uuid[], $2::uuid[]) AS t (a, c)",
                [account for _, account, _ in chunk],
                [customer for customer, _, _ in chunk],
            )
        until = int((core.clock() + LIFE).timestamp())
        return [
            Person(account, token_of(core.vault, Wallet(customer, account, CNY, until, masked_name(name))))
            for customer, account, name in ids
        ]

    # What they ask for ----------------------------------------------------------------------------------------

    async def payments(self, count: int, *, spread: bool, declined: bool = False) -> tuple[list[bytes], list[Payment]]:
        """Requests that each pay a fresh, stored order by its freshly signed code, which no worker has seen."""
        draw = self._random
        payers = (
            draw.choices(self.people, cum_weights=self._many, k=count) if spread else draw.choices(self.people, k=count)
        )
        if declined:
            payers = [draw.choice(self.poor) if draw.random() < POOR_SHARE else payer for payer in payers]
        payees = draw.choices(self.shops, cum_weights=self._few, k=count) if spread else [self.shops[0]] * count
        now = self.core.clock()
        now = now.replace(microsecond=now.microsecond // 1_000 * 1_000)
        until = now.replace(microsecond=0) + LIFE
        expires_at = int(until.timestamp())
        signer, guid = self.core.keyring.signer("code", now), self.core.settings.code_guid
        requests, expected, rows = [], [], []
        for payer, shop in zip(payers, payees, strict=True):
            card, order, amount = shop.card, new_id(), draw.randint(1, AMOUNT_MAX)
            content = CodeContent(
                card.id, order, amount, "CNY", card.name_latin, card.city, card.mcc, card.country, expires_at=expires_at
            )
            body = msgspec.json.encode({"scanned": sign_code(content, signer, guid)})
            requests.append(self._post("/v1/payments", payer.token, body))
            expected.append(Payment(order, payer.account, shop.account, amount))
            rows.append(
                OrderRow(order, card.id, order.hex, amount, "CNY", None, None, None, None, "merchant", None, now, until)
            )
        for start in range(0, count, CHUNK):
            await orders.keep(self.core.database, rows[start : start + CHUNK])
        return requests, expected

    @staticmethod
    def scan(payment: bytes) -> bytes:
        """The scan that goes before this payment."""
        return payment.replace(b"/v1/payments", b"/v1/scans", 1)

    def orders(self, count: int) -> list[bytes]:
        """Requests that each open an order, of shops by their busyness."""
        draw = self._random
        stamp = f"{time.time_ns():x}"
        return [
            self._post(
                "/v1/orders",
                shop.secret,
                msgspec.json.encode(
                    {
                        "reference": f"{stamp}-{number}",
                        "amount": draw.randint(1, AMOUNT_MAX),
                        "currency": "CNY",
                        "description": "Two coffees",
                    }
                ),
            )
            for number, shop in enumerate(draw.choices(self.shops, cum_weights=self._few, k=count))
        ]

    def for_update(self, count: int, people: int) -> list[bytes]:
        """Requests to the hand-written server: many payers, one payee, who is account 0."""
        draw = self._random
        return [
            self._post(
                "/pay",
                draw.choice(self.people).token,
                msgspec.json.encode(
                    {
                        "order": str(new_id()),
                        "payer": draw.randint(1, people),
                        "payee": 0,
                        "amount": draw.randint(1, AMOUNT_MAX),
                    }
                ),
            )
            for _ in range(count)
        ]

    def _post(self, path: str, bearer: str, body: bytes) -> bytes:
        head = (
            f"POST {path} HTTP/1.1\r\n{self._host}Authorization: Bearer {bearer}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body
