"""Random batches: whatever comes in, the engine answers and keeps what the oracle answers and keeps."""

from collections.abc import Sequence
from datetime import timedelta

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from qrpay.database.pool import Database
from qrpay.ledger.caps import bank_day, used
from qrpay.ledger.chart import TransferCode
from qrpay.ledger.engine import Engine
from qrpay.ledger.model import Account, AccountFlag, Ledger, NewAccount, Transfer
from qrpay.ledger.oracle import Oracle
from qrpay.ledger.soundness import LINKED, PENDING, POST, VOID
from qrpay.values import Id, new_id
from tests.ledger.statement import CNY, Time, summary

GUARDED = int(AccountFlag.DEBITS_MUST_NOT_EXCEED_CREDITS)
ACCOUNTS = 9
IDS = 24

Line = tuple[int, int, int, int, int, int, int, bool, int]
"""id, payer, payee, amount, kind, code, hold, linked, timeout: small numbers, so that everything collides."""

lines = st.tuples(
    st.integers(0, IDS - 1),
    st.integers(0, ACCOUNTS),  # one past the last account: there is none
    st.integers(0, ACCOUNTS),
    st.sampled_from([1, 2, 3, 5, 8, 13, 40, 0, -1]),
    st.sampled_from([0, 0, 0, 0, PENDING, PENDING, POST, VOID, PENDING | POST]),
    st.sampled_from([TransferCode.PAYMENT, TransferCode.PAYMENT, TransferCode.REFUND, TransferCode.ORDER_CLOSE]),
    st.integers(0, IDS - 1),
    st.sampled_from([False, False, False, True]),
    st.sampled_from([0, 0, 1, 7]),  # odd, while the clock moves by even seconds: no hold is due in the very instant
)
batches = st.lists(st.tuples(st.lists(lines, min_size=1, max_size=30), st.sampled_from([0, 0, 2, 86_400])), max_size=6)


@settings(
    max_examples=60, deadline=None, phases=[Phase.generate, Phase.shrink], suppress_health_check=list(HealthCheck)
)
@given(story=batches)
async def test_engine_equals_oracle(database: Database, story: Sequence[tuple[Sequence[Line], int]]) -> None:
    """Chains, holds, declines, repeats and caps in batches of any size: the answers and the books are the same."""
    await _play(database, story)


@settings(
    max_examples=40, deadline=None, phases=[Phase.generate, Phase.shrink], suppress_health_check=list(HealthCheck)
)
@given(story=batches)
async def test_engine_equals_oracle_one_by_one(database: Database, story: Sequence[tuple[Sequence[Line], int]]) -> None:
    """The same when every transfer comes alone, so that a plain payment takes the short way."""
    await _play(database, [([line], pause_s) for batch, pause_s in story for line in batch])


async def _play(database: Database, story: Sequence[tuple[Sequence[Line], int]]) -> None:
    time = Time()
    engine, oracle = Engine(database, clock=time), Oracle(clock=time)
    accounts, ids = [new_id() for _ in range(ACCOUNTS + 1)], [new_id() for _ in range(IDS)]
    await _open(engine, accounts)
    await _open(oracle, accounts)
    for batch, pause_s in story:
        transfers = [_transfer(line, accounts, ids) for line in batch]
        expected = [summary(outcome) for outcome in await oracle.post_chain(transfers)]
        assert [summary(outcome) for outcome in await engine.post_chain(transfers)] == expected
        time.now += timedelta(seconds=pause_s)
    await engine.release_due_holds()
    await oracle.release_due_holds()
    assert await _books(engine, accounts, time) == await _books(oracle, accounts, time)
    stood = {key: replace(posted, timestamp=time.now) for key, posted in (await engine.lookup_transfers(ids)).items()}
    assert stood == {
        key: replace(posted, timestamp=time.now) for key, posted in (await oracle.lookup_transfers(ids)).items()
    }
    await engine.close()


async def _open(ledger: Ledger, accounts: Sequence[Id]) -> None:
    """A bank, customers with a little money, capped ones, one that may not pay, one in another ledger."""
    bank, *customers = accounts[:ACCOUNTS]
    await ledger.create_accounts(
        [
            NewAccount(bank, CNY, 30),
            *(NewAccount(customer, CNY, 10, GUARDED) for customer in customers[:3]),
            NewAccount(customers[3], CNY, 10, GUARDED, day_limit=20, year_limit=30),
            NewAccount(customers[4], CNY, 10, GUARDED, balance_limit=25),
            NewAccount(customers[5], CNY, 10, GUARDED | int(AccountFlag.DEBITS_FROZEN)),
            NewAccount(customers[6], CNY, 10, int(AccountFlag.CREDITS_MUST_NOT_EXCEED_DEBITS)),
            NewAccount(customers[7], 344, 10),
        ]
    )
    for customer in customers[:5]:
        await ledger.post(Transfer(new_id(), bank, customer, 20, TransferCode.TOP_UP, CNY))


async def _books(ledger: Ledger, accounts: Sequence[Id], time: Time) -> list[Account]:
    books = []
    for account in (await ledger.lookup_accounts(accounts)).values():
        # A payment taken back leaves the day it would have counted for, with nothing used.
        day_used, year_used = used(account, bank_day(time.now))
        books.append(replace(account, created_at=time.now, used_on=None, day_used=day_used, year_used=year_used))
    return sorted(books, key=lambda account: account.id)


def _transfer(line: Line, accounts: Sequence[Id], ids: Sequence[Id]) -> Transfer:
    place, payer, payee, amount, kind, code, hold, linked, timeout_s = line
    flags = kind | (LINKED if linked else 0)
    if kind in (POST, VOID):
        return replace(
            Transfer.of_hold(ids[place], ids[hold], void=kind == VOID, amount=amount if amount < 8 else None),
            flags=flags,
        )
    amount = 0 if code == TransferCode.ORDER_CLOSE and amount > 8 else amount
    return Transfer(ids[place], accounts[payer], accounts[payee], amount, code, CNY, flags=flags,
                    timeout_s=timeout_s if kind == PENDING else 0)  # fmt: skip
