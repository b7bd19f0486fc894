"""A supervisor as a real process, its log, and its children."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import psutil
import pytest

LINE_S_MAX = 60.0


class Running:
    """A supervisor under test. Its log is read as it is written, so that waiting is for an event, never for time."""

    def __init__(self, process: asyncio.subprocess.Process, session: aiohttp.ClientSession) -> None:
        self.process = process
        self.session = session
        self.lines: list[dict[str, Any]] = []
        self.url = ""
        self._news = asyncio.Condition()
        self._reading = asyncio.create_task(self._read())

    async def said(self, event: str, times: int = 1) -> dict[str, Any]:
        """Wait until this event stands in the log so many times; the last of them."""
        async with asyncio.timeout(LINE_S_MAX), self._news:
            await self._news.wait_for(lambda: self.count(event) >= times or self._reading.done())
        assert self.count(event) >= times, self.lines
        return [line for line in self.lines if line["event"] == event][times - 1]

    def count(self, event: str) -> int:
        """How often this event stands in the log."""
        return sum(line["event"] == event for line in self.lines)

    async def get(self, path: str, method: str = "GET") -> str:
        """The text of an answer, on a connection of its own."""
        async with self.session.request(method, self.url + path, headers={"Connection": "close"}) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.text()

    async def breaks(self, path: str) -> None:
        """Ask for what breaks the worker, with a POST, because aiohttp sends a GET again when it got no answer."""
        with pytest.raises(aiohttp.ClientError):
            await self.get(path, "POST")

    def children(self) -> list[psutil.Process]:
        """The workers that live now."""
        return [child for child in psutil.Process(self.process.pid).children() if child.status() != "zombie"]

    async def stopped(self) -> int:
        """Tell it to stop; its exit status."""
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
        status = await asyncio.wait_for(self.process.wait(), LINE_S_MAX)
        await self._reading
        return status

    async def _read(self) -> None:
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            async with self._news:
                self.lines.append(msgspec.json.decode(line) if line.startswith(b"{") else {"event": line.decode()})
                self._news.notify_all()
        async with self._news:
            self._news.notify_all()


Start = Callable[..., Awaitable[Running]]


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    """Start a supervisor: `await start("tests.processes.tiny_supervisor", QRPAY_WORKERS="2")`."""
    running: list[Running] = []
    async with aiohttp.ClientSession() as session:

        async def begin(*module: str, **environment: str) -> Running:
            inherited = {name: value for name, value in os.environ.items() if not name.startswith("QRPAY_")}
            settings = {"QRPAY_PORT": "0", "QRPAY_HOME": str(tmp_path / "home"), "QRPAY_WORKERS": "2"}
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", *module, stderr=asyncio.subprocess.PIPE, env=inherited | settings | environment
            )
            running.append(one := Running(process, session))
            return one

        yield begin
        for one in running:
            await one.stopped()


@pytest.fixture
def tiny(start: Start) -> Start:
    """The same with the tiny worker, which needs no database, once it serves."""

    async def begin(*options: str, **environment: str) -> Running:
        away = {"QRPAY_DATABASE_URL": "postgresql://nobody@localhost/nothing"}
        running = await start("tests.processes.tiny_supervisor", *options, **(away | environment))
        running.url = (await running.said("serving"))["url"]
        return running

    return begin


async def until(true: Callable[[], bool], seconds_max: float = 15.0) -> None:
    """Wait until something that nobody announces is true, such as that a process is gone."""
    end = time.monotonic() + seconds_max
    while not true():
        assert time.monotonic() < end, "it did not come true in time"
        await asyncio.sleep(0.02)
