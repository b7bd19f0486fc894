"""PINs: Argon2id keyed with the master key, few tries in a row, then a lock; safe however many try at once."""

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Final

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from qrpay.core import Core
from qrpay.features.e_accounts import store
from qrpay.features.e_accounts.model import PinRow
from qrpay.features.e_accounts.problems import pin_locked, pin_wrong
from qrpay.problem import Refused, overloaded
from qrpay.values import Id, rfc3339

MEMORY_KIB: Final = 19 * 1_024
ITERATIONS: Final = 2
"""19 MiB, two passes, one lane (OWASP's first choice for Argon2id): some 20 ms of one core."""
WAITING_MAX: Final = 200
"""PINs that may wait to be checked; more are told to come back, before callers give up waiting."""

# Threads of their own: a crowd of PINs then delays nobody else's work, and takes a core at most.
_threads: Final = ThreadPoolExecutor(max(1, (os.cpu_count() or 1) // 2), thread_name_prefix="pin")
_waiting: Final[set[asyncio.Future[bool]]] = set()

_NEVER: Final = PinRow("$argon2id$v=19$m=19456,t=2,p=1$" + "A" * 22 + "$" + "A" * 43, 0, None)
"""Stands in for a customer without a PIN, so that the answer takes as long."""


async def phc_of(core: Core, customer: Id, pin: str) -> str:
    """The PIN as it may be kept: without the master key, a stolen table tells nothing even of six digits."""
    key = core.vault.key("pin")
    derived = Argon2id(
        salt=os.urandom(16), length=32, iterations=ITERATIONS, lanes=1, memory_cost=MEMORY_KIB, secret=key
    )
    return await asyncio.get_running_loop().run_in_executor(
        _threads, derived.derive_phc_encoded, _material(customer, pin)
    )


async def check(core: Core, customer: Id, pin: str) -> None:
    """Return when the PIN is the customer's. Raises `pin_wrong` with the tries left, `pin_locked`, `overloaded`.

    Of any number of tries at once, at most `pin_tries` learn anything: the verdict is reached first, and one
    statement then decides whether it may be told. A right PIN is never refused because others are being checked.
    """
    kept = await store.pin(core.database, customer) or _NEVER
    if kept.locked(core.clock()):
        raise _locked(core, kept)
    if not await _verdict(core, kept, customer, pin):
        raise await _count(core, customer)
    now_kept = await store.pin(core.database, customer) or _NEVER
    if now_kept.locked(core.clock()):
        raise _locked(core, now_kept)
    if now_kept.tries:
        await store.clear_tries(core.database, customer, core.clock())


async def _count(core: Core, customer: Id) -> Refused:
    """Count a wrong try, and say so unless the PIN has been locked meanwhile."""
    settings, now = core.settings, core.clock()
    lock_until = now + timedelta(seconds=settings.pin_lock_s)
    tries = await store.count_try(core.database, customer, now, settings.pin_tries, lock_until)
    if tries is not None:
        return pin_wrong(tries_left=settings.pin_tries - tries)
    kept = await store.pin(core.database, customer)
    return _locked(core, kept) if kept and kept.locked_until else pin_wrong(tries_left=0)


async def _verdict(core: Core, kept: PinRow, customer: Id, pin: str) -> bool:
    if len(_waiting) >= WAITING_MAX:
        raise overloaded(headers={"Retry-After": "1"})
    loop = asyncio.get_running_loop()
    task = loop.run_in_executor(_threads, _matches, _material(customer, pin), kept.phc, core.vault.key("pin"))
    _waiting.add(task)
    task.add_done_callback(_waiting.discard)
    return await task


def _matches(material: bytes, phc: str, key: bytes) -> bool:
    try:
        Argon2id.verify_phc_encoded(material, phc, secret=key)
    except InvalidKey:
        return False
    return True


def _material(customer: Id, pin: str) -> bytes:
    return customer.bytes + pin.encode()


def _locked(core: Core, kept: PinRow) -> Refused:
    assert kept.locked_until is not None
    wait_s = max(1, round((kept.locked_until - core.clock()).total_seconds()))
    return pin_locked(until=rfc3339(kept.locked_until), headers={"Retry-After": str(wait_s)})
