"""An applicant's side: begin, go on, hand in, fetch the first key; and how an application may be shown."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from msgspec import UnsetType
from msgspec.structs import replace

from qrpay.core import Core
from qrpay.database.pool import Row as Record
from qrpay.features.e_accounts.masks import masked_name, masked_phone
from qrpay.features.merchants import keys
from qrpay.features.merchants import service as merchants
from qrpay.features.merchants.model import Act, NewMerchant
from qrpay.features.onboarding import checks, papers, store
from qrpay.features.onboarding.model import (
    APPLICATION,
    Application,
    Contact,
    ContactView,
    Fields,
    FirstKey,
    PaperRow,
    Payout,
    PayoutView,
    Row,
)
from qrpay.features.onboarding.problems import (
    application_changing,
    application_locked,
    application_not_ready,
    first_key_gone,
    no_merchant_yet,
)
from qrpay.features.onboarding.store import Sealed
from qrpay.problem import (
    FieldError,
    idempotency_key_missing,
    idempotency_key_reused,
    invalid_field,
    not_found,
    unauthenticated,
)
from qrpay.values import Id, claim, encode, id_from_text, id_of, id_text, new_id, rfc3339
from qrpay.web.callers import MerchantApplicant
from qrpay.web.limits import Limit

PREFIX: Final = "apt_"
FIELDS: Final = "application fields"
KEY_MIN: Final = 22
"""Characters of an Idempotency-Key here: whoever knows it gets the application's token again."""
KEY_MAX: Final = 255
DRAFT_DAYS: Final = 30
FORGET_MAX: Final = 200
TRIES: Final = 5
_NOBODY: Final = id_of(bytes(16))
_MAC_BYTES: Final = 16

_begun: Final[dict[int, Limit]] = {}


# Who applies ---------------------------------------------------------------------------------------------------


def token_of(core: Core, application: Id) -> str:
    """The applicant's token: it names the application and carries a keyed hash; nothing of it is kept."""
    mac = core.vault.mac("application token", application.bytes, _MAC_BYTES)
    return PREFIX + urlsafe_b64encode(application.bytes + mac).decode().rstrip("=")


async def check_token(core: Core, text: str) -> MerchantApplicant:
    """The applicant behind `apt_…`. Raises `unauthenticated`."""
    try:
        raw = urlsafe_b64decode(text.removeprefix(PREFIX) + "==")
    except (NotBase64, ValueError):
        raise unauthenticated() from None
    application = id_of(raw[:16]) if len(raw) == 16 + _MAC_BYTES else _NOBODY
    if not core.vault.same(token_of(core, application).encode(), text.encode()) or application == _NOBODY:
        raise unauthenticated()
    return MerchantApplicant(application)


def its_own(applicant: MerchantApplicant, text: str) -> Id:
    """The application in a path, which is the caller's. Raises `not_found` for any other."""
    if id_from_text(APPLICATION, text) != applicant.id:
        raise not_found()
    return applicant.id


# Applying ------------------------------------------------------------------------------------------------------


async def begin(core: Core, ask: Fields, key: str | None, peer: str) -> tuple[Application, bool]:
    """Begin an application; whether it is the first answer again, for the same Idempotency-Key and content.

    Raises `idempotency_key_missing`, `idempotency_key_reused`, `rate_limited`; `invalid_field` for a short key.
    """
    if not key:
        raise idempotency_key_missing()
    if not KEY_MIN <= len(key) <= KEY_MAX:
        says = f"Send {KEY_MIN} to {KEY_MAX} random characters, such as a UUID: they are worth your token."
        raise invalid_field(errors=[FieldError("Idempotency-Key", says)])
    hour = core.settings.applications_per_hour
    _begun.setdefault(id(core.hub), Limit(hour / 3_600, hour)).take(peer)
    application = claim("merchant_application", _NOBODY, core.vault.mac("application key", key.encode()).hex())
    request = core.vault.mac("application request", encode(ask))
    new = await store.insert(core.database, application, request, _sealed(core, ask), core.clock())
    row = await row_by_id(core, application)
    if row.request != request:
        raise idempotency_key_reused()  # what stands there is somebody else's, perhaps: it is not told
    shown = (await views(core, [row]))[0]
    return replace(shown, token=token_of(core, application)), not new


async def read(core: Core, application: Id) -> Application:
    """An application as it stands. Raises `not_found`."""
    return (await views(core, [await row_by_id(core, application)]))[0]


async def change(core: Core, application: Id, ask: Fields) -> Application:
    """Say more, or something else. Raises `application_locked`, `application_changing`."""
    for _ in range(TRIES):
        row = await row_by_id(core, application)
        _must_be_open(row)
        said = row.fields.changed(ask)
        if await store.change(core.database, row, _sealed(core, said), core.clock()):
            return await read(core, application)
    raise application_changing()


async def submit(core: Core, application: Id) -> Application:
    """Hand an application to the bank, and make its merchant for trying. Submitted again, it is the same submission.

    Raises `application_not_ready` with every check that failed, `application_locked`, `application_changing`.
    """
    row = await row_by_id(core, application)
    if row.status == "submitted":
        return (await views(core, [row]))[0]
    _must_be_open(row)
    kinds = [paper.kind for paper in await store.papers(core.database, application)]
    uscc = row.fields.uscc or ""
    found = checks.run(row.fields, kinds, known=bool(await store.duplicates(core.database, application, uscc)))
    if failed := [FieldError(check.pointer, check.en) for check in found if check.result == "failed"]:
        await store.note_checks(core.database, row, found)
        raise application_not_ready(errors=failed)
    async with core.database.transaction() as within:
        trying = row.test_merchant
        if trying is None:
            new = new_merchant(row.fields, test=True)
            trying = (await merchants.enter(core, within, new, Act("applicant", "for trying"))).id
        if not await store.submit(within, row, new_id(), found, trying, core.clock()):
            raise application_changing()
        await store.insert_act(within, application, "submitted", "applicant", "", core.clock())
    return await read(core, application)


async def first_key(core: Core, application: Id, *, test: bool) -> FirstKey:
    """Make the merchant's first key, once. Raises `no_merchant_yet`, `first_key_gone`."""
    async with core.database.transaction() as within:
        merchant = await store.take_key(within, application, core.clock(), test=test)
        if merchant is not None:
            secret = keys.new_secret(test)
            await keys.keep(core, within, secret, merchant, name="first key")
            return FirstKey(id_text("mer_", merchant), secret.text)
    row = await row_by_id(core, application)
    if (row.test_merchant if test else row.merchant) is None:
        raise no_merchant_yet()
    raise first_key_gone()


def _must_be_open(row: Row) -> None:
    if row.status not in ("draft", "more_needed"):
        raise application_locked(status=row.status)


def new_merchant(fields: Fields, *, test: bool) -> NewMerchant:
    """The merchant that an application asks for; its checks have passed."""
    assert isinstance(fields.short_name, str)
    assert isinstance(fields.mcc, str)
    assert isinstance(fields.city, str)
    return NewMerchant(fields.short_name, fields.name_latin or None, fields.city, fields.mcc, "CN", test)


async def forget_drafts(core: Core) -> int:
    """Forget drafts that nobody went on with for DRAFT_DAYS: what was said in them was said for nothing."""
    return await store.forget_drafts(core.database, core.clock() - timedelta(days=DRAFT_DAYS), FORGET_MAX)


# As it looks ---------------------------------------------------------------------------------------------------


def _sealed(core: Core, said: Fields) -> Sealed:
    return Sealed(said.legal_name or None, said.uscc or None, core.vault.seal(FIELDS, encode(said)))


def opened(core: Core, record: Record) -> Row:
    """An application's row, what was said in it opened."""
    return store.row_of(record, core.vault.unseal(FIELDS, record["fields"]))


async def row_by_id(core: Core, application: Id) -> Row:
    """An application. Raises `not_found`."""
    record = await store.application(core.database, application)
    if record is None:
        raise not_found()
    return opened(core, record)


async def views(core: Core, rows: Sequence[Row]) -> Sequence[Application]:
    """Applications as they may be shown: personal data and numbers masked."""
    found = await store.papers_of(core.database, [row.id for row in rows])
    return [_view(row, [paper for paper in found if paper.application == row.id]) for row in rows]


def _view(row: Row, own: Sequence[PaperRow]) -> Application:
    said = row.fields
    return Application(
        id=id_text(APPLICATION, row.id),
        status=row.status,
        legal_name=said.legal_name or None,
        short_name=said.short_name or None,
        name_latin=said.name_latin or None,
        uscc=said.uscc or None,
        mcc=said.mcc or None,
        city=said.city or None,
        contact=_contact(said.contact),
        payout=_payout(said.payout),
        papers=[papers.shown(paper) for paper in own],
        checks=row.checks,
        reason=row.reason,
        merchant=id_text("mer_", row.merchant) if row.merchant else None,
        test_merchant=id_text("mer_", row.test_merchant) if row.test_merchant else None,
        created_at=rfc3339(row.created_at),
        submitted_at=rfc3339(row.submitted_at) if row.submitted_at else None,
        decided_at=rfc3339(row.decided_at) if row.decided_at else None,
    )


def _contact(contact: Contact | UnsetType) -> ContactView | None:
    if isinstance(contact, UnsetType):
        return None
    name, _, domain = contact.email.partition("@")
    return ContactView(masked_name(contact.name), masked_phone(contact.phone), f"{name[0]}***@{domain}")


def _payout(payout: Payout | UnsetType) -> PayoutView | None:
    return None if isinstance(payout, UnsetType) else PayoutView(payout.name, f"****{payout.account[-4:]}", payout.bank)
