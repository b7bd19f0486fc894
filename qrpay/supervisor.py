"""The parent of `qrpay serve`: it holds the listening socket and the embedded database, and keeps the workers alive.

A worker is `python -m qrpay work web --fd N --lifeline M` or `python -m qrpay work background --lifeline M`, with its
settings in the environment. It owes us three things: it makes a Lifeline(M, settings.drain_s) first, says `ready()`
once it serves on the listening socket N, and on SIGTERM stops accepting, finishes what it accepted within
`drain_s`, and exits 0. The socket itself stays open here, so a connection that waits in its queue outlives any worker.
"""

import asyncio
import errno
import os
import shutil
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence, Set
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final

import msgspec
import psutil
import structlog
from prometheus_client.multiprocess import mark_process_dead

from qrpay.cores import keep, shares, usable
from qrpay.database.embedded import EmbeddedServer, EmbeddedServerError
from qrpay.database.errors import DatabaseUnusableError
from qrpay.database.migrator import APPLICATION
from qrpay.database.pool import dsn_as
from qrpay.folders import private_folder
from qrpay.lifeline import Child, NotReady
from qrpay.settings import Settings

log = structlog.get_logger()

Migrate = Callable[[str], Awaitable[object]]

COMMAND: Final = (sys.executable, "-m", "qrpay", "work")
BACKLOG: Final = 4096
BIND_S_MAX: Final = 5.0
"""Workers of a supervisor that was killed let go of the port within moments, once they notice."""
STEADY_S: Final = 10.0
"""A worker that lived this long did not die of its start: the next one comes at once."""
PAUSE_S_MIN: Final = 0.1
PAUSE_S_MAX: Final = 10.0
DATABASE_LOOK_S: Final = 0.5


class CannotServe(RuntimeError):
    """The server does not come up; the message says why and what to do."""


def run(settings: Settings, migrate: Migrate, command: Sequence[str] = COMMAND) -> int:
    """Serve until SIGTERM or SIGINT, then drain; the exit status (1: it did not come up, and the log says why).

    migrate  is handed the owner's DSN, and brings the database to what this release expects
    command  what starts a worker, before its role and options

    SIGHUP renews the workers one by one. A second SIGTERM or SIGINT ends them at once.
    """
    try:
        asyncio.run(Supervisor(settings, migrate, command).serve())
    except (CannotServe, NotReady, EmbeddedServerError, DatabaseUnusableError) as reason:
        log.error("cannot_serve", reason=str(reason))
        return 1
    return 0


class Place:
    """A place that is never empty for long: one child works in it, and while one is renewed, two."""

    def __init__(self, name: str, options: Sequence[str], cores: Set[int], fds: Sequence[int] = ()) -> None:
        self.name = name
        self.options = options
        self.cores = cores
        self.fds = fds
        self.lock = asyncio.Lock()  # refilling after a crash and renewing never mix
        self.children: dict[str, Child] = {}
        self.child: Child
        self.pause_s = 0.0

    def free_name(self) -> str:
        """`web-1a`, or the next letter while that one still drains: so files by name stay few, however many crash."""
        return next(name for letter in "abcdefgh" if (name := self.name + letter) not in self.children)


class Supervisor:
    """What `run` runs; see there."""

    def __init__(self, settings: Settings, migrate: Migrate, command: Sequence[str]) -> None:
        self._settings = settings
        self._migrate = migrate
        self._command = command
        self._places: list[Place] = []
        self._work: asyncio.Task[None] | None = None
        self._renew = asyncio.Event()
        there = usable()
        self._web = settings.workers or len(there)
        self._shares = shares(self._web if settings.own_cores else 0, there)
        self._interactive = os.isatty(0)

    async def serve(self) -> None:
        """Serve until told to stop."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._told_to_stop)
        loop.add_signal_handler(signal.SIGHUP, self._told_to_renew)
        self._work = asyncio.create_task(self._serve())
        await asyncio.wait([self._work])
        if not self._work.cancelled():
            self._work.result()
        log.info("stopped")

    def _told_to_stop(self) -> None:
        assert self._work is not None
        if self._work.cancelling():
            for child in self._children():
                child.send(signal.SIGKILL)
            return
        log.info("draining", at_most_s=self._settings.drain_s)
        self._work.cancel()

    def _told_to_renew(self) -> None:
        if self._interactive and not os.isatty(0):
            self._told_to_stop()  # the terminal we were started from is gone, and so is who watched
        else:
            self._renew.set()

    def _children(self) -> list[Child]:
        return [child for place in self._places for child in place.children.values()]

    async def _serve(self) -> None:
        keep(0, self._shares.others)  # whom we start keeps there too, unless moved
        async with _database(self._settings, self._shares.others) as settings:
            log.info("migrating")
            await self._migrate(settings.migration_url or settings.database_url)
            async with _listening(settings) as listener:
                with _metrics_folder(settings.folder) as metrics:
                    port = listener.getsockname()[1]
                    self._settings = msgspec.structs.replace(settings, port=port, metrics_dir=str(metrics))
                    await self._employ(listener)

    async def _employ(self, listener: socket.socket) -> None:
        """Fill every place, and keep it filled until cancelled; then let everybody finish."""
        fd, count, others = listener.fileno(), self._web, self._shares.others
        own = self._shares.workers or [others] * count
        self._places = [Place(f"web-{n}", ("web", "--fd", str(fd)), core, (fd,)) for n, core in enumerate(own, 1)]
        self._places.append(Place("background-", ("background",), others))
        log.info("workers_starting", web=count, own_cores=bool(self._shares.workers))
        try:
            await self._fill_all()
            log.info("serving", url=self._settings.url, workers=count)
            async with asyncio.TaskGroup() as group:
                for place in self._places:
                    group.create_task(self._keep(place))
                group.create_task(self._renew_all())
        finally:
            listener.close()  # so that a caller is refused at once, and not left in a queue that nobody serves
            await asyncio.gather(*(child.retire(self._settings.drain_s) for child in self._children()))

    async def _fill_all(self) -> None:
        """The first children, side by side. One that does not come up ends us: somebody watches now, later nobody."""
        try:
            async with asyncio.TaskGroup() as group:
                for place in self._places:
                    group.create_task(self._fill(place))
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from None

    async def _fill(self, place: Place) -> Child:
        """Start a child in a place and wait until it is ready; raises NotReady."""
        name = place.free_name()
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with theirs:
            process = await asyncio.create_subprocess_exec(
                *self._command, *place.options, "--lifeline", str(theirs.fileno()),
                stdin=asyncio.subprocess.DEVNULL, pass_fds=(*place.fds, theirs.fileno()),
                env=environment(self._settings, process=name),
                process_group=0,  # Ctrl-C in a terminal is for us; we tell the children in good order
            )  # fmt: skip
        keep(process.pid, place.cores)
        place.children[name] = child = Child(name, process, ours)
        child.exit.add_done_callback(lambda _: self._buried(place, child))
        await child.ready()
        place.child = child
        log.info("worker_ready", worker=name, pid=process.pid, after_s=round(time.monotonic() - child.began, 2))
        return child

    def _buried(self, place: Place, child: Child) -> None:
        child.bury()
        mark_process_dead(child.name, self._settings.metrics_dir)  # type: ignore[no-untyped-call]
        del place.children[child.name]

    async def _keep(self, place: Place) -> None:
        """Replace whoever dies in this place, for ever; more slowly while they die at once."""
        while True:
            child = place.child
            status = await asyncio.shield(child.exit)
            async with place.lock:
                if place.child is not child:
                    continue  # it was renewed
                died_at_once = time.monotonic() - child.began < STEADY_S
                place.pause_s = max(PAUSE_S_MIN, place.pause_s * 2) if died_at_once else 0.0
                log.error("worker_died", worker=child.name, pid=child.process.pid, status=status)
                await self._refill(place)

    async def _refill(self, place: Place) -> None:
        while True:
            place.pause_s = min(PAUSE_S_MAX, place.pause_s)
            await asyncio.sleep(place.pause_s)
            try:
                await self._fill(place)
            except NotReady as reason:
                place.pause_s = max(PAUSE_S_MIN, place.pause_s * 2)
                log.error("worker_not_replaced", reason=str(reason), next_try_s=min(PAUSE_S_MAX, place.pause_s))
            else:
                return

    async def _renew_all(self) -> None:
        """On SIGHUP: for each place a new child, and only then the old one's end."""
        while True:
            await self._renew.wait()
            self._renew.clear()
            log.info("renewing")
            for place in self._places:
                async with place.lock:
                    old = place.child
                    try:
                        await self._fill(place)
                    except NotReady as reason:
                        log.error("renewal_given_up", reason=str(reason), advice="the old workers go on")
                        break
                await old.retire(self._settings.drain_s)
            else:
                log.info("renewed")


def environment(settings: Settings, process: str) -> dict[str, str]:
    """What a child's settings are read from: ours, as QRPAY_ variables, and nothing else of that name."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("QRPAY_")}
    defaults = Settings()
    ours = {
        f"QRPAY_{name.upper()}": str(value)
        for name, value in msgspec.structs.asdict(settings).items()
        if value != getattr(defaults, name)
    }
    return {**inherited, **ours, "QRPAY_PROCESS": process, "PROMETHEUS_MULTIPROC_DIR": settings.metrics_dir}


@asynccontextmanager
async def _database(settings: Settings, cores: Set[int]) -> AsyncIterator[Settings]:
    """The settings with a database: the one they name, or the embedded one, held and brought back when it dies; that
    one keeps to these cores."""
    if settings.database_url:
        yield settings
        return
    binaries = Path(settings.postgres_bin) if settings.postgres_bin else None
    server = EmbeddedServer(settings.folder, binaries=binaries)
    log.info("database_starting", home=str(settings.folder))
    starting = asyncio.ensure_future(asyncio.to_thread(server.start))
    keeping: asyncio.Task[None] | None = None
    try:
        dsn = await asyncio.shield(starting)
        server.keep_to(cores)
        keeping = asyncio.create_task(_keep_database(server))
        yield msgspec.structs.replace(settings, database_url=dsn_as(dsn, APPLICATION), migration_url=dsn)
    finally:
        await asyncio.wait([starting])
        if keeping is not None:
            keeping.cancel()
            await asyncio.wait([keeping])
        await asyncio.to_thread(server.stop)


async def _keep_database(server: EmbeddedServer) -> None:
    """Start it again when it died, such as from kill -9: it recovers from its log, and nothing committed is lost."""
    while True:
        await asyncio.sleep(DATABASE_LOOK_S)
        if not server.running():
            log.error("database_died", advice="starting it again")
            try:
                # Not to be cut in the middle: stopping would miss a server that is still coming up.
                await asyncio.shield(starting := asyncio.ensure_future(asyncio.to_thread(server.start)))
                log.info("database_back")
            except asyncio.CancelledError:
                await asyncio.wait([starting])
                raise
            except EmbeddedServerError as reason:
                log.error("database_not_back", reason=str(reason))


@asynccontextmanager
async def _listening(settings: Settings) -> AsyncIterator[socket.socket]:
    """The one listening socket. Raises CannotServe when the address is taken or is none of ours."""
    until = time.monotonic() + BIND_S_MAX
    while True:
        try:
            family = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0][0]
            listener = socket.create_server((settings.host, settings.port), family=family, backlog=BACKLOG)
        except OSError as defect:
            if defect.errno != errno.EADDRINUSE or time.monotonic() > until:
                raise CannotServe(
                    f"cannot listen on {settings.host} port {settings.port} ({defect.strerror}): is another server"
                    " there? QRPAY_PORT or --port names another, 0 takes any that is free"
                ) from defect
            await asyncio.sleep(0.1)
        else:
            with listener:
                yield listener
            return


@contextmanager
def _metrics_folder(home: Path) -> Iterator[Path]:
    """A fresh folder for the metrics of our workers; those of supervisors that were killed are removed."""
    private_folder(home)
    for left in home.glob("metrics-*"):
        if not psutil.pid_exists(int(left.name.partition("-")[2])) or left.name == f"metrics-{os.getpid()}":
            shutil.rmtree(left, ignore_errors=True)
    folder = home / f"metrics-{os.getpid()}"
    folder.mkdir(0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
