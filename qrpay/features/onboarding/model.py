"""Applications to become a merchant, as they travel and as they are kept."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from qrpay.features.merchants.model import City, LatinName, Name
from qrpay.values import Id, Text64, Text256

APPLICATION = "apl_"
SUBMISSION = "aps_"
PAPER = "pap_"

Status = Literal["draft", "submitted", "more_needed", "approved", "rejected"]
PaperKind = Literal["business_licence", "legal_person_id", "account_proof", "other"]
MediaType = Literal["application/pdf", "image/png", "image/jpeg"]
Result = Literal["passed", "failed", "needs_person"]

LegalName = Annotated[str, Meta(min_length=2, max_length=70, description="As the business licence says it.")]
Uscc = Annotated[str, Meta(pattern=r"^[0-9A-Z]{18}\Z", description="Unified social credit code, GB 32100-2015.")]
Mcc = Annotated[str, Meta(pattern=r"^[0-9]{4}\Z", description="ISO 18245.")]


class Contact(Struct, frozen=True, forbid_unknown_fields=True):
    """Whom the bank asks."""

    name: Text64
    phone: Annotated[str, Meta(pattern=r"^1[3-9][0-9]{9}\Z", description="A Chinese mobile number, 11 digits.")]
    email: Annotated[str, Meta(pattern=r"^[A-Za-z0-9._%+\-]{1,64}@[A-Za-z0-9.\-]{1,180}\.[A-Za-z]{2,24}\Z")]

    def __repr__(self) -> str:
        """Without the person: this may reach a log."""
        return "Contact(…)"


class Payout(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the merchant wants its money: the holder as the bank there knows it, the number, that bank's CNAPS code."""

    name: LegalName
    account: Annotated[str, Meta(pattern=r"^[0-9]{8,32}\Z", description="Digits only.")]
    bank: Annotated[str, Meta(pattern=r"^[0-9]{12}\Z", description="CNAPS code (联行号), 12 digits.")]

    def __repr__(self) -> str:
        """Without the account: this may reach a log."""
        return "Payout(…)"


class Fields(Struct, frozen=True, forbid_unknown_fields=True):
    """What an applicant says, all at once or bit by bit; what is left out stays as it was.

    short_name  what payers read; name_latin is needed when it is not ASCII (EMV 59)
    city        ASCII (EMV 60)
    """

    legal_name: LegalName | UnsetType = UNSET
    short_name: Name | UnsetType = UNSET
    name_latin: LatinName | UnsetType = UNSET
    uscc: Uscc | UnsetType = UNSET
    mcc: Mcc | UnsetType = UNSET
    city: City | UnsetType = UNSET
    contact: Contact | UnsetType = UNSET
    payout: Payout | UnsetType = UNSET

    def changed(self, by: "Fields") -> "Fields":
        """These, with what the other says in their place."""
        said = {name: value for name in self.__struct_fields__ if (value := getattr(by, name)) is not UNSET}
        return msgspec.structs.replace(self, **said)


class Check(Struct, frozen=True):
    """Something that was looked at. pointer: the field it is about; en, zh: what was found, and what to do about it."""

    name: str
    pointer: str
    result: Result
    en: str
    zh: str


class PaperView(Struct, frozen=True):
    """A paper, without its content, which only the bank's operators see."""

    id: str
    kind: PaperKind
    media_type: MediaType
    size: int
    sha256: str
    created_at: str


class ContactView(Struct, frozen=True):
    """Whom the bank asks, masked."""

    name: str
    phone: str
    email: str


class PayoutView(Struct, frozen=True):
    """The payout account, its number masked."""

    name: str
    account: str
    bank: str


class Application(Struct, frozen=True):
    """An application as the applicant and the bank read it; personal data and numbers are masked.

    status    `draft` and `more_needed`: the applicant may change it; `submitted`: the bank is looking
    checks    of the last time it was to be submitted
    reason    why it was rejected, or what is still needed
    merchant  the merchant it became; test_merchant: the one for trying, there from the first submission on
    token     the applicant's, in the first answer only
    """

    id: str
    status: Status
    legal_name: str | None
    short_name: str | None
    name_latin: str | None
    uscc: str | None
    mcc: str | None
    city: str | None
    contact: ContactView | None
    payout: PayoutView | None
    papers: Sequence[PaperView]
    checks: Sequence[Check]
    reason: str | None
    merchant: str | None
    test_merchant: str | None
    created_at: str
    submitted_at: str | None
    decided_at: str | None
    token: str | UnsetType = UNSET


class PaperQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """What kind of paper is sent."""

    kind: PaperKind


class KeyAsk(Struct, frozen=True, forbid_unknown_fields=True):
    """Which merchant's first key: the live one's, or the one for trying."""

    test: bool = False


class FirstKey(Struct, frozen=True):
    """A merchant and its first secret key, which is in this answer only."""

    merchant: str
    secret_key: str

    def __repr__(self) -> str:
        """Without the key, which must reach no log."""
        return f"FirstKey({self.merchant})"


# For the bank --------------------------------------------------------------------------------------------------


class ApplicationsQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Which applications, newest first."""

    status: Status | None = None
    limit: Annotated[int, Meta(ge=1, le=100)] = 20
    cursor: Annotated[str, Meta(min_length=30, max_length=30)] | None = None


class Said(Struct, frozen=True, forbid_unknown_fields=True):
    """What somebody of the bank says about an application: what was looked at, or what is needed."""

    reason: Text256


class Examined(Struct, frozen=True):
    """An application as the bank's operators read it.

    submission  what a decision is about; checked_by: who looked at what needs a person, and what they noted
    duplicates  other applications of the same company that were submitted or approved
    """

    application: Application
    submission: str | None
    checked_by: str | None
    checked_note: str | None
    decided_by: str | None
    duplicates: Sequence[str]


# In the house --------------------------------------------------------------------------------------------------


class Person(Struct, frozen=True):
    """Who of the bank acts; id: the operator's, None on the command line."""

    name: str
    id: Id | None = None


class Row(Struct, frozen=True):
    """An application as it is kept, its fields opened; see the migration."""

    id: Id
    request: bytes
    version: int
    status: Status
    fields: Fields
    checks: Sequence[Check]
    submission: Id | None
    submitted_at: datetime | None
    checked_by: str | None
    checked_by_id: Id | None
    checked_note: str | None
    decided_by: str | None
    decided_at: datetime | None
    reason: str | None
    merchant: Id | None
    test_merchant: Id | None
    created_at: datetime

    def __repr__(self) -> str:
        """Without what was said: this may reach a log."""
        return f"Row({self.id})"


class PaperRow(Struct, frozen=True):
    """A paper as it is kept, without its content."""

    id: Id
    application: Id
    kind: PaperKind
    media_type: MediaType
    size: int
    sha256: bytes
    created_at: datetime
