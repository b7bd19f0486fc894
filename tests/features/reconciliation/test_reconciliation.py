"""A merchant's own list against the ledger: only digests travel, and then only the lines that differ."""

import asyncio
import csv
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from qrpay.core import Core
from qrpay.features.keys.feature import feature as keys_feature
from qrpay.features.reconciliation.client import BadList, read_list
from qrpay.features.reconciliation.commands import reconcile
from qrpay.features.reconciliation.feature import feature
from qrpay.features.reconciliation.model import digest_text, mark_of, place_of
from qrpay.settings import Settings
from tests.features.served import Served, bearer, served
from tests.features.statements.conftest import DayClock, Shop, clock, core, open_shop

__all__ = ["clock", "core"]

DAY = timedelta(days=1)
MONDAY = date(2026, 11, 23)


class Told:
    """What the merchant's command is told besides its arguments."""

    def __init__(self, key: str) -> None:
        self.settings = Settings(api_key=key)


@asynccontextmanager
async def door(core: Core) -> AsyncIterator[Served]:
    async with served(core, [keys_feature, feature]) as house:
        yield house


async def run(house: Served, shop: Shop, place: Path, *more: str) -> Result:
    """`qrpay reconcile`, as the merchant runs it."""
    key = bearer("sk_", shop.merchant.hex)["Authorization"].removeprefix("Bearer ")
    asked = [str(place), "--from", "2026-11-23", "--api", house.url, *more]
    return await asyncio.to_thread(CliRunner().invoke, reconcile, asked, obj=Told(key))


def rows(done: Result) -> list[dict[str, str]]:
    """What differs."""
    return list(csv.DictReader(io.StringIO(done.stdout)))


def write(place: Path, lines: list[tuple[Any, ...]]) -> Path:
    """A merchant's list."""
    with place.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("kind", "reference", "amount", "status"), *lines])
    return place


async def test_lists_that_agree_and_lists_that_do_not(core: Core, clock: DayClock, tmp_path: Path) -> None:
    """Of many lines only those that differ come back, each with what differs, from both sides."""
    shop = await open_shop(core)
    clock.set(MONDAY)
    await shop.in_bulk(1_500, 5)
    sale = await shop.sells("R-1", 1_250)
    await shop.gives_back(sale, "G-1", 250)
    clock.set(MONDAY + DAY)
    await shop.sells("R-2", 7)
    lines: list[tuple[Any, ...]] = [("payment", f"B-{n}", 5, "paid") for n in range(1_500)]
    lines += [("payment", "R-1", 1_250, "paid"), ("refund", "G-1", 250, "succeeded"), ("payment", "R-9", 9, "expired")]
    async with door(core) as house:
        done = await run(house, shop, write(tmp_path / "same.csv", lines[::-1]))
        assert (done.exit_code, rows(done)) == (0, []), done.output

        lines[7] = ("payment", "B-7", 6, "paid")
        lines[-2] = ("refund", "G-1", 250, "pending")
        del lines[1_000]
        lines += [("payment", "R-2", 7, "paid"), ("payment", "B-5", 5, "paid")]
        done = await run(house, shop, write(tmp_path / "other.csv", lines))
    told = [(row["what"], row["reference"], row["here_amount"], row["there_amount"]) for row in rows(done)]
    assert (done.exit_code, told) == (1, [
        ("missing_there", "B-1000", "5", ""), ("amount_differs", "B-7", "5", "6"), ("missing_here", "R-2", "", "7"),
        ("status_differs", "G-1", "250", "250"), ("repeated_there", "B-5", "", "5"),
    ]), done.output  # fmt: skip


async def test_a_list_of_another_day_is_not_looked_at_line_by_line(core: Core, clock: DayClock, tmp_path: Path) -> None:
    """When nearly everything differs the merchant is asked whether it is the right list; an open day is refused."""
    shop = await open_shop(core)
    clock.set(MONDAY + DAY)
    foreign = write(tmp_path / "foreign.csv", [("payment", f"X-{n}", 5, "paid") for n in range(60_000)])
    async with door(core) as house:
        done = await run(house, shop, foreign)
        assert done.exit_code == 2 and "of these days" in done.stderr, done.output
        done = await run(house, shop, foreign, "--to", "2026-11-24")
        assert done.exit_code == 2 and "statement_not_ready" in done.stderr, done.output


async def test_questions_that_make_no_sense_are_refused(core: Core, clock: DayClock) -> None:
    """Buckets that are none, digests that do not fit, a span without an end: each says where."""
    shop = await open_shop(core)
    clock.set(MONDAY + DAY)
    nothing = digest_text(0)
    span = {"from": "2026-11-23", "to": "2026-11-23"}
    line = {"kind": "payment", "reference": "R-1", "amount": 1, "currency": "CNY", "status": "paid"}
    async with door(core) as house:
        for path, said, pointer in (
            ("", {**span, "bits": 1, "digests": [nothing]}, "/digests"),
            ("", {**span, "bits": 1, "digests": [nothing], "buckets": [2]}, "/buckets"),
            ("", {**span, "bits": 1, "digests": [nothing] * 2, "buckets": [1, 1]}, "/buckets"),
            ("", {**span, "bits": 0, "digests": ["A"]}, "/digests/0"),
            ("", {**span, "to": "2027-11-23", "bits": 0, "digests": [nothing]}, "/to"),
            ("/lines", {**span, "bits": 0, "buckets": [0], "lines": [line, line]}, "/lines"),
        ):
            mine = bearer("sk_", shop.merchant.hex)
            async with house.session.post(f"/v1/reconciliations{path}", json=said, headers=mine) as answer:
                problem = await answer.json()
                assert (answer.status, problem["errors"][0]["pointer"]) == (422, pointer), problem


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "must name the columns"), ("reference,amount\nR-1,1.5\n", "line 2: '1.5' is not an amount in minor units"),
        ("reference,amount\nR-1\n", "line 2: 1 columns"), ("reference,amount,kind\nR-1,1,gift\n", "neither payment"),
        ("reference,amount\nR|1,1\n", "no reference"),
    ],
)  # fmt: skip
def test_a_list_that_cannot_be_read_names_the_line(text: str, why: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(BadList, match=why.replace("|", r"\|").replace(".", r"\.")):
        read_list(io.StringIO(text), "CNY", decimals=False)


def test_marks_are_those_of_the_reference_page() -> None:
    """Written down in docs/how-to/statements.md, so that others can make them too."""
    assert place_of("payment", "R-1001") == 0x48CCA1
    assert digest_text(mark_of("payment", "R-1001", 1250, "CNY", "paid")) == "TZoC7jv6mnu2gTml64OjEg"
    own = read_list(io.StringIO("reference,amount\n'-1,12.50\n"), "CNY", decimals=True)
    assert own.texts == ["payment|-1|1250|CNY|paid"]
