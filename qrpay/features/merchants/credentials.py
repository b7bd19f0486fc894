"""What merchants call with: secret keys, public keys, paired terminals, staff; on the wire and in the house."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from qrpay.features.merchants.model import Name
from qrpay.values import Id

Role = Literal["owner", "manager", "cashier", "terminal", "reader"]
"""As callers.Role; what each may do stands in callers.ACTS."""
StaffRole = Literal["manager", "cashier"]
StaffCode = Annotated[str, Meta(pattern=r"^[0-9]{6}\Z", description="Six digits.")]
Networks = Annotated[
    tuple[Annotated[str, Meta(min_length=2, max_length=43, description="An address or range, CIDR.")], ...],
    Meta(max_length=32),
]


class KeyHolder(Struct, frozen=True):
    """Whose secret it is, which of its secrets, whether it is for trying only, and what holds it in."""

    merchant: Id
    key: Id
    test: bool
    role: Role
    store: Id | None
    terminal: Id | None
    staff: Id | None
    refund_max: int | None
    networks: Sequence[str]
    signed: bool


class NewSecret(Struct, frozen=True):
    """A secret's row before it is kept: its keyed hash, and what holds it in."""

    id: Id
    merchant: Id
    hash: bytes
    last_four: str
    name: str = ""
    role: Role = "owner"
    store: Id | None = None
    terminal: Id | None = None
    staff: Id | None = None
    networks: Sequence[str] = ()
    signed: bool = False
    expires_at: datetime | None = None


class PairedPlace(Struct, frozen=True):
    """Where a pairing code belongs."""

    merchant: Id
    name: str
    test: bool
    store: Id
    store_name: str
    terminal: Id
    terminal_name: str


class NewKey(Struct, frozen=True, forbid_unknown_fields=True):
    """A secret key to be made.

    role      owner: everything; reader: reads orders, balances, statements and events, and changes nothing
    networks  CIDR; left out: it may call from anywhere
    signed    each request must bear a signature (RFC 9421); a stolen key is then worth nothing
    expires_in  seconds; left out: until it is revoked
    """

    name: Annotated[str, Meta(max_length=64)] = ""
    role: Literal["owner", "reader"] = "owner"
    networks: Networks = ()
    signed: bool = False
    expires_in: Annotated[int, Meta(ge=60, le=366 * 86_400)] | None = None


class Rotation(Struct, frozen=True, forbid_unknown_fields=True):
    """How long the old key goes on beside the new one, in seconds; 0: it ends at once."""

    overlap: Annotated[int, Meta(ge=0, le=30 * 86_400)] = 86_400


class KeyRow(Struct, frozen=True):
    """A secret as it is listed: never more than its last four characters."""

    id: Id
    last_four: str
    created_at: datetime
    revoked_at: datetime | None
    name: str = ""
    role: Role = "owner"
    store: Id | None = None
    terminal: Id | None = None
    staff: Id | None = None
    networks: Sequence[str] = ()
    signed: bool = False
    expires_at: datetime | None = None


class KeyView(Struct, frozen=True):
    """A key on the wire. `secret_key` is there once, in the answer that made it."""

    id: str
    name: str
    role: Role
    last_four: str
    store: str | None
    terminal: str | None
    staff: str | None
    networks: Sequence[str]
    signed: bool
    created_at: str
    expires_at: str | None
    revoked_at: str | None
    secret_key: str | UnsetType = UNSET

    def __repr__(self) -> str:
        """Without the secret."""
        return f"KeyView({self.id})"


class NewSigner(Struct, frozen=True, forbid_unknown_fields=True):
    """A public key with which requests are signed: Ed25519, its 32 bytes in base64, or the base64 line of its PEM."""

    public_key: Annotated[str, Meta(min_length=43, max_length=512)]
    name: Annotated[str, Meta(max_length=64)] = ""


class SignerRow(Struct, frozen=True):
    """A public key as it is kept."""

    id: Id
    name: str
    public: bytes
    revoked_at: datetime | None
    created_at: datetime


class SignerView(Struct, frozen=True):
    """A public key on the wire; `id` is the `keyid` of signatures, `public_key` its 32 bytes in base64url."""

    id: str
    name: str
    public_key: str
    created_at: str
    revoked_at: str | None


class Nonce(Struct, frozen=True):
    """A nonce about to be used: by which key, in which request, and until when it is remembered."""

    signer: Id
    hash: bytes
    request: Id
    until: datetime


class PairingCode(Struct, frozen=True):
    """A code with which one device becomes a terminal, once, until `expires_at`.

    url  the till's page with the code in its fragment: show it as a QR code, and scan it with the device
    """

    terminal: str
    code: str
    url: str
    expires_at: str


class PairAsk(Struct, frozen=True, forbid_unknown_fields=True):
    """The code that the owner shows, with or without its dashes."""

    code: Annotated[str, Meta(min_length=12, max_length=20)]


class Paired(Struct, frozen=True):
    """A device that is a terminal now. `secret_key` is shown this once; it opens and reads its store's orders only."""

    merchant: str
    name: str
    store: str
    store_name: str
    terminal: str
    terminal_name: str
    test: bool
    secret_key: str

    def __repr__(self) -> str:
        """Without the secret."""
        return f"Paired({self.terminal})"


class NewStaff(Struct, frozen=True, forbid_unknown_fields=True):
    """Somebody who works at the tills.

    number      what they type before their code, unique for the merchant
    store       the only store where they sign in; left out: any
    refund_max  minor units that one order may give back through them in all; null: whatever was paid. A cashier
                without one gives nothing back
    code        six digits; left out: one is drawn, and shown once
    """

    number: Annotated[str, Meta(pattern=r"^[0-9]{1,6}\Z")]
    name: Name
    role: StaffRole = "cashier"
    store: Annotated[str, Meta(min_length=30, max_length=30)] | None = None
    refund_max: Annotated[int, Meta(ge=0)] | None = None
    code: StaffCode | None = None

    def __repr__(self) -> str:
        """Without the code."""
        return f"NewStaff({self.number})"


class StaffChange(Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be different; what is left out stays. `renew_code`: a new code is drawn, and the lock is lifted."""

    name: Name | UnsetType = UNSET
    role: StaffRole | UnsetType = UNSET
    refund_max: Annotated[int, Meta(ge=0)] | UnsetType | None = UNSET
    renew_code: bool = False


class StaffRow(Struct, frozen=True):
    """Somebody of the staff, as kept; the code only as a keyed hash."""

    id: Id
    merchant: Id
    store: Id | None
    number: str
    name: str
    role: StaffRole
    refund_max: int | None
    code: bytes
    tries: int
    locked_until: datetime | None


class StaffView(Struct, frozen=True):
    """Somebody of the staff on the wire. `code` is there once, when it was drawn."""

    id: str
    number: str
    name: str
    role: StaffRole
    store: str | None
    refund_max: int | None
    locked_until: str | None
    code: str | UnsetType = UNSET

    def __repr__(self) -> str:
        """Without the code."""
        return f"StaffView({self.id})"


class SignIn(Struct, frozen=True, forbid_unknown_fields=True):
    """Who signs in at a paired terminal."""

    number: Annotated[str, Meta(pattern=r"^[0-9]{1,6}\Z")]
    code: StaffCode

    def __repr__(self) -> str:
        """Without the code."""
        return f"SignIn({self.number})"


class StaffSession(Struct, frozen=True):
    """Somebody is at the till: a key for them at this terminal, shown this once, which ends by itself."""

    secret_key: str
    staff: str
    name: str
    role: StaffRole
    refund_max: int | None
    expires_at: str

    def __repr__(self) -> str:
        """Without the secret."""
        return f"StaffSession({self.staff})"
