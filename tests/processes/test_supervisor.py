"""The supervisor against real children: what crashes is replaced, what was accepted is answered."""

import asyncio
import os
import signal
from pathlib import Path

import aiohttp
import pytest

from qrpay.cores import usable
from qrpay.lifeline import MARGIN_S
from qrpay.settings import Settings, read_settings
from qrpay.supervisor import environment
from tests.processes.conftest import Start, until


async def test_a_crashed_worker_is_replaced(tiny: Start) -> None:
    """A worker that dies in the middle of a request is followed by another, and the port never closes."""
    running = await tiny()
    before = {child.pid for child in running.children()}

    await running.breaks("/crash")

    died = await running.said("worker_died")
    replaced = await running.said("worker_ready", 4)
    assert died["status"] == 3
    assert died["pid"] in before
    assert replaced["pid"] not in before
    assert {await running.get("/") for _ in range(4)} <= {str(child.pid) for child in running.children()}


async def test_a_killed_worker_and_the_killed_background_are_replaced(tiny: Start) -> None:
    """kill -9 of any child, several at once: each place is filled again."""
    running = await tiny()
    for child in running.children():
        child.send_signal(signal.SIGKILL)
    await running.said("worker_ready", 6)
    await until(lambda: len(running.children()) == 3)
    assert await running.get("/")


async def test_a_worker_that_cannot_start_is_tried_again_until_it_can(tiny: Start, tmp_path: Path) -> None:
    """While replacing fails, each try is said, at growing distances; once it works, all is as before."""
    running = await tiny(QRPAY_WORKERS="1")
    broken = tmp_path / "home/broken"
    broken.touch()
    await running.breaks("/crash")

    tries = [await running.said("worker_not_replaced", number) for number in (1, 2, 3)]
    assert [one["next_try_s"] for one in tries] == [0.2, 0.4, 0.8]
    broken.unlink()

    await running.said("worker_ready", 3)
    assert await running.get("/")


@pytest.mark.skipif(len(usable()) < 2, reason="takes two cores")
async def test_a_worker_keeps_a_core_to_itself_also_when_it_is_replaced(tiny: Start) -> None:
    """The others, and whoever takes its place, keep to the rest and to the same core; unless told otherwise."""
    running = await tiny(QRPAY_WORKERS="1")
    first = sorted(usable())[:1]
    rest = sorted(usable() - set(first))
    assert sorted(child.cpu_affinity() for child in running.children()) == sorted([first, rest])

    await running.breaks("/crash")
    await running.said("worker_ready", 3)

    assert sorted(child.cpu_affinity() for child in running.children()) == sorted([first, rest])


@pytest.mark.skipif(len(usable()) < 2, reason="takes two cores")
async def test_cores_are_shared_by_all_when_so_told(tiny: Start) -> None:
    """QRPAY_OWN_CORES=false."""
    running = await tiny(QRPAY_WORKERS="1", QRPAY_OWN_CORES="false")
    assert [child.cpu_affinity() for child in running.children()] == [sorted(usable())] * 2


async def test_a_connection_that_waits_outlives_the_worker(tiny: Start) -> None:
    """With its only worker dead, the port still takes a connection, and the next worker answers it."""
    running = await tiny(QRPAY_WORKERS="1")
    await running.breaks("/crash")
    died = str((await running.said("worker_died"))["pid"])
    assert await running.get("/") != died


async def test_a_hung_worker_is_replaced(tiny: Start) -> None:
    """An event loop that does not turn any more is ended by force."""
    running = await tiny("2.0")
    hung = asyncio.create_task(running.breaks("/hang"))
    await running.said("worker_hung")
    await running.said("worker_ready", 4)
    await hung
    assert await running.get("/")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_stopping_answers_what_was_accepted(tiny: Start, number: signal.Signals) -> None:
    """A request that is under way when the signal comes gets its answer; then everybody is gone, with status 0."""
    running = await tiny()
    children = running.children()
    slow = [asyncio.create_task(running.get("/slow")) for _ in range(8)]
    await asyncio.sleep(0.2)
    running.process.send_signal(number)

    assert {await task for task in slow} <= {str(child.pid) for child in children}
    assert await running.process.wait() == 0
    assert not any(child.is_running() for child in children)


async def test_while_draining_nobody_waits_in_vain(tiny: Start) -> None:
    """As soon as it drains, a new connection is refused, so that a caller or balancer goes elsewhere at once."""
    running = await tiny()
    slow = asyncio.create_task(running.get("/slow"))
    await asyncio.sleep(0.2)
    running.process.send_signal(signal.SIGTERM)
    await running.said("draining")
    await asyncio.sleep(0.1)
    with pytest.raises(aiohttp.ClientConnectorError):
        await running.get("/", "POST")
    assert not slow.done()
    assert await slow


async def test_a_second_signal_does_not_wait(tiny: Start) -> None:
    """Whoever presses Ctrl-C twice gets the prompt back, whatever hangs."""
    running = await tiny()
    hung = asyncio.create_task(running.breaks("/hang"))
    await asyncio.sleep(0.3)
    running.process.send_signal(signal.SIGINT)
    await running.said("draining")
    running.process.send_signal(signal.SIGINT)
    assert await asyncio.wait_for(running.process.wait(), MARGIN_S) == 0
    await hung


async def test_renewal_goes_one_by_one(tiny: Start) -> None:
    """SIGHUP puts a new process in every place; the old one leaves only when the new one is ready."""
    running = await tiny()
    before = {child.pid for child in running.children()}
    answers: list[str] = []
    over = asyncio.Event()

    async def ask() -> None:
        while not over.is_set():
            answers.append(await running.get("/"))
            await asyncio.sleep(0.02)  # or the load takes the processors from those that start

    asking = [asyncio.create_task(ask()) for _ in range(8)]
    running.process.send_signal(signal.SIGHUP)
    await running.said("renewed")
    over.set()
    await asyncio.gather(*asking)

    after = {child.pid for child in running.children()}
    assert len(after) == 3
    assert not before & after
    assert len(answers) > 20
    assert running.count("worker_died") == 0


async def test_a_renewal_that_fails_keeps_the_old_ones(tiny: Start, tmp_path: Path) -> None:
    """A release that does not start stops nobody from serving."""
    running = await tiny()
    before = {child.pid for child in running.children()}
    (tmp_path / "home/broken").touch()
    running.process.send_signal(signal.SIGHUP)
    await running.said("renewal_given_up")
    assert {child.pid for child in running.children()} == before
    assert int(await running.get("/")) in before


async def test_no_worker_outlives_a_killed_supervisor(tiny: Start) -> None:
    """After kill -9 of the supervisor all children end, even one whose event loop hangs, and free the port."""
    running = await tiny(QRPAY_DRAIN_S="0")
    children = running.children()
    hung = asyncio.create_task(running.breaks("/hang"))
    await asyncio.sleep(0.3)
    running.process.kill()
    await until(lambda: not any(child.is_running() for child in children))
    await hung

    port = running.url.rpartition(":")[2]
    again = await tiny(QRPAY_PORT=port)
    assert again.url == running.url
    assert await again.get("/")


async def test_a_supervisor_starts_while_the_killed_ones_workers_still_drain(tiny: Start) -> None:
    """The next start waits the moment that workers need to notice, instead of calling the port taken."""
    running = await tiny()
    running.process.kill()
    again = await tiny(QRPAY_PORT=running.url.rpartition(":")[2])
    assert int(await again.get("/")) in {child.pid for child in again.children()}


async def test_a_first_start_that_fails_says_so_and_ends(start: Start) -> None:
    """Somebody watches the first start: a worker that does not come up ends it, with status 1 and nobody left."""
    running = await start(
        "tests.processes.tiny_supervisor", QRPAY_ISSUER="dies", QRPAY_DATABASE_URL="postgresql://nobody@x/y"
    )
    said = await running.said("cannot_serve")
    assert "did not get ready (status 7)" in said["reason"]
    assert await running.process.wait() == 1


async def test_a_taken_port_is_named(tiny: Start, start: Start) -> None:
    """The second server on one port says which port, and how to take another."""
    port = (await tiny()).url.rpartition(":")[2]
    second = await start(
        "tests.processes.tiny_supervisor", QRPAY_PORT=port, QRPAY_DATABASE_URL="postgresql://nobody@x/y"
    )
    said = await second.said("cannot_serve")
    assert f"port {port}" in said["reason"]
    assert "QRPAY_PORT" in said["reason"]
    assert await second.process.wait() == 1


async def test_metrics_of_two_workers_add_up(tiny: Start) -> None:
    """What two workers counted is one sum, whichever is asked; a crash and a renewal take nothing from it."""
    running = await tiny()
    for _ in range(20):
        await running.get("/")
    await asyncio.sleep(1.5)  # what a worker counted is carried over each second
    await running.breaks("/crash")
    await running.said("worker_ready", 4)
    running.process.send_signal(signal.SIGHUP)
    await running.said("renewed")
    for _ in range(5):
        await running.get("/")
    await asyncio.sleep(1.5)

    text = await running.get("/metrics")

    assert 'qrpay_requests_total{method="GET",route="/",status="200"} 25.0' in text.splitlines()
    assert "qrpay_waiters 0.0" in text.splitlines()


async def test_restarts_leave_few_files(tiny: Start, tmp_path: Path) -> None:
    """Metrics are kept by place: after many crashes there are no more files than after one; at the end, none."""
    running = await tiny(QRPAY_WORKERS="1")
    for number in range(4):
        await running.breaks("/crash")
        await running.said("worker_ready", 3 + number)
    folders = list((tmp_path / "home").glob("metrics-*"))
    assert len(folders) == 1
    assert {path.stem.rpartition("_")[2] for path in folders[0].iterdir()} <= {"web-1a", "background-a"}
    await running.stopped()
    assert not folders[0].exists()


def test_children_read_the_settings_their_supervisor_has() -> None:
    """Settings changed on the command line, numbers, truths and texts, arrive in a child as they are."""
    ours = Settings(port=81, workers=3, log_json=False, webhook_loopback=True, deadline_s=2.5, metrics_dir="/m")
    given = environment(ours, process="web-1a")
    read = read_settings(given)
    assert read.process == "web-1a"
    assert given["PROMETHEUS_MULTIPROC_DIR"] == "/m"
    assert environment(read, process="web-1a") == given
    assert os.environ["PATH"] == given["PATH"]
