"""Conducts a run: starts or finds the server and its peers, seeds, runs all cells, attacks, and compares the books."""

import argparse
import asyncio
import shlex
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import asyncpg
import msgspec
from rich.console import Console

from benchmarks import cost, generator, machine, outside, peers, servers
from benchmarks.attack import VICTIMS, attack
from benchmarks.day import live
from benchmarks.figures import WORDS, Attack, Cell, Cost, Day, Name, Run, Verdict, Waiters
from benchmarks.live import View
from benchmarks.portions import PORTION, Maker
from benchmarks.scenarios import AT_64, OF_PEERS, Bench, plan
from benchmarks.seed import fill
from benchmarks.servers import House, Stranger
from benchmarks.town import Due, Town, read_credentials
from benchmarks.waiters import wait_for_news
from qrpay.app import open_core
from qrpay.cores import keep, usable
from qrpay.database.embedded import EmbeddedServer
from qrpay.settings import Settings

DAY_S: Final = 12.0
DAY_SHARE: Final = 0.6
"""The busiest hour offers this share of what the closed loop of 64 callers reached, in requests."""
ATTACK_S: Final = 5.0
FURTHER_S: Final = 150.0
"""Kept free for what comes after the rounds, when minutes are counted."""
SHOWN: Final = ("server_version", "fsync", "synchronous_commit", "full_page_writes", "shared_buffers", "max_wal_size")


@dataclass
class Stage:
    """All that a run needs, started."""

    bench: Bench
    card: machine.Machine
    owner: "asyncpg.Connection[asyncpg.Record] | None"
    owner_dsn: str
    started_mb: float | None


async def conduct(args: argparse.Namespace, settings: Settings | None, home: Path, console: Console) -> Run:
    """The whole run. `settings` name the kit's own database; without them the server is somebody else's."""
    began = time.perf_counter()
    async with _stage(args, settings, home, console) as stage:
        bench = stage.bench
        cells = list(plan(args.callers, args.only, _there(args, bench)))
        total = (
            args.rounds * len(cells)
            + len(args.kill)
            + bool(args.waiters)
            + bool(args.day)
            + bool(stage.owner and not args.only)
        )
        with View(console, total) as view:
            bench.said = view.say
            bench.watched = view.watch if args.watch else None
            view.begin("warming up")
            before = await outside.balances(bench.maker.town, bench.address) if settings is None else {}
            await bench.warm(cells, args.callers)
            deadline = began + args.minutes * 60 - (FURTHER_S if not args.only else 0) if args.minutes else float("inf")
            done = await _rounds(args.rounds, cells, bench, view, deadline)
            # Before waiters and attacks, after which it may be a new worker's, or one that has held ten thousand.
            rss_mb = bench.house.rss_mb() if isinstance(bench.house, House) else None
            bench.watched = view.watch
            spent, waiters, day, attacks = await _further(args, stage, view)
            view.begin("comparing the books, payment by payment")
            verdict = (
                await _compare(settings, bench)
                if settings is not None
                else await outside.compare(bench.books, bench.maker.town, bench.address, before, bench.maker.issued)
            )
        return Run(
            machine=stage.card, command=_command(args.given), seconds=args.seconds,
            rounds=max((cell.round for cell in done), default=0),
            workers=args.workers, callers=args.callers, cells=done, verdict=verdict, took_s=time.perf_counter() - began,
            at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), url=args.url, rss_start_mb=stage.started_mb,
            rss_mb=rss_mb, cost=spent, waiters=waiters, day=day, attacks=attacks,
            own_cores=isinstance(bench.house, House) and bool(bench.house.own_cores()),
        )  # fmt: skip


async def _rounds(
    rounds: int, cells: Sequence[tuple[Name, int, float]], bench: Bench, view: View, deadline: float
) -> list[Cell]:
    """Round by round; one that would not end in time is not begun, but the first is run in any case."""
    done: list[Cell] = []
    began = time.perf_counter()
    for round in range(1, rounds + 1):
        now = time.perf_counter()
        if round > 1 and now + (now - began) / (round - 1) > deadline:
            view.leave_out((rounds - round + 1) * len(cells))
            break
        for name, callers, share in cells:
            load = f"{share:.0%} of its rate offered" if share else f"{callers} caller{'s' * (callers > 1)}"
            view.begin(f"round {round} of {rounds}: {WORDS[name]}, {load}")
            done.append(await bench.cell(name, callers, round, share))
            view.done(done[-1])
    return done


async def _further(
    args: argparse.Namespace, stage: Stage, view: View
) -> tuple[Cost | None, Waiters | None, Day | None, list[Attack]]:
    """What is no ratio: the cost of a payment, a day, waiters, and last what breaks things."""
    bench, house = stage.bench, stage.bench.house
    spent, waiters, day = None, None, None
    attacks: list[Attack] = []
    if stage.owner is not None and not args.only:
        view.begin("what a payment costs")
        spent = await _cost(bench, stage.owner)
        view.step()
    if args.day:
        view.begin("a mixed day")
        day = await live(bench, args.day, bench.rate("issued", 64) * DAY_SHARE)
        view.step()
    if args.waiters and isinstance(house, House):
        view.begin(f"{args.waiters:,} idle waiters")
        waiters = await wait_for_news(bench, house, args.waiters)
        view.step()
    for victim in args.kill:
        assert isinstance(house, House)
        view.begin(f"attack: {VICTIMS[victim]}")
        attacks.append(await attack(bench, house, stage.owner_dsn, victim, ATTACK_S))
        view.step()
    return spent, waiters, day, attacks


async def _cost(bench: Bench, owner: "asyncpg.Connection[asyncpg.Record]") -> Cost:
    """Pay one portion with nothing else going on, between two looks at PostgreSQL's own counters."""
    portion = await bench.maker.make("issued", PORTION)
    await _quiet(bench)
    before = await cost.look(owner)
    shift = await generator.run(bench.address, portion.requests, callers=64, seconds=60)
    await bench.enter("issued", portion, shift)
    await _quiet(bench)
    return cost.between(before, await cost.look(owner), shift.counts.get("201", 0))


async def _quiet(bench: Bench) -> None:
    await asyncio.to_thread(bench.house.settle)
    await asyncio.sleep(cost.IDLE_S)


async def _compare(settings: Settings, bench: Bench) -> Verdict:
    async with open_core(settings) as core:  # a new one: the attacks may have broken what the old one held
        return await bench.books.compare(core, bench.maker.issued)


# The stage ---------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def _stage(
    args: argparse.Namespace, settings: Settings | None, home: Path, console: Console
) -> AsyncIterator[Stage]:
    async with AsyncExitStack() as stack:
        if settings is None:
            yield await _strange(args, home, stack, console)
            return
        owner = await asyncpg.connect(settings.migration_url)
        card = machine.look(home, {name: str(await owner.fetchval(f"SHOW {name}")) for name in SHOWN})
        pgbench = EmbeddedServer(settings.folder).tool("pgbench")
        with console.status("starting the server and its peers"):
            asked = peers.Asked(_peers(args), args.tigerbeetle, settings.migration_url, pgbench, home)
            started = await stack.enter_async_context(peers.running(asked))
            house = stack.enter_context(servers.qrpay(home, args.workers, args.set))
            stack.callback(keep, 0, usable())
            _keep_apart(house, started.values())
        started_mb = house.rss_mb()
        core = await stack.enter_async_context(open_core(settings))
        with console.status(f"seeding {args.people:,} payers and {args.shops:,} merchants"):
            credentials = await fill(core, args.people, args.shops, url=house.address.url)
        maker = Maker(Town(credentials, house.address), house.address, core)
        bench = Bench(maker, house, started, args.seconds, None)
        yield Stage(bench, card, owner, settings.migration_url, started_mb)


def _keep_apart(house: House, others: Iterable[servers.Peer]) -> None:
    """Where our worker has a core to itself, a peer's server gets that core too, and we keep off it."""
    own = house.own_cores()
    if own:
        for peer in others:
            peer.keep_to({min(own)})
        keep(0, usable() - own)


async def _strange(args: argparse.Namespace, home: Path, stack: AsyncExitStack, console: Console) -> Stage:
    """Somebody else's server: nothing is started but the echo, on this machine, to show what the generator can do."""
    credentials = read_credentials(args.credentials)
    house = Stranger(args.url)
    asked = peers.Asked(("echo",), "", "", Path(), home)
    started = await stack.enter_async_context(peers.running(asked))
    codes = _read_codes(args.codes) if args.codes else None
    maker = Maker(Town(credentials, house.address), house.address, None, codes)
    return Stage(Bench(maker, house, started, args.seconds, None), machine.look(home, {}), None, "", None)


def _read_codes(file: Path) -> Iterator[Due]:
    with file.open("rb") as lines:
        for line in lines:
            yield msgspec.json.decode(line, type=Due)


def _peers(args: argparse.Namespace) -> list[Name]:
    asked: list[Name] = [*peers.ALWAYS, *(peers.BY_DEFAULT if args.peers is None else args.peers)]
    if args.tigerbeetle:
        asked.append("tigerbeetle")
    names = list(dict.fromkeys(asked))
    return [name for name in names if not args.only or name in args.only]


def _there(args: argparse.Namespace, bench: Bench) -> list[Name]:
    """The kinds of cells that can be run here."""
    ours: list[Name] = ["issued", "spread", *AT_64]
    if bench.maker.core is None and bench.maker.codes is None:
        ours = [name for name in ours if name not in ("scanned", "fresh")]
    return [*ours, *(name for name in bench.peers if name in OF_PEERS)]


def _command(given: Sequence[str]) -> str:
    return f"qrpay bench {shlex.join(given)}".rstrip()
