"""Makes a failing plan short: leaves out calls and faults as long as it still fails (delta debugging)."""

import time
from collections.abc import Awaitable, Callable, Sequence

from msgspec.structs import replace

from qrpay.simulation.plan import Call, Fault, Plan, Round

Fails = Callable[[Plan], Awaitable[bool]]
Item = tuple[int, Call | Fault]


def items_of(plan: Plan) -> list[Item]:
    """Every call and fault with its round."""
    items: list[Item] = []
    for place, one in enumerate(plan.rounds):
        items += [(place, fault) for fault in one.faults]
        items += [(place, call) for call in one.calls]
    return items


def plan_of(plan: Plan, items: Sequence[Item]) -> Plan:
    """The same plan with these calls and faults alone; rounds that are left empty still let their time pass."""
    rounds = [
        Round(
            one.pause_s,
            [item for at, item in items if at == place and isinstance(item, Call)],
            [item for at, item in items if at == place and isinstance(item, Fault)],
        )
        for place, one in enumerate(plan.rounds)
    ]
    while rounds and not rounds[-1].calls and not rounds[-1].faults:
        rounds.pop()
    return replace(plan, rounds=rounds)


async def shrunk(plan: Plan, fails: Fails, for_s: float, told: Callable[[int], None] = lambda _length: None) -> Plan:
    """The shortest plan found in this time that still fails. Ends of the history go first, then ever smaller parts.

    fails  whether a plan fails often enough; real concurrency differs from run to run, so it plays several times
    told   hears the length whenever it got shorter
    """
    until = time.monotonic() + for_s
    items, parts = items_of(plan), 2
    while len(items) > 1 and time.monotonic() < until:
        size = max(1, len(items) // parts)
        starts = range(0, len(items), size)
        for start in reversed(starts):
            shorter = [*items[:start], *items[start + size :]]
            if time.monotonic() < until and await fails(plan_of(plan, shorter)):
                items, parts = shorter, max(2, parts - 1)
                told(len(items))
                break
        else:
            if size == 1:
                break
            parts = min(len(items), parts * 2)
    return plan_of(plan, items)
