"""The bank's side: one person looks at what needs a person, another decides, once; a yes makes a merchant."""

from collections.abc import Sequence
from typing import Final

from msgspec import UnsetType

from qrpay.core import Core
from qrpay.desk import Case, Decision, Fact, Review, Waiting
from qrpay.features.merchants import service as merchants
from qrpay.features.merchants.model import Act
from qrpay.features.onboarding import service, store
from qrpay.features.onboarding.model import (
    APPLICATION,
    SUBMISSION,
    Application,
    ApplicationsQuery,
    Examined,
    Person,
    Row,
)
from qrpay.features.onboarding.problems import (
    application_decided,
    application_unchecked,
    decided_by_its_checker,
    uscc_taken,
)
from qrpay.features.settlement import terms
from qrpay.features.settlement.model import PayoutAccount, Terms
from qrpay.problem import FieldError, invalid_field, not_found
from qrpay.values import Id, Page, id_from_text, id_text

FIRST_STORE: Final = "S1"


# Reading -------------------------------------------------------------------------------------------------------


async def page(core: Core, ask: ApplicationsQuery) -> Page[Application]:
    """Applications, newest first."""
    before = None if ask.cursor is None else id_from_text(APPLICATION, ask.cursor)
    if ask.cursor is not None and before is None:
        raise invalid_field(errors=[FieldError("cursor", "This is no cursor of this list.")])
    records = await store.listed(core.database, ask.status, before, ask.limit)
    shown = await service.views(core, [service.opened(core, record) for record in records])
    return Page(shown, shown[-1].id if len(shown) == ask.limit else None)


def named(text: str) -> Id:
    """The application behind `apl_…`. Raises `not_found`."""
    found = id_from_text(APPLICATION, text)
    if found is None:
        raise not_found()
    return found


async def examine(core: Core, application: Id) -> Examined:
    """All that the bank sees of an application. Raises `not_found`."""
    row = await service.row_by_id(core, application)
    others = await store.duplicates(core.database, row.id, row.fields.uscc or "")
    return Examined(
        application=(await service.views(core, [row]))[0],
        submission=id_text(SUBMISSION, row.submission) if row.submission else None,
        checked_by=row.checked_by,
        checked_note=row.checked_note,
        decided_by=row.decided_by,
        duplicates=[id_text(APPLICATION, other) for other in others],
    )


# Looking -------------------------------------------------------------------------------------------------------


async def check_off(core: Core, application: Id, by: Person, note: str) -> Examined:
    """Note that somebody looked at what needs a person, and what was found. The first stands.

    Raises `not_found`, `application_decided`.
    """
    row = await _submitted(core, application)
    assert row.submission is not None
    async with core.database.transaction() as within:
        if await store.check_off(within, row.submission, by, note, core.clock()):
            await store.insert_act(within, row.id, "checked", by.name, note, core.clock())
    return await examine(core, application)


async def ask_for_more(core: Core, application: Id, by: Person, reason: str) -> Examined:
    """Give an application back, saying what is needed. Raises `not_found`, `application_decided`."""
    row = await _submitted(core, application)
    assert row.submission is not None
    async with core.database.transaction() as within:
        if await store.ask_for_more(within, row.submission, reason, core.clock()) is None:
            raise application_decided(status="decided")
        await store.insert_act(within, row.id, "more_needed", by.name, reason, core.clock())
    return await examine(core, application)


async def _submitted(core: Core, application: Id) -> Row:
    row = await service.row_by_id(core, application)
    if row.status != "submitted":
        raise application_decided(status=row.status)
    return row


# Deciding ------------------------------------------------------------------------------------------------------


async def approve(core: Core, submission: Id, decision: Decision) -> None:
    """Take the merchant on: with its store, its payout account and its company's code, all or nothing, once.

    Safe to repeat. Raises `application_decided`, `application_unchecked`, `decided_by_its_checker`, `uscc_taken`.
    """
    row = await _to_decide(core, submission, decision, "approved")
    if row is None:
        return
    if row.checked_by is None:
        raise application_unchecked()
    fields, payout = row.fields, row.fields.payout
    assert isinstance(fields.uscc, str)
    assert not isinstance(payout, UnsetType)
    assert isinstance(fields.short_name, str)
    at = core.clock()
    async with core.database.transaction() as within:
        act = Act(row.checked_by, f"application {id_text(APPLICATION, row.id)}", decision.name)
        card = await merchants.enter(core, within, service.new_merchant(fields, test=False), act)
        if not await store.claim_identity(within, fields.uscc, card.id):
            raise uscc_taken()
        await merchants.open_store(within, card.id, fields.short_name, FIRST_STORE)
        agreed = Terms(payout=PayoutAccount(payout.name, payout.account, payout.bank))
        await terms.first_terms(within, card.id, agreed, decision.name, at)
        decided = await store.decide(
            within, submission, "approved", decision.name, decision.reason, decision.at, card.id
        )
        if decided is None:
            raise application_decided(status="decided")
        await store.insert_act(within, row.id, "approved", decision.name, decision.reason, at)


async def reject(core: Core, submission: Id, decision: Decision) -> None:
    """Say no, for good. Safe to repeat. Raises `application_decided`."""
    row = await _to_decide(core, submission, decision, "rejected")
    if row is None:
        return
    async with core.database.transaction() as within:
        decided = await store.decide(within, submission, "rejected", decision.name, decision.reason, decision.at, None)
        if decided is None:
            raise application_decided(status="decided")
        await store.insert_act(within, row.id, "rejected", decision.name, decision.reason, core.clock())


async def _to_decide(core: Core, submission: Id, decision: Decision, status: str) -> Row | None:
    """What is to be decided; None when this very decision was carried out already."""
    record = await store.by_submission(core.database, submission)
    if record is None:
        raise not_found()
    row = service.opened(core, record)
    if row.status == status and (row.decided_by, row.decided_at) == (decision.name, decision.at):
        return None
    if row.status != "submitted":
        raise application_decided(status=row.status)
    if row.checked_by == decision.name:
        raise decided_by_its_checker()
    return row


# At the desk ---------------------------------------------------------------------------------------------------


async def _waiting(core: Core, limit: int) -> Sequence[Waiting]:
    return [_line(service.opened(core, record)) for record in await store.waiting(core.database, limit)]


def _line(row: Row) -> Waiting:
    assert row.submission is not None
    assert row.submitted_at is not None
    about = f"{row.fields.legal_name} ({row.fields.uscc}), {id_text(APPLICATION, row.id)}"
    return Waiting(row.submission, about, row.submitted_at, row.checked_by_id)


async def _show(core: Core, submission: Id) -> Case | None:
    record = await store.by_submission(core.database, submission)
    row = None if record is None else service.opened(core, record)
    if row is None or row.status != "submitted":
        return None
    return Case(_line(row), facts(await examine(core, row.id)))


def facts(seen: Examined) -> Sequence[Fact]:
    """What is to be known before deciding, a line each, masked."""
    one = seen.application
    payout = f"{one.payout.name} {one.payout.account} {one.payout.bank}" if one.payout else ""
    looked = f"{seen.checked_by}: {seen.checked_note}" if seen.checked_by else "nobody yet / 尚无"
    return [
        Fact("Application", "申请", one.id),
        Fact("Legal name", "法定名称", one.legal_name or ""),
        Fact("Short name", "商户简称", " / ".join(filter(None, (one.short_name, one.name_latin)))),
        Fact("Credit code", "信用代码", one.uscc or ""),
        Fact("Category", "类别码", one.mcc or ""),
        Fact("Contact", "联系人", f"{one.contact.name} {one.contact.phone}" if one.contact else ""),
        Fact("Payout account", "收款账户", payout),
        *(Fact("Paper", "材料", f"{paper.kind} {paper.id} ({paper.media_type})") for paper in one.papers),
        Fact("Passed", "已通过", ", ".join(check.name for check in one.checks if check.result == "passed")),
        *(
            Fact("To look at" if check.result == "needs_person" else "Failed", "待核查", f"{check.name}: {check.en}")
            for check in one.checks
            if check.result != "passed"
        ),
        *(Fact("Other application", "其他申请", other) for other in seen.duplicates),
        Fact("Looked at by", "人工核查", looked),
    ]


review: Final = Review(
    kind="merchant_application", prefix=SUBMISSION, en="Application to become a merchant", zh="商户入驻申请",
    waiting=_waiting, show=_show, approve=approve, reject=reject,
)  # fmt: skip
