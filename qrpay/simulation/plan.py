"""A plan: what every client will ask and what will break, drawn from a seed before anything runs.

It is data, so it replays, travels as JSON, and can be made shorter one call or fault at a time.
"""

from collections.abc import Mapping, Sequence
from random import Random
from typing import Final, Literal, get_args

from msgspec import Struct

Verb = Literal[
    "pay", "close", "close_unseen", "scan", "read", "balance", "top_up", "send", "hold", "post", "void", "refund",
    "chain", "expire", "release", "freeze", "unfreeze", "shut", "reopen", "drain", "correct", "cap", "statement",
    "balance_at", "give_back", "settle", "payout",
]  # fmt: skip
FaultKind = Literal[
    "worker_killed", "postgres_killed", "cut_unsent", "cut_before_commit", "cut_after_commit", "stalled_commit",
    "stalled_answer", "stalled_transaction", "locked_account", "deadlock", "clock_jump", "queue_full",
]  # fmt: skip
FAULTS: Final[tuple[FaultKind, ...]] = get_args(FaultKind)
ON_A_SERVER_OF_OTHERS: Final = tuple(kind for kind in FAULTS if kind != "postgres_killed")

CUSTOMERS: Final = 8
MERCHANTS: Final = 2
WORKERS: Final = 3
PAUSE_S: Final = 5
"""Simulated seconds between two rounds, on average; in each round about as many calls are made as there are clients."""
START_CLIENTS: Final = 12
STARTS: Final = (
    "2026-12-30T04:00:00+00:00",  # noon in Beijing
    "2026-12-30T15:58:30+00:00",  # shortly before midnight there
    "2026-12-31T15:58:30+00:00",  # shortly before New Year there
    "2026-12-30T15:59:40+00:00",  # so shortly before midnight that most of it is settled the next day
)


class Call(Struct, frozen=True):
    """What one client asks once.

    client  who asks                    worker  which worker is asked
    thing   which order, hold, …        amount  minor units, where the thing does not say it
    payer, payee  customers by number   other   for some verbs: another thing, or how long a chain is
    delay   rounds that the call is under way before it arrives
    twice   it arrives twice, at two workers
    lost    the answer does not come back, so the client asks again
    """

    number: int
    verb: Verb
    client: int
    worker: int
    thing: int = 0
    amount: int = 0
    payer: int = 0
    payee: int = 0
    other: int = 0
    delay: int = 0
    twice: bool = False
    lost: bool = False


class Fault(Struct, frozen=True):
    """What breaks.

    worker  whose connections          after    statements that pass before it bites
    for_ms  how long it lasts          account  a customer by number
    by_s    how far the clock jumps
    """

    kind: FaultKind
    worker: int = 0
    after: int = 0
    for_ms: int = 0
    account: int = 0
    by_s: int = 0


class Round(Struct, frozen=True):
    """What happens at once, after the clock has gone on by `pause_s`."""

    pause_s: int
    calls: Sequence[Call]
    faults: Sequence[Fault] = ()


class Plan(Struct, frozen=True):
    """A history before it happens. `clients` act over `pause_s` of all rounds: that is its simulated time."""

    seed: int
    clients: int
    start: str
    rounds: Sequence[Round]

    @property
    def client_minutes(self) -> float:
        """Clients, times the simulated minutes that pass between rounds. Jumps of the clock do not count."""
        return self.clients * sum(one.pause_s for one in self.rounds) / 60

    @property
    def length(self) -> int:
        """Calls and faults."""
        return sum(len(one.calls) + len(one.faults) for one in self.rounds)


WEIGHTS: Final[Mapping[Verb, int]] = {
    "pay": 30, "close": 5, "close_unseen": 1, "scan": 8, "read": 5, "balance": 4, "top_up": 6, "send": 14, "hold": 10,
    "post": 8, "void": 4, "refund": 6, "chain": 7, "expire": 2, "release": 2,
    "freeze": 3, "unfreeze": 9, "shut": 3, "reopen": 3, "drain": 5, "correct": 5, "cap": 4, "statement": 3,
    "balance_at": 3, "give_back": 12, "settle": 4, "payout": 4,
}  # fmt: skip


def drawn(
    seed: int, minutes: float, clients: int, faults: Sequence[FaultKind], weights: Mapping[Verb, int] = WEIGHTS
) -> Plan:
    """The plan of a seed: `minutes` of simulated time, each client asking about once in PAUSE_S.

    weights  how often each verb is asked, among the others
    """
    random = Random(seed)  # noqa: S311 - a schedule, no secret
    rounds: list[Round] = []
    left_s, number = minutes * 60, 0
    while left_s > 0:
        pause_s = random.choice((1, 2, 3, 5, 7, 12))
        left_s -= pause_s
        calls = []
        for client in range(clients):
            if random.random() < 0.15:
                continue
            calls.append(_call(random, number, client, len(rounds), weights))
            number += 1
        random.shuffle(calls)
        broken = [_fault(random, random.choice(faults))] if faults and random.random() < 0.45 else []
        for fault in broken:
            if fault.kind == "queue_full":
                flood = [_call(random, number + n, n % clients, len(rounds), {"send": 1}) for n in range(60)]
                calls += [_at(call, fault.worker) for call in flood]
                number += 60
        rounds.append(Round(pause_s, calls, broken))
    return Plan(seed, clients, random.choice(STARTS), rounds)


def _call(random: Random, number: int, client: int, rounds: int, weights: Mapping[Verb, int]) -> Call:
    """Things are few and recent, so that calls meet each other."""
    [verb] = random.choices(list(weights), list(weights.values()))
    recent = max(0, rounds * 3 + random.randrange(-9, 4) - (6 if verb == "give_back" else 0))
    return Call(
        number=number,
        verb=verb,
        client=client,
        worker=random.randrange(WORKERS),
        thing=recent,
        amount=random.choice((1, 2, 5, 10, 40, 100, 100, 250)),
        payer=random.randrange(CUSTOMERS),
        payee=random.randrange(CUSTOMERS),
        other=random.randrange(16),
        delay=random.choice((0,) * 8 + (1, 2)),
        twice=random.random() < 0.12,
        lost=random.random() < 0.10,
    )


def _at(call: Call, worker: int) -> Call:
    return Call(
        call.number, call.verb, call.client, worker, call.thing, call.amount, call.payer, call.payee, call.other
    )


def _fault(random: Random, kind: FaultKind) -> Fault:
    return Fault(
        kind,
        worker=random.randrange(WORKERS),
        after=random.randrange(3),
        for_ms=random.choice((30, 80, 150, 400, 2_500)) if kind == "stalled_commit" else random.choice((30, 80, 200)),
        account=random.randrange(CUSTOMERS),
        by_s=random.choice((-3_600, -90, -5, 20, 61, 600, 7_200, 90_000)),
    )
