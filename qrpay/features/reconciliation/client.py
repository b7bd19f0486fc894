"""The merchant's side of a comparison: its list read from a CSV, digests sent, what differs asked for.

buckets of some hundred lines -> those that differ, cut into smaller ones -> the lines of the few that are left
"""

import csv
import hashlib
import io
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import IO, Any, Final, Protocol

import msgspec
from msgspec import Struct

from qrpay.features.reconciliation.model import (
    DIGEST_BYTES,
    LINES_MAX,
    PLACE_BITS,
    SETTLED,
    Comparison,
    Difference,
    DifferingBucket,
    Line,
    Reconciliation,
    digest_text,
)
from qrpay.values import CURRENCIES

BUCKET_LINES: Final = 256
"""Lines of a bucket of the first question, about."""
NAMED_MAX: Final = 1_600
"""Buckets of a question that names them: numbers and digests together fit a body."""
BODY_MAX: Final = 60_000
"""Bytes of a question: below the server's 64 KiB."""
UNSETTLED: Final = frozenset({"open", "closed", "expired", "failed"})
"""What moved no money, and so stands on no list of ours."""
QUESTIONS_MAX: Final = 40
"""When more would be asked, the lists are not of the same days."""


class BadList(ValueError):
    """The merchant's file is not as it should be; the message names the line."""


class TooDifferent(ValueError):
    """So much differs that it is not worth looking at line by line."""


class Door(Protocol):
    """The API as a merchant calls it."""

    async def call(self, method: str, path: str, **said: Any) -> bytes:
        """The answer's body."""
        ...


class OwnList(Struct):
    """A merchant's list. Of each line its place and mark, and its text for when it is asked for.

    repeated  lines whose kind and reference stood above already: they are told, and not compared
    """

    places: list[int]
    marks: list[int]
    texts: list[str]
    repeated: list[Line]

    def line(self, number: int) -> Line:
        """A line taken apart."""
        kind, reference, amount, currency, status = self.texts[number].split("|")
        return Line(kind, reference, int(amount), currency, status)  # type: ignore[arg-type] # one of the two


def read_list(file: IO[str], currency: str, *, decimals: bool) -> OwnList:
    """A CSV with a header: `reference`, `amount`; and if there, `kind`, `currency`, `status`.

    decimals  whether amounts are written as 12.50; else in minor units. Raises BadList.
    """
    own = OwnList([], [], [], [])
    seen: set[str] = set()
    for number, (kind, reference, amount, code, status) in enumerate(_rows(file, currency, decimals), 2):
        if status in UNSETTLED:
            continue
        if "|" in reference or not 0 < len(reference) <= 64:
            raise BadList(f"line {number}: {reference[:70]!r} is no reference")
        name = f"{kind}|{reference}"
        if name in seen:
            own.repeated.append(Line(kind, reference, amount, code, status))  # type: ignore[arg-type] # one of the two
            continue
        seen.add(name)
        text = f"{name}|{amount}|{code}|{status}"
        own.places.append(int.from_bytes(hashlib.sha256(name.encode()).digest()[:3], "big"))
        own.marks.append(int.from_bytes(hashlib.sha256(text.encode()).digest()[:DIGEST_BYTES], "big"))
        own.texts.append(text)
    return own


def _rows(file: IO[str], currency: str, decimals: bool) -> Iterator[tuple[str, str, int, str, str]]:
    rows = csv.reader(file)
    header = [name.strip().lower().lstrip("\ufeff") for name in next(rows, [])]
    if not {"reference", "amount"} <= set(header):
        raise BadList(
            "the first line must name the columns: reference, amount; and kind, currency, status if there are"
        )
    at = {name: place for place, name in enumerate(header)}
    width = len(header)
    for number, row in enumerate(rows, 2):
        if not row:
            continue
        if len(row) != width:
            raise BadList(f"line {number}: {len(row)} columns instead of {width}")
        kind = row[at["kind"]] if "kind" in at else "payment"
        if kind not in SETTLED:
            raise BadList(f"line {number}: the kind {kind[:20]!r} is neither payment nor refund")
        code = row[at["currency"]] if "currency" in at else currency
        amount = _amount(row[at["amount"]], code, decimals, number)
        status = row[at["status"]] if "status" in at else SETTLED[kind]
        yield kind, row[at["reference"]].lstrip("'"), amount, code, status


def _amount(text: str, currency: str, decimals: bool, number: int) -> int:
    if not decimals and text.isascii() and text.isdecimal():
        return int(text)
    if decimals and currency in CURRENCIES:
        try:
            minor = abs(Decimal(text)).scaleb(CURRENCIES[currency].exponent)
        except InvalidOperation:
            minor = Decimal("0.5")
        if minor == minor.to_integral_value():
            return int(minor)
    form = f"an amount of {currency} with decimals" if decimals else "an amount in minor units"
    raise BadList(f"line {number}: {text[:20]!r} is not {form}")


class Run:
    """One comparison: asks until only lines are left, and answers what differs."""

    def __init__(
        self, door: Door, own: OwnList, days: tuple[date, date], currency: str, say: Callable[[str], None]
    ) -> None:
        self._door = door
        self._own = own
        self._span = {"from": str(days[0]), "to": str(days[1]), "currency": currency}
        self._say = say
        self._asked = 0
        self.lines_here = 0

    async def differences(self) -> list[Difference]:
        """All lines that differ, by kind and reference. Raises TooDifferent, and what the door raises."""
        bits = min(11, max(0, (len(self._own.texts) // BUCKET_LINES).bit_length()))
        whole = await self._compare(bits, None)
        self.lines_here = whole.lines
        return sorted(await self._within(bits, whole.differing), key=lambda one: (one.kind, one.reference))

    async def _within(self, bits: int, differing: Sequence[DifferingBucket]) -> list[Difference]:
        if not differing:
            return []
        members = self._members(bits, [one.bucket for one in differing])
        size = sum(len(self._own.texts[n]) + 70 for numbers in members.values() for n in numbers)
        finer = min(PLACE_BITS - bits, (NAMED_MAX // len(differing)).bit_length() - 1)
        lines_here = sum(one.lines for one in differing)
        if size + lines_here * 20 > BODY_MAX and finer >= 2:
            buckets = [one.bucket << finer | child for one in differing for child in range(1 << finer)]
            return await self._within(bits + finer, (await self._compare(bits + finer, buckets)).differing)
        found: list[Difference] = []
        for buckets in self._batches(members):
            found += await self._lines(bits, buckets, [n for bucket in buckets for n in members[bucket]])
        return found

    def _members(self, bits: int, buckets: Sequence[int]) -> dict[int, list[int]]:
        """The numbers of our lines in these buckets."""
        members: dict[int, list[int]] = {bucket: [] for bucket in buckets}
        shift = PLACE_BITS - bits
        for number, place in enumerate(self._own.places):
            if (place >> shift) in members:
                members[place >> shift].append(number)
        return members

    def _batches(self, members: dict[int, list[int]]) -> list[list[int]]:
        """Buckets whose lines fit one question each. Raises TooDifferent when there would be too many questions."""
        batches: list[list[int]] = []
        room = lines = 0
        for bucket, numbers in members.items():
            size = sum(len(self._own.texts[n]) + 70 for n in numbers) + 10
            if not batches or size > room or len(numbers) > lines:
                batches.append([])
                room, lines = BODY_MAX - 300, LINES_MAX
            batches[-1].append(bucket)
            room, lines = room - size, lines - len(numbers)
        if len(batches) > QUESTIONS_MAX:
            raise TooDifferent(
                f"{len(members)} of the buckets differ: is the list of these days, this currency, and this merchant?"
            )
        return batches

    async def _compare(self, bits: int, buckets: Sequence[int] | None) -> Reconciliation:
        marks: defaultdict[int, int] = defaultdict(int)
        shift = PLACE_BITS - bits
        for place, mark in zip(self._own.places, self._own.marks, strict=True):
            marks[place >> shift] ^= mark
        asked = range(1 << bits) if buckets is None else buckets
        digests = [digest_text(marks.get(bucket, 0)) for bucket in asked]
        said = {**self._span, "bits": bits, "digests": digests} | (
            {} if buckets is None else {"buckets": list(buckets)}
        )
        answer = msgspec.json.decode(await self._ask("/v1/reconciliations", said), type=Reconciliation)
        self._say(f"{len(digests)} buckets compared, {len(answer.differing)} differ")
        return answer

    async def _lines(self, bits: int, buckets: Sequence[int], numbers: Sequence[int]) -> Sequence[Difference]:
        said = {
            **self._span,
            "bits": bits,
            "buckets": list(buckets),
            "lines": [msgspec.to_builtins(self._own.line(n)) for n in numbers],
        }
        answer = msgspec.json.decode(await self._ask("/v1/reconciliations/lines", said), type=Comparison)
        self._say(f"{len(numbers)} lines compared, {len(answer.differences)} differ")
        return answer.differences

    async def _ask(self, path: str, said: dict[str, Any]) -> bytes:
        return await self._door.call("POST", path, json=said)


COLUMNS: Final = (
    "what", "kind", "reference", "here_amount", "here_currency", "here_status", "there_amount", "there_currency",
    "there_status",
)  # fmt: skip


def as_csv(differences: Sequence[Difference], repeated: Sequence[Line]) -> str:
    """What differs, a row each; amounts in minor units. `repeated`: what the merchant's list had twice."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for one in differences:
        writer.writerow([one.what, one.kind, one.reference, *_columns(one.here), *_columns(one.there)])
    for line in repeated:
        writer.writerow(["repeated_there", line.kind, line.reference, *_columns(None), *_columns(line)])
    return text.getvalue()


def _columns(line: Line | None) -> Sequence[object]:
    return ("", "", "") if line is None else (line.amount, line.currency, line.status)
