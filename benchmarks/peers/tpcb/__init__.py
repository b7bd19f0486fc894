"""pgbench's TPC-B: PostgreSQL's own benchmark, by the program that the embedded wheel brings."""

import asyncio
import os
import resource
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks.generator import CREATED, Shift
from qrpay.cores import keep

SCALE: Final = 20
"""Branches, each one hot row: with far more clients than branches they wait for each other (2 million accounts)."""


async def prepare(pgbench: Path, dsn: str) -> None:
    """Fill its tables: some seconds."""
    await _run(pgbench, "-i", "-q", "-s", str(SCALE), dsn)


async def measure(pgbench: Path, dsn: str, callers: int, seconds: float) -> Shift:
    """Five statements and a commit a transaction, prepared, from so many connections; latencies from its own log."""
    with TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        whole = max(1, round(seconds))
        await _run(
            pgbench, "-n", "-M", "prepared", "-c", str(callers), "-j", "1", "-T", str(whole), "-l",
            f"--log-prefix={log}", dsn,
        )  # fmt: skip
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        lines = [line.split() for file in Path(folder).iterdir() for line in file.read_text().splitlines()]
    latencies = sorted(int(line[2]) / 1e6 for line in lines)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Shift(len(latencies), [CREATED] * len(latencies), float(whole), len(latencies), latencies, cpu_s)


async def _run(*command: object) -> None:
    running = await asyncio.create_subprocess_exec(
        *map(str, command), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    keep(running.pid, set(range(os.cpu_count() or 1)))  # the kit may keep to a few cores; this client is measured
    said, _ = await running.communicate()
    if running.returncode:
        raise SystemExit(f"pgbench failed:\n{said.decode(errors='replace')[-2000:]}")
