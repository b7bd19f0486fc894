"""Reads a case of the conformance table, and plays it against a ledger.

A case is a bank statement: accounts that are opened, transfers with their result in the last column, and what the
accounts hold in the end. Names stand for fresh ids, so that cases run side by side.
"""

import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final

import pytest
from msgspec import Struct

from qrpay.ledger.caps import bank_day
from qrpay.ledger.chart import AccountCode, CapClass, TransferCode
from qrpay.ledger.limits import CapKind, NewCap, SharedCaps
from qrpay.ledger.model import (
    NIL,
    REFERENCE_MAX,
    AccountChange,
    AccountFlag,
    Changed,
    Ledger,
    NewAccount,
    Outcome,
    Result,
    Transfer,
    TransferFlag,
)
from qrpay.values import Id, new_id

CNY: Final = 156
FLAGS: Final = {
    "guarded": AccountFlag.DEBITS_MUST_NOT_EXCEED_CREDITS,
    "debtor": AccountFlag.CREDITS_MUST_NOT_EXCEED_DEBITS,
    "no-debits": AccountFlag.DEBITS_FROZEN,
    "no-credits": AccountFlag.CREDITS_FROZEN,
    "closed": AccountFlag.CLOSED,
}
WORDS: Final = {
    "linked": TransferFlag.LINKED,
    "hold": TransferFlag.PENDING,
    "post": TransferFlag.POST_PENDING,
    "void": TransferFlag.VOID_PENDING,
    "payer-has": TransferFlag.BALANCING_DEBIT,
    "payee-owes": TransferFlag.BALANCING_CREDIT,
    "closes-payer": TransferFlag.CLOSING_DEBIT,
    "closes-payee": TransferFlag.CLOSING_CREDIT,
}
CHANGES: Final[dict[str, Callable[[Id], AccountChange]]] = {
    "freeze debits of": lambda account: AccountChange.frozen(account, credits_too=False),
    "freeze": lambda account: AccountChange.frozen(account, credits_too=True),
    "unfreeze": AccountChange.unfrozen,
    "close": AccountChange.closed,
    "reopen": AccountChange.reopened,
}
CODES: Final = {code.name.lower().replace("_", "-"): code for code in TransferCode}
TEXTS: Final = {"NUL": "a\0b", "HALF": "\ud83d", "LONG": "x" * (REFERENCE_MAX + 1)}
_TRANSFER: Final = re.compile(r"(\S+ +\S+ > .*?) += (\S+)(?: +(\d+) (-?\d+) (\d+))?$")
_CHANGE: Final = re.compile(rf"({'|'.join(CHANGES)}) (\S+) += (\S+)$")
_CARRY: Final = re.compile(r"carry (\S+) > (\S+) +(-?\d+)$")
_CAP: Final = re.compile(r"cap (\S+) (\w+) (\S+)(?: from (\S+))?(?: += (refused|unknown))?$")
_LEFT: Final = re.compile(r"(\S+) may (\S+) (\d+) of (\d+)(?: until (\S+))?$")
CLASSES: Final = {"every": CapClass.EVERY, "class-ii": CapClass.CLASS_II, "class-iii": CapClass.CLASS_III}
_BALANCE: Final = re.compile(r"(\S+) holds +(-?\d+)(?: and owes (\d+))?(?: and awaits (\d+))?$")


Carry = Callable[[Id, Id, int], Awaitable[None]]
"""Adds so much to both accounts' counters behind the ledger's back, as the payments of centuries would."""


class Time:
    """A clock that a case moves."""

    def __init__(self) -> None:
        self.now = datetime(2027, 3, 1, 4, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


class Case(Struct, frozen=True):
    """One case: the claim it makes, and its lines."""

    claim: str
    lines: Sequence[str]


class Expected(Struct, frozen=True):
    """The last column: a result, and limit, used, left when they are given."""

    result: Result = Result.CREATED
    figures: tuple[int, int, int] | None = None


def cases(text: str) -> list[Case]:
    """The cases of a table; each begins with `== ` and its claim."""
    found = []
    for block in text.split("\n== ")[1:]:
        claim, *lines = (line.split("#")[0].rstrip() for line in block.strip().splitlines())
        found.append(Case(claim, [line for line in lines if line]))
    return found


class Play:
    """One case against one ledger. `at_once` sends everything between two other lines as one batch."""

    def __init__(self, ledger: Ledger, time: Time, *, at_once: bool, carry: Carry | None = None) -> None:
        self._ledger = ledger
        self._time = time
        self._at_once = at_once
        self._carry = carry
        self._ids: dict[str, Id] = {"-": NIL}
        self._unit = CNY
        self._waiting: list[tuple[str, Transfer, Expected]] = []
        self._opening: list[tuple[NewAccount, int]] = []

    async def run(self, case: Case) -> None:
        """Play it; an assertion names the line that went otherwise."""
        for line in case.lines:
            if await self._opens(line):
                continue
            if match := _TRANSFER.match(line):
                transfer = self.transfer_of(match[1])
                expected = Expected(Result[match[2].upper()], _figures(match.group(3, 4, 5)))
                self._waiting.append((line, transfer, expected))
                if not self._at_once and not transfer.flags & TransferFlag.LINKED:
                    await self._send()
                continue
            await self._send()
            await self._other(line)
        await self._opens("")
        await self._send()
        assert (await self._ledger.conservation()).balanced, case.claim

    async def _send(self) -> None:
        waiting, self._waiting = self._waiting, []
        outcomes = await self._ledger.post_chain([transfer for _, transfer, _ in waiting])
        for (line, transfer, expected), outcome in zip(waiting, outcomes, strict=True):
            assert outcome.result is expected.result, f"{line}\n  came out as {outcome}"
            if expected.figures is not None:
                assert (outcome.limit, outcome.used, outcome.left) == expected.figures, f"{line}\n  {outcome}"
            if outcome.result.stands:
                posted = (await self._ledger.lookup_transfers([transfer.id]))[transfer.id]
                assert posted.timestamp == outcome.timestamp, line

    async def _other(self, line: str) -> None:
        if line == "in a ledger of its own":
            self._unit = 1_000_000 + new_id().int % 2**30  # the caps of its classes are nobody else's
        elif match := _CAP.match(line):
            await self._cap(*match.groups())
        elif match := re.match(r"share (.+)$", line):
            await self._share(match[1].split())
        elif match := _LEFT.match(line):
            use = (await self._ledger.cap_use([self._id(match[1])]))[self._id(match[1])].caps[CapKind(match[2])]
            assert (use.left, use.limit) == (int(match[3]), int(match[4])), f"{line}\n  {use}"
            until = datetime.fromisoformat(match[5] + "+08:00") if match[5] else None
            assert use.resets_at == until, f"{line}\n  {use}"
        elif match := re.match(r"wait (\d+) s$", line):
            self._time.now += timedelta(seconds=int(match[1]))
        elif match := re.match(r"it is (\S+) in Beijing$", line):
            self._time.now = datetime.fromisoformat(match[1] + "+08:00").astimezone(UTC)
        elif match := _CHANGE.match(line):
            changed = await self._ledger.change_accounts([CHANGES[match[1]](self._id(match[2]))])
            assert changed == [Changed[match[3].upper()]], f"{line}\n  {changed}"
        elif match := _CARRY.match(line):
            assert self._carry is not None, "this play cannot write past the ledger"
            await self._carry(self._id(match[1]), self._id(match[2]), int(match[3]))
        elif match := _BALANCE.match(line):
            await self._ledger.release_due_holds()
            account = (await self._ledger.lookup_accounts([self._id(match[1])]))[self._id(match[1])]
            got = (account.credits_posted - account.debits_posted, account.debits_pending, account.credits_pending)
            assert got == (int(match[2]), int(match[3] or 0), int(match[4] or 0)), f"{line}\n  {account}"
        else:
            raise AssertionError(f"what does this line mean? {line}")

    async def _cap(self, whose: str, kind: str, amount: str, day: str | None, answer: str | None) -> None:
        """`none` is no cap; `inherits` is the class's again."""
        cap = NewCap(
            self._unit,
            CapKind(kind),
            int(amount) if amount.isdigit() else None,
            date.fromisoformat(day) if day else bank_day(self._time.now),
            "the test",
            cap_class=CLASSES.get(whose),
            account=None if whose in CLASSES else self._id(whose),
            inherits=amount == "inherits",
        )
        if answer == "refused":
            with pytest.raises(ValueError, match="today or later"):
                await self._ledger.set_cap(cap)
        else:
            assert await self._ledger.set_cap(cap) is (answer is None)

    async def _share(self, names: Sequence[str]) -> None:
        """All of them share their codes; those of one class, their day and year."""
        found = await self._ledger.lookup_accounts([self._id(name) for name in names])
        members = [(account.id, self._id(f"days of {account.cap_class}")) for account in found.values()]
        await self._ledger.share_caps(SharedCaps(members, self._id("codes")))

    async def _opens(self, line: str) -> bool:
        """Whether the line opens an account; those that follow each other are opened together, before another line."""
        if line.startswith("open "):
            await self._send()
            self._opening.append(self._new_account(line.split()[1:]))
            return True
        opening, self._opening = self._opening, []
        if opening:
            await self._open(opening)
        return False

    def _new_account(self, words: Sequence[str]) -> tuple[NewAccount, int]:
        options = dict(word.split("=") for word in words[1:] if "=" in word)
        ledger = int(options.get("ledger", self._unit))
        flags = sum(FLAGS[word] for word in words[1:] if "=" not in word)
        limits = {name: int(options[name]) for name in ("day_limit", "year_limit", "balance_limit") if name in options}
        cap_class = int(CLASSES[options["class"]]) if "class" in options else 0
        new = NewAccount(self._id(words[0]), ledger, AccountCode.CUSTOMER, flags, **limits, cap_class=cap_class)
        return new, int(options.get("with", 0))

    async def _open(self, opening: Sequence[tuple[NewAccount, int]]) -> None:
        """Open them, each with the money it begins with."""
        banks = {new.ledger: self._id(f"bank {new.ledger}") for new, _ in opening}
        await self._ledger.create_accounts([NewAccount(id, unit, AccountCode.BANK_CASH) for unit, id in banks.items()])
        opened = await self._ledger.create_accounts([new for new, _ in opening])
        assert opened == [Result.CREATED] * len(opening)
        top_ups = [
            Transfer(new_id(), banks[new.ledger], new.id, money, TransferCode.TOP_UP, new.ledger)
            for new, money in opening
            if money
        ]
        if top_ups:
            outcomes = await self._ledger.post_chain(top_ups)
            assert {outcome.result for outcome in outcomes} == {Result.CREATED}, outcomes

    def transfer_of(self, line: str) -> Transfer:
        """The transfer that a line asks for, up to its last column."""
        name, debit, _, credit, amount, *rest = line.split()
        options = dict(word.split("=") for word in rest if "=" in word)
        words = [word for word in rest if "=" not in word]
        flags = sum(int(flag) for word, flag in WORDS.items() if word in words or word in options)
        flags += int(options.get("flags", 0))
        resolves = options.get("post") or options.get("void") or options.get("of")
        inherits = "post" in options or "void" in options
        code = 0 if inherits else int(TransferCode.PAYMENT)
        if "code" in options:
            code = CODES[options["code"]] if options["code"] in CODES else int(options["code"])
        return Transfer(
            self._id(name),
            self._id(debit),
            self._id(credit),
            None if amount == "all" else int(amount),
            code,
            int(options["ledger"]) if "ledger" in options else 0 if inherits else self._unit,
            about=self._id(options["about"]) if "about" in options else None,
            reference=TEXTS.get(options.get("ref", ""), options.get("ref", "")),
            flags=flags,
            pending_id=self._id(resolves) if resolves else None,
            timeout_s=int(options.get("timeout", 0)),
        )

    def _id(self, name: str) -> Id:
        return self._ids.setdefault(name, new_id())


def _figures(texts: Sequence[str | None]) -> tuple[int, int, int] | None:
    limit, used, left = (None if text is None else int(text) for text in texts)
    return None if limit is None or used is None or left is None else (limit, used, left)


def figured(outcome: Outcome) -> str:
    """Limit, used and left as the last column has them, if there are any."""
    return "" if outcome.limit is None else f" {outcome.limit} {outcome.used} {outcome.left}"
