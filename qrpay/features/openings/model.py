"""Account openings, as they travel and as they are kept."""

from datetime import date, datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from qrpay.features.clearing.model import BankNumber
from qrpay.features.e_accounts.model import AccountClass, PersonName, Phone, Pin
from qrpay.values import CurrencyCode, Id

Step = Literal["identity", "phone", "phone_code", "card", "deposit", "consent"]
Status = Literal["in_progress", "in_review", "opened", "refused"]
Element = Literal["name", "id_number", "phone", "card", "card_class"]
IdNumber = Annotated[str, Meta(pattern=r"^[0-9]{17}[0-9X]\Z", description="A resident ID number, 18 characters.")]
CardNumber = Annotated[str, Meta(pattern=r"^[0-9]{12,19}\Z", description="A card or account number, 12 to 19 digits.")]


class NewOpening(Struct, frozen=True, forbid_unknown_fields=True):
    """Which account is to be opened."""

    account_class: AccountClass = field(name="class")
    currency: CurrencyCode = "CNY"


class Private(Struct, frozen=True, forbid_unknown_fields=True):
    """What a person says of itself; its repr is safe in a log."""

    def __repr__(self) -> str:
        """Without the person."""
        return f"{type(self).__name__}(…)"


class Identity(Private, frozen=True, forbid_unknown_fields=True):
    """Who the person is.

    valid_until  the last day of the identity document; null for one that is valid for life
    """

    name: PersonName
    id_number: IdNumber
    valid_until: date | None

    __repr__ = Private.__repr__


class NewPhone(Private, frozen=True, forbid_unknown_fields=True):
    """The mobile number; it must be the one that the bound account's bank knows."""

    phone: Phone

    __repr__ = Private.__repr__


class PhoneCode(Private, frozen=True, forbid_unknown_fields=True):
    """The code that came by SMS."""

    code: Annotated[str, Meta(pattern=r"^[0-9]{6}\Z")]

    __repr__ = Private.__repr__


class NewCard(Private, frozen=True, forbid_unknown_fields=True):
    """The person's own Class I or credit card account at another bank, to which the new account is bound."""

    number: CardNumber
    bank: BankNumber

    __repr__ = Private.__repr__


class DepositSeen(Private, frozen=True, forbid_unknown_fields=True):
    """How much came to that account from us, minor units: 1 to 99."""

    amount: Annotated[int, Meta(ge=1, le=99)]

    __repr__ = Private.__repr__


class Consent(Private, frozen=True, forbid_unknown_fields=True):
    """The person agrees to the terms, by their version, and chooses a PIN; a customer already gives the PIN it has."""

    terms: Annotated[str, Meta(min_length=1, max_length=32)]
    pin: Pin

    __repr__ = Private.__repr__


class Opening(Struct, frozen=True):
    """How far an opening has come.

    token         resumes it, on any device, until `expires_at`: a secret, sent as `Authorization: Bearer ot_…`
    next          the step that is to be done; null when there is nothing to do
    deposit       of the small deposit: `under_way`, `arrived`, or `failed` (then name another account)
    access_token  once, in the answer that opens the account
    """

    id: str
    token: str
    account_class: AccountClass = field(name="class")
    currency: CurrencyCode
    status: Status
    next: Step | None
    name: str | None
    id_number: str | None
    phone: str | None
    card: str | None
    deposit: Literal["under_way", "arrived", "failed"] | None
    customer: str | None
    account: str | None
    access_token: str | None
    expires_at: str


class Details(Struct, frozen=True):
    """What an opening knows of the person, at rest under the opening's own key; its repr is safe in a log.

    deposit  minor units of the small deposit
    """

    name: str = ""
    id_number: str = ""
    valid_until: date | None = None
    phone: str = ""
    card: str = ""
    bank: str = ""
    deposit: int = 0

    def __repr__(self) -> str:
        """Without the person."""
        return "Details(…)"


class Row(Struct, frozen=True):
    """An opening at rest."""

    id: Id
    account_class: AccountClass
    currency: str
    status: Status
    next: Step | None
    version: int
    details: bytes | None
    person: bytes | None
    watched: bool
    code_hash: bytes | None
    code_until: datetime | None
    deposit: Id | None
    customer: Id | None
    account: Id | None
    created_at: datetime
    changed_at: datetime
    expires_at: datetime


class Verdict(Struct, frozen=True):
    """What the identity service says: the first element that does not agree, None when all do.

    watched  the person is on a watch list
    """

    mismatch: Element | None
    watched: bool = False


class Sms(Struct, frozen=True):
    """A text message to a mobile number; its repr is safe in a log."""

    phone: str
    text: str

    def __repr__(self) -> str:
        """Without the number."""
        return "Sms(…)"


class InReview(Struct, frozen=True):
    """An opening that waits for an operator: never more than masks."""

    id: Id
    account_class: AccountClass
    changed_at: datetime
