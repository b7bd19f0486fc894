"""The generator must not flatter: percentiles, the open loop's latencies, and callers that lose their connection."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from benchmarks import generator
from benchmarks.generator import Address, percentile

REQUEST = b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 0\r\n\r\n"
ANSWER = b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"


class Server:
    """Answers everything with 201 at once, unless it stalls; every `cut` requests it cuts the connection instead."""

    def __init__(self, cut: int = 0) -> None:
        self.answered = 0
        self.open = asyncio.Event()
        self.open.set()
        self._asked, self._cut = 0, cut

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                await reader.readuntil(b"\r\n\r\n")
            except (asyncio.IncompleteReadError, ConnectionError):
                break
            await self.open.wait()
            self._asked += 1
            if self._cut and self._asked % self._cut == 0:
                break
            self.answered += 1
            writer.write(ANSWER)
        writer.close()


@asynccontextmanager
async def serving(server: Server) -> AsyncIterator[Address]:
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    async with listening:
        yield Address("127.0.0.1", listening.sockets[0].getsockname()[1])


@pytest.mark.parametrize(
    ("share", "expected"), [(0.0, 1.0), (0.01, 1.0), (0.5, 50.0), (0.99, 99.0), (0.991, 100.0), (1.0, 100.0)]
)
def test_a_percentile_is_the_smallest_value_that_so_many_do_not_pass(share: float, expected: float) -> None:
    """Of 1 to 100, so that the answer can be read off."""
    assert percentile([float(value) for value in range(1, 101)], share) == expected


def test_moments_are_as_many_as_the_rate_says_and_in_order() -> None:
    """Random, yet in the mean what was asked for, and none outside of the time."""
    due = generator.moments(1_000, 4, random.Random(1))
    assert due == sorted(due)
    assert 3_700 < len(due) <= 4_000
    assert 0 < due[0] < due[-1] < 4


async def test_everybody_who_comes_during_a_stall_waits_for_its_end() -> None:
    """No omission: the server stands still for 0.4 s, and all who were due then feel what was left of it.

    A generator that waits for a connection before it looks at the clock would see only four slow answers.
    """
    server = Server()
    due = [number / 250 for number in range(250)]

    async def stall() -> None:
        await asyncio.sleep(0.3)
        server.open.clear()
        await asyncio.sleep(0.4)
        server.open.set()

    async with serving(server) as address:
        stalling = asyncio.create_task(stall())
        shift = await generator.run_open(address, [REQUEST] * 250, due, connections=4, seconds=1.0)
        await stalling

    assert shift.asked == server.answered == len(shift.latencies) == 250
    slow = [latency for latency in shift.latencies if latency > 0.1]
    assert 60 <= len(slow) <= 100  # those due in its first 0.3 s: 75
    assert 0.3 < shift.latencies[-1] < 0.6
    assert percentile(shift.late, 0.99) > 0.2  # and the generator says that it could not send them in time


async def test_a_closed_loop_counts_what_was_answered_and_nothing_else() -> None:
    """As many as were sent, each once, whatever the number of callers."""
    server = Server()
    async with serving(server) as address:
        shift = await generator.run(address, [REQUEST] * 500, callers=7, seconds=30)
    assert server.answered == 500
    assert shift.counts == {"201": 500}
    assert 500 - 7 <= shift.within <= 500  # what was under way when the requests ran out is outside of the time


async def test_a_patient_caller_comes_again_and_the_lost_request_has_no_status() -> None:
    """Every tenth request loses its connection; none of them is counted as answered, and all others are."""
    server = Server(cut=10)
    async with serving(server) as address:
        shift = await generator.run(address, [REQUEST] * 100, callers=3, seconds=30, patient=True)
    assert shift.counts == {"0": 10, "201": 90}
    assert shift.asked == 100
