"""Terminals: a device becomes one by a code that its owner shows, once; a stolen one is taken away at once."""

import secrets
from datetime import datetime, timedelta
from typing import Final

from qrpay.core import Core
from qrpay.features.merchants import credential_store, keys, store
from qrpay.features.merchants.credentials import Paired, PairingCode
from qrpay.features.merchants.model import TerminalState
from qrpay.features.merchants.problems import pairing_code_unknown
from qrpay.problem import not_found
from qrpay.values import CROCKFORD, Id, id_from_text, id_text, rfc3339
from qrpay.web.limits import Limit

CODE_LENGTH: Final = 12
"""60 random bits: among a thousand open codes, a thousand guesses a second find one in 18 thousand years."""
CODE_S: Final = 600
MISSES_MAX: Final = 10
"""Wrong codes from one address before it waits; and how many a minute after that."""
_misses: Final = Limit(MISSES_MAX / 60, MISSES_MAX)


async def offer(core: Core, merchant: Id, terminal_text: str) -> PairingCode:
    """A code with which a device becomes this terminal; the one before it ends. Raises `not_found`."""
    terminal = await _own(core, merchant, terminal_text)
    code = "".join(secrets.choice(CROCKFORD) for _ in range(CODE_LENGTH))
    expires_at = core.clock() + timedelta(seconds=CODE_S)
    await credential_store.offer_pairing(core.database, terminal, _hash(core, code), expires_at)
    spaced = "-".join(code[at : at + 4] for at in range(0, CODE_LENGTH, 4))
    url = f"{core.settings.url}/pos#pair={spaced}"
    return PairingCode(id_text("ter_", terminal), spaced, url, rfc3339(expires_at))


async def pair(core: Core, typed: str, peer: str) -> Paired:
    """Make the calling device the terminal of this code. Whatever held the terminal before ends.

    Raises `pairing_code_unknown` alike for a code that never was, was used, or ran out; `rate_limited` for guessing.
    """
    if _misses.full(peer):
        _misses.refuse(60 / MISSES_MAX)
    code, now = _plain(typed), core.clock()
    async with core.database.transaction() as within:
        place = await credential_store.take_pairing(within, _hash(core, code), now)
        if place is not None:
            await credential_store.revoke_terminal_keys(within, place.terminal, now)
            secret = keys.new_secret(place.test)
            held = {"role": "terminal", "store": place.store, "terminal": place.terminal, "name": place.terminal_name}
            await keys.keep(core, within, secret, place.merchant, **held)
    if place is None:
        _misses.take(peer)
        raise pairing_code_unknown()
    return Paired(
        id_text("mer_", place.merchant), place.name, id_text("sto_", place.store), place.store_name,
        id_text("ter_", place.terminal), place.terminal_name, place.test, secret.text,
    )  # fmt: skip


async def unpair(core: Core, merchant: Id, terminal_text: str) -> None:
    """Take a terminal away from whatever device it is, and from whoever is signed in at it. Safe to repeat."""
    terminal = await _own(core, merchant, terminal_text)
    await credential_store.revoke_terminal_keys(core.database, terminal, core.clock())


async def freeze(core: Core, terminal: Id) -> None:
    """Take a terminal away from its device, and let none become it. Safe to repeat. Raises `not_found`."""
    now = core.clock()
    async with core.database.transaction() as within:
        if not await credential_store.freeze_terminal(within, terminal, True):
            raise not_found()
        # In this order: a device that is just pairing has its key before the keys end, or no code any more.
        await credential_store.end_pairing(within, terminal, now)
        await credential_store.revoke_terminal_keys(within, terminal, now)


async def unfreeze(core: Core, terminal: Id) -> None:
    """Devices may become this terminal again, each by a new code. Safe to repeat. Raises `not_found`."""
    if not await credential_store.freeze_terminal(core.database, terminal, False):
        raise not_found()


async def state(core: Core, terminal: Id) -> TerminalState:
    """Any merchant's terminal, for operators. Raises `not_found`."""
    found = await credential_store.terminal_state(core.database, terminal)
    if found is None:
        raise not_found()
    return found


async def taken_away(core: Core, terminal: Id, since: datetime) -> datetime | None:
    """When a device that was this terminal lost it, if one did after this moment."""
    return await store.terminal_taken(core.database, terminal, since)


async def _own(core: Core, merchant: Id, text: str) -> Id:
    terminal = id_from_text("ter_", text)
    if terminal is None or await store.terminal_of(core.database, merchant, terminal) is None:
        raise not_found()
    return terminal


def _plain(typed: str) -> str:
    """What was typed, as it was drawn: Crockford's alphabet has neither I, L, O nor case."""
    return typed.upper().replace("-", "").replace(" ", "").translate(_ALIKE)


_ALIKE: Final = str.maketrans("ILO", "110")


def _hash(core: Core, code: str) -> bytes:
    return core.vault.mac("pairing-code", code.encode())
