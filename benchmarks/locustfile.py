"""The kit's scenarios for Locust. `qrpay bench seed` writes the credentials.

    locust -f benchmarks/locustfile.py --headless -u 64 -r 64 -t 60s [--tags hot]

Tags: hot, spread, till, orders, statements, balance. Without them it is a mixed day, in which hot and orders are rare.
QRPAY_CREDENTIALS names another file than bench/credentials.json.
Locust's own client is the limit at about a thousand requests a second a process: add `--processes -1`.
"""

# Locust is not in the lock, so nothing is known of its types.
# mypy: disable-error-code="untyped-decorator,misc"

import json
import os
import random
import uuid
from itertools import accumulate
from pathlib import Path
from typing import Any

from locust import FastHttpUser, constant, tag, task

TOWN = json.loads(Path(os.environ.get("QRPAY_CREDENTIALS", "bench/credentials.json")).read_text())
SHOPS, PEOPLE = TOWN["merchants"], TOWN["customers"]
FEW = list(accumulate(1 / rank for rank in range(1, len(SHOPS) + 1)))
MANY = list(accumulate(1 / rank for rank in range(1, len(PEOPLE) + 1)))


def zipf(things: list[dict[str, str]], weights: list[float]) -> dict[str, str]:
    """One of them, the busiest most often."""
    return random.choices(things, cum_weights=weights)[0]


class Town(FastHttpUser):
    """Somebody who shops, and the shops."""

    host = TOWN["base_url"]
    wait_time = constant(0)

    def ask(self, path: str, bearer: str, body: dict[str, Any], name: str, good: int) -> Any:
        """Send one POST; its JSON, or None when the answer is not the good one."""
        headers = {"Authorization": f"Bearer {bearer}"}
        with self.client.post(path, json=body, headers=headers, name=name, catch_response=True) as answer:
            if answer.status_code != good:
                answer.failure(f"{answer.status_code}: {answer.text[:200]}")
                return None
            return answer.json()

    def bill(self) -> dict[str, Any]:
        """What is owed, under a reference that no other request has."""
        return {"reference": uuid.uuid4().hex, "amount": random.randint(1, 5_000), "currency": "CNY"}

    def shop_and_pay(self, shop: dict[str, str], payer: dict[str, str]) -> None:
        """A shop shows a code, a wallet looks at it, then pays."""
        order = self.ask("/v1/orders", shop["secret_key"], self.bill(), "order", 201)
        if order is None:
            return
        scanned, token = {"scanned": order["code"]["payload"]}, payer["access_token"]
        self.ask("/v1/scans", token, scanned, "scan", 200)
        paid = self.ask("/v1/payments", token, scanned, "pay", 201)
        assert paid is None or (paid["status"], paid["amount"]) == ("paid", order["amount"])

    @tag("hot")
    @task(1)
    def hot(self) -> None:
        """Everybody pays one merchant."""
        self.shop_and_pay(SHOPS[0], random.choice(PEOPLE))

    @tag("spread")
    @task(55)
    def spread(self) -> None:
        """Merchants and payers by Zipf."""
        self.shop_and_pay(zipf(SHOPS, FEW), zipf(PEOPLE, MANY))

    @tag("till")
    @task(30)
    def till(self) -> None:
        """A customer shows a code, the shop's till charges it."""
        shown = self.ask("/v1/payment-codes", zipf(PEOPLE, MANY)["access_token"], {}, "payment code", 201)
        if shown is not None:
            report = self.bill() | {"scanned": shown["digits"]}
            self.ask("/v1/callbacks/scan", zipf(SHOPS, FEW)["secret_key"], report, "charge", 200)

    @tag("orders")
    @task(1)
    def orders(self) -> None:
        """Orders are opened, and nobody pays."""
        self.ask("/v1/orders", zipf(SHOPS, FEW)["secret_key"], self.bill(), "order", 201)

    @tag("statements")
    @task(5)
    def statements(self) -> None:
        """A customer reads the newest lines of the statement."""
        reader = zipf(PEOPLE, MANY)
        headers = {"Authorization": f"Bearer {reader['access_token']}"}
        self.client.get(f"/v1/accounts/{reader['account']}/entries", headers=headers, name="statement")

    @tag("balance")
    @task(10)
    def balance(self) -> None:
        """A customer looks at the account."""
        reader = zipf(PEOPLE, MANY)
        headers = {"Authorization": f"Bearer {reader['access_token']}"}
        self.client.get(f"/v1/accounts/{reader['account']}", headers=headers, name="balance")
