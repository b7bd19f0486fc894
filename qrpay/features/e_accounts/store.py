"""The statements about customers and e-accounts, typed."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from asyncpg import UniqueViolationError

from qrpay.database.pool import Queries
from qrpay.database.statements import Statements
from qrpay.features.e_accounts.model import Customer, CustomerRow, EAccount, Holder, PinRow
from qrpay.values import Id

STATEMENTS: Final = Statements.load(Path(__file__).with_name("store.sql"))


async def insert_customer(within: Queries, row: CustomerRow) -> bool:
    """Whether the phone number was free."""
    said = (row.id, row.name_sealed, row.name_masked, row.phone_hash, row.phone_sealed, row.phone_masked, row.test)
    return await within.fetchval(STATEMENTS["insert_customer"], *said) is not None


async def customer(queries: Queries, id_: Id) -> Customer | None:
    """A customer."""
    row = await queries.fetchrow(STATEMENTS["customer"], id_)
    return Customer(**dict(row)) if row else None


async def customer_by_phone(queries: Queries, phone_hash: bytes) -> Customer | None:
    """The customer with this number."""
    row = await queries.fetchrow(STATEMENTS["customer_by_phone"], phone_hash)
    return Customer(**dict(row)) if row else None


async def insert_account(within: Queries, account: EAccount) -> None:
    """Say whose a ledger account is."""
    said = (account.id, account.customer, account.account_class, account.currency, account.test, account.online,
            account.unbound_credits)  # fmt: skip
    await within.execute(STATEMENTS["insert_account"], *said)


async def accounts_of(queries: Queries, customer_id: Id) -> list[EAccount]:
    """A customer's accounts, oldest first."""
    return [EAccount(**dict(row)) for row in await queries.fetch(STATEMENTS["accounts_of"], customer_id)]


async def account(queries: Queries, id_: Id) -> EAccount | None:
    """An account, whosever it is."""
    row = await queries.fetchrow(STATEMENTS["account"], id_)
    return EAccount(**dict(row)) if row else None


async def holders_of_accounts(queries: Queries, accounts: Sequence[Id]) -> dict[Id, Holder]:
    """The customers behind these ledger accounts; those of nobody are left out."""
    rows = await queries.fetch(STATEMENTS["holders_of_accounts"], accounts)
    return {row["account"]: Holder(row["customer"], row["name_masked"]) for row in rows}


async def seen(queries: Queries, customer_id: Id, by: str, why: str) -> int:
    """Open the Class II accounts of a customer who was seen to money from anybody; how many."""
    return int((await queries.execute(STATEMENTS["seen"], customer_id, by, why)).rpartition(" ")[2])


async def consent(queries: Queries, account_id: Id) -> bool:
    """Let a Class III account take money from anybody; False when another one of the customer's does."""
    try:
        return await queries.fetchval(STATEMENTS["consent"], account_id) is not None
    except UniqueViolationError:  # two of them at once
        return False


async def insert_pin(within: Queries, customer_id: Id, phc: str) -> None:
    """Keep a customer's first PIN."""
    await within.execute(STATEMENTS["insert_pin"], customer_id, phc)


async def pin(queries: Queries, customer_id: Id) -> PinRow | None:
    """A customer's PIN at rest."""
    row = await queries.fetchrow(STATEMENTS["pin"], customer_id)
    return PinRow(**dict(row)) if row else None


async def count_try(
    queries: Queries, customer_id: Id, now: datetime, tries_max: int, lock_until: datetime
) -> int | None:
    """Wrong tries in a row with this one; None when the PIN is locked, so that nothing may be told."""
    tries: int | None = await queries.fetchval(STATEMENTS["count_try"], customer_id, now, tries_max, lock_until)
    return tries


async def clear_tries(queries: Queries, customer_id: Id, now: datetime) -> None:
    """End a row of wrong tries."""
    await queries.execute(STATEMENTS["clear_tries"], customer_id, now)
