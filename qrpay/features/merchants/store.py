"""The statements about merchants, typed."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from qrpay.database.pool import Queries
from qrpay.database.statements import Statements
from qrpay.features.merchants.model import Act, ActRow, MerchantCard, Status, Store, Terminal
from qrpay.values import Id

STATEMENTS: Final = Statements.load(Path(__file__).with_name("store.sql"))


async def insert_merchant(within: Queries, card: MerchantCard) -> None:
    """Keep a new merchant."""
    said = (card.id, card.name, card.name_latin, card.city, card.mcc, card.country, card.test)
    await within.execute(STATEMENTS["insert_merchant"], *said)


async def merchant(queries: Queries, id_: Id) -> MerchantCard | None:
    """A merchant's card."""
    row = await queries.fetchrow(STATEMENTS["merchant"], id_)
    return MerchantCard(**dict(row)) if row else None


async def set_status(within: Queries, id_: Id, status: str) -> bool:
    """Whether there was such a merchant."""
    return await within.fetchval(STATEMENTS["set_status"], id_, status) is not None


async def status_of(queries: Queries, id_: Id) -> Status | None:
    """Whether a merchant is in business."""
    found: Status | None = await queries.fetchval(STATEMENTS["status_of"], id_)
    return found


async def insert_act(within: Queries, merchant_id: Id, act: str, by: Act, at: datetime) -> None:
    """Note who did what to a merchant."""
    await within.execute(STATEMENTS["insert_act"], merchant_id, act, by.maker, by.checker, by.reason, at)


async def acts(queries: Queries, merchant_id: Id) -> list[ActRow]:
    """Who did what to a merchant, oldest first."""
    return [ActRow(*row) for row in await queries.fetch(STATEMENTS["acts"], merchant_id)]


async def announce(within: Queries, id_: Id) -> None:
    """Have every process forget this merchant's card once the transaction commits."""
    await within.execute(STATEMENTS["announce"], str(id_))


async def insert_store(queries: Queries, store: Store) -> bool:
    """Whether its code was free."""
    said = (store.id, store.merchant, store.name, store.code)
    return await queries.fetchval(STATEMENTS["insert_store"], *said) is not None


async def insert_terminal(queries: Queries, terminal: Terminal) -> bool:
    """Whether its code was free."""
    said = (terminal.id, terminal.store, terminal.name, terminal.code)
    return await queries.fetchval(STATEMENTS["insert_terminal"], *said) is not None


async def store_of(queries: Queries, merchant_id: Id, id_: Id) -> Store | None:
    """A store, when it is this merchant's."""
    row = await queries.fetchrow(STATEMENTS["store"], merchant_id, id_)
    return Store(**dict(row)) if row else None


async def terminal_of(queries: Queries, merchant_id: Id, id_: Id) -> tuple[Store, Terminal] | None:
    """A terminal and its store, when they are this merchant's."""
    row = await queries.fetchrow(STATEMENTS["terminal"], merchant_id, id_)
    if row is None:
        return None
    store = Store(row["store"], merchant_id, row["store_name"], row["store_code"])
    return store, Terminal(row["id"], row["store"], row["name"], row["code"])


async def stores(queries: Queries, merchant_id: Id, limit: int) -> list[Store]:
    """A merchant's stores, oldest first."""
    return [Store(**dict(row)) for row in await queries.fetch(STATEMENTS["stores"], merchant_id, limit)]


async def terminals(queries: Queries, store_ids: Sequence[Id], limit: int) -> list[Terminal]:
    """These stores' terminals, oldest first."""
    return [Terminal(**dict(row)) for row in await queries.fetch(STATEMENTS["terminals"], store_ids, limit)]


async def insert_account(queries: Queries, account: Id, merchant_id: Id, currency: str) -> None:
    """Say whose a ledger account is."""
    await queries.execute(STATEMENTS["insert_account"], account, merchant_id, currency)


async def accounts_of(queries: Queries, merchant_id: Id) -> list[tuple[Id, str]]:
    """A merchant's ledger accounts with their currencies."""
    return [(row["account"], row["currency"]) for row in await queries.fetch(STATEMENTS["accounts_of"], merchant_id)]


async def names_of_accounts(queries: Queries, accounts: Sequence[Id]) -> dict[Id, str]:
    """Names by ledger account, for those that are merchants'."""
    rows = await queries.fetch(STATEMENTS["names_of_accounts"], list(accounts))
    return {row["account"]: row["name"] for row in rows}


async def owners_of_accounts(queries: Queries, accounts: Sequence[Id]) -> dict[Id, Id]:
    """Merchants by ledger account, for those that are merchants'."""
    rows = await queries.fetch(STATEMENTS["owners_of_accounts"], list(accounts))
    return {row["account"]: row["merchant"] for row in rows}


async def terminal_taken(queries: Queries, terminal: Id, since: datetime) -> datetime | None:
    """When a device lost this terminal, if one did after this moment."""
    at: datetime | None = await queries.fetchval(STATEMENTS["terminal_taken"], terminal, since)
    return at


async def any_store(queries: Queries, id_: Id) -> Store | None:
    """A store, whosever it is."""
    row = await queries.fetchrow(STATEMENTS["any_store"], id_)
    return Store(**dict(row)) if row else None


async def merchants_named(queries: Queries, name: str, limit: int = 10) -> list[Id]:
    """Merchants of this name."""
    return [row["id"] for row in await queries.fetch(STATEMENTS["merchants_named"], name, limit)]
