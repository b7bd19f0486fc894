"""The statements about keys, typed."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from qrpay.codes.signing import Purpose
from qrpay.database.pool import Queries
from qrpay.database.statements import Statements
from qrpay.features.keys.model import SealedKey

STATEMENTS: Final = Statements.load(Path(__file__).with_name("store.sql"))


async def lock(within: Queries) -> None:
    """Wait for our turn to change keys; given back when the transaction ends."""
    await within.execute(STATEMENTS["lock"])


async def announce(within: Queries) -> None:
    """Have every process load the keys again once this transaction commits."""
    await within.execute(STATEMENTS["announce"])


async def all_keys(queries: Queries) -> list[SealedKey]:
    """Every key, by purpose, oldest first."""
    return [SealedKey(**dict(row)) for row in await queries.fetch(STATEMENTS["all"])]


async def insert(within: Queries, key: SealedKey) -> None:
    """Keep a new key."""
    await within.execute(
        STATEMENTS["insert"],
        *(key.kid, key.purpose, key.alg, key.public, key.private, key.not_before, key.sign_until, key.verify_until),
    )


async def retire(within: Queries, purpose: Purpose, until: datetime, verify_for: timedelta) -> None:
    """End the signing of a purpose's keys at this moment."""
    await within.execute(STATEMENTS["retire"], purpose, until, verify_for)


async def revoke(within: Queries, kid: str, at: datetime) -> Purpose | None:
    """Declare a key leaked; answers its purpose, or None when there is no such key."""
    purpose: Purpose | None = await within.fetchval(STATEMENTS["revoke"], kid, at)
    return purpose
