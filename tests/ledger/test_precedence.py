"""Walks down the page of results, docs/reference/ledger.md, line by line, against engine and oracle."""

import re
from itertools import pairwise
from pathlib import Path

import asyncpg
import pytest
from msgspec.structs import replace

from qrpay.ledger.engine import Engine
from qrpay.ledger.model import AccountFlag, Changed, Result, TransferFlag
from qrpay.ledger.oracle import Oracle
from qrpay.ledger.reference import ACCOUNT_FLAGS, CHANGES, RESULTS, TRANSFER_FLAGS, page
from qrpay.values import Id
from tests.ledger.precedence import CASES
from tests.ledger.statement import Case, Play, Time

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "ledger.md"
LISTED = re.findall(r"^\| `(\w+)` \|", PAGE.read_text(encoding="utf-8").partition("## Flags")[0], re.MULTILINE)

by_claim = pytest.mark.parametrize("case", CASES, ids=lambda case: case.claim.partition(" (")[0])
both_ways = pytest.mark.parametrize("at_once", [False, True], ids=["line by line", "at once"])


def test_the_page_is_made_from_the_code() -> None:
    """It is what `qrpay docs` writes, and says of every flag and every result what it means."""
    assert PAGE.read_text(encoding="utf-8") == page(), "run `qrpay docs`"
    assert (set(RESULTS), set(TRANSFER_FLAGS)) == (set(Result), set(TransferFlag))
    assert (set(ACCOUNT_FLAGS), set(CHANGES)) == (set(AccountFlag), set(Changed))


def test_the_table_walks_down_the_page() -> None:
    """Its cases are the page's lines, each after the one above it, and show what they claim."""
    claims = [LISTED[0], *(f"{upper}, then {lower}" for upper, lower in pairwise(LISTED))]
    assert [case.claim.partition(" (")[0] for case in CASES] == claims
    for case in CASES:
        upper, _, lower = case.claim.partition(" (")[0].partition(", then ")
        last = re.findall(r"= (\w+)", "\n".join(case.lines))
        assert (lower or upper) in last, f"{case.claim} shows no {lower}"
        assert upper in last or "(never both: " in case.claim, f"{case.claim} shows no {upper}"


@both_ways
@by_claim
async def test_oracle(case: Case, time: Time, at_once: bool) -> None:
    """The oracle answers as the page says."""
    oracle = Oracle(clock=time)

    async def carry(debit: Id, credit: Id, amount: int) -> None:
        accounts = oracle.book.accounts
        accounts[debit] = replace(accounts[debit], debits_posted=accounts[debit].debits_posted + amount)
        accounts[credit] = replace(accounts[credit], credits_posted=accounts[credit].credits_posted + amount)

    await Play(oracle, time, at_once=at_once, carry=carry).run(case)


@both_ways
@by_claim
async def test_engine(case: Case, timed_engine: Engine, time: Time, at_once: bool, database_dsn: str) -> None:
    """The engine answers as the page says."""

    async def carry(debit: Id, credit: Id, amount: int) -> None:
        owner = await asyncpg.connect(database_dsn)
        await owner.execute("UPDATE accounts SET debits_posted = debits_posted + $2 WHERE id = $1", debit, amount)
        await owner.execute("UPDATE accounts SET credits_posted = credits_posted + $2 WHERE id = $1", credit, amount)
        await owner.close()

    await Play(timed_engine, time, at_once=at_once, carry=carry).run(case)
