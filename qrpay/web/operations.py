"""Operations: whether this worker lives, whether it can take payments, and what it has counted."""

import asyncio
from typing import TYPE_CHECKING, Annotated, Final, Literal

from msgspec import Meta, Struct

from qrpay.database.migrator import folders, read
from qrpay.problem import Refused
from qrpay.web.metrics import Meter
from qrpay.web.routes import PUBLIC, Answer, Call, Document, Nothing, Routes

if TYPE_CHECKING:
    from qrpay.core import Core

ROUND_TRIP_S_MAX: Final = 1.0
TOLD_S: Final = 0.25
"""A readiness is good for this long, so that many who ask cost the database one question."""
METRICS_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

Part = Literal["ok", "down"]


class Alive(Struct, frozen=True):
    """The event loop turns; nothing else is asked."""

    status: Literal["ok"] = "ok"


class Readiness(Struct, frozen=True):
    """Whether this worker can take payments, part by part.

    database    it answered within a second
    migrations  this release's numbered migrations are all applied, unchanged
    queue       fewer items wait than QRPAY_QUEUE_MAX
    serving     it was not told to stop
    """

    status: Literal["ready", "not_ready"]
    database: Part
    migrations: Part
    queue: Part
    serving: Part
    retry_after: Annotated[int, Meta(description="Seconds after which to ask again; 0 when ready.")] = 0


class Worker:
    """What `/readyz` and `/metrics` ask of the process they run in: one a process, filled by the server.

    meter     what carries its counts over
    draining  whether it was told to stop
    """

    def __init__(self) -> None:
        self.meter: Meter | None = None
        self.draining = False
        self.expected: frozenset[tuple[str, str]] | None = None
        self.told: tuple[Readiness, float] | None = None
        self.asking: asyncio.Task[Readiness] | None = None


WORKER: Final = Worker()
routes = Routes("Operations")


@routes.get("/healthz", caller=PUBLIC, returns=Alive)
async def is_alive(_call: Call, _ask: Nothing) -> Alive:
    """Whether this worker lives. Restart it when this is not answered."""
    return Alive()


@routes.get("/readyz", caller=PUBLIC, returns=Readiness, also={503: "It cannot take payments now; the parts say why."})
async def is_ready(call: Call, _ask: Nothing) -> Answer:
    """Whether this worker can take payments. Send it none while this says 503."""
    said = await readiness(call.core, WORKER)
    if said.status == "ready":
        return Answer(said)
    return Answer(said, status=503, headers={"Retry-After": str(said.retry_after)})


@routes.get("/metrics", caller=PUBLIC, returns=Document, media_type="text/plain")
async def read_metrics(_call: Call, _ask: Nothing) -> Document:
    """What all workers of this machine have counted, for Prometheus."""
    return Document(await WORKER.meter.render() if WORKER.meter else b"", METRICS_TYPE)


async def readiness(core: "Core", worker: Worker) -> Readiness:
    """The truth, at most TOLD_S old; however many ask at once, the database is asked once."""
    now = asyncio.get_running_loop().time()
    if worker.told is not None and now - worker.told[1] < TOLD_S and not worker.draining:
        return worker.told[0]
    if worker.asking is None or worker.asking.done():
        worker.asking = asyncio.create_task(_asked(core, worker), name="readiness")
    return await asyncio.shield(worker.asking)


async def _asked(core: "Core", worker: Worker) -> Readiness:
    if worker.expected is None:
        worker.expected = frozenset((file.name, file.sha256) for file in read(folders()) if file.numbered)
    applied: set[tuple[str, str]] | None = None
    try:
        async with asyncio.timeout(ROUND_TRIP_S_MAX):
            # One question answers two: that the database answers, and how far it was brought.
            rows = await core.database.fetch("SELECT name, sha256 FROM migrations")
            applied = {(row["name"], row["sha256"]) for row in rows}
    except (TimeoutError, Refused):
        pass  # away, or too slow to serve anybody
    said = judged(
        database=applied is not None,
        migrations=applied is not None and worker.expected <= applied,
        queue=all(stats.depth < core.settings.queue_max for stats in core.queues.values()),
        serving=not worker.draining,
    )
    worker.told = (said, asyncio.get_running_loop().time())
    return said


def judged(*, database: bool, migrations: bool, queue: bool, serving: bool) -> Readiness:
    """Ready when every part is."""
    ready = database and migrations and queue and serving
    return Readiness(
        status="ready" if ready else "not_ready",
        database="ok" if database else "down",
        migrations="ok" if migrations else "down",
        queue="ok" if queue else "down",
        serving="ok" if serving else "down",
        retry_after=0 if ready else 1,
    )
