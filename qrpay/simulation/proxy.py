"""A proxy between one worker and PostgreSQL that cuts or stalls a connection at a chosen moment of its protocol."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal

from msgspec import Struct

Bite = Literal["cut_unsent", "cut_before_commit", "cut_after_commit", "stalled_commit", "stalled_answer"]

SOCKET: Final = ".s.PGSQL.5432"
CHUNK: Final = 65_536
LINGER_S: Final = 0.02
"""How long a statement whose Sync is held back gets to run, so that it holds its locks when the line is cut."""


class Trap(Struct):
    """Bites one statement of a kind of connection.

    bite     what it does        name     the application_name it waits for
    after    statements that pass before it     for_ms  how long it stalls
    told     whether it is counted as felt
    """

    bite: Bite
    name: str
    after: int = 0
    for_ms: int = 0
    told: bool = True


class Proxy:
    """Listens in a folder of its own, as PostgreSQL would, and passes everything on.

    A statement of the extended protocol commits when its Sync arrives. Held back, it is a transaction that has done its
    work and keeps its locks; cut before it, nothing happened; cut after it, it is committed and nobody is told.
    """

    def __init__(self, folder: Path, upstream: Path, bitten: Callable[[str], None]) -> None:
        self.folder = folder
        self._upstream = upstream
        self._bitten = bitten
        self._traps: list[Trap] = []
        self._lines: set[_Line] = set()
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Listen."""
        self.folder.mkdir(0o700, exist_ok=True)
        self._server = await asyncio.start_unix_server(self._serve, self.folder / SOCKET)

    async def close(self) -> None:
        """Stop, and cut whoever is connected."""
        self.cut()
        if self._server is not None:
            self._server.close()

    def set(self, trap: Trap) -> None:
        """Wait for the statement that is to be bitten."""
        self._traps.append(trap)

    def disarm(self) -> None:
        """Forget traps that met nobody."""
        self._traps.clear()

    def cut(self) -> None:
        """Cut every line at once, as when the process at the other end was killed."""
        for line in list(self._lines):
            line.cut()

    def trap_for(self, name: str) -> Trap | None:
        """The trap that this statement walks into."""
        for trap in self._traps:
            if trap.name == name:
                if trap.after > 0:
                    trap.after -= 1
                    return None
                self._traps.remove(trap)
                if trap.told:
                    self._bitten(trap.bite)
                return trap
        return None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            upstream = await asyncio.open_unix_connection(self._upstream / SOCKET)
        except OSError:
            writer.transport.abort()
            return
        line = _Line(self, (reader, writer), upstream)
        self._lines.add(line)
        try:
            await line.run()
        finally:
            self._lines.discard(line)
            line.cut()


class _Line:
    """One connection through the proxy."""

    def __init__(
        self,
        proxy: Proxy,
        client: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        server: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> None:
        self._proxy = proxy
        self._from_client, self._to_client = client
        self._from_server, self._to_server = server
        self._name = ""
        self._executes = False
        self._swallow: float | None = None  # seconds that the next answer is held back; negative: for ever

    def cut(self) -> None:
        self._to_client.transport.abort()
        self._to_server.transport.abort()

    async def run(self) -> None:
        """Pass on until one side ends; what breaks at one side breaks the other."""
        pumps = [asyncio.create_task(self._up()), asyncio.create_task(self._down())]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)

    async def _up(self) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            length = await self._from_client.readexactly(4)
            startup = await self._from_client.readexactly(int.from_bytes(length, "big") - 4)
            words = startup[4:].split(b"\0")
            if b"application_name" in words:
                self._name = words[words.index(b"application_name") + 1].decode()
            self._to_server.write(length + startup)
            while True:
                head = await self._from_client.readexactly(5)
                body = await self._from_client.readexactly(int.from_bytes(head[1:], "big") - 4)
                if head[:1] == b"E":
                    self._executes = True
                if head[:1] == b"S" and self._executes:
                    self._executes = False
                    trap = self._proxy.trap_for(self._name)
                    if trap is not None and await self._bite(trap):
                        return
                self._to_server.write(head + body)
                await self._to_server.drain()

    async def _bite(self, trap: Trap) -> bool:
        """Whether the line is cut now."""
        match trap.bite:
            case "cut_unsent":
                return True  # the statement may have run, nothing of it is kept
            case "cut_before_commit":
                await asyncio.sleep(LINGER_S)
                return True
            case "stalled_commit":
                await asyncio.sleep(trap.for_ms / 1_000)
            case "stalled_answer":
                self._swallow = trap.for_ms / 1_000
            case "cut_after_commit":
                self._swallow = -1.0
        return False

    async def _down(self) -> None:
        with suppress(OSError):
            while data := await self._from_server.read(CHUNK):
                held_s, self._swallow = self._swallow, None
                if held_s is not None:
                    if held_s < 0:
                        await asyncio.sleep(LINGER_S)
                        return  # it is committed, or about to be; the answer is lost
                    await asyncio.sleep(held_s)
                self._to_client.write(data)
                await self._to_client.drain()
