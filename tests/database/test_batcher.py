"""Group commit: who travels together, what is bounded, and what callers hear when a batch fails."""

import asyncio
from collections.abc import Sequence

import asyncpg
import pytest

from qrpay.database.batcher import Batcher, BatchError
from qrpay.database.errors import DatabaseAway
from qrpay.problem import Refused


class Channel:
    """Where batches go: it keeps each, and answers when the test opens the gate."""

    def __init__(self, *, open_gate: bool = False) -> None:
        self.batches: list[list[str]] = []
        self.arrived = asyncio.Condition()
        self.gate = asyncio.Semaphore(10**6 if open_gate else 0)

    async def send(self, items: Sequence[str]) -> list[str]:
        """Answer each item in capitals."""
        async with self.arrived:
            self.batches.append(list(items))
            self.arrived.notify_all()
        await self.gate.acquire()
        return [item.upper() for item in items]

    async def seen(self, number: int) -> None:
        """Wait until this many batches have arrived."""
        async with self.arrived:
            await asyncio.wait_for(self.arrived.wait_for(lambda: len(self.batches) >= number), 5)


async def test_each_caller_gets_its_own_result_in_order() -> None:
    """Items are sent in the order they came, and every answer finds its caller."""
    channel = Channel(open_gate=True)
    batcher = Batcher(channel.send, name="test")

    answers = await asyncio.gather(*(batcher.add(f"item-{number}") for number in range(500)))

    assert answers == [f"ITEM-{number}" for number in range(500)]
    assert [item for batch in channel.batches for item in batch] == [f"item-{number}" for number in range(500)]
    await batcher.close()


async def test_a_lone_item_is_sent_at_once_and_the_rest_gathers_behind_it() -> None:
    """Batches grow by themselves: one when idle, all that waits when busy."""
    channel = Channel()
    batcher = Batcher(channel.send, name="test", in_flight=1)
    first = batcher.add("a")
    await channel.seen(1)
    rest = [batcher.add(item) for item in "bcdef"]

    channel.gate.release()
    assert await first == "A"
    await channel.seen(2)
    channel.gate.release()

    assert await asyncio.gather(*rest) == list("BCDEF")
    assert channel.batches == [["a"], list("bcdef")]
    await batcher.close()


async def test_a_second_batch_leaves_when_it_is_as_large_as_the_first() -> None:
    """Two small batches cost more than one of both, so a slot that is free waits for company."""
    channel = Channel()
    batcher = Batcher(channel.send, name="test", in_flight=2)
    first = [batcher.add(item) for item in "abc"]
    await channel.seen(1)
    rest = [batcher.add(item) for item in "de"]
    await asyncio.sleep(0.01)
    assert channel.batches == [list("abc")]

    rest.append(batcher.add("f"))
    await channel.seen(2)
    channel.gate.release()
    channel.gate.release()

    assert await asyncio.gather(*first, *rest) == list("ABCDEF")
    assert channel.batches == [list("abc"), list("def")]
    await batcher.close()


async def test_a_stuck_batch_holds_nobody_up_for_long() -> None:
    """Who waits for company behind a batch that does not come back leaves alone after a twentieth of the deadline."""
    channel = Channel()
    batcher = Batcher(channel.send, name="test", in_flight=2, deadline_s=0.4)
    stuck = [batcher.add(item) for item in "abc"]
    await channel.seen(1)
    lone = batcher.add("d")

    await channel.seen(2)
    assert channel.batches[1] == ["d"]
    channel.gate.release()
    channel.gate.release()

    assert await asyncio.gather(*stuck, lone) == list("ABCD")
    await batcher.close()


async def test_the_next_batch_is_sent_before_the_answers_of_the_last_are_given() -> None:
    """The database works while callers are served."""
    channel = Channel()
    batcher = Batcher(channel.send, name="test", in_flight=1)
    seen_by_first_caller = 0

    async def first() -> None:
        nonlocal seen_by_first_caller
        await batcher.add("a")
        seen_by_first_caller = len(channel.batches)

    caller = asyncio.ensure_future(first())
    await channel.seen(1)
    second = batcher.add("b")
    channel.gate.release()
    await caller

    assert seen_by_first_caller == 2
    channel.gate.release()
    await second
    await batcher.close()


async def test_batches_are_bounded_and_so_is_their_number() -> None:
    """No batch passes size_max, and no more than in_flight are under way."""
    channel = Channel()
    batcher = Batcher(channel.send, name="test", size_max=3, in_flight=2)
    answers = [batcher.add(str(number)) for number in range(10)]
    await channel.seen(2)

    assert [len(batch) for batch in channel.batches] == [3, 3]
    assert batcher.stats.depth == 4
    for _ in range(4):
        channel.gate.release()
    await asyncio.gather(*answers)
    assert [len(batch) for batch in channel.batches] == [3, 3, 3, 1]
    await batcher.close()


async def test_a_full_queue_refuses_with_retry_after() -> None:
    """What cannot be done soon is refused at once, and nothing of it is sent."""
    channel = Channel()
    batcher = Batcher(channel.send, name="test", in_flight=1, queue_max=2)
    flying = batcher.add("a")
    await channel.seen(1)
    waiting = [batcher.add("b"), batcher.add("c")]

    with pytest.raises(Refused) as refused:
        batcher.add("d")

    assert (refused.value.problem.code, refused.value.headers) == ("overloaded", {"Retry-After": "1"})
    assert batcher.stats.refused == 1
    channel.gate.release()
    channel.gate.release()
    assert list(await asyncio.gather(flying, *waiting)) == ["A", "B", "C"]
    await batcher.close()


async def test_a_chain_stays_together_and_in_order() -> None:
    """A chain that does not fit into a batch waits whole for the next one; later items do not overtake it."""
    channel = Channel(open_gate=True)
    batcher = Batcher(channel.send, name="test", size_max=4, in_flight=1)

    first = [batcher.add("a"), batcher.add("b")]
    chain = batcher.add_many(["c1", "c2", "c3"])
    last = batcher.add("d")

    assert await chain == ["C1", "C2", "C3"]
    assert list(await asyncio.gather(*first, last)) == ["A", "B", "D"]
    assert channel.batches == [["a", "b"], ["c1", "c2", "c3", "d"]]
    with pytest.raises(ValueError, match="1 to 4 items"):
        batcher.add_many(["x"] * 5)
    await batcher.close()


async def test_a_caller_past_its_deadline_hears_unavailable_and_the_batch_goes_on() -> None:
    """The outcome is unknown, so the answer asks to send the same again; in the queue or in flight alike."""
    channel = Channel()
    batcher = Batcher(channel.send, name="test", in_flight=1, deadline_s=0.1)
    flying = batcher.add("a")
    await channel.seen(1)
    waiting = batcher.add("b")

    for answer in (flying, waiting):
        with pytest.raises(Refused) as refused:
            await answer
        assert refused.value.problem.code == "unavailable"
        assert refused.value.problem.retry

    late = batcher.add("c")
    channel.gate.release()
    channel.gate.release()
    assert await late == "C"
    assert channel.batches == [["a"], ["c"]], "who has left is not sent any more"
    assert batcher.stats.expired == 2
    await batcher.close()


async def test_a_caller_that_leaves_disturbs_nobody() -> None:
    """A cancelled caller in flight or in the queue changes nothing for the others."""
    channel = Channel()
    batcher = Batcher(channel.send, name="test", in_flight=1)
    gone_in_flight, stays_in_flight = batcher.add("a"), batcher.add("b")
    await channel.seen(1)
    gone_in_queue, stays_in_queue = batcher.add("c"), batcher.add("d")
    gone_in_flight.cancel()
    gone_in_queue.cancel()

    channel.gate.release()
    channel.gate.release()

    assert list(await asyncio.gather(stays_in_flight, stays_in_queue)) == ["B", "D"]
    assert channel.batches == [["a", "b"], ["d"]]
    await batcher.close()


@pytest.mark.parametrize("error", [asyncpg.DeadlockDetectedError("x"), asyncpg.SerializationError("x"), DatabaseAway()])
async def test_a_transient_error_replays_the_batch(error: Exception) -> None:
    """Callers notice nothing: the same items go again, since ids decide."""
    sent: list[list[str]] = []

    async def send(items: Sequence[str]) -> list[str]:
        sent.append(list(items))
        if len(sent) < 3:
            raise error
        return [item.upper() for item in items]

    batcher = Batcher(send, name="test", replayable=True)

    assert list(await asyncio.gather(batcher.add("a"), batcher.add("b"))) == ["A", "B"]
    assert sent == [["a", "b"]] * 3
    assert batcher.stats.replays == 2
    await batcher.close()


async def test_what_may_not_be_sent_again_is_not() -> None:
    """Without replayable, each caller hears `unavailable`, in an exception of its own."""
    sent = 0

    async def send(items: Sequence[str]) -> list[str]:
        nonlocal sent
        sent += 1
        raise DatabaseAway

    batcher = Batcher(send, name="test")

    answers = await asyncio.gather(batcher.add("a"), batcher.add("b"), return_exceptions=True)

    assert [answer.problem.code for answer in answers if isinstance(answer, Refused)] == ["unavailable"] * 2
    assert answers[0] is not answers[1]
    assert sent == 1
    await batcher.close()


async def test_of_a_failing_batch_only_the_culprit_fails() -> None:
    """A batch that may be sent again is halved until the culprit stands alone; everybody else is served."""

    async def send(items: Sequence[str]) -> list[str]:
        if "bad" in items:
            raise asyncpg.CharacterNotInRepertoireError("a text the database does not take")
        return [item.upper() for item in items]

    batcher = Batcher(send, name="test", replayable=True)

    *good, bad = await asyncio.gather(
        *(batcher.add(f"item-{number}") for number in range(99)), batcher.add("bad"), return_exceptions=True
    )

    assert good == [f"ITEM-{number}" for number in range(99)]
    assert isinstance(bad, BatchError)
    assert isinstance(bad.__cause__, asyncpg.CharacterNotInRepertoireError)
    await batcher.close()


async def test_a_result_that_is_an_exception_is_raised_to_its_caller_alone() -> None:
    """A batch may refuse some of its items."""

    async def send(items: Sequence[str]) -> list[str | ValueError]:
        return [ValueError(item) if item == "odd" else item for item in items]

    batcher = Batcher(send, name="test")

    even, odd = await asyncio.gather(batcher.add("even"), batcher.add("odd"), return_exceptions=True)

    assert even == "even"
    assert isinstance(odd, ValueError)
    await batcher.close()


async def test_closing_drains_what_was_asked_and_takes_no_more() -> None:
    """Nothing accepted is dropped."""
    channel = Channel(open_gate=True)
    batcher = Batcher(channel.send, name="test", size_max=2, in_flight=1)
    answers = [batcher.add(str(number)) for number in range(9)]

    await batcher.close()

    assert [answer.result() for answer in answers] == [str(number) for number in range(9)]
    with pytest.raises(Refused):
        batcher.add("late")


async def test_sizes_and_times_are_counted_per_batch() -> None:
    """The metrics page reads the counters without touching the hot path."""
    channel = Channel(open_gate=True)
    batcher = Batcher(channel.send, name="test", size_max=5, in_flight=1)

    await asyncio.gather(*(batcher.add(str(number)) for number in range(11)))

    size = batcher.stats.size
    assert (size.sum, sum(size.counts)) == (11, 3)
    assert size.counts[size.bounds.index(5)] == 2
    assert sum(batcher.stats.seconds.counts) == 3
    assert batcher.stats.depth == 0
    await batcher.close()
