"""Passwords: Argon2id keyed with the master key, checked in constant time and on threads of their own."""

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from qrpay.core import Core
from qrpay.problem import overloaded
from qrpay.values import Id

MEMORY_KIB: Final = 19 * 1_024
ITERATIONS: Final = 2
"""19 MiB, two passes, one lane (OWASP's first choice for Argon2id): some 20 ms of one core."""
WAITING_MAX: Final = 50

_threads: Final = ThreadPoolExecutor(1, thread_name_prefix="password")
_waiting: Final[set[asyncio.Future[bool]]] = set()

_NEVER: Final = "$argon2id$v=19$m=19456,t=2,p=1$" + "A" * 22 + "$" + "A" * 43
"""Stands in for a name that nobody has, so that the answer takes as long."""


async def phc_of(core: Core, operator: Id, password: str) -> str:
    """The password as it may be kept: without the master key a stolen table tells nothing of it."""
    derived = Argon2id(
        salt=os.urandom(16), length=32, iterations=ITERATIONS, lanes=1, memory_cost=MEMORY_KIB,
        secret=core.vault.key("operator-password"),
    )  # fmt: skip
    material = operator.bytes + password.encode()
    return await asyncio.get_running_loop().run_in_executor(_threads, derived.derive_phc_encoded, material)


async def matches(core: Core, operator: Id, kept: str | None, password: str) -> bool:
    """Whether this is the password; as slow when there is none. Raises `overloaded` when too many wait."""
    if len(_waiting) >= WAITING_MAX:
        raise overloaded(headers={"Retry-After": "1"})
    loop, key = asyncio.get_running_loop(), core.vault.key("operator-password")
    task = loop.run_in_executor(_threads, _verdict, operator.bytes + password.encode(), kept or _NEVER, key)
    _waiting.add(task)
    task.add_done_callback(_waiting.discard)
    return await task and kept is not None


def _verdict(material: bytes, phc: str, key: bytes) -> bool:
    try:
        Argon2id.verify_phc_encoded(material, phc, secret=key)
    except InvalidKey:
        return False
    return True
