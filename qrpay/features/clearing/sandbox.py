"""A clearing house to try against, as a process of its own: it takes orders to pay, and answers as it is told to.

It may be late, reject, return what it has booked, answer twice or out of order, be away, or say something wrong.
"""

import asyncio
import hashlib
import signal
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click
import msgspec
from aiohttp import web
from msgspec import Struct
from msgspec.structs import replace

from qrpay.features.clearing import iso20022
from qrpay.features.clearing.channel import DOCUMENT_MAX
from qrpay.features.clearing.model import Ordered, OrderedPayment, Report
from qrpay.folders import private_folder
from qrpay.values import new_id

CLOSED: Final = "0404"
RETURNS: Final = "0505"
WAIT_S: Final = 0.2


class Behaviour(Struct, frozen=True, forbid_unknown_fields=True):
    """How the house behaves.

    late_s   seconds before an answer can be fetched
    reject   reject every payment with this code
    twice    each answer stands twice in the outbox
    shuffle  bookings before the statuses that promise them, and the last payment first
    silent   promise, and never book
    away     answer 503 to everything but /behaviour
    wrong    book a cent more than was ordered
    relapse  reject after having booked
    """

    late_s: float = 0.0
    reject: str | None = None
    twice: bool = False
    shuffle: bool = False
    silent: bool = False
    away: bool = False
    wrong: bool = False
    relapse: bool = False


class House:
    """The clearing house: what it was asked to pay, and what it has to say."""

    def __init__(self, home: Path | None, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        self.outbox: list[tuple[float, bytes]] = []
        self.paid: dict[str, int] = {}
        self._taken: dict[str, bytes] = {}
        self._home = home
        if home is not None:
            private_folder(home)
            for path in sorted(home.glob("in-*.xml")):
                document = path.read_bytes()
                self._taken[iso20022.read_order(document).msg_id] = hashlib.sha256(document).digest()
            self.outbox = [(0.0, path.read_bytes()) for path in sorted(home.glob("out-*.xml"))]

    def take(self, document: bytes) -> tuple[int, str]:
        """An order to pay; the status and the words of our answer. The same again changes nothing."""
        try:
            order = iso20022.read_order(document)
        except iso20022.UnreadableError as defect:
            return 422, str(defect)
        digest = hashlib.sha256(document).digest()
        known = self._taken.setdefault(order.msg_id, digest)
        if known != digest:
            return 409, "another document bears this MsgId"
        if known is digest:
            self._keep("in", len(self._taken), document)
            self._answer(order)
        return 202, "taken"

    def _answer(self, order: Ordered) -> None:
        behaviour = self.behaviour
        status = [self._promise(one) for one in order.payments]
        going = [one for one, said in zip(order.payments, status, strict=True) if said.what == "accepted"]
        booked = [self._booking("booked", one, behaviour.wrong) for one in going]
        back = [self._booking("returned", one) for one in going if one.creditor.account.endswith(RETURNS)]
        self.paid.update({one.end_to_end: one.amount for one in going} if not behaviour.silent else {})
        now = datetime.now(UTC)
        documents = [iso20022.status_report(new_id().hex, now, order.msg_id, status)]
        if not behaviour.silent:
            batches = [one for one in (booked, back) if one]
            documents += [iso20022.notification(new_id().hex, now, order.debtor.account, one) for one in batches]
        if behaviour.relapse and booked:
            late = [replace(one, what="rejected", code="AM04", reason="changed its mind") for one in booked]
            documents.append(iso20022.status_report(new_id().hex, now, order.msg_id, late))
        if behaviour.shuffle:
            documents.reverse()
        if behaviour.twice:
            documents = [one for document in documents for one in (document, document)]
        for document in documents:
            self._keep("out", len(self.outbox) + 1, document)
            self.outbox.append((time.monotonic() + behaviour.late_s, document))

    def _promise(self, one: OrderedPayment) -> Report:
        code = self.behaviour.reject or ("AC04" if one.creditor.account.endswith(CLOSED) else None)
        if code is None:
            return Report("accepted", one.end_to_end)
        return Report("rejected", one.end_to_end, code=code, reason="the sandbox was told to")

    def _booking(self, what: Any, one: OrderedPayment, wrong: bool = False) -> Report:
        code, reason = ("AC06", "the account is blocked") if what == "returned" else (None, None)
        return Report(what, one.end_to_end, "", one.amount + wrong, one.currency, code, reason)

    def _keep(self, box: str, number: int, document: bytes) -> None:
        if self._home is not None:
            (self._home / f"{box}-{number:08d}.xml").write_bytes(document)

    def after(self, place: int) -> tuple[int, bytes] | None:
        """The first document after a place that may be seen already, and its place."""
        for number, (due, document) in enumerate(self.outbox[place:], place + 1):
            if due > time.monotonic():
                return None
            return number, document
        return None


def application(house: House) -> web.Application:
    """The house's gateway, as channel.py calls it; and /behaviour, for whoever tries."""

    async def take(request: web.Request) -> web.Response:
        if house.behaviour.away:
            return web.Response(status=503)
        status, said = house.take(await request.read())
        return web.Response(status=status, text=said)

    async def give(request: web.Request) -> web.Response:
        if house.behaviour.away:
            return web.Response(status=503)
        found = house.after(int(request.query.get("after", "0")))
        if found is None:
            return web.Response(status=204)
        return web.Response(body=found[1], content_type="application/xml", headers={"X-Place": str(found[0])})

    async def behave(request: web.Request) -> web.Response:
        try:
            house.behaviour = msgspec.json.decode(await request.read(), type=Behaviour)
        except msgspec.DecodeError as defect:
            return web.Response(status=422, text=str(defect))
        return web.Response(body=msgspec.json.encode(house.behaviour), content_type="application/json")

    async def paid(_request: web.Request) -> web.Response:
        return web.Response(body=msgspec.json.encode(house.paid), content_type="application/json")

    app = web.Application(client_max_size=DOCUMENT_MAX)
    app.add_routes(
        [
            web.post("/documents", take),
            web.get("/documents", give),
            web.post("/behaviour", behave),
            web.get("/paid", paid),
        ]
    )
    return app


async def run(port: int, home: Path | None, behaviour: Behaviour) -> None:
    """Serve on loopback until SIGTERM or SIGINT; the first line printed is our address."""
    runner = web.AppRunner(application(House(home, behaviour)))
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
