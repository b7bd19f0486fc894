"""Secret keys: made and shown once, held in by bounds, rotated with overlap, ended at once."""

import re
import secrets
from collections.abc import Sequence
from datetime import timedelta
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final

from msgspec.structs import replace

from qrpay.core import Core
from qrpay.database.pool import Queries
from qrpay.features.merchants import credential_store
from qrpay.features.merchants.credentials import KeyHolder, KeyRow, KeyView, NewKey, NewSecret
from qrpay.features.merchants.model import Secret
from qrpay.features.merchants.problems import key_calling, key_ended, keys_full
from qrpay.problem import FieldError, invalid_field, not_found, unauthenticated
from qrpay.values import Id, id_from_text, id_text, new_id, rfc3339
from qrpay.web.callers import Bounds, Merchant

PREFIX: Final = "key_"
KEYS_MAX: Final = 6_000
"""Keys in use of one merchant: a terminal has one each."""
OWN_OVERLAP_S: Final = 3_600
SHOWN_MAX: Final = 1_000
_SECRET: Final = re.compile(r"sk_(test|live)_[A-Za-z0-9_\-]{32}\Z")


def new_secret(test: bool) -> Secret:
    """A fresh secret; whether it is for trying stands in its text."""
    return Secret(new_id(), f"sk_{'test' if test else 'live'}_{secrets.token_urlsafe(24)}")


async def keep(core: Core, queries: Queries, secret: Secret, merchant: Id, **held: object) -> None:
    """Keep a secret's keyed hash, with what holds it in (fields of NewSecret). Raises `keys_full`."""
    row = NewSecret(secret.id, merchant, hash_of(core, secret.text), secret.text[-4:], **held)  # type: ignore[arg-type] # checked by whoever names them
    if not await credential_store.insert_key(queries, row, core.clock(), KEYS_MAX):
        raise keys_full(limit=KEYS_MAX)


def hash_of(core: Core, text: str) -> bytes:
    """By which a secret is found: no comparison in this house ever sees two secrets side by side."""
    return core.vault.mac("merchant-key", text.encode())


async def check_secret(core: Core, text: str) -> Merchant:
    """The merchant behind `sk_…`. Raises `unauthenticated`, alike for unknown, revoked, over, frozen and malformed."""
    holder = (
        await credential_store.key_holder(core.database, hash_of(core, text), core.clock())
        if _SECRET.match(text)
        else None
    )
    if holder is None:
        raise unauthenticated()
    return Merchant(holder.merchant, holder.key, holder.test, _bounds(holder))


async def caller_by_key(core: Core, merchant: Id, key: Id) -> Merchant | None:
    """Who asked by this key, held in as it is now; also when it has ended since. None: there is no such key."""
    holder = await credential_store.holder_by_id(core.database, merchant, key)
    return None if holder is None else Merchant(holder.merchant, holder.key, holder.test, _bounds(holder))


def _bounds(holder: KeyHolder) -> Bounds | None:
    if holder.role == "owner" and not holder.networks and not holder.signed:
        return None
    networks = tuple(_network(text) for text in holder.networks)
    return Bounds(
        holder.role, holder.store, holder.terminal, holder.staff, holder.refund_max, networks, signed=holder.signed
    )


@lru_cache(1_024)
def _network(text: str) -> IPv4Network | IPv6Network:
    return ip_network(text)


# For their owner -----------------------------------------------------------------------------------------------


async def make(core: Core, merchant: Id, test: bool, ask: NewKey) -> KeyView:
    """Make a key. Raises `keys_full`, and `invalid_field` for what is no address range."""
    secret = new_secret(test)
    ends = None if ask.expires_in is None else core.clock() + timedelta(seconds=ask.expires_in)
    held = {"name": ask.name, "role": ask.role, "networks": _ranges(ask.networks), "signed": ask.signed}
    await keep(core, core.database, secret, merchant, **held, expires_at=ends)
    return shown(await _key(core, merchant, secret.id), secret)


def _ranges(texts: Sequence[str]) -> list[str]:
    """Address ranges in one spelling."""
    found = []
    for place, text in enumerate(texts):
        try:
            found.append(str(ip_network(text)))
        except ValueError as defect:
            raise invalid_field(
                errors=[FieldError(f"/networks/{place}", f"This is no CIDR range: {defect}.")]
            ) from None
    return found


async def listed(core: Core, merchant: Id) -> Sequence[KeyView]:
    """A merchant's latest keys, oldest first, each by its last four characters; without the staff's shifts."""
    return [shown(row) for row in await credential_store.keys(core.database, merchant, SHOWN_MAX)]


async def rotate(core: Core, merchant: Id, test: bool, text: str, overlap_s: int, calling: Id | None = None) -> KeyView:
    """A new key with the bounds of an old one, which goes on for a while. Raises `not_found`, `key_ended`.

    calling  the key that asks. It goes on for at least OWN_OVERLAP_S: whoever loses the answer must not be locked out;
             `key_calling` else
    """
    old, now = await own(core, merchant, text), core.clock()
    if old.id == calling and overlap_s < OWN_OVERLAP_S:
        raise key_calling(overlap=OWN_OVERLAP_S)
    if old.staff is not None or old.revoked_at is not None or (old.expires_at is not None and old.expires_at <= now):
        raise key_ended()
    secret = new_secret(test)
    async with core.database.transaction() as within:
        await keep(
            core, within, secret, merchant,
            name=old.name, role=old.role, store=old.store, terminal=old.terminal, networks=old.networks,
            signed=old.signed, expires_at=old.expires_at,
        )  # fmt: skip
        await credential_store.expire_key(within, old.id, now + timedelta(seconds=overlap_s))
    return shown(await _key(core, merchant, secret.id), secret)


async def revoke_own(core: Core, merchant: Id, text: str, calling: Id) -> KeyView:
    """End a merchant's key; workers forget it within `Credential.remember_s`. Safe to repeat.

    Raises `not_found`, and `key_calling` for the key that asks: nobody locks themselves out.
    """
    row = await own(core, merchant, text)
    if row.id == calling:
        raise key_calling(overlap=OWN_OVERLAP_S)
    await credential_store.revoke_key(core.database, row.id, core.clock())
    return shown(await _key(core, merchant, row.id))


async def own(core: Core, merchant: Id, text: str) -> KeyRow:
    """The merchant's key behind `key_…`. Raises `not_found`."""
    id_ = id_from_text(PREFIX, text)
    if id_ is None:
        raise not_found()
    return await _key(core, merchant, id_)


async def _key(core: Core, merchant: Id, id_: Id) -> KeyRow:
    row = await credential_store.key(core.database, merchant, id_)
    if row is None:
        raise not_found()
    return row


def shown(row: KeyRow, secret: Secret | None = None) -> KeyView:
    """A key as its owner sees it."""
    view = KeyView(
        id=id_text(PREFIX, row.id),
        name=row.name,
        role=row.role,
        last_four=row.last_four,
        store=id_text("sto_", row.store) if row.store else None,
        terminal=id_text("ter_", row.terminal) if row.terminal else None,
        staff=id_text("stf_", row.staff) if row.staff else None,
        networks=row.networks,
        signed=row.signed,
        created_at=rfc3339(row.created_at),
        expires_at=rfc3339(row.expires_at) if row.expires_at else None,
        revoked_at=rfc3339(row.revoked_at) if row.revoked_at else None,
    )
    return view if secret is None else replace(view, secret_key=secret.text)


# For the bank --------------------------------------------------------------------------------------------------


async def revoke(core: Core, key: Id) -> None:
    """End anybody's key. Safe to repeat. Raises `not_found`."""
    if not await credential_store.revoke_key(core.database, key, core.clock()):
        raise not_found()
