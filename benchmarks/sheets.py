"""The tables of a run, in words: the same for the terminal and for the page."""

from collections import Counter
from collections.abc import Sequence
from statistics import median
from typing import Final

from msgspec import Struct

from benchmarks.attack import VICTIMS
from benchmarks.day import SHARES as STORIES
from benchmarks.figures import WORDS, Cell, Name, Run, Spread
from benchmarks.goals import PEERS, Goal, goals

MARKS: Final = {"stretch": "★★★ stretch", "target": "★★ target", "must": "★ must", "below must": "✗ below must"}
BUSY: Final = 0.85
DISTURBED: Final = 0.15
APART: Final[frozenset[Name]] = frozenset({"commit", "tpcb", "hordak", "tigerbeetle"})
"""These measure themselves, and what they use is not looked at."""
CODES: Final = """\
Three kinds of codes are kept apart, since a worker need not check a signature twice:

- *issued here*: by `POST /v1/orders` on the same server some moments before, as in a shop. The worker remembers that it
  signed this code itself. The goals are read against these. Orders are issued in portions between the measured times,
  and each portion is paid before the worker can have forgotten it.
- *scanned before*: issued elsewhere, then shown by `POST /v1/scans` to the wallet that pays it, as a wallet app does.
- *new to the worker*: issued elsewhere, never scanned; each signature is checked within the measured payment.

Payments of these three kinds go to one hot merchant, and each caller is one wallet that keeps its connection; orders
are opened by tills that keep theirs. In all other rows a connection carries whoever comes, of 20,000 people: their
tokens are mostly checked afresh."""
DIFFERENT: Final[dict[Name, str]] = {
    "for update": "checks no token, signature or cap and tells nobody: less is done for each payment. It wins where one"
    " person must read all of the code in a minute.",
    "running balance": "has the balance in every entry, so a statement and a balance at any time are one index scan;"
    " there it wins. Nothing but the money is checked.",
    "hordak": "is measured without HTTP. It wins where a Django application wants bookkeeping with many legs, an admin"
    " and reports today; it guards no balance and knows no idempotency.",
    "tpcb": "is measured without HTTP, by a client in C, over 20 hot rows instead of one, and keeps no proof that a"
    " retry moves nothing twice. It says what this PostgreSQL does for anybody.",
    "tigerbeetle": "is measured without HTTP, in whole batches, on a file format made for it; with its native clients"
    " and large batches it wins by far, and it survives the loss of machines by itself. It knows accounts and"
    " transfers only: codes, tokens, limits a day and events need a second system.",
}
"""What a reader must know of each peer before believing the ratio, and where it wins."""


class Sheet(Struct, frozen=True):
    """A table, and what is said below it."""

    title: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    said: Sequence[str] = ()


def sheets(run: Run) -> list[Sheet]:
    """All that this run has figures for, goals first."""
    found = [_goals(run), _closed(run), _open(run), _beside(run), _cost(run), _day(run), _waiters(run), _attacks(run)]
    return [sheet for sheet in found if sheet.rows]


def zeros(run: Run) -> str:
    """The sentence about the money."""
    verdict = run.verdict
    broken = f" ({', '.join(verdict.broken)})" if verdict.broken else ""
    how = "read back through the API" if verdict.outside else "each compared with the ledger by its id"
    said = (
        f"{verdict.payments:,} payments acknowledged, {how}: "
        f"missing {verdict.missing}, doubled {verdict.doubled}, unbalanced {verdict.unbalanced}{broken}."
    )
    if not verdict.outside:
        said += f" {verdict.orders:,} orders acknowledged: missing {verdict.orders_missing}."
    return said


def notes(run: Run) -> list[str]:
    """The machine, and what a reader must know before believing."""
    card = run.machine
    lines = [
        f"{card.cpu}, {card.cores} cores shared by server, database and generator, {card.memory_gb} GB, {card.system},"
        f" {card.fsyncs_per_s:,} fsyncs/s, load {card.load} at the start"
        if not run.url
        else f"The generator's machine: {card.cpu}, {card.cores} cores, {card.memory_gb} GB, {card.system}. The server"
        f" at {run.url} is somebody else's: ratios to the echo compare two machines."
    ]
    versions = ", ".join(f"{name} {number}" for name, number in card.versions.items())
    if card.database:
        settings = ", ".join(f"{name} {value}" for name, value in card.database.items() if name != "server_version")
        versions += f"; PostgreSQL {card.database['server_version']} ({settings}); web workers: {run.workers}"
    lines.append(versions)
    if run.own_cores:
        lines.append(
            "The web worker had a core to itself, as qrpay serve gives it where there are two for each, and each peer's"
            " server had that core in its turn; PostgreSQL, the background and the generator shared the rest."
        )
    if run.rss_mb is not None:
        lines.append(
            f"A worker holds {run.rss_start_mb:.0f} MB before its first request, {run.rss_mb:.0f} MB at the end."
        )
    sending = [cell for cell in run.cells if cell.name not in APART]
    if sending:
        busiest = max(sending, key=lambda cell: cell.busy)
        lines.append(
            f"The generator took at most {busiest.busy:.0%} of a core ({WORDS[busiest.name]}, {_load(busiest)});"
            f" {busiest.generator_us:.0f} µs a request, so {1e6 / busiest.generator_us:,.0f} a second alone."
        )
        if bounded := sorted({f"{WORDS[cell.name]}, {_load(cell)}" for cell in sending if cell.busy > BUSY}):
            lines.append(
                f"The generator itself was the bottleneck there: {'; '.join(bounded)}. The server is faster than that."
            )
    if batches := [(cell.callers, cell.batch) for cell in run.cells if cell.batch]:
        sizes = {callers: median([size for count, size in batches if count == callers]) for callers, _ in batches}
        lines.append(f"Transfers a commit, by callers: {', '.join(f'{s:.0f} at {c}' for c, s in sizes.items())}.")
    others = median([cell.others for cell in run.cells]) if run.cells else 0.0
    if others > DISTURBED and not run.url:
        lines.append(
            f"Other programs used {others:.1f} of the {card.cores} cores meanwhile. They slow a payment, which needs"
            " three processes at once, more than the echo, which needs one: on a quiet machine the ratios are better."
        )
    return lines


def _load(cell: Cell) -> str:
    return f"{cell.share:.0%} offered" if cell.share else f"{cell.callers} callers"


def _goals(run: Run) -> Sheet:
    rows = [[*_goal(goal), MARKS[goal.mark]] for goal in goals(run)]
    heads = ("", "reached", "min to max", "must", "target", "stretch", "")
    return Sheet("Goals", heads, rows, ("Ratios of one run: the median of the rounds, and their spread.",))


def _goal(goal: Goal) -> list[str]:
    value = goal.value
    return [
        goal.name, f"{value.middle:.2f}", f"{value.low:.2f} to {value.high:.2f}",
        *(f"{'≤ ' if goal.less else ''}{bound:g}" for bound in (goal.must, goal.target, goal.stretch)),
    ]  # fmt: skip


def _closed(run: Run) -> Sheet:
    heads = (
        "", "callers", "a second", "/ echo", "p50", "p90", "p99", "max",
        "µs server", "µs database", "µs background", "refused",
    )  # fmt: skip
    kinds = sorted({(cell.callers, list(WORDS).index(cell.name)) for cell in run.cells if not cell.share})
    said = (
        "Good answers a second, latencies in milliseconds: medians of the rounds. µs: processor time per good answer,"
        " of the server's process, of PostgreSQL, and of the background, which also works after the cell has ended.",
    )
    return Sheet("Closed loop", heads, [_row(run, list(WORDS)[place], callers) for callers, place in kinds], said)


def _row(run: Run, name: Name, callers: int) -> list[str]:
    cells = run.of(name, callers)

    def middle(value: str) -> float:
        return median([float(getattr(cell, value)) for cell in cells])

    other: Counter[str] = Counter()
    for cell in cells:
        other.update({status: count for status, count in cell.counts.items() if status not in ("200", "201")})
    ratio = run.ratio(name, "echo", callers)
    looked_at = name not in APART and not run.url
    return [
        WORDS[name], str(callers), f"{middle('rate'):,.0f}",
        "" if name == "commit" or ratio is None else f"{ratio.middle:.2f}",
        *(f"{middle(value):.2f}" for value in ("p50", "p90", "p99")), f"{middle('max'):.1f}",
        *(f"{middle(value):.0f}" if looked_at else "" for value in ("server_us", "database_us", "background_us")),
        ", ".join(f"{status}: {count}" for status, count in sorted(other.items())),
    ]  # fmt: skip


def _open(run: Run) -> Sheet:
    rows = []
    for share in sorted({cell.share for cell in run.cells if cell.share}):
        cells = [cell for cell in run.cells if cell.share == share]
        values = [
            median([float(getattr(cell, name)) for cell in cells])
            for name in ("offered", "rate", "p50", "p90", "p99", "max", "late_ms")
        ]
        rows.append(
            [f"{share:.0%}", f"{values[0]:,.0f}", f"{values[1]:,.0f}", *(f"{value:.2f}" for value in values[2:])]
        )
    heads = ("of the closed loop", "offered", "answered", "p50", "p90", "p99", "max", "sent late")
    said = (
        "Payments to one hot merchant, codes issued here, offered at random moments whatever the server does. A latency"
        " counts from the moment at which the request was due, so that nothing is hidden by waiting for a free"
        " connection (coordinated omission). *Sent late*: by how much the generator missed that moment, in the median;"
        " it is within the latencies.",
    )
    return Sheet("Open loop", heads, rows, said)


def _beside(run: Run) -> Sheet:
    rows, said = [], []
    for name, words in PEERS.items():
        if (ratio := run.ratio("issued", name, 64)) is None:
            continue
        cpu = None if name in APART else run.ratio(name, "issued", 64, _processor_us)
        rows.append(
            [words, _times(ratio), f"{ratio.low:.2f} to {ratio.high:.2f}", "" if cpu is None else f"{cpu.middle:.2f}"]
        )
        said.append(f"*{words}* {DIFFERENT[name]}")
    heads = ("payments, hot, 64 callers, over", "times", "min to max", "per processor second")
    return Sheet("Side by side", heads, rows, said)


def _times(ratio: Spread) -> str:
    return f"{ratio.middle:.2f}" + (" (it is faster)" if ratio.middle < 1 else "")


def _processor_us(cell: Cell) -> float:
    return cell.server_us + cell.database_us


def _cost(run: Run) -> Sheet:
    cost = run.cost
    if cost is None:
        return Sheet("Cost", (), ())
    cells = run.of("issued", 64)
    rows = [
        ["WAL", f"{cost.wal_bytes:,.0f} bytes", f"{cost.pages:.3f} full pages among it"],
        ["fsyncs of the WAL", f"{cost.fsyncs:.3f}", f"{1 / max(cost.fsyncs, 1e-9):,.0f} payments each"],
        ["heap", f"{cost.heap_bytes:,.0f} bytes", ", ".join(f"{name} {size:.0f}" for name, size in cost.heap.items())],
        ["indexes", f"{cost.index_bytes:,.0f} bytes", ", ".join(f"{n} {size:.0f}" for n, size in cost.index.items())],
    ]
    if cells:
        parts = [
            median([getattr(cell, f"{part}_us") for cell in cells]) for part in ("server", "database", "background")
        ]
        rows.insert(
            0,
            ["processor", f"{sum(parts):.0f} µs", "worker {:.0f}, PostgreSQL {:.0f}, background {:.0f}".format(*parts)],
        )
    if run.rss_mb is not None:
        rows.append(
            ["memory of a worker", f"{run.rss_mb:.0f} MB", f"{run.rss_start_mb:.0f} MB before its first request"]
        )
    if run.waiters is not None:
        rows.append(["memory of an idle waiter", f"{run.waiters.bytes_each / 1e3:.1f} kB", f"of {run.waiters.count:,}"])
    said = (
        f"Of one payment (hot, 64 callers), events included; from {cost.payments:,} of them, no checkpoint between.",
    )
    return Sheet("Cost", ("", "each", ""), rows, said)


def _day(run: Run) -> Sheet:
    day = run.day
    if day is None:
        return Sheet("A mixed day", (), ())
    rows = [
        [kind.name, f"{kind.count:,}", str(kind.refused or ""), f"{kind.p50:.2f}", f"{kind.p99:.2f}"]
        for kind in sorted(day.kinds, key=lambda kind: -kind.count)
    ]
    stories = ", ".join(f"{share} % {kind}" for kind, share in STORIES.items())
    said = (
        f"24 hours in {day.seconds:.0f} s, open loop, with the peaks of noon and evening; stories begin as {stories};"
        " an order is scanned, then paid, a payment code is charged. Noon: "
        f"{day.peak:,.0f} good answers a second; all day: {day.rate:,.0f}. The generator used {day.busy:.0%} of a core;"
        f" it sent 99 of 100 within {day.late_ms:.1f} ms of when they were due.",
    )
    return Sheet("A mixed day", ("", "answers", "refused", "p50", "p99"), rows, said)


def _waiters(run: Run) -> Sheet:
    waiters = run.waiters
    if waiters is None:
        return Sheet("Idle waiters", (), ())
    rows = [
        ["tills that wait for an order to be paid", f"{waiters.count:,}"],
        ["memory each", f"{waiters.bytes_each / 1e3:.1f} kB"],
        ["processors used while nothing happens", f"{waiters.idle_cores:.2f}"],
        ["payments a second meanwhile", f"{waiters.rate:,.0f}"],
        ["heard that their order was paid", f"{waiters.heard:,}, failed {waiters.failed}"],
        [
            "from the payer's answer to the till's",
            f"{waiters.news_p50_ms:.1f} ms, 99 of 100 in {waiters.news_p99_ms:.1f} ms",
        ],
    ]
    return Sheet("Idle waiters", ("", ""), rows)


def _attacks(run: Run) -> Sheet:
    rows = [
        [
            VICTIMS[one.victim], f"{one.seconds:.1f} s", f"{one.rate:,.0f}", f"{one.gap_s * 1e3:,.0f} ms",
            str(one.asked_again), ", ".join(f"{status}: {count}" for status, count in one.counts.items()),
        ]
        for one in run.attacks
    ]  # fmt: skip
    heads = ("", "paying for", "a second", "nobody paid for", "asked again", "answers")
    said = (
        "64 callers pay while it happens; whoever loses the connection comes again, and whoever got no answer (0) or a"
        " 5xx asks the same again afterwards. The three zeros above count these payments too.",
    )
    return Sheet("Attacks", heads, rows, said)
