"""Merchants, their stores, terminals and secrets, on the wire and in the house."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from qrpay.ledger.counters import Counters
from qrpay.ledger.model import Account
from qrpay.values import CurrencyCode, Id, Text64

Status = Literal["active", "frozen", "closed"]
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


class TerminalState(Struct, frozen=True):
    """A terminal as the bank sees it; frozen: no device is it, and none becomes it."""

    id: Id
    name: str
    code: str
    frozen: bool
    store: Id
    store_name: str
    merchant: Id


class Place(Struct, frozen=True):
    """Where in a merchant's business something happens, as far as it was said."""

    store: Store | None = None
    terminal: Terminal | None = None


class NewStore(Struct, frozen=True, forbid_unknown_fields=True):
    """A store to be opened; `code` stands in its codes, and is the merchant's own."""

    name: Name
    code: Code25


class NewTerminal(Struct, frozen=True, forbid_unknown_fields=True):
    """A terminal to be set up; `code` stands in its codes, and is the store's own."""

    name: Name
    code: Code25


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
