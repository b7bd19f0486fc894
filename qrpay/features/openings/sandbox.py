"""An identity service and a sender of SMS to try against, each a process of its own; they misbehave when told to."""

import asyncio
import signal
from collections import defaultdict
from typing import Final

import click
import msgspec
from aiohttp import web
from msgspec import Struct

WATCHED: Final = "0013"
"""ID numbers that end so, before the check character, are on its watch list."""
CLASS_II: Final = "0202"
"""Cards that end so are Class II accounts, which may not be bound."""


class Behaviour(Struct, frozen=True, forbid_unknown_fields=True):
    """How the party behaves.

    late_s    seconds before it answers
    away      answer 503
    garbled   answer what is no JSON
    mismatch  the element that does not agree, whoever asks
    """

    late_s: float = 0.0
    away: bool = False
    garbled: bool = False
    mismatch: str | None = None


class Party:
    """What both parties have in common: behaviour, and what they were asked."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        self.messages: defaultdict[str, list[str]] = defaultdict(list)
        self.seen: set[str] = set()

    async def _misbehaves(self) -> web.Response | None:
        await asyncio.sleep(self.behaviour.late_s)
        if self.behaviour.away:
            return web.Response(status=503)
        return web.Response(text="<html>") if self.behaviour.garbled else None

    async def check(self, request: web.Request) -> web.Response:
        """`POST /checks`: name and ID number, or with phone, card and bank."""
        asked = msgspec.json.decode(await request.read())
        if (bad := await self._misbehaves()) is not None:
            return bad
        mismatch = self.behaviour.mismatch
        if mismatch in ("phone", "card", "card_class") and "card" not in asked:
            mismatch = None
        if str(asked.get("card", "")).endswith(CLASS_II):
            mismatch = mismatch or "card_class"
        watched = asked["id_number"][13:17] == WATCHED
        return web.Response(body=msgspec.json.encode({"mismatch": mismatch, "watched": watched}))

    async def send(self, request: web.Request) -> web.Response:
        """`POST /messages`: a text to a number, once a reference."""
        asked = msgspec.json.decode(await request.read())
        if (bad := await self._misbehaves()) is not None:
            return bad
        if asked["reference"] not in self.seen:
            self.seen.add(asked["reference"])
            self.messages[asked["phone"]].append(asked["text"])
        return web.Response(status=202)

    async def read(self, request: web.Request) -> web.Response:
        """`POST /inbox`: what a number has received, for whoever tries."""
        asked = msgspec.json.decode(await request.read())
        return web.Response(body=msgspec.json.encode(self.messages[asked["phone"]]))

    async def behave(self, request: web.Request) -> web.Response:
        """`POST /behaviour`."""
        try:
            self.behaviour = msgspec.json.decode(await request.read(), type=Behaviour)
        except msgspec.DecodeError as defect:
            return web.Response(status=422, text=str(defect))
        return web.Response(body=msgspec.json.encode(self.behaviour), content_type="application/json")


async def run(port: int, behaviour: Behaviour) -> None:
    """Serve on loopback until SIGTERM or SIGINT; the first line printed is our address."""
    party = Party(behaviour)
    app = web.Application(client_max_size=10_000)
    app.add_routes([web.post("/checks", party.check), web.post("/messages", party.send),
                    web.post("/inbox", party.read), web.post("/behaviour", party.behave)])  # fmt: skip
    runner = web.AppRunner(app)
    await runner.setup()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        click.echo(f"http://127.0.0.1:{runner.addresses[0][1]}")
        await stop.wait()
    finally:
        await runner.cleanup()
