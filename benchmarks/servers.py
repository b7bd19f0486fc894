"""Starts what is measured, each in its own process, and looks at what it uses."""

import asyncio
import http.client
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence, Set
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final
from urllib.request import urlopen

import psutil
from msgspec import Struct

from benchmarks.generator import Address, Shift
from qrpay.cores import keep, usable

START_S_MAX: Final = 60.0
RECOVER_S_MAX: Final = 180.0
"""A PostgreSQL that was killed reads what it wrote since the last checkpoint, which may be minutes of payments."""
Measure = Callable[[int, float], Awaitable[Shift]]
UNBOUND: Final = {
    # One process plays thousands of people, and nobody paces it: what would slow it down must not be what is measured.
    "QRPAY_RATE_PER_S": "1000000000",
    "QRPAY_RATE_BURST": "1000000000",
    "QRPAY_IDLE_S": "600",
    "QRPAY_LOG_LEVEL": "warning",
}


class Cpu(Struct, frozen=True):
    """Processor time used so far by what stands behind the web workers, in seconds."""

    background: float
    database: float

    def since(self, before: "Cpu") -> "Cpu":
        """What was used in between."""
        return Cpu(self.background - before.background, self.database - before.database)

    def plus(self, other: "Cpu") -> "Cpu":
        """Both together."""
        return Cpu(self.background + other.background, self.database + other.database)


class Peer:
    """What qrpay is measured beside: a server of one process, or something that measures itself when told."""

    def __init__(self, port: int = 0, process: int | None = None, measure: Measure | None = None) -> None:
        self.address = Address("127.0.0.1", port)
        self.measure = measure
        self._processes = [psutil.Process(process)] if process else []

    def used(self) -> float:
        """Processor time so far, in seconds."""
        return _used(self._processes)

    def keep_to(self, cores: Set[int]) -> None:
        """Move its server to these cores."""
        for process in self._processes:
            keep(process.pid, cores)


class Stranger:
    """A server at a URL: nothing is known of it but its answers, so whatever needs a look inside is nought."""

    def __init__(self, url: str) -> None:
        self.address = Address.of(url)

    def cpu(self) -> Cpu:
        """Unknown."""
        return Cpu(0, 0)

    def used(self) -> float:
        """Unknown."""
        return 0.0

    def batches(self) -> tuple[float, float]:
        """Unknown."""
        return 0.0, 0.0

    def settle(self, at_most_s: float = 1.0) -> float:
        """Give it a moment; seconds."""
        time.sleep(min(at_most_s, 0.5))
        return 0.5


class House:
    """A qrpay that runs: where it listens, and its processes."""

    def __init__(self, port: int, supervisor: int, data: Path) -> None:
        self.address = Address("127.0.0.1", port)
        self._supervisor = psutil.Process(supervisor)
        self._data = data
        self.look_again()

    def look_again(self) -> None:
        """Find the processes anew, after some of them died."""
        children = self._supervisor.children(recursive=True)
        self.web = [child for child in children if {"work", "web"} <= set(_words(child))]
        self.background = [child for child in children if {"work", "background"} <= set(_words(child))]
        self.postmaster = psutil.Process(int((self._data / "postmaster.pid").read_text().split()[0]))

    async def up(self) -> None:
        """Wait until it is ready again, and find its processes; ends the run when it does not come back."""
        until = time.monotonic() + RECOVER_S_MAX
        while time.monotonic() < until:
            if await asyncio.to_thread(_answers, self.address.port, "/readyz"):
                with suppress(psutil.Error, OSError, ValueError):
                    self.look_again()
                    if self.web and self.background:
                        return
            await asyncio.sleep(0.1)
        said = (self._data.parent / "serve.log").read_text(errors="replace")[-2000:]
        raise SystemExit(f"the server did not come back within {RECOVER_S_MAX:.0f} s; its log ends:\n{said}")

    def own_cores(self) -> Set[int]:
        """The cores that the web workers have to themselves; empty: they run anywhere."""
        found = [set(worker.cpu_affinity()) for worker in self.web]
        together = set[int]().union(*found)
        return together if len(together) == len(found) and usable() - together else set()

    def rss_mb(self) -> float:
        """Resident memory of the largest web worker, in megabytes (10^6 bytes)."""
        return float(max(worker.memory_info().rss for worker in self.web)) / 1e6

    def rss_bytes(self) -> float:
        """Resident memory of all web workers, in bytes."""
        return float(sum(worker.memory_info().rss for worker in self.web))

    def cpu(self) -> Cpu:
        """What every part has used so far."""
        return Cpu(_used(self.background), _used([self.postmaster, *self.postmaster.children()]))

    def used(self) -> float:
        """Processor time of the web workers so far, in seconds."""
        return _used(self.web)

    def batches(self) -> tuple[float, float]:
        """Transfers posted and batches sent by the ledger so far, as /metrics tells; it lags a second."""
        with urlopen(f"{self.address.url}/metrics", timeout=10) as answer:
            text = answer.read().decode()
        found = [
            re.search(rf'^qrpay_batch_size_{part}{{batcher="ledger"}} (\S+)', text, re.M) for part in ("sum", "count")
        ]
        items, batches = (float(one[1]) if one else 0.0 for one in found)
        return items, batches

    def settle(self, at_most_s: float = 20.0) -> float:
        """Wait until the background has worked off what the last cell left, so that it slows no other; seconds."""
        began = time.perf_counter()
        used = _used(self.background)
        while time.perf_counter() - began < at_most_s:
            time.sleep(0.2)
            before, used = used, _used(self.background)
            if used - before < 0.03:
                break
        return time.perf_counter() - began


def _words(process: psutil.Process) -> list[str]:
    with suppress(psutil.Error):
        return list(process.cmdline())
    return []


def machine_s() -> float:
    """Processor time that the whole machine has used so far, in seconds."""
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - getattr(times, "iowait", 0.0))


def _used(processes: Sequence[psutil.Process]) -> float:
    total = 0.0
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += float(times.user + times.system)
    return total


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def qrpay(home: Path, workers: int, settings: Sequence[str] = ()) -> Iterator[House]:
    """`qrpay serve` with its own home, ready for payments; further settings as `QRPAY_NAME=value`."""
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("QRPAY_")}
    environment |= {**UNBOUND, "QRPAY_HOME": str(home), "QRPAY_PORT": str(port)}
    environment |= {name: value for name, _, value in (setting.partition("=") for setting in settings)}
    command = ["-m", "qrpay", "serve", "--workers", str(workers)]
    with process(command, port, home / "serve.log", "/readyz", environment) as running:
        yield House(port, running.pid, home / "data")


@contextmanager
def process(
    command: Sequence[str], port: int, log: Path, ready: str = "/", environment: dict[str, str] | None = None
) -> Iterator["subprocess.Popen[bytes]"]:
    """A Python process that serves on this port; told to stop at the end, and waited for."""
    with log.open("ab") as said:
        running = subprocess.Popen([sys.executable, *command], env=environment, stdout=said, stderr=said)
    try:
        _await(running, port, ready, log)
        yield running
    finally:
        running.terminate()
        try:
            running.wait(30)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()


def _await(running: "subprocess.Popen[bytes]", port: int, path: str, log: Path) -> None:
    until = time.monotonic() + START_S_MAX
    while time.monotonic() < until and running.poll() is None:
        if _answers(port, path):
            return
        time.sleep(0.05)
    raise SystemExit(f"a server does not come up; its log ends:\n{log.read_text(errors='replace')[-2000:]}")


def _answers(port: int, path: str) -> bool:
    with suppress(OSError, http.client.HTTPException):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("GET", path)
        status = connection.getresponse().status
        connection.close()
        return path == "/" or status == 200
    return False
