"""Operators, their sessions, decisions and acts, on the wire and in the house."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from qrpay.desk import Duty, Fact, OperatorRole
from qrpay.values import Id, Text64, Text256

Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9._@\-]{1,64}\Z", description="What somebody signs in as.")]
Password = Annotated[str, Meta(min_length=12, max_length=256, description="At least 12 characters.")]
Totp = Annotated[str, Meta(pattern=r"^[0-9]{6}\Z", description="Six digits of the authenticator (RFC 6238).")]
Enrolment = Annotated[str, Meta(min_length=20, max_length=64, description="From the link, good once.")]


# In the house --------------------------------------------------------------------------------------------------


class OperatorRow(Struct, frozen=True):
    """Somebody of the bank as kept. password: Argon2id, None before enrolment; totp: sealed by the master key."""

    id: Id
    name: str
    role: OperatorRole
    password: str | None
    totp: bytes
    misses: int
    missed_until: datetime | None
    created_at: datetime
    revoked_at: datetime | None


class SessionRow(Struct, frozen=True):
    """A session that counts, and whose it is."""

    id: Id
    operator: Id
    name: str
    role: OperatorRole
    seen_at: datetime
    ends_at: datetime


class DecisionRow(Struct, frozen=True):
    """What was decided of one thing; done_at: None while it is being carried out."""

    kind: str
    about: Id
    approved: bool
    maker: Id | None
    operator: Id
    name: str
    reason: str
    at: datetime
    done_at: datetime | None


class ActRow(Struct, frozen=True):
    """A line of the log. asked: the line whose outcome this is; about: ids it concerns; detail: JSON."""

    seq: int
    asked: int | None
    at: datetime
    operator: Id
    name: str
    role: str
    session: Id | None
    act: str
    about: Sequence[str]
    reason: str | None
    detail: str
    outcome: str
    request_id: str
    peer: str
    hash: bytes


class ProposalRow(Struct, frozen=True):
    """What somebody proposed. subject: an id as text; ask: what it shall be, before: what it was, both JSON."""

    id: Id
    kind: str
    subject: str
    maker: Id
    maker_name: str
    reason: str
    ask: str
    before: str
    made_at: datetime
    ended_at: datetime | None


class FreezeRow(Struct, frozen=True):
    """What is frozen: by a proposal of this id, until a time or until it is lifted."""

    id: Id
    subject: str
    reason: str
    maker: str
    checker: str
    frozen_at: datetime
    until: datetime | None
    lifted_at: datetime | None


# Sign-in -------------------------------------------------------------------------------------------------------


class SignIn(Struct, frozen=True, forbid_unknown_fields=True):
    """Both factors at once, so that nobody learns which one was wrong."""

    name: Annotated[str, Meta(min_length=1, max_length=64)]
    password: Annotated[str, Meta(min_length=1, max_length=256)]
    totp: Totp


class EnrolmentAsk(Struct, frozen=True, forbid_unknown_fields=True):
    """What stands in an enrolment link."""

    enrolment: Enrolment


class EnrolmentView(Struct, frozen=True):
    """Whose link it is, and the secret for the authenticator: as a link, as text, and as a code to scan (SVG)."""

    name: str
    role: OperatorRole
    totp_uri: str
    totp_secret: str
    code_svg: str


class Enrol(Struct, frozen=True, forbid_unknown_fields=True):
    """Somebody sets a password and shows that the authenticator works; the link ends with it."""

    enrolment: Enrolment
    password: Password
    totp: Totp


class Me(Struct, frozen=True):
    """Who is signed in, what the role may do, and until when without any call, and at most."""

    id: str
    name: str
    role: OperatorRole
    duties: Sequence[Duty]
    idle_until: str
    ends_at: str


# Reviews -------------------------------------------------------------------------------------------------------


class WaitingView(Struct, frozen=True):
    """One line of the queue; own: the caller proposed it, and may not decide it."""

    kind: str
    en: str
    zh: str
    id: str
    about: str
    since: str
    own: bool
    duty: Duty


class CaseView(Struct, frozen=True):
    """All there is to see before deciding."""

    kind: str
    en: str
    zh: str
    id: str
    about: str
    since: str
    own: bool
    duty: Duty
    facts: Sequence[Fact]


class NewDecision(Struct, frozen=True, forbid_unknown_fields=True):
    """What somebody decides, and why: the reason stays in the log."""

    verdict: Literal["approve", "reject"]
    reason: Text256


class DecisionView(Struct, frozen=True):
    """What was decided."""

    kind: str
    id: str
    verdict: Literal["approved", "rejected"]
    by: str
    reason: str
    at: str


# The log -------------------------------------------------------------------------------------------------------


class ActsQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Which lines of the log: about one id, by one operator; newest first."""

    about: Annotated[str, Meta(max_length=64)] | None = None
    by: Annotated[str, Meta(max_length=64)] | None = None
    cursor: Annotated[int, Meta(ge=1, le=2**62)] | None = None
    limit: Annotated[int, Meta(ge=1, le=100)] = 20


class ActView(Struct, frozen=True):
    """An act: who, what, about what, why, when, and what came of it (None: the process died before it knew)."""

    seq: int
    at: str
    operator: str
    name: str
    role: str
    act: str
    about: Sequence[str]
    reason: str | None
    detail: msgspec.Raw
    outcome: str | None
    answer: msgspec.Raw | None
    request_id: str
    peer: str


# Proposals -----------------------------------------------------------------------------------------------------

SubjectText = Annotated[
    str,
    Meta(pattern=r"^(mer|ter)_[0-9A-Za-z]{26}\Z", description="A merchant (`mer_…`) or a terminal (`ter_…`)."),
]


class NewFreeze(Struct, frozen=True, forbid_unknown_fields=True):
    """Whom to freeze, why, and until when; without `until` somebody has to lift it."""

    subject: SubjectText
    reason: Text256
    until: datetime | None = None


class NewLift(Struct, frozen=True, forbid_unknown_fields=True):
    """Why a freeze is to be lifted before its end."""

    reason: Text256


class NewRole(Struct, frozen=True, forbid_unknown_fields=True):
    """What somebody shall be, and why."""

    role: OperatorRole
    reason: Text256


class ProposalView(Struct, frozen=True):
    """What was proposed; `review`: where another person decides it."""

    id: str
    kind: str
    subject: str
    reason: str
    ask: msgspec.Raw
    before: msgspec.Raw
    made_at: str
    review: str


class FreezeView(Struct, frozen=True):
    """What is frozen."""

    id: str
    subject: str
    reason: str
    maker: str
    checker: str
    frozen_at: str
    until: str | None


class PersonView(Struct, frozen=True):
    """Somebody of the bank, as colleagues see them."""

    id: str
    name: str
    role: OperatorRole
    state: Literal["invited", "enrolled", "left"]
    created_at: str


# Search --------------------------------------------------------------------------------------------------------


class SearchQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """An id of any kind (`ord_…`, `mer_…`), a merchant's reference, a merchant's name, or a phone number."""

    q: Annotated[str, Meta(min_length=1, max_length=128)]


class MomentView(Struct, frozen=True):
    """Something that happened; source: who says so."""

    at: str
    en: str
    zh: str
    source: Literal["story", "ledger", "event", "operator"]
    id: str | None
    detail: str | None


class SearchView(Struct, frozen=True):
    """What was found: id and kind (null: nothing, or several), its facts and timeline, ids to go on with.

    others  ids of several things that bear the same reference or name
    """

    id: str | None
    en: str
    zh: str
    facts: Sequence[Fact]
    timeline: Sequence[MomentView]
    related: Sequence[str]
    others: Sequence[str]


# Passkeys ------------------------------------------------------------------------------------------------------

Base64url = Annotated[str, Meta(min_length=16, max_length=16_384, pattern=r"^[A-Za-z0-9_\-]+\Z")]


class PasskeyRow(Struct, frozen=True):
    """A passkey as kept. public_key: COSE; sign_count: how often it has signed, as far as it says so."""

    id: bytes
    operator: Id
    public_key: bytes
    sign_count: int
    name: str
    created_at: datetime
    used_at: datetime | None


class PasskeyChallenge(Struct, frozen=True):
    """The options for `navigator.credentials`, as WebAuthn's JSON form says them."""

    options: msgspec.Raw


class NewPasskey(Struct, frozen=True, forbid_unknown_fields=True):
    """A passkey that a browser made: base64url of what it answered, and a name to know it by."""

    name: Text64
    id: Base64url
    client_data: Base64url
    attestation: Base64url


class PasskeySignIn(Struct, frozen=True, forbid_unknown_fields=True):
    """What a passkey signed, base64url."""

    id: Base64url
    client_data: Base64url
    authenticator_data: Base64url
    signature: Base64url


class PasskeyView(Struct, frozen=True):
    """A passkey, as its owner sees it."""

    id: str
    name: str
    created_at: str
    used_at: str | None
