"""Passkeys (WebAuthn level 3): something one has, opened by something one is or knows, and good at our address alone.

A challenge is stamped by the master key, so that nothing is kept for a stranger who only asks for one; it is kept once
it was answered, as each is good once.
"""

import asyncio
import importlib
import ipaddress
import os
import sys
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import msgspec

from qrpay.core import Core
from qrpay.features.operators import store
from qrpay.features.operators.model import (
    Me,
    NewPasskey,
    OperatorRow,
    PasskeyChallenge,
    PasskeyRow,
    PasskeySignIn,
    PasskeyView,
)
from qrpay.features.operators.problems import passkey_refused, passkeys_need_a_name, sign_in_refused
from qrpay.features.operators.sessions import open_session, tries
from qrpay.problem import Refused, not_found
from qrpay.values import Id, rfc3339
from qrpay.web.callers import Operator

if TYPE_CHECKING:
    from webauthn.helpers.structs import PublicKeyCredentialDescriptor

CHALLENGE_S: Final = 300
PASSKEYS_MAX: Final = 10
FORGET_AT_ONCE: Final = 1_000
_NOBODY: Final = Id(int=0)


class Site(msgspec.Struct, frozen=True):
    """Where a passkey is good: the host's name, and the origin of our page."""

    rp_id: str
    origin: str


def site_of(core: Core, host: str) -> Site:
    """The site that the caller sees. Raises `passkeys_need_a_name`: browsers keep none for an address in numbers."""
    url = urlsplit(core.settings.url)
    scheme, netloc = url.scheme, url.netloc
    if not core.settings.base_url:  # nobody said how callers see us: as they call us, which the door has looked at
        netloc = host or netloc
    name = urlsplit(f"{scheme}://{netloc}").hostname or ""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return Site(name, f"{scheme}://{netloc}")
    raise passkeys_need_a_name(url=f"{scheme}://localhost:{url.port}/operators" if url.port else core.settings.url)


async def library() -> None:
    """Load the library of WebAuthn beside the event loop: the first passkey of a worker must hold no payment up."""
    if "webauthn" not in sys.modules:
        await asyncio.to_thread(importlib.import_module, "webauthn")


# Challenges ----------------------------------------------------------------------------------------------------


def _challenge(core: Core, operator: Id) -> bytes:
    """16 random bytes, the time, and our stamp over both and whom it is for."""
    head = os.urandom(16) + int(core.clock().timestamp()).to_bytes(8, "big")
    return head + core.vault.mac("operator-challenge", operator.bytes + head, 16)


def _stamped(core: Core, operator: Id, challenge: bytes) -> bool:
    head, stamp = challenge[:24], challenge[24:]
    age_s = core.clock().timestamp() - int.from_bytes(head[16:], "big")
    same = core.vault.same(stamp, core.vault.mac("operator-challenge", operator.bytes + head, 16))
    return same and -1 <= age_s <= CHALLENGE_S


async def _answered(core: Core, operator: Id, client_data: str) -> bytes:
    """The challenge in what a browser signed, when it is ours and was not answered before. Raises `passkey_refused`."""
    from webauthn.helpers import base64url_to_bytes

    try:
        challenge = base64url_to_bytes(msgspec.json.decode(base64url_to_bytes(client_data))["challenge"])
    except (ValueError, TypeError, KeyError, msgspec.MsgspecError):
        raise passkey_refused() from None
    until = core.clock() + timedelta(seconds=CHALLENGE_S)
    if not _stamped(core, operator, challenge) or not await store.use_challenge(core.database, challenge, until):
        raise passkey_refused()
    return challenge


async def forget_challenges(core: Core) -> int:
    """Forget challenges that the time alone refuses by now."""
    await store.forget_challenges(core.database, core.clock(), FORGET_AT_ONCE)
    return 0


# Registering ---------------------------------------------------------------------------------------------------


async def offer(core: Core, caller: Operator, host: str) -> PasskeyChallenge:
    """What a browser needs to make a passkey for the caller."""
    await library()
    from webauthn import generate_registration_options, options_to_json
    from webauthn.helpers.structs import (
        AuthenticatorSelectionCriteria,
        ResidentKeyRequirement,
        UserVerificationRequirement,
    )

    site = site_of(core, host)
    known = await store.passkeys_of(core.database, caller.id)
    options = generate_registration_options(
        rp_id=site.rp_id, rp_name=core.settings.issuer, user_name=caller.name, user_id=caller.id.bytes,
        challenge=_challenge(core, caller.id), exclude_credentials=[_descriptor(row.id) for row in known],
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
    )  # fmt: skip
    return PasskeyChallenge(msgspec.Raw(options_to_json(options).encode()))


async def register(core: Core, caller: Operator, ask: NewPasskey, host: str) -> PasskeyView:
    """Keep a passkey that a browser made. Raises `passkey_refused`."""
    await library()
    from webauthn import verify_registration_response
    from webauthn.helpers.exceptions import WebAuthnException

    site = site_of(core, host)
    challenge = await _answered(core, caller.id, ask.client_data)
    response = {"clientDataJSON": ask.client_data, "attestationObject": ask.attestation}
    try:
        made = verify_registration_response(
            credential=_credential(ask.id, response), expected_challenge=challenge, expected_rp_id=site.rp_id,
            expected_origin=site.origin, require_user_verification=True,
        )  # fmt: skip
    except (WebAuthnException, ValueError) as defect:
        raise passkey_refused() from defect
    row = PasskeyRow(
        made.credential_id, caller.id, made.credential_public_key, made.sign_count, ask.name, core.clock(), None
    )
    if not await store.insert_passkey(core.database, row, PASSKEYS_MAX):
        raise passkey_refused()
    return _shown(row)


async def listed(core: Core, caller: Operator) -> Sequence[PasskeyView]:
    """The caller's passkeys."""
    await library()
    return [_shown(row) for row in await store.passkeys_of(core.database, caller.id)]


async def remove(core: Core, caller: Operator, text: str) -> None:
    """End one of the caller's passkeys. Raises `not_found`."""
    await library()
    from webauthn.helpers import base64url_to_bytes

    try:
        id_ = base64url_to_bytes(text)
    except ValueError:
        raise not_found() from None
    if not await store.revoke_passkey(core.database, caller.id, id_, core.clock()):
        raise not_found()


# Signing in ----------------------------------------------------------------------------------------------------


async def ask_for_one(core: Core, host: str) -> PasskeyChallenge:
    """What a browser needs to ask somebody for a passkey; whose it is the passkey says itself."""
    await library()
    from webauthn import generate_authentication_options, options_to_json
    from webauthn.helpers.structs import UserVerificationRequirement

    options = generate_authentication_options(
        rp_id=site_of(core, host).rp_id, challenge=_challenge(core, _NOBODY),
        user_verification=UserVerificationRequirement.REQUIRED,
    )  # fmt: skip
    return PasskeyChallenge(msgspec.Raw(options_to_json(options).encode()))


async def sign_in(core: Core, ask: PasskeySignIn, host: str, peer: str) -> tuple[str, Me]:
    """A session for whoever holds the passkey and has opened it. Raises `sign_in_refused`, `passkey_refused`."""
    await library()
    site, limit = site_of(core, host), tries(core)
    if limit.full(peer):
        limit.refuse(1.0)
    try:
        person = await _holder(core, ask, site)
    except Refused:
        limit.take(peer)  # whoever guesses is slowed down
        raise
    return await open_session(core, person, peer, "sign_in_by_passkey")


async def _holder(core: Core, ask: PasskeySignIn, site: Site) -> OperatorRow:
    """Whose passkey has signed this."""
    from webauthn import verify_authentication_response
    from webauthn.helpers import base64url_to_bytes
    from webauthn.helpers.exceptions import WebAuthnException

    challenge = await _answered(core, _NOBODY, ask.client_data)
    response = {
        "clientDataJSON": ask.client_data, "authenticatorData": ask.authenticator_data, "signature": ask.signature,
    }  # fmt: skip
    try:
        row = await store.passkey(core.database, base64url_to_bytes(ask.id))
        if row is None:
            raise sign_in_refused()
        used = verify_authentication_response(
            credential=_credential(ask.id, response), expected_challenge=challenge, expected_rp_id=site.rp_id,
            expected_origin=site.origin, credential_public_key=row.public_key,
            credential_current_sign_count=row.sign_count, require_user_verification=True,
        )  # fmt: skip
    except (WebAuthnException, ValueError) as defect:
        raise sign_in_refused() from defect
    person = await store.operator(core.database, row.operator)
    if person is None or person.revoked_at is not None or person.password is None:
        raise sign_in_refused()
    await store.use_passkey(core.database, row.id, used.new_sign_count, core.clock())
    return person


def _credential(id_: str, response: dict[str, str]) -> dict[str, Any]:
    return {"id": id_, "rawId": id_, "type": "public-key", "response": response, "clientExtensionResults": {}}


def _descriptor(id_: bytes) -> "PublicKeyCredentialDescriptor":
    from webauthn.helpers.structs import PublicKeyCredentialDescriptor

    return PublicKeyCredentialDescriptor(id=id_)


def _shown(row: PasskeyRow) -> PasskeyView:
    from webauthn.helpers import bytes_to_base64url

    used = rfc3339(row.used_at) if row.used_at else None
    return PasskeyView(bytes_to_base64url(row.id), row.name, rfc3339(row.created_at), used)
