"""Random stories in the notation of the conformance table, so that whatever fails can be pasted there and replayed.

A story opens a handful of accounts, and posts batches to them between freezes, closings and steps of the clock. All is
drawn from small sets, so that everything collides: ids with ids, holds with their posts, payments with the last fen.
"""

import random
import re
from collections.abc import Sequence
from typing import Final

from hypothesis import strategies as st
from msgspec.structs import replace

from qrpay.ledger.caps import bank_day, used_of
from qrpay.ledger.limits import CapKind
from qrpay.ledger.model import Account, Changed, Posted
from qrpay.values import Id
from tests.ledger.statement import CHANGES, Case, Expected, Play, figured

OPENING: Final = (
    "in a ledger of its own", "cap class-ii day 35", "cap every code_c 25", "cap every code_d 10",
    "open C0 guarded class=class-ii with=20", "open C1 guarded class=class-ii with=20", "open C2 guarded with=20",
    "open M guarded",
    "open D guarded with=20 day_limit=20 year_limit=30", "open Y guarded with=60 day_limit=40 year_limit=50",
    "open B guarded with=20 balance_limit=25", "open F guarded no-debits with=20", "open L debtor", "open H ledger=344",
    "it is 2027-12-29T23:59:50 in Beijing", "cap Y code_b 30 from 2027-12-31", "cap D day 15 from 2027-12-30",
    "cap class-ii inflow_day 9", "cap D inflow_day 6", "cap D inflow_year 14", "cap B inflow_day 8",
)  # fmt: skip
ACCOUNTS: Final = ("C0", "C1", "C2", "M", "D", "Y", "B", "F", "L", "H")
COUNTING: Final = ("codes", "days of 2")
"""Where those are counted that share their caps."""
NAMES: Final = ("C0", "C1", "C2", "M", "D", "Y", "B", "L", "C0", "C1", "D", "M", "F", "H", "nobody")
AMOUNTS: Final = ("1", "2", "3", "5", "8", "13", "40", "1", "2", "3", "0", "-1", "all")
KINDS: Final = (
    *("",) * 12, *("hold",) * 4, "payer-has", "payee-owes", "payer-has payee-owes", "hold payer-has",
    "hold closes-payer", "hold closes-payee", "hold closes-payer payer-has", "closes-payer", "flags=256",
)  # fmt: skip
RESOLVES: Final = ("", "", "", "post", "void")
CODES: Final = (
    *("payment",) * 5, "payment-pin", "payment-pin", "payment-static", "refund", "refund", "order-close", "order-close",
    "correction", "correction", "hold", "hold", "deposit", "deposit",
)  # fmt: skip
LINKS: Final = ("", "", "", "linked")
TIMEOUTS: Final = (0, 0, 1, 7)  # odd, while the clock moves by even seconds: no hold is due in the very instant
BETWEEN: Final = (
    *("wait 0 s",) * 3, "wait 2 s", "wait 10 s", "wait 3600 s", "wait 86400 s",
    *(f"{change} {account}" for change in CHANGES for account in ("C0", "D", "M", "nobody")),
    *("share C0 C1",) * 3, "cap C1 day 12", "cap D day 10", "cap D day none", "cap B balance 20", "cap class-ii day 30",
    "cap every code_c 20",
    "cap C0 inflow_day 4",
)  # fmt: skip
SIZE_MAX: Final = 400

Line = tuple[int, str, str, str, str, str, str, int, str, int, str]
LINKED: Final = 8  # its place in a line
Batch = tuple[Sequence[Line], str]

lines: Final = st.tuples(
    st.integers(0, 23), st.sampled_from(NAMES), st.sampled_from(NAMES), st.sampled_from(AMOUNTS),
    st.sampled_from(KINDS), st.sampled_from(RESOLVES), st.sampled_from(CODES), st.integers(0, 23),
    st.sampled_from(LINKS), st.sampled_from(TIMEOUTS), st.sampled_from(("", "", "ref=R1")),
)  # fmt: skip
batches: Final = st.lists(
    st.tuples(st.lists(lines, min_size=1, max_size=12), st.sampled_from(BETWEEN)), min_size=1, max_size=7
)


@st.composite
def many(draw: st.DrawFn) -> list[Batch]:
    """Batches of up to several hundred, small ones more often. Line n of a seed is the same whatever the size."""
    sizes = st.one_of(st.integers(1, 5), st.integers(6, 60), st.integers(61, SIZE_MAX))
    found: list[Batch] = []
    for size, seed, between in draw(
        st.lists(st.tuples(sizes, st.integers(0, 2**32), st.sampled_from(BETWEEN)), min_size=1, max_size=4)
    ):
        rng = random.Random(seed)
        ids = rng.choice((24, 200, 2_000))  # few ids repeat each other, many are posted
        found.append(([_line(rng, ids) for _ in range(size)], between))
    return found


def _line(rng: random.Random, ids: int) -> Line:
    some = rng.choice
    links = LINKS if rng.random() < 0.5 else ("",)
    return (
        rng.randrange(ids), some(NAMES), some(NAMES), some(AMOUNTS), some(KINDS), some(RESOLVES), some(CODES),
        rng.randrange(ids), some(links), some(TIMEOUTS), some(("", "", "ref=R1")),
    )  # fmt: skip


def written(story: Sequence[Batch]) -> list[str]:
    """The story's lines, the last column still open."""
    text = list(OPENING)
    for batch, between in story:
        text += [_written(line) for line in batch]
        text.append(between)
    return text + [f"{account} holds" for account in ACCOUNTS]


def _written(line: Line) -> str:
    id, payer, payee, amount, kind, resolves, code, other, linked, timeout, ref = line
    words = [linked]
    if resolves:
        words += [f"{resolves}=t{other}", ref if ref and other % 2 else ""]
        return " ".join([f"t{id} - > - {amount}", *filter(None, words)])
    words += [kind, ref, "" if code == "payment" else f"code={code}", f"about=t{other}" if code == "correction" else ""]
    words.append(f"timeout={timeout}" if timeout and "hold" in kind.split() else "")
    amount = "0" if code == "order-close" and amount == "13" else amount
    return " ".join([f"t{id} {payer} > {payee} {amount}", *filter(None, words)])


class Told(Play):
    """A story as one ledger tells it: plays it, and fills in the last column instead of comparing it."""

    async def tell(self, story: Sequence[str]) -> list[str]:
        """The lines with what the ledger answered."""
        self._told: list[str] = []
        for line in story:
            if await self._opens(line):
                self._told.append(line)
                continue
            if " > " in line:
                self._waiting.append((line, self.transfer_of(line), Expected()))
                continue
            await self._send()
            await self._told_other(line)
        await self._opens("")
        await self._send()
        return self._told

    async def _send(self) -> None:
        waiting, self._waiting = self._waiting, []
        outcomes = await self._ledger.post_chain([transfer for _, transfer, _ in waiting]) if waiting else []
        for (line, _, _), outcome in zip(waiting, outcomes, strict=True):
            self._told.append(f"{line} = {outcome.result.name.lower()}{figured(outcome)}")

    async def _told_other(self, line: str) -> None:
        change, _, account = line.rpartition(" ")
        if change in CHANGES:
            [changed] = await self._ledger.change_accounts([CHANGES[change](self._id(account))])
            line += f" = {Changed(changed).name.lower()}"
        elif line.endswith(" holds"):
            await self._ledger.release_due_holds()
            found = (await self._ledger.lookup_accounts([self._id(line.split()[0])])).popitem()[1]
            line += f" {found.credits_posted - found.debits_posted}"
            line += f" and owes {found.debits_pending}" if found.debits_pending else ""
            line += f" and awaits {found.credits_pending}" if found.credits_pending else ""
        else:
            await self._other(line)
        self._told.append(line)

    async def books(self) -> tuple[list[Account], list[Posted]]:
        """The accounts and transfers as they stand, without what no two ledgers share."""
        names = {id: name for name, id in self._ids.items()}
        accounts = (await self._ledger.lookup_accounts([self._id(name) for name in (*ACCOUNTS, *COUNTING)])).values()
        posted = await self._ledger.lookup_transfers([id for id, name in names.items() if re.match(r"t\d", name)])
        return (
            sorted((self._shared(account, names) for account in accounts), key=lambda row: str(row.id)),
            sorted((self._renamed(row, names) for row in posted.values()), key=lambda row: str(row.id)),
        )

    def _shared(self, account: Account, names: dict[Id, str]) -> Account:
        # A payment taken back leaves the day it would have counted for, with nothing used.
        # The limits in a row are those that were last looked up; whether they were right, the refusals say.
        today = bank_day(self._time.now)
        shared: dict[str, object] = {}
        shared |= {f"{kind}_used": used_of(account, kind, today) for kind in CapKind if kind is not CapKind.BALANCE}
        shared |= {f"{kind}_limit": None for kind in CapKind}
        shared |= {field: names.get(getattr(account, field)) for field in ("id", "day_group", "code_group")}
        return replace(account, ledger=0, created_at=None, used_on=None, inflow_on=None, limits_until=None, **shared)

    def _renamed(self, posted: Posted, names: dict[Id, str]) -> Posted:
        ids = {field: names.get(getattr(posted, field)) for field in ("id", "debit", "credit", "about", "pending_id")}
        return replace(posted, ledger=0, timestamp=None, **ids)


def case_of(told: Sequence[str]) -> Case:
    """A case of the conformance table."""
    return Case("A story that a random run told.", told)
