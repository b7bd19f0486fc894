"""A day in a minute's fraction: shops, tills and statements side by side, offered as they come, with both its peaks.

The load is open: it comes whether the server keeps up or not. What follows from an answer (scan, then pay) is sent at
once on the same connection, and counts from there.
"""

from collections import defaultdict
from random import Random
from typing import Final

import msgspec
from msgspec import Struct

from benchmarks import generator
from benchmarks.figures import Day, Hour, Kind
from benchmarks.generator import CREATED, OK, percentile
from benchmarks.scenarios import Bench
from benchmarks.town import Customer, Due, Merchant, Payment

HOURS: Final = (2, 1, 1, 1, 2, 4, 12, 30, 38, 36, 45, 78, 100, 66, 42, 40, 46, 70, 96, 88, 60, 38, 18, 6)
"""How busy each hour is, of the busiest, noon; the second peak is the evening's shopping."""
SHARES: Final = {"order": 55, "code": 30, "statement": 5, "balance": 10}
"""How a story begins, in hundredths: a shop shows a code; a customer shows one; somebody looks."""
SECOND: Final = {"order": 3, "code": 2, "statement": 1, "balance": 1}
"""Requests a story takes."""
CONNECTIONS: Final = 256


class _Story(Struct):
    """What one connection is in the middle of; `amount` is in minor units."""

    kind: str
    hour: int
    payer: Customer
    shop: Merchant
    amount: int = 0
    due: Due | None = None
    due_payment: Payment | None = None


class _Answer(Struct):
    """What is read of an answer."""

    id: str = ""
    digits: str = ""
    code: dict[str, str] | None = None


class _Clerk:
    """Follows every story, request by request, and writes down what was answered."""

    def __init__(self, bench: Bench, stories: list[_Story]) -> None:
        self.bench, self.town = bench, bench.maker.town
        self.stories = stories
        self.latencies: dict[str, list[float]] = defaultdict(list)
        self.hours: dict[int, list[float]] = defaultdict(list)
        self.refused: dict[str, int] = defaultdict(int)
        self.doubtful: list[tuple[bytes, Payment]] = []

    def follow(self, place: int, status: int, body: bytes, seconds: float) -> bytes | None:
        """Write the answer down; the request that follows from it."""
        story = self.stories[place]
        good = status in (OK, CREATED)
        if good:
            self.latencies[story.kind].append(seconds)
            self.hours[story.hour].append(seconds)
        else:
            self.refused[story.kind] += 1
        following = self._next(story, status, body) if good else None
        if story.due_payment is not None and story.kind in ("pay", "charge") and (good or status >= 500):
            self.bench.books.enter(status, story.due_payment)
        if following is None:
            return None
        kind, request = following
        self.stories.append(msgspec.structs.replace(story, kind=kind, due_payment=story.due_payment))
        return request

    def _next(self, story: _Story, status: int, body: bytes) -> tuple[str, bytes] | None:
        town = self.town
        match story.kind:
            case "order":
                answer = msgspec.json.decode(body, type=_Answer)
                assert answer.code is not None
                self.bench.maker.issued += 1
                story.due = Due(answer.id, story.shop.id, story.amount, answer.code["payload"])
                return "scan", town.scan(story.due, story.payer)
            case "scan":
                assert story.due is not None
                story.due_payment = town.payment(story.due, story.payer)
                self.bench.books.enter(0, story.due_payment)  # until its answer comes
                return "pay", town.pay(story.due, story.payer)
            case "code":
                digits = msgspec.json.decode(body, type=_Answer).digits
                ((request, story.amount),) = town.reports([digits], [story.shop])
                return "charge", request
            case "charge":
                order = msgspec.json.decode(body, type=_Answer).id
                story.due_payment = town.charge(order, story.payer, story.shop, story.amount)
        return None


async def live(bench: Bench, seconds: float, peak: float, seed: int = 24) -> Day:
    """One day in so many seconds, with `peak` requests a second offered in its busiest hour."""
    random, town = Random(seed), bench.maker.town
    starts = sum(SHARES[kind] * SECOND[kind] for kind in SHARES) / sum(SHARES.values())
    hour_s = seconds / len(HOURS)
    due: list[float] = []
    stories: list[_Story] = []
    requests: list[bytes] = []
    for hour, busy in enumerate(HOURS):
        moments = generator.moments(peak * busy / max(HOURS) / starts, hour_s, random)
        kinds = random.choices(list(SHARES), weights=list(SHARES.values()), k=len(moments))
        payers, shops = town.payers(len(moments), spread=True), town.payees(len(moments), spread=True)
        for moment, kind, payer, shop in zip(moments, kinds, payers, shops, strict=True):
            story = _Story(kind, hour, payer, shop)
            due.append(hour * hour_s + moment)
            stories.append(story)
            requests.append(_first(bench, story))
    clerk = _Clerk(bench, stories)
    shift = await generator.run_open(
        bench.address, requests, due, connections=CONNECTIONS, seconds=seconds, good=(OK, CREATED),
        follow=clerk.follow, watched=bench.watched,
    )  # fmt: skip
    hours = []
    for hour in range(len(HOURS)):
        found = sorted(clerk.hours[hour])
        offered = sum(SECOND[story.kind] for story in stories[: len(due)] if story.hour == hour)
        hours.append(Hour(offered, len(found), percentile(found, 0.5) * 1e3, percentile(found, 0.99) * 1e3))
    kinds_found = [
        Kind(name, len(found), clerk.refused[name], percentile(found, 0.5) * 1e3, percentile(found, 0.99) * 1e3)
        for name, found in ((name, sorted(found)) for name, found in clerk.latencies.items())
    ]
    busiest = max(hours, key=lambda one: one.offered)
    return Day(
        seconds, shift.rate, busiest.good / hour_s, hours, kinds_found, shift.busy, percentile(shift.late, 0.99) * 1e3
    )


def _first(bench: Bench, story: _Story) -> bytes:
    town = bench.maker.town
    match story.kind:
        case "order":
            ((request, story.amount),) = town.orders([story.shop])
            return request
        case "code":
            return town.payment_code(story.payer)
        case "statement":
            return town.statement(story.payer)
        case _:
            return town.get(f"/v1/accounts/{story.payer.account}", story.payer.access_token)
