"""The full audit: every transfer against its seal, every checkpoint against its entries, every account against both.

It goes in pages, so its memory is bounded; it keeps its place after each, so that one that was interrupted goes on.
What it finds names the row: the transfer that was changed, removed or put in, the account that differs.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from qrpay.database.invariants import rows_against
from qrpay.database.pool import Database, Queries, Row
from qrpay.database.statements import Statement, Statements
from qrpay.ledger import history
from qrpay.ledger.chart import name_of_ledger
from qrpay.ledger.counters import Counters
from qrpay.ledger.engine import STATEMENTS as ENGINE
from qrpay.ledger.seals import Books, Notary, sealed_message
from qrpay.values import Clock, Id, id_of

CHECKS: Final = ENGINE.checks
"""What must never be true of the books, as statements that return no row; `qrpay check` runs them."""
STATEMENTS: Final = Statements.load(Path(__file__).with_name("audit.sql"))

FINDINGS_MAX: Final = 1_000
"""Findings kept; whoever broke more rows than that is found out by these."""
SEALS: Final = 8
"""Seals a page: at most 32,000 transfers, a tenth of a second."""
CHECKPOINTS: Final = 64
ACCOUNTS: Final = 200
RESUMED: Final = timedelta(hours=24)
"""How long an audit that was interrupted may be gone on with."""
PAIRED_MAX: Final = 50
"""Accounts that differ, among which a transfer is looked for that would explain it."""
LEAF: Final = 28

Progress = Callable[[str, int, int], None]
"""Told the stage, how much of it is done, and about how much there is."""


class AuditElsewhereError(RuntimeError):
    """Another process goes on with this audit."""


class Finding(Struct, frozen=True):
    """Something that is not as it was.

    kind    `transfer_changed`, `transfer_removed`, `transfer_put_in`, `seal_broken`, `signature_broken`, `key_unknown`,
            `checkpoint_differs`, `account_differs`, `figures_differ`, `check_broken`
    what    the row: a transfer's or an account's id in hex; a seal's number or position; a key's id; a ledger, and a
            kind of account or a day; the name of an invariant of a feature
    detail  what is wrong with it, in a sentence
    """

    kind: str
    what: str
    detail: str


class Audit(Struct, frozen=True):
    """One audit, of the log up to `position`; `ended_at` is None as long as it is under way or interrupted.

    stage, done, place             how far it has come
    transfers, accounts, checkpoints  how many it has looked at
    """

    number: int
    began_at: datetime
    ended_at: datetime | None
    position: int
    root: bytes
    stage: str
    done: int
    place: str
    transfers: int
    accounts: int
    checkpoints: int
    findings: Sequence[Finding]

    def found(self, more: Sequence[Finding]) -> Sequence[Finding]:
        """The findings with these, each row once."""
        known = {(one.kind, one.what) for one in self.findings}
        return [*self.findings, *(one for one in more if (one.kind, one.what) not in known)][:FINDINGS_MAX]


STAGES: Final = ("transfers", "checkpoints", "accounts", "names", "figures", "checks")


async def broken(database: Queries) -> dict[str, int]:
    """The invariants that do not hold, with the number of rows that say so; empty when all is well.

    It reads all accounts and transfers: minutes on a large ledger. Call it on a quiet connection.
    """
    counts = {check.name: len(await database.fetch(check)) for check in CHECKS}
    return {name: count for name, count in counts.items() if count}


async def latest(database: Queries, limit: int = 1) -> Sequence[Audit]:
    """The latest audits, newest first."""
    return [_audit(row) for row in await database.fetch(STATEMENTS.latest, limit)]


async def run(
    database: Database, books: Books, notary: Notary, clock: Clock, progress: Progress, checks: Sequence[Statement] = ()
) -> Audit:
    """Audit everything, or go on with the audit that was interrupted. Raises AuditElsewhereError.

    checks  the features' invariants, which are looked at in the end

    It is safe to cancel at any time. Payments go on meanwhile: what it compares it reads in one snapshot.
    """
    now = clock()
    await books.catch_up()
    await books.sign(notary)  # so that this seal grows no more, and later audits find its root where this one saw it
    before = await latest(database)
    if before and before[0].ended_at is None and now - before[0].began_at < RESUMED:
        audit = before[0]
    else:
        head = await books.head()
        row = await database.fetchrow(STATEMENTS.begin, now, head.position, head.root, STAGES[0])
        assert row is not None, "an insert answers its row"
        audit = _audit(row)
    sizes = [audit.position, *(row["rows"] for row in await database.fetch(STATEMENTS.sizes)), 1, len(checks)]
    while audit.ended_at is None:
        total = max(sizes[STAGES.index(audit.stage)], audit.done)
        progress(audit.stage, audit.done, total)
        after = await _page(database, books, audit, notary, checks)
        if after.stage != audit.stage or after.ended_at is not None:
            total = {"names": after.accounts}.get(audit.stage) or getattr(after, audit.stage, total)
            progress(audit.stage, total, total)
        if after.ended_at is not None:
            after = msgspec.structs.replace(after, ended_at=clock())
        await _keep(database, audit, after)
        audit = after
    return audit


async def _keep(database: Queries, before: Audit, after: Audit) -> None:
    kept = await database.fetchval(
        STATEMENTS.advance, after.number, before.stage, before.place, after.stage, after.place, after.done,
        after.transfers, after.accounts, after.checkpoints, [msgspec.to_builtins(one) for one in after.findings],
        after.ended_at,
    )  # fmt: skip
    if kept is None:
        raise AuditElsewhereError(f"another process goes on with audit {after.number}")


async def _page(database: Database, books: Books, audit: Audit, notary: Notary, checks: Sequence[Statement]) -> Audit:
    """The audit after one page more."""
    match audit.stage:
        case "transfers":
            return await _seals(database.ledger, audit, notary)
        case "checkpoints":
            return await _checkpoints(database.ledger, audit)
        case "accounts":
            return await _accounts(database, audit)
        case "names":
            return await _names(database.ledger, audit)
        case "figures":
            return await _figures(database, books, audit)
        case _:
            return await _checks(database, audit, checks)


def _next(audit: Audit, found: Sequence[Finding]) -> Audit:
    """The audit at the beginning of its next stage; after the last it has ended."""
    place = STAGES.index(audit.stage) + 1
    if place == len(STAGES):
        return msgspec.structs.replace(audit, ended_at=audit.began_at, findings=audit.found(found))
    return msgspec.structs.replace(audit, stage=STAGES[place], place="", done=0, findings=audit.found(found))


async def _seals(on: Queries, audit: Audit, notary: Notary) -> Audit:
    rows = await on.fetch(STATEMENTS.seals_after, int(audit.place or 0), SEALS)
    found: list[Finding] = []
    for row in rows:
        if not row["chained"]:
            sentence = "It does not go on from the seal before it: a seal was changed, removed or put in."
            found.append(Finding("seal_broken", str(row["number"]), sentence))
        if row["kid"] is not None:
            holds = notary.holds(row["kid"], row["signature"], sealed_message(row["position"], row["root"]))
            if holds is None:
                sentence = "It is not ours, or does not count any more: what it signed proves nothing."
                found.append(Finding("key_unknown", row["kid"], sentence))
            if holds is False:
                sentence = f"It does not bear the signature of our key {row['kid']}: the log was sealed anew."
                found.append(Finding("signature_broken", str(row["number"]), sentence))
        if not row["same"]:
            found += await _unlike(on, row["number"])
    size = sum(row["size"] for row in rows)
    if len(rows) < SEALS:
        return _next(msgspec.structs.replace(audit, transfers=audit.transfers + size), found)
    return msgspec.structs.replace(
        audit, place=str(rows[-1]["number"]), done=audit.done + size, transfers=audit.transfers + size,
        findings=audit.found(found),
    )  # fmt: skip


async def _unlike(on: Queries, number: int) -> list[Finding]:
    """Which transfers of a seal are not as they were sealed."""
    leaves: bytes = await on.fetchval(STATEMENTS.sealed, number)
    sealed = {id_of(leaves[at : at + 16]): leaves[at : at + LEAF] for at in range(0, len(leaves), LEAF)}
    standing: dict[Id, bytes] = {row["id"]: row["leaf"] for row in await on.fetch(STATEMENTS.standing, number)}
    missing = [id_ for id_ in sealed if id_ not in standing]
    if missing:
        detached = {row["id"] for row in await on.fetch(STATEMENTS.detached, missing)}
        missing = [id_ for id_ in missing if id_ not in detached]
    known = {row["id"] for row in await on.fetch(STATEMENTS.known, missing)} if missing else set()
    found = [
        Finding("transfer_changed", id_.hex, f"It is not what seal {number} says it was.")
        if id_ in known
        else Finding("transfer_removed", id_.hex, f"It stands in seal {number}, and not in the ledger any more.")
        for id_ in missing
    ]
    for id_, leaf in standing.items():
        if id_ not in sealed:
            sentence = f"It stands among the transfers of seal {number}, and was not there when they were sealed."
            found.append(Finding("transfer_put_in", id_.hex, sentence))
        elif leaf != sealed[id_]:
            found.append(Finding("transfer_changed", id_.hex, f"It is not what seal {number} says it was."))
    return found


async def _checkpoints(on: Queries, audit: Audit) -> Audit:
    account, at = _place(audit.place)
    rows = await on.fetch(STATEMENTS.checkpoints_after, account, at, CHECKPOINTS)
    found = []
    for row in rows:
        excess = Counters(*row[3:])
        if excess != Counters():
            since = "its first" if row["since"] is None else f"{row['since']:%Y-%m-%d %H:%M:%S.%f}"
            sentence = f"Its entries after {since} up to {row['at']:%Y-%m-%d %H:%M:%S.%f} (UTC) are not what they were:"
            found.append(Finding("checkpoint_differs", row["account"].hex, f"{sentence} {_told(excess)}."))
    audit = msgspec.structs.replace(audit, checkpoints=audit.checkpoints + len(rows))
    if len(rows) < CHECKPOINTS:
        return _next(audit, found)
    place = f"{rows[-1]['account'].hex} {rows[-1]['at'].isoformat()}"
    return msgspec.structs.replace(audit, place=place, done=audit.done + len(rows), findings=audit.found(found))


async def _accounts(database: Database, audit: Audit) -> Audit:
    rows = await database.fetch(history.STATEMENTS.accounts_after, _place(audit.place)[0], ACCOUNTS)
    found = await _compared(database.ledger, [row["id"] for row in rows])
    audit = msgspec.structs.replace(audit, accounts=audit.accounts + len(rows))
    if len(rows) < ACCOUNTS:
        return _next(audit, found)
    done = audit.done + len(rows)
    return msgspec.structs.replace(audit, place=rows[-1]["id"].hex, done=done, findings=audit.found(found))


async def _names(on: Queries, audit: Audit) -> Audit:
    """Accounts that transfers name: whose row is gone, it is compared with nothing."""
    rows = await on.fetch(STATEMENTS.named_after, _place(audit.place)[0], ACCOUNTS)
    found = await _compared(on, [row["account"] for row in rows if not row["there"]])
    if len(rows) < ACCOUNTS:
        return _next(audit, found)
    done = audit.done + len(rows)
    return msgspec.structs.replace(audit, place=rows[-1]["account"].hex, done=done, findings=audit.found(found))


async def _compared(on: Queries, accounts: Sequence[Id]) -> list[Finding]:
    """Accounts that are not the sums of their transfers."""
    differing: dict[Id, Counters] = {}
    while accounts:
        some, accounts = await history.verify(on, accounts)
        differing |= some
    return [
        Finding("account_differs", account.hex, f"Its counters are not the sums of its transfers: {_told(excess)}.")
        for account, excess in differing.items()
    ]


async def _figures(database: Database, books: Books, audit: Audit) -> Audit:
    """The kept figures, the roots that earlier audits saw, and transfers that explain why two accounts differ."""
    found = [
        Finding("figures_differ", f"{name_of_ledger(row[0])} {row[1]}", "Its accounts do not show its closing figures.")
        for row in await database.ledger.fetch(STATEMENTS.closings_that_differ)
    ]
    found += [
        Finding("figures_differ", f"{name_of_ledger(row[0])} {row[1]}", "That day's debits are not its credits.")
        for row in await database.fetch(STATEMENTS.days_out_of_balance)
    ]
    found += [
        Finding("seal_broken", str(row["position"]), f"Audit {row['number']} saw another root at this position.")
        for row in await database.fetch(STATEMENTS.roots_that_differ)
    ]
    differing = (await books.discrepancies())[:PAIRED_MAX]
    for one, other in product(differing, differing):
        lacks = -one.excess.debits_posted
        if lacks > 0 and other.excess.credits_posted == -lacks:
            for row in await database.fetch(STATEMENTS.between, one.account, other.account, lacks):
                sentence = "Neither of its accounts has counted it: it did not come by the ledger."
                found.append(Finding("transfer_put_in", row["id"].hex, sentence))
    return _next(audit, found)


async def _checks(on: Queries, audit: Audit, checks: Sequence[Statement]) -> Audit:
    """One invariant of a feature; how many were looked at says which comes next."""
    if audit.done >= len(checks):
        return _next(audit, [])
    check = checks[audit.done]
    rows = await rows_against(on, check)
    found = [Finding("check_broken", check.name, f"{check.doc} {len(rows)} rows, such as {rows[0]}.")] if rows else []
    return msgspec.structs.replace(audit, place=check.name, done=audit.done + 1, findings=audit.found(found))


def _place(text: str) -> tuple[Id, datetime]:
    account, _, at = text.partition(" ")
    return (
        id_of(bytes.fromhex(account) if account else bytes(16)),
        datetime.fromisoformat(at) if at else datetime(1, 1, 1, tzinfo=UTC),
    )


def _told(excess: Counters) -> str:
    """By how much counters are off, in words."""
    return ", ".join(
        f"{name.replace('_', ' ')} {abs(value):,} too {'high' if value > 0 else 'low'}"
        for name in excess.__struct_fields__
        if (value := getattr(excess, name))
    )


def _audit(row: Row) -> Audit:
    return msgspec.convert(dict(row.items()), Audit)
