"""Signed requests: a merchant's public keys, the window of time, and each nonce once, whichever worker it reaches."""

import base64
import binascii
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from qrpay.codes.signing import public_key_defect, to_base64url
from qrpay.core import Core
from qrpay.features.merchants import credential_store
from qrpay.features.merchants.credentials import NewSigner, Nonce, SignerRow, SignerView
from qrpay.features.merchants.problems import signer_refused, signers_full
from qrpay.features.merchants.remembered import Remembered
from qrpay.problem import FieldError, Refused, not_found
from qrpay.values import Id, id_from_text, id_text, new_id, rfc3339
from qrpay.web.callers import Merchant
from qrpay.web.signatures import (
    CHALLENGE,
    Message,
    Signed,
    nonce_replayed,
    read,
    refusal,
    timestamp_out_of_window,
)

PREFIX: Final = "sig_"
SIGNERS_MAX: Final = 32
SHOWN_MAX: Final = 200
WINDOW_S: Final = 300
"""How far `created` may be off our clock, either way (rules.md 9, row 50)."""

# Revocations are seen as late as those of secret keys.
_signers: Final = Remembered[Id, Sequence[SignerRow]](10_000, 5.0)


# Keys ----------------------------------------------------------------------------------------------------------


async def add(core: Core, merchant: Id, ask: NewSigner) -> SignerView:
    """Register a public key. Raises `signer_refused`, `signers_full`."""
    public, id_ = _public(ask.public_key), new_id()
    if not await credential_store.insert_signer(core.database, id_, merchant, ask.name, public, SIGNERS_MAX):
        raise signers_full(limit=SIGNERS_MAX)
    _signers.forget(merchant)
    return await _view(core, merchant, id_)


def _public(text: str) -> bytes:
    try:
        plain = text.strip().rstrip("=").replace("-", "+").replace("_", "/")
        raw = base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
        if len(raw) != 32:
            key = load_der_public_key(raw)
            if not isinstance(key, Ed25519PublicKey):
                raise _refused("This is a key of another kind.")
            raw = key.public_bytes(Encoding.Raw, PublicFormat.Raw)
    except (ValueError, binascii.Error):
        raise _refused("It cannot be read.") from None
    if defect := public_key_defect(raw):
        raise _refused(defect)
    return raw


def _refused(reason: str) -> Refused:
    return signer_refused(reason=reason, errors=[FieldError("/public_key", reason)])


async def listed(core: Core, merchant: Id) -> Sequence[SignerView]:
    """A merchant's public keys, latest first."""
    return [_shown(row) for row in await credential_store.signers(core.database, merchant, SHOWN_MAX)]


async def revoke(core: Core, merchant: Id, text: str) -> SignerView:
    """End a public key; workers forget it within five seconds. Safe to repeat. Raises `not_found`."""
    id_ = id_from_text(PREFIX, text)
    if id_ is None or not await credential_store.revoke_signer(core.database, merchant, id_, core.clock()):
        raise not_found()
    _signers.forget(merchant)
    return await _view(core, merchant, id_)


async def _view(core: Core, merchant: Id, id_: Id) -> SignerView:
    return next(
        _shown(row) for row in await credential_store.signers(core.database, merchant, SHOWN_MAX) if row.id == id_
    )


def _shown(row: SignerRow) -> SignerView:
    ended = rfc3339(row.revoked_at) if row.revoked_at else None
    return SignerView(id_text(PREFIX, row.id), row.name, to_base64url(row.public), rfc3339(row.created_at), ended)


# Requests ------------------------------------------------------------------------------------------------------


async def check(core: Core, caller: Merchant, message: Message) -> None:
    """Return when the request is signed by one of the caller's keys, just now, for the first time.

    Raises `signature_invalid` with the reason, `timestamp_out_of_window`, `nonce_replayed`. The nonce is used up last:
    a request that is refused for anything else may be mended and sent with it.
    """
    signed = read(message)
    now = core.clock()
    off = abs(now.timestamp() - signed.created)
    if off > WINDOW_S:
        raise timestamp_out_of_window(created=signed.created, off=round(off), window=WINDOW_S, headers=CHALLENGE)
    signer = _verified(signed, await _counting(core, caller.id))
    hashed = core.vault.mac("signature-nonce", signed.nonce.encode(), 16)
    until = now + timedelta(seconds=2 * WINDOW_S)
    if not await core.batcher("nonces", credential_store.use_nonces).add(Nonce(signer, hashed, new_id(), until)):
        raise nonce_replayed(headers=CHALLENGE)


async def _counting(core: Core, merchant: Id) -> Sequence[SignerRow]:
    known = _signers.get(merchant)
    if known is None:
        reading = _signers.reading
        rows = await credential_store.signers(core.database, merchant, SHOWN_MAX)
        known = [row for row in rows if row.revoked_at is None]
        _signers.put(merchant, known, reading)
    return known


def _verified(signed: Signed, known: Sequence[SignerRow]) -> Id:
    """The key that made this signature; otherwise as exactly as can be said why there is none."""
    id_ = id_from_text(PREFIX, signed.keyid)
    named = next((row for row in known if row.id == id_), None)
    if named is not None and _holds(named, signed):
        return named.id
    if named is None:
        raise refusal("unknown_key", f"You have no key {signed.keyid!r} in use: `keyid` is the id we gave it (sig_…).")
    other = next((row for row in known if row is not named and _holds(row, signed)), None)
    if other is not None:
        raise refusal("wrong_key", f"It was made by {id_text(PREFIX, other.id)}, not by the key that `keyid` names.")
    raise refusal(
        "does_not_hold",
        "Another private key made it, or something it covers changed under way: compare signature_base with yours.",
        signature_base=_without_secrets(signed.base.decode("latin-1")),
    )


def _holds(row: SignerRow, signed: Signed) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(row.public).verify(signed.signature, signed.base)
    except InvalidSignature:
        return False
    return True


def _without_secrets(base: str) -> str:
    """The signature base without the caller's key, which no answer repeats."""
    return "\n".join('"authorization": …' if line.startswith('"authorization"') else line for line in base.split("\n"))


async def forget_nonces(core: Core, limit: int = 10_000) -> int:
    """Forget nonces whose requests the time alone refuses by now. Answers how many."""
    return await credential_store.forget_nonces(core.database, core.clock(), limit)
