"""The statements about what merchants call with, typed."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from qrpay.database.pool import Database, Queries
from qrpay.database.statements import Statements
from qrpay.features.merchants.credentials import KeyHolder, KeyRow, NewSecret, Nonce, PairedPlace, SignerRow, StaffRow
from qrpay.features.merchants.model import TerminalState
from qrpay.values import Id

STATEMENTS: Final = Statements.load(Path(__file__).with_name("credential_store.sql"))


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


async def holder_by_id(queries: Queries, merchant_id: Id, id_: Id) -> KeyHolder | None:
    """Whose key this is or was."""
    row = await queries.fetchrow(STATEMENTS["holder_by_id"], merchant_id, id_)
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


async def insert_signer(queries: Queries, id_: Id, merchant_id: Id, name: str, public: bytes, limit: int) -> bool:
    """Whether the key was new, and there was room."""
    made = await queries.fetchval(STATEMENTS["insert_signer"], id_, merchant_id, name, public, limit)
    return made is not None


async def signers(queries: Queries, merchant_id: Id, limit: int) -> list[SignerRow]:
    """A merchant's public keys, latest first."""
    return [SignerRow(*row) for row in await queries.fetch(STATEMENTS["signers"], merchant_id, limit)]


async def revoke_signer(queries: Queries, merchant_id: Id, id_: Id, at: datetime) -> bool:
    """Whether there was such a key."""
    return await queries.fetchval(STATEMENTS["revoke_signer"], merchant_id, id_, at) is not None


async def use_nonces(database: Database, nonces: Sequence[Nonce]) -> Sequence[bool]:
    """For each whether it was not used before. Safe to repeat: what a request has used it keeps."""
    rows = await database.fetch(
        STATEMENTS["use_nonces"],
        [nonce.signer for nonce in nonces],
        [nonce.hash for nonce in nonces],
        [nonce.request for nonce in nonces],
        [nonce.until for nonce in nonces],
    )
    used = {(row["signer"], row["hash"]): row["request"] for row in rows}
    return [used.get((nonce.signer, nonce.hash)) == nonce.request for nonce in nonces]


async def forget_nonces(queries: Queries, now: datetime, limit: int) -> int:
    """How many were forgotten."""
    return int((await queries.execute(STATEMENTS["forget_nonces"], now, limit)).rpartition(" ")[2])


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


async def freeze_terminal(within: Queries, terminal: Id, frozen: bool) -> bool:
    """Whether there is such a terminal."""
    return await within.fetchval(STATEMENTS["freeze_terminal"], terminal, frozen) is not None


async def end_pairing(within: Queries, terminal: Id, at: datetime) -> None:
    """A terminal's pairing code is good no more; waits for a device that is just using it."""
    await within.execute(STATEMENTS["end_pairing"], terminal, at)


async def terminal_state(queries: Queries, terminal: Id) -> TerminalState | None:
    """Any merchant's terminal."""
    row = await queries.fetchrow(STATEMENTS["terminal_state"], terminal)
    return TerminalState(**dict(row)) if row else None
