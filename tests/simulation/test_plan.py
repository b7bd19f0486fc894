"""Plans: a seed says all of it, a plan travels, and a shorter plan is the same one with less in it."""

import msgspec

from qrpay.simulation.plan import FAULTS, Call, Fault, Plan, drawn
from qrpay.simulation.shrink import items_of, plan_of, shrunk


def test_a_seed_says_everything() -> None:
    """Equal seeds give equal plans, other seeds others, and JSON brings one back whole."""
    plan = drawn(7, 2, 12, FAULTS)
    assert plan == drawn(7, 2, 12, FAULTS)
    assert plan != drawn(8, 2, 12, FAULTS)
    assert msgspec.json.decode(msgspec.json.encode(plan), type=Plan) == plan


def test_client_minutes_are_clients_times_the_time_that_passes() -> None:
    """Jumps of the clock do not count."""
    plan = drawn(3, 2, 10, ("clock_jump",))
    assert plan.client_minutes == 10 * sum(one.pause_s for one in plan.rounds) / 60
    assert 20 <= plan.client_minutes < 23


def test_every_kind_of_fault_comes_up() -> None:
    """Fifty seeds of a minute hold each kind, and only what was asked for."""
    drawn_kinds = {fault.kind for seed in range(50) for one in drawn(seed, 1, 5, FAULTS).rounds for fault in one.faults}
    assert drawn_kinds == set(FAULTS)
    one_kind = {fault.kind for one in drawn(1, 5, 5, ("deadlock",)).rounds for fault in one.faults}
    assert one_kind == {"deadlock"}
    assert not any(one.faults for one in drawn(1, 5, 5, ()).rounds)


async def test_shrinking_finds_the_two_that_matter() -> None:
    """Of a hundred calls and faults, the pair that fails together is left, in its rounds."""
    plan = drawn(5, 2, 10, FAULTS)
    items = items_of(plan)
    wanted = [next(i for i in items[40:] if isinstance(i[1], Call)), next(i for i in items if isinstance(i[1], Fault))]
    played = 0

    async def fails(shorter: Plan) -> bool:
        nonlocal played
        played += 1
        left = items_of(shorter)
        return all(item in left for item in wanted)

    lengths: list[int] = []
    short = await shrunk(plan, fails, 30, lengths.append)

    assert sorted(items_of(short), key=str) == sorted(wanted, key=str)
    assert lengths == sorted(lengths, reverse=True) and lengths[-1] == 2
    assert played < len(items)
    assert plan_of(plan, items) == msgspec.structs.replace(plan, rounds=plan_of(plan, items).rounds)
