"""The statements about merchants, typed."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from qrpay.database.pool import Queries
from qrpay.database.statements import Statements
from qrpay.features.merchants.model import (
    Act,
    ActRow,
    KeyHolder,
    KeyRow,
    MerchantCard,
    NewSecret,
    PairedPlace,
    StaffRow,
    Status,
    Store,
    Terminal,
)
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


async def insert_key(queries: Queries, key: NewSecret, now: datetime, limit: int) -> bool:
    """Keep a secret's hash; False when the merchant has `limit` in use."""
    made = await queries.fetchval(
        STATEMENTS["insert_key"], key.id, key.merchant, key.hash, key.last_four, key.name, key.role, key.store,
        key.terminal, key.staff, list(key.networks), key.signed, key.expires_at, now, limit,
    )  # fmt: skip
    return made is not None


async def key_holder(queries: Queries, hash_: bytes, now: datetime) -> KeyHolder | None:
    """Whose secret this is, when it counts."""
    row = await queries.fetchrow(STATEMENTS["key_holder"], hash_, now)
    return KeyHolder(**dict(row)) if row else None


async def keys(queries: Queries, merchant_id: Id, limit: int) -> list[KeyRow]:
    """A merchant's latest secrets, oldest first."""
    rows = await queries.fetch(STATEMENTS["keys"], merchant_id, limit)
    return [KeyRow(**dict(row)) for row in reversed(rows)]


async def key(queries: Queries, merchant_id: Id, id_: Id) -> KeyRow | None:
    """One of a merchant's secrets."""
    row = await queries.fetchrow(STATEMENTS["key"], merchant_id, id_)
    return KeyRow(**dict(row)) if row else None


async def revoke_key(queries: Queries, id_: Id, at: datetime) -> bool:
    """Whether there was such a secret."""
    return await queries.fetchval(STATEMENTS["revoke_key"], id_, at) is not None


async def expire_key(queries: Queries, id_: Id, at: datetime) -> None:
    """Let a secret end at a time."""
    await queries.execute(STATEMENTS["expire_key"], id_, at)


async def revoke_terminal_keys(queries: Queries, terminal: Id, at: datetime) -> None:
    """End every secret of a terminal."""
    await queries.execute(STATEMENTS["revoke_terminal_keys"], terminal, at)


async def revoke_staff_keys(queries: Queries, staff_id: Id, at: datetime) -> None:
    """End every secret of somebody of the staff."""
    await queries.execute(STATEMENTS["revoke_staff_keys"], staff_id, at)


async def offer_pairing(queries: Queries, terminal: Id, hash_: bytes, expires_at: datetime) -> None:
    """Keep a terminal's new pairing code."""
    await queries.execute(STATEMENTS["offer_pairing"], terminal, hash_, expires_at)


async def take_pairing(queries: Queries, hash_: bytes, now: datetime) -> PairedPlace | None:
    """Use a pairing code up; None when there is no such code, or not any more."""
    row = await queries.fetchrow(STATEMENTS["take_pairing"], hash_, now)
    return PairedPlace(**dict(row)) if row else None


async def insert_staff(queries: Queries, one: StaffRow, limit: int) -> bool:
    """Whether the number was free, and there was room."""
    said = (one.id, one.merchant, one.store, one.number, one.name, one.role, one.refund_max, one.code, limit)
    return await queries.fetchval(STATEMENTS["insert_staff"], *said) is not None


async def staff(queries: Queries, merchant_id: Id, limit: int) -> list[StaffRow]:
    """Who works at a merchant's tills."""
    return [StaffRow(**dict(row)) for row in await queries.fetch(STATEMENTS["staff"], merchant_id, limit)]


async def staff_by_id(queries: Queries, merchant_id: Id, id_: Id) -> StaffRow | None:
    """Somebody of a merchant's staff."""
    row = await queries.fetchrow(STATEMENTS["staff_by_id"], merchant_id, id_)
    return StaffRow(**dict(row)) if row else None


async def staff_by_number(within: Queries, merchant_id: Id, number: str) -> StaffRow | None:
    """Somebody of a merchant's staff, whose row is held until the transaction ends."""
    row = await within.fetchrow(STATEMENTS["staff_by_number"], merchant_id, number)
    return StaffRow(**dict(row)) if row else None


async def change_staff(queries: Queries, one: StaffRow) -> None:
    """Write somebody anew."""
    await queries.execute(STATEMENTS["change_staff"], one.id, one.name, one.role, one.refund_max, one.code)


async def count_try(within: Queries, id_: Id, tries: int, locked_until: datetime | None) -> None:
    """A code was wrong, or right."""
    await within.execute(STATEMENTS["count_try"], id_, tries, locked_until)


async def remove_staff(queries: Queries, merchant_id: Id, id_: Id, at: datetime) -> bool:
    """Whether there was such a person."""
    return await queries.fetchval(STATEMENTS["remove_staff"], merchant_id, id_, at) is not None


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
