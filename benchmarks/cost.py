"""What one payment costs beside time: WAL, fsyncs, heap and index bytes, as PostgreSQL itself counts them."""

from typing import Final

import asyncpg
from msgspec import Struct

from benchmarks.figures import Cost

IDLE_S: Final = 11.0
"""An idle connection hands its statistics in after ten seconds (PGSTAT_IDLE_INTERVAL)."""
SIZES: Final = """
SELECT c.relname, c.relkind::text AS kind, pg_relation_size(c.oid) + coalesce(pg_relation_size(nullif(c.reltoastrelid, 0)), 0) AS bytes
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'i') AND n.nspname = 'public'
"""  # noqa: E501 - one statement
WAL_18: Final = """
SELECT (SELECT sum(fsyncs) FROM pg_stat_io WHERE object = 'wal')::bigint AS fsyncs, wal_records, wal_fpi
FROM pg_stat_wal
"""
WAL_OLD: Final = "SELECT wal_sync AS fsyncs, wal_records, wal_fpi FROM pg_stat_wal"


class Books(Struct, frozen=True):
    """PostgreSQL's counters at one moment."""

    wal_bytes: int
    fsyncs: int
    records: int
    pages: int
    heap: dict[str, int]
    index: dict[str, int]


async def look(owner: "asyncpg.Connection[asyncpg.Record]") -> Books:
    """The counters as they stand."""
    version = owner.get_server_version().major
    wal = await owner.fetchrow(WAL_18 if version >= 18 else WAL_OLD)
    assert wal is not None
    rows = await owner.fetch(SIZES)
    return Books(
        int(await owner.fetchval("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn")),
        int(wal["fsyncs"]), int(wal["wal_records"]), int(wal["wal_fpi"]),
        {row["relname"]: row["bytes"] for row in rows if row["kind"] == "r"},
        {row["relname"]: row["bytes"] for row in rows if row["kind"] == "i"},
    )  # fmt: skip


def between(before: Books, after: Books, payments: int) -> Cost:
    """What each of so many payments cost."""

    def grown(old: dict[str, int], new: dict[str, int]) -> dict[str, float]:
        each = {name: (size - old.get(name, 0)) / payments for name, size in new.items()}
        return {name: round(size, 1) for name, size in sorted(each.items(), key=lambda one: -one[1]) if size >= 1}

    heap, index = grown(before.heap, after.heap), grown(before.index, after.index)
    return Cost(
        payments,
        (after.wal_bytes - before.wal_bytes) / payments,
        (after.pages - before.pages) / payments,
        (after.fsyncs - before.fsyncs) / payments,
        sum(heap.values()), sum(index.values()), heap, index,
    )  # fmt: skip
