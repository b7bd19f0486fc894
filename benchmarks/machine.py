"""The machine card: what a figure was measured on, without which it means nothing."""

import os
import platform
import time
from importlib.metadata import version
from pathlib import Path
from typing import Final

import psutil
from msgspec import Struct

FSYNC_S: Final = 0.5
PAGE: Final = b"\0" * 8_192


class Machine(Struct, frozen=True):
    """Processor, memory, disk and versions; `load` is the load average when the run began."""

    cpu: str
    cores: int
    memory_gb: float
    system: str
    fsyncs_per_s: int
    load: float
    versions: dict[str, str]
    database: dict[str, str]


def look(folder: Path, database: dict[str, str]) -> Machine:
    """This machine, its disk measured in this folder."""
    return Machine(
        cpu=_cpu(),
        cores=len(os.sched_getaffinity(0)),
        memory_gb=round(psutil.virtual_memory().total / 1e9, 1),
        system=f"{platform.system()} {platform.release()}",
        fsyncs_per_s=_fsyncs(folder / "fsync-probe"),
        load=round(os.getloadavg()[0], 1),
        versions={
            "Python": platform.python_version(),
            **{name: version(name) for name in ("aiohttp", "asyncpg", "uvloop", "msgspec", "cryptography")},
        },
        database=database,
    )


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _fsyncs(probe: Path) -> int:
    """How often a second one page can be written and made durable, one after the other."""
    count, began = 0, time.perf_counter()
    with probe.open("wb", buffering=0) as file:
        while time.perf_counter() - began < FSYNC_S:
            file.seek(0)
            file.write(PAGE)
            os.fdatasync(file.fileno())
            count += 1
    probe.unlink()
    return round(count / FSYNC_S)
