"""Personal data under a key of its owner's (envelope encryption): without the key it is gone for good.

The master key seals the owner's key, the owner's key seals the data. Destroying one row erases a person everywhere.
"""

import os
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from qrpay.core import Core
from qrpay.features.openings import store
from qrpay.problem import not_found
from qrpay.values import Id

if TYPE_CHECKING:
    from qrpay.database.pool import Queries

PURPOSE: Final = "personal-key"


async def new_key(core: Core, within: "Queries", owner: Id) -> None:
    """Give an owner a key, unless it has one, or had one that was destroyed."""
    await store.add_key(within, owner, core.vault.seal(PURPOSE, os.urandom(32)))


async def seal(core: Core, within: "Queries", owner: Id, plain: bytes) -> bytes:
    """Seal under the owner's key, bound to the owner. Raises `not_found` when it was destroyed."""
    nonce = os.urandom(12)
    return nonce + AESGCM(await _key(core, within, owner)).encrypt(nonce, plain, owner.bytes)


async def unseal(core: Core, within: "Queries", owner: Id, sealed: bytes) -> bytes:
    """What was sealed. Raises `not_found` when the key was destroyed: then nobody can read it any more."""
    try:
        return AESGCM(await _key(core, within, owner)).decrypt(sealed[:12], sealed[12:], owner.bytes)
    except InvalidTag as defect:
        raise AssertionError("personal data that its owner's key did not seal") from defect


async def _key(core: Core, within: "Queries", owner: Id) -> bytes:
    sealed = await store.key(within, owner)
    if sealed is None:
        raise not_found()
    return core.vault.unseal(PURPOSE, sealed)
