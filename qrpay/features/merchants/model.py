"""Merchants, their stores, terminals and secrets, on the wire and in the house."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from qrpay.ledger.counters import Counters
from qrpay.ledger.model import Account
from qrpay.values import CurrencyCode, Id, Text64

Status = Literal["active", "frozen", "closed"]
Role = Literal["owner", "manager", "cashier", "terminal", "reader"]
"""As callers.Role; what each may do stands in callers.ACTS."""
StaffRole = Literal["manager", "cashier"]
StaffCode = Annotated[str, Meta(pattern=r"^[0-9]{6}\Z", description="Six digits.")]
Networks = Annotated[
    tuple[Annotated[str, Meta(min_length=2, max_length=43, description="An address or range, CIDR.")], ...],
    Meta(max_length=32),
]
Name = Annotated[str, Meta(min_length=1, max_length=64, description="As people read it; NFC, one script a word.")]
LatinName = Annotated[str, Meta(pattern=r"^[ -~]{1,25}\Z", description="ASCII, at most 25 characters (EMV 59).")]
City = Annotated[str, Meta(pattern=r"^[ -~]{1,15}\Z", description="ASCII, at most 15 characters (EMV 60).")]
Code25 = Annotated[str, Meta(pattern=r"^[ -~]{1,25}\Z", description="ASCII, at most 25 characters (EMV 62).")]


class NewMerchant(Struct, frozen=True, forbid_unknown_fields=True):
    """Whom the bank takes on.

    name_latin  what fits EMV 59; may be left out when `name` fits itself
    mcc         ISO 18245; betting (7995) is refused, and 0000 is no category
    test        its keys are `sk_test_…`, and its money stands in the test ledgers: nothing of it ever meets the rest
    """

    name: Name
    name_latin: LatinName | None = None
    city: City = "BEIJING"
    mcc: Annotated[str, Meta(pattern=r"^[0-9]{4}\Z")] = "5999"
    country: Annotated[str, Meta(pattern=r"^[A-Z]{2}\Z")] = "CN"
    test: bool = False


class Act(Struct, frozen=True):
    """Who did something to a merchant, and why.

    checker  who looked at it before it counted, and is somebody else; None where the act needs nobody
    """

    maker: str
    reason: str
    checker: str | None = None


class ActRow(Struct, frozen=True):
    """An act as it is kept."""

    act: str
    maker: str
    checker: str | None
    reason: str
    at: datetime


class MerchantCard(Struct, frozen=True):
    """What a code and a wallet say about a payee; `verified`: the bank knows it and it is in business."""

    id: Id
    name: str
    name_latin: str
    city: str
    mcc: str
    country: str
    verified: bool
    test: bool


class Secret(Struct, frozen=True):
    """A merchant's new secret: its id, and the text that is shown this once."""

    id: Id
    text: str

    def __repr__(self) -> str:
        """Without the text, which must reach no log."""
        return f"Secret({self.id})"


class Onboarded(Struct, frozen=True):
    """A merchant that was taken on, and its first secret."""

    merchant: MerchantCard
    secret: Secret


class Store(Struct, frozen=True):
    """A shop of a merchant; `code` stands in its codes (EMV 62/03)."""

    id: Id
    merchant: Id
    name: str
    code: str


class Terminal(Struct, frozen=True):
    """A till of a store; `code` stands in its codes (EMV 62/07)."""

    id: Id
    store: Id
    name: str
    code: str


class Place(Struct, frozen=True):
    """Where in a merchant's business something happens, as far as it was said."""

    store: Store | None = None
    terminal: Terminal | None = None


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


class NewStore(Struct, frozen=True, forbid_unknown_fields=True):
    """A store to be opened; `code` stands in its codes, and is the merchant's own."""

    name: Name
    code: Code25


class NewTerminal(Struct, frozen=True, forbid_unknown_fields=True):
    """A terminal to be set up; `code` stands in its codes, and is the store's own."""

    name: Name
    code: Code25


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


class TerminalView(Struct, frozen=True):
    """A terminal on the wire."""

    id: str
    name: Text64
    code: str


class StoreView(Struct, frozen=True):
    """A store on the wire."""

    id: str
    name: Text64
    code: str
    terminals: Sequence[TerminalView]


class MerchantView(Struct, frozen=True):
    """The calling merchant."""

    id: str
    name: str
    name_latin: str
    city: str
    mcc: str
    country: str
    test: bool
    stores: Sequence[StoreView]


class Balance(Struct, frozen=True):
    """Minor units: `posted` is there, `pending` of it is held, `available` can be moved."""

    posted: int
    pending: int
    available: int

    @classmethod
    def of(cls, account: Account | Counters) -> "Balance":
        """Of an account that the bank owes: credits minus debits."""
        posted = account.credits_posted - account.debits_posted
        return cls(posted, account.debits_pending, posted - account.debits_pending)


class CurrencyBalance(Struct, frozen=True):
    """What a merchant is owed in one currency."""

    currency: CurrencyCode
    balance: Balance


class Balances(Struct, frozen=True):
    """What a merchant is owed."""

    data: Sequence[CurrencyBalance]
