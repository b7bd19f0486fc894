"""Keys: the first ones, loading them, rotation with overlap, revocation."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

import structlog

from qrpay.background import metrics
from qrpay.background.jobs import guarded
from qrpay.codes.signing import CLOCK_SKEW, Key, Purpose, new_key
from qrpay.core import Core
from qrpay.database.pool import Queries
from qrpay.features.keys import store
from qrpay.features.keys.model import PURPOSES, ROTATE_BEFORE, SIGN_FOR, VERIFY_FOR, SealedKey
from qrpay.problem import not_found
from qrpay.settings import BadSettings

log = structlog.get_logger()

CHANNEL: Final = "qrpay_keys"
RELOAD_S: Final = 30.0
"""The net under the notifications: how long a process could at worst go on with keys of yesterday."""

_watching: Final[set[asyncio.Task[None]]] = set()


async def start(core: Core) -> None:
    """Make the first keys if there are none, load them, and from then on follow every change."""
    await make_first_keys(core)
    changed = asyncio.Event()
    # Listening comes before loading, so that a change in between is not missed.
    await core.database.listen(CHANNEL, lambda _payload: changed.set(), changed.set)
    known = await load(core)

    async def follow() -> None:
        nonlocal known
        with suppress(TimeoutError):
            await asyncio.wait_for(changed.wait(), RELOAD_S)
        changed.clear()
        try:
            known = await load(core, known)
        except BaseException:
            changed.set()  # tried again in a moment; until then the keys of before go on
            raise

    task = asyncio.create_task(guarded("keys follow changes", follow), name="keys follow changes")
    _watching.add(task)
    task.add_done_callback(_watching.discard)


async def make_first_keys(core: Core) -> None:
    """One key for each purpose that never had one. Processes that start at once make it once."""
    async with core.database.transaction() as within:
        await store.lock(within)
        had = {key.purpose for key in await store.all_keys(within)}
        for purpose in PURPOSES:
            if purpose not in had:
                await _add(core, within, purpose, _at_once(core))
        if had < set(PURPOSES):
            await store.announce(within)


async def load(core: Core, known: Sequence[Key] = ()) -> Sequence[Key]:
    """Put the keys that still count into the process's keyring, unless they are those it has; answers them.

    One that cannot be opened (it was made under another master key) verifies and does not sign; it is told in the log
    and counted, and holds up neither the others nor their revocation. Raises BadSettings when none can be opened.
    """
    now = core.clock()
    keys: list[Key] = []
    unopened: list[tuple[SealedKey, BadSettings]] = []
    opened = 0
    for sealed in await store.all_keys(core.database):
        if sealed.verify_until <= now:
            continue
        private = None
        if sealed.may_sign(now):
            try:
                private = core.vault.unseal(_seal_of(sealed.kid), sealed.private)
                opened += 1
            except BadSettings as defect:
                unopened.append((sealed, defect))
        keys.append(_ring_key(sealed, private))
    metrics.keys_unopened.set(len(unopened))
    if unopened and not opened:
        raise unopened[0][1]
    for key, reason in unopened:
        log.error("signing_key_unopened", kid=key.kid, purpose=key.purpose, why=str(reason),
                  next=f"qrpay keys revoke {key.kid}")  # fmt: skip
    # A replacement ends every remembered check of a signature, so the same keys are not put in again.
    if keys != known:
        core.keyring.replace(keys)
    return keys


async def keys_of(core: Core) -> Sequence[SealedKey]:
    """Every key there ever was, by purpose, oldest first."""
    return await store.all_keys(core.database)


async def rotate(core: Core, purposes: Sequence[Purpose] = PURPOSES, *, at_once: bool = False) -> Sequence[str]:
    """Give each purpose a new key; answers their ids.

    It is published now and signs after `key_publish_s`, so that everybody who keeps a copy of the key set has it
    in time; `at_once` leaves the wait out. The old key signs until then, and verifies until the last thing it
    signed has died.
    """
    async with core.database.transaction() as within:
        await store.lock(within)
        wait = timedelta(seconds=0 if at_once else core.settings.key_publish_s)
        kids = [await _succeed(core, within, purpose, core.clock() + wait) for purpose in purposes]
        await store.announce(within)
    return kids


async def revoke(core: Core, kid: str) -> None:
    """Declare a key leaked: in every process, nothing it signed counts any more. Safe to repeat.

    When nobody else could sign for its purpose now, a new key does so at once. Raises `not_found`.
    """
    async with core.database.transaction() as within:
        await store.lock(within)
        # Dated back, so that it counts at once on a machine whose clock is behind.
        purpose = await store.revoke(within, kid, core.clock() - CLOCK_SKEW)
        if purpose is None:
            raise not_found()
        now = core.clock()
        states = [key.state(now) for key in await store.all_keys(within) if key.purpose == purpose]
        if "signing" not in states:
            # A key that is published but not yet signing lay in the same place as the leaked one: not trusted early.
            await _add(core, within, purpose, _at_once(core))
        await store.announce(within)


async def rotate_what_ends(core: Core) -> int:
    """Rotate each purpose whose newest key will soon fall silent; answers how many."""
    soon = core.clock() + ROTATE_BEFORE
    keys = await store.all_keys(core.database)
    lasting = {key.purpose for key in keys if key.revoked_at is None and key.sign_until > soon}
    ending = [purpose for purpose in PURPOSES if purpose not in lasting]
    return len(await rotate(core, ending)) if ending else 0


async def _succeed(core: Core, within: Queries, purpose: Purpose, begins: datetime) -> str:
    await store.retire(within, purpose, begins, VERIFY_FOR[purpose])
    return await _add(core, within, purpose, begins)


async def _add(core: Core, within: Queries, purpose: Purpose, begins: datetime) -> str:
    key = new_key(purpose, begins, SIGN_FOR, VERIFY_FOR[purpose])
    while key.kid.startswith("-"):  # on a command line it would read as an option
        key = new_key(purpose, begins, SIGN_FOR, VERIFY_FOR[purpose])
    assert key.private is not None
    sealed = SealedKey(
        key.kid, purpose, key.alg, key.public, core.vault.seal(_seal_of(key.kid), key.private),
        key.not_before, key.sign_until, key.verify_until, None,
    )  # fmt: skip
    await store.insert(within, sealed)
    return key.kid


def _at_once(core: Core) -> datetime:
    """A beginning that has come on every machine, also on one whose clock is behind."""
    return core.clock() - CLOCK_SKEW


def _ring_key(key: SealedKey, private: bytes | None) -> Key:
    """The key for the ring; its private half only while it may still sign."""
    return Key(
        key.kid, key.purpose, key.alg, key.public, private,
        key.not_before, key.sign_until, key.verify_until, key.revoked_at,
    )  # fmt: skip


def _seal_of(kid: str) -> str:
    return f"signing-key/{kid}"
