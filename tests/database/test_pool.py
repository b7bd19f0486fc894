"""Connections: what statements answer, and what callers are told when the database is away."""

import asyncpg
import pytest

from qrpay.database.pool import Database


async def test_json_goes_in_and_comes_out_as_it_was(database: Database) -> None:
    """jsonb is spoken in plain Python values."""
    value = {"reference": "订单-1", "amounts": [1, 2_000_000_000_000], "left": None}

    assert await database.fetchval("SELECT $1::jsonb", value) == value


async def test_the_application_cannot_make_tables(database: Database) -> None:
    """The application's role reads and calls; the house is built by another."""
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await database.execute("CREATE TABLE mine (id int)")


async def test_a_transaction_leaves_nothing_when_its_block_raises(fresh_database: Database) -> None:
    """What a block did is undone together with it."""
    with pytest.raises(ConnectionRefusedError):
        async with fresh_database.transaction() as tx:
            await tx.execute("SELECT set_config('qrpay.seen', 'yes', true)")
            raise ConnectionRefusedError

    assert await fresh_database.fetchval("SELECT current_setting('qrpay.seen', true)") in (None, "")
