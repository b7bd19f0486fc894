"""Who may sign what, and whose signature still counts: keys with validity, the public set, Ed25519 behind an interface.

RFC 8032 (Ed25519), RFC 8037 and 7517 (JWK), RFC 7638 (thumbprints).
"""

import hashlib
import hmac
import re
from base64 import urlsafe_b64encode
from binascii import a2b_base64
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final, Literal, Protocol

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from msgspec import Struct
from nacl.bindings import crypto_sign

from qrpay.codes.problems import code_unknown_key
from qrpay.problem import unavailable

Purpose = Literal["code", "static", "terminal", "receipt", "webhook", "statement"]
"""A key signs one kind of statement, so that none can be passed off as another.

code      dynamic codes: a day at most      static   printed codes: they live for years, so their keys do
terminal  certificates of terminals that sign codes themselves while they have no network
"""

CLOCK_SKEW: Final = timedelta(seconds=60)
"""How far the clocks of two of our machines may differ."""
KID_LENGTH: Final = 10
KID: Final = re.compile(r"[A-Za-z0-9_\-]{1,12}\Z")
"""A key id stands in every code: short, and readable in a URL."""


class Signer(Protocol):
    """Whoever holds a private key: this process, an HSM, a box that speaks SM2."""

    @property
    def kid(self) -> str: ...
    @property
    def alg(self) -> str: ...
    def sign(self, message: bytes) -> bytes:
        """The signature over these bytes."""
        ...


class Verifier(Protocol):
    """A public key that currently counts."""

    @property
    def kid(self) -> str: ...
    @property
    def alg(self) -> str: ...
    @property
    def until(self) -> datetime:
        """When it ceases to count."""
        ...

    def holds(self, signature: bytes, message: bytes) -> bool:
        """Whether this signature was made over these bytes."""
        ...


class Key(Struct, frozen=True):
    """One key pair and its times (aware, UTC).

    kid           1 to 12 characters of A-Z a-z 0-9 _ -
    public        32 raw bytes for EdDSA; private: its seed, or None when another box signs or nobody may
    not_before    from when it signs; published before that, so that everybody has it in time
    sign_until    from when it signs no more
    verify_until  from when what it signed counts no more: after the last thing it signed has died
    revoked_at    set on a leak: from then on nothing it signed counts, whenever it was signed
    """

    kid: str
    purpose: Purpose
    alg: str
    public: bytes
    private: bytes | None
    not_before: datetime
    sign_until: datetime
    verify_until: datetime
    revoked_at: datetime | None = None

    def __repr__(self) -> str:
        """Without the private half, which must reach no log."""
        return f"Key({self.kid!r}, {self.purpose!r}, {self.alg!r})"

    def revoked(self, now: datetime) -> bool:
        """Whether it was declared leaked."""
        return self.revoked_at is not None and self.revoked_at <= now

    def signs(self, now: datetime) -> bool:
        """Whether it is this key's time to sign."""
        return self.not_before <= now < self.sign_until and not self.revoked(now)

    def verifies(self, now: datetime) -> bool:
        """Whether what it signed counts."""
        return self.not_before - CLOCK_SKEW <= now < self.verify_until and not self.revoked(now)


def new_key(purpose: Purpose, not_before: datetime, sign_for: timedelta, verify_for: timedelta) -> Key:
    """A fresh Ed25519 key; `verify_for` counts from the end of `sign_for` and must cover the longest life signed."""
    pair = Ed25519PrivateKey.generate()
    public, sign_until = pair.public_key().public_bytes_raw(), not_before + sign_for
    return Key(
        kid=thumbprint(public)[:KID_LENGTH], purpose=purpose, alg="EdDSA", public=public,
        private=pair.private_bytes_raw(), not_before=not_before, sign_until=sign_until,
        verify_until=sign_until + verify_for,
    )  # fmt: skip


# base64url -----------------------------------------------------------------------------------------------------


def to_base64url(raw: bytes) -> str:
    """RFC 4648 section 5, without padding."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


# What the last character may be when bits are left over: they must be zero, or one signature had several spellings.
_LAST: Final = {1: "", 2: "AQgw", 3: "AEIMQUYcgkosw048"}
_STANDARD: Final = bytes.maketrans(b"-_+/=", b"+/\0\0\0")


def from_base64url(text: str) -> bytes | None:
    """The bytes behind the one canonical spelling; None for padding, other characters or stray bits."""
    left = len(text) % 4
    if left and text[-1] not in _LAST[left]:
        return None
    try:
        return a2b_base64(text.encode("ascii").translate(_STANDARD) + b"=" * (-left % 4), strict_mode=True)
    except ValueError:  # another character, padding, or no ASCII
        return None


# Ed25519 -------------------------------------------------------------------------------------------------------

_P: Final = 2**255 - 19
_ORDER_8: Final = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
_SMALL_ORDER_Y: Final = frozenset({0, 1, _P - 1, _ORDER_8, _P - _ORDER_8})


def public_key_defect(public: bytes) -> str | None:
    """Why these bytes may not be registered as an Ed25519 key; None when they may.

    A key of small order accepts forged signatures over any message, and a non-canonical one has two spellings.
    """
    if len(public) != 32:
        return "An Ed25519 public key has 32 bytes."
    y = int.from_bytes(public, "little") & ((1 << 255) - 1)
    if y >= _P:
        return "The public key is not in its canonical form."
    if y in _SMALL_ORDER_Y:
        return "The public key is of small order."
    return None


def thumbprint(public: bytes) -> str:
    """RFC 7638 over an Ed25519 key: 43 characters."""
    members = f'{{"crv":"Ed25519","kty":"OKP","x":"{to_base64url(public)}"}}'
    return to_base64url(hashlib.sha256(members.encode()).digest())


class Ed25519Signer:
    """Signs in this process."""

    alg: Final = "EdDSA"

    def __init__(self, kid: str, private: bytes) -> None:
        self.kid: Final = kid
        self._pair = private + Ed25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        """64 bytes (RFC 8032). libsodium makes them in half of OpenSSL's time (docs/decisions/0004)."""
        return crypto_sign(message, self._pair)[:64]


class Ed25519Verifier:
    """Checks in this process.

    Where the private half is at hand, a signature is first compared with the one we would make: Ed25519 is
    deterministic (RFC 8032 5.1.6), and signing costs a third of verifying. Equal means it holds; anything else is
    verified in the ordinary way, so no answer depends on the short cut (docs/decisions/0004).
    """

    alg: Final = "EdDSA"

    def __init__(self, kid: str, public: bytes, until: datetime, private: bytes | None = None) -> None:
        self.kid: Final = kid
        self.until: Final = until
        self._key = Ed25519PublicKey.from_public_bytes(public)
        self._signer = Ed25519Signer(kid, private) if private else None

    def holds(self, signature: bytes, message: bytes) -> bool:
        """Whether the signature holds; a malleable form (S + L) does not."""
        if self._signer is not None and hmac.compare_digest(self._signer.sign(message), signature):
            return True
        try:
            self._key.verify(signature, message)
        except InvalidSignature:
            return False
        return True


# The ring ------------------------------------------------------------------------------------------------------


class Jwk(Struct, frozen=True):
    """A public key as RFC 8037 writes it; `purpose` is our own member."""

    kty: str
    crv: str
    x: str
    kid: str
    use: str
    alg: str
    purpose: Purpose


class Keyring:
    """All keys a process knows, in memory. `version` grows when they change: remembered checks end with it."""

    def __init__(self, keys: Iterable[Key] = ()) -> None:
        self.version = 0
        self._keys: dict[str, Key] = {}
        self._elsewhere: dict[str, Signer] = {}
        self._signers: dict[str, Signer] = {}
        self._verifiers: dict[str, Verifier] = {}
        self._chosen: dict[Purpose, tuple[int, Signer]] = {}  # whoever was chosen to sign, and in which second
        self.replace(keys)

    def replace(self, keys: Iterable[Key], signers: Mapping[str, Signer] | None = None) -> None:
        """Know these keys and no others. `signers`, by kid, sign for keys whose private half is elsewhere.

        The same keys again change nothing, so that whoever reloads them by the clock costs nobody a verification.
        """
        known, elsewhere = {key.kid: key for key in keys}, dict(signers or {})
        if known == self._keys and elsewhere == self._elsewhere:
            return
        for key in known.values():
            assert KID.match(key.kid), f"a key id must be short and plain: {key.kid!r}"
            assert key.alg == "EdDSA", f"no verifier is built in for {key.alg}"
            assert (defect := public_key_defect(key.public)) is None, defect
        here = {kid: Ed25519Signer(kid, key.private) for kid, key in known.items() if key.private is not None}
        self._keys = known
        self._elsewhere = elsewhere
        self._signers = {**here, **elsewhere}
        self._verifiers = {
            kid: Ed25519Verifier(kid, key.public, key.verify_until, key.private) for kid, key in known.items()
        }
        self._chosen = {}
        self.version += 1

    def signer(self, purpose: Purpose, now: datetime) -> Signer:
        """Whoever signs for this purpose now: of several, the newest key. Raises `unavailable` when there is none."""
        second = int(now.timestamp())
        found = self._chosen.get(purpose)
        if found is None or found[0] != second:
            able = [
                key
                for key in self._keys.values()
                if key.purpose == purpose and key.signs(now) and key.kid in self._signers
            ]
            if not able:
                raise unavailable(what=f"signing key for {purpose}")
            signer = self._signers[max(able, key=lambda key: (key.not_before, key.kid)).kid]
            found = self._chosen[purpose] = second, signer
        return found[1]

    def verifier(self, kid: str, now: datetime, purpose: Purpose | None = None) -> Verifier:
        """The public key of this id. Raises `code_unknown_key` when it is unknown, revoked, outside its validity,
        or made for something other than `purpose`."""
        key = self._keys.get(kid)
        if key is None or not key.verifies(now) or purpose not in (None, key.purpose):
            raise code_unknown_key(kid=kid[:12])
        return self._verifiers[kid]

    def jwks(self, now: datetime) -> bytes:
        """The public set (RFC 7517): whatever counts now, and what will sign soon. Revoked and dead keys are gone."""
        shown = [key for key in self._keys.values() if now < key.verify_until and not key.revoked(now)]
        keys = [
            Jwk("OKP", "Ed25519", to_base64url(key.public), key.kid, "sig", key.alg, key.purpose)
            for key in sorted(shown, key=lambda key: (key.purpose, key.not_before, key.kid))
        ]
        return msgspec.json.encode({"keys": keys})
