"""The bounded dictionary that most remembered things live in."""

from qrpay.memory import Memory


def test_the_latest_are_kept_and_the_number_is_bounded() -> None:
    """At least the last `size`, at most twice as many."""
    memory: Memory[int, int] = Memory(100)
    for number in range(10_000):
        memory.put(number, number)
        assert all(memory._new.get(n, memory._old.get(n)) == n for n in range(max(0, number - 99), number + 1, 33))
    kept = [number for number in range(10_000) if memory.get(number) is not None]
    assert 100 <= len(kept) <= 200


def test_what_is_asked_for_counts_as_new() -> None:
    """A value that somebody uses all the time is never forgotten."""
    memory: Memory[str, int] = Memory(10)
    memory.put("used", 1)
    for number in range(1_000):
        memory.put(str(number), number)
        assert memory.get("used") == 1


def test_what_is_forgotten_is_gone_from_both_halves() -> None:
    """One key, or all of them."""
    memory: Memory[int, int] = Memory(2)
    for number in range(3):
        memory.put(number, number)
    memory.forget(0)
    memory.forget(2)
    assert [memory.get(number) for number in range(3)] == [None, 1, None]
    memory.clear()
    assert memory.get(1) is None
