"""The rules of an opening up to the bound account: who the person is, that the phone and the card are the person's.

Each step checks what it is given against its party outside, then keeps it under the opening's own key and names the
next one. The same again answers with what stands; of two changes at once one is made. Tries are counted before a party
is asked, so that however many ask at once, few learn anything.
"""

import secrets
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final, Literal

import msgspec
import structlog
from msgspec.structs import replace

from qrpay.codes.signing import from_base64url, to_base64url
from qrpay.core import Core
from qrpay.features.clearing import service as clearing
from qrpay.features.clearing.model import NewInstruction, Party
from qrpay.features.e_accounts import service as e_accounts
from qrpay.features.e_accounts.masks import masked_name, masked_phone, person_name_defect
from qrpay.features.openings import ids, personal, store
from qrpay.features.openings.channel import HttpIdentity, HttpSms, PartyAwayError
from qrpay.features.openings.model import (
    DepositSeen,
    Details,
    Identity,
    NewCard,
    NewOpening,
    NewPhone,
    Opening,
    PhoneCode,
    Row,
    Sms,
    Step,
    Verdict,
)
from qrpay.features.openings.problems import (
    code_wrong,
    deposit_failed,
    deposit_under_way,
    deposit_wrong,
    identity_refused,
    not_confirmed,
    opening_changed,
    opening_expired,
    opening_step,
    opening_tries_used,
    sms_too_many,
    verification_away,
)
from qrpay.ledger.caps import bank_day
from qrpay.ledger.chart import AccountCode, TransferCode
from qrpay.ledger.model import NIL, NewAccount, Transfer, TransferFlag
from qrpay.problem import FieldError, idempotency_key_missing, idempotency_key_reused, not_found, unauthenticated
from qrpay.values import CURRENCIES, Id, claim, id_of, id_text, new_id, rfc3339
from qrpay.web.callers import Applicant

if TYPE_CHECKING:
    from qrpay.features.openings.channel import IdentityService, SmsSender

log = structlog.get_logger()

PURPOSE: Final = "verification"
TOKEN: Final = "ot_"  # noqa: S105 # how a token begins
KEY_MIN: Final = 16
"""Characters of an opening's Idempotency-Key: whoever knows it can read the opening, so it must not be guessed."""
TRIES_MAX: Final = 5
DEPOSITS_MAX: Final = 3
CODE_S: Final = 300
RESEND_S: Final = 60
CODES_MAX: Final = 10
"""Codes to one number a day."""
POINTERS: Final = {
    "name": "/name", "id_number": "/id_number", "phone": "/phone", "card": "/number", "card_class": "/number",
}  # fmt: skip
MISMATCH: Final = {
    "name": "It is not the name that belongs to this ID number.",
    "id_number": "It does not belong to this name.",
    "phone": "The card's bank knows another mobile number.",
    "card": "It is no account of this person.",
    "card_class": "It is neither a Class I account nor a credit card.",
}


# Beginning and resuming ----------------------------------------------------------------------------------------


async def begin(core: Core, key: str | None, ask: NewOpening) -> tuple[Opening, bool]:
    """Begin an opening, and whether it began just now. Safe to repeat: the key names it.

    Refuses `idempotency_key_missing` (also for one that could be guessed), `idempotency_key_reused`.
    """
    if key is None or not KEY_MIN <= len(key) <= 255:
        detail = f"Here it is a secret: {KEY_MIN} to 255 characters that nobody can guess."
        raise idempotency_key_missing(errors=[FieldError("Idempotency-Key", detail)])
    now = core.clock()
    key_hash, id_ = core.vault.mac("opening-key", key.encode()), new_id(int(now.timestamp() * 1_000))
    row = Row(
        id_, ask.account_class, ask.currency, "in_progress", "identity", 0, None, None, False, None, None, None, None,
        None, now, now, now + timedelta(seconds=core.settings.opening_s),
    )  # fmt: skip
    async with core.database.transaction() as within:
        made = await store.add(within, row, key_hash)
        if made:
            await personal.new_key(core, within, id_)
    stands = await row_of(core, await store.by_key(core.database, key_hash) or id_)
    errors = [
        FieldError(pointer, f"It was {was}, and is {now_}.")
        for pointer, was, now_ in (("/class", stands.account_class, ask.account_class),
                                   ("/currency", stands.currency, ask.currency))
        if was != now_
    ]  # fmt: skip
    if errors:
        raise idempotency_key_reused(errors=errors)
    return await view(core, stands), made


def token_of(core: Core, opening: Id) -> str:
    """What resumes an opening: its id and a keyed hash."""
    return TOKEN + to_base64url(opening.bytes + core.vault.mac("opening-token", opening.bytes, 17))


async def check_token(core: Core, text: str) -> Applicant:
    """Whose opening it resumes. Raises `unauthenticated`; asks nobody."""
    raw = from_base64url(text[len(TOKEN) :]) or b""
    opening = id_of(raw[:16]) if len(raw) >= 16 else NIL
    if not core.vault.same(token_of(core, opening).encode(), text.encode()):
        raise unauthenticated()
    return Applicant(opening)


async def row_of(core: Core, opening: Id) -> Row:
    """The opening. Raises `not_found`, `opening_expired`."""
    row = await store.by_id(core.database, opening)
    if row is None:
        raise not_found()
    if row.status == "in_progress" and core.clock() >= row.expires_at:
        raise opening_expired()
    return row


async def details_of(core: Core, row: Row) -> Details:
    """What the opening knows of the person; nothing once it is open or erased."""
    if row.details is None:
        return Details()
    return msgspec.json.decode(await personal.unseal(core, core.database, row.id, row.details), type=Details)


async def view(core: Core, row: Row, access_token: str | None = None) -> Opening:
    """An opening as its applicant sees it: masks only."""
    known = await details_of(core, row)
    deposit: Literal["under_way", "arrived", "failed"] | None = None
    if row.deposit is not None and row.next == "deposit":
        paid = (await clearing.instructions(core, [row.deposit])).get(row.deposit)
        failed = paid is not None and paid.status in ("rejected", "returned")
        deposit = "failed" if failed else "arrived" if paid and paid.status == "settled" else "under_way"
    return Opening(
        id_text("opn_", row.id), token_of(core, row.id), row.account_class, row.currency, row.status, row.next,
        masked_name(known.name) if known.name else None, ids.masked_id(known.id_number) if known.id_number else None,
        masked_phone(known.phone) if known.phone else None, ids.masked_card(known.card) if known.card else None,
        deposit, id_text("cus_", row.customer) if row.customer else None,
        id_text("acc_", row.account) if row.account else None, access_token, rfc3339(row.expires_at),
    )  # fmt: skip


# Identity ------------------------------------------------------------------------------------------------------


async def identify(core: Core, opening: Id, ask: Identity) -> Opening:
    """Say who one is. Refuses `identity_refused` (a number that is none, too young, an expired document),
    `not_confirmed`, `opening_tries_used`, `verification_away`.
    """
    row = await row_of(core, opening)
    known = await details_of(core, row)
    told = replace(known, name=ask.name, id_number=ask.id_number, valid_until=ask.valid_until)
    if told == known:
        return await view(core, row)
    _in_step(row, "identity")
    _check_document(core, ask, bank_day(core.clock()))
    verdict = await _asked(core, row, told, "identity")
    person = core.vault.mac("person-id", ask.id_number.encode())
    row = replace(row, person=person, watched=row.watched or verdict.watched)
    return await _kept(core, row, told, "phone")


def _check_document(core: Core, ask: Identity, today: date) -> None:
    errors = []
    if defect := person_name_defect(ask.name):
        errors.append(FieldError("/name", defect))
    birth = ids.birth_of(ask.id_number)
    if birth is None or birth > today or birth.year < ids.YEARS[0]:
        errors.append(FieldError("/id_number", "It is no resident ID number: compare each digit."))
    elif ids.age_on(birth, today) < core.settings.opening_age_min:
        detail = (
            f"Online, accounts are opened from {core.settings.opening_age_min} years of age on; a guardian may come"
        )
        errors.append(FieldError("/id_number", f"{detail} to a branch."))
    if ask.valid_until is not None and ask.valid_until < today:
        errors.append(FieldError("/valid_until", "The document has expired: renew it first."))
    if errors:
        raise identity_refused(errors=errors)


async def _asked(core: Core, row: Row, told: Details, step: Step) -> Verdict:
    """What the identity service says, when all agrees. A try counts unless the service is away."""
    number = await store.take_try(core.database, row.id, step, TRIES_MAX)
    if number is None:
        raise opening_tries_used()
    service: IdentityService = HttpIdentity(core.settings)
    try:
        verdict = await service.check(told, f"{row.id.hex}-{step}-{number}")
    except PartyAwayError as defect:
        await store.give_try_back(core.database, row.id, step)
        log.warning("identity_service_away", why=str(defect))
        raise verification_away(headers={"Retry-After": "5"}) from None
    if verdict.mismatch is not None:
        raise not_confirmed(errors=[FieldError(POINTERS[verdict.mismatch], MISMATCH[verdict.mismatch])])
    return verdict


# Phone ---------------------------------------------------------------------------------------------------------


async def send_code(core: Core, opening: Id, ask: NewPhone) -> Opening:
    """Send a code to the phone; the one before is void. Refuses `sms_too_many`, `verification_away`."""
    row = await row_of(core, opening)
    _in_step(row, "phone", "phone_code")
    told = replace(await details_of(core, row), phone=ask.phone)
    now, number = core.clock(), e_accounts.phone_hash(core, ask.phone)
    count, last = await store.sent(core.database, number, now - timedelta(days=1))
    wait_s = RESEND_S - (now - last).total_seconds() if last is not None else 0.0
    if count >= CODES_MAX or wait_s > 0:
        seconds = 86_400 if count >= CODES_MAX else max(1, int(wait_s + 0.999))
        raise sms_too_many(retry_after=seconds, headers={"Retry-After": str(seconds)})
    await store.add_sent(core.database, number, now)
    code = f"{secrets.randbelow(10**6):06}"
    row = replace(row, code_hash=_code_hash(core, row, code), code_until=now + timedelta(seconds=CODE_S))
    kept = await _kept(core, row, told, "phone_code")
    text = f"验证码 {code},{CODE_S // 60} 分钟内有效,用于开立电子账户,请勿告知他人。Code {code}: opens an account."
    sender: SmsSender = HttpSms(core.settings)
    try:
        await sender.send(Sms(ask.phone, text), f"{row.id.hex}-{row.version}")
    except PartyAwayError as defect:
        log.warning("sms_sender_away", why=str(defect))
        raise verification_away(headers={"Retry-After": str(RESEND_S)}) from None
    return kept


async def confirm_phone(core: Core, opening: Id, ask: PhoneCode) -> Opening:
    """Prove that the phone is one's own. Refuses `sms_code_wrong`, `opening_tries_used`."""
    row = await row_of(core, opening)
    _in_step(row, "phone_code")
    if await store.take_try(core.database, row.id, "phone_code", TRIES_MAX) is None:
        raise opening_tries_used()
    alive = row.code_hash is not None and row.code_until is not None and core.clock() < row.code_until
    if not core.vault.same(_code_hash(core, row, ask.code), row.code_hash or b"") or not alive:
        raise code_wrong()
    row = replace(row, code_hash=None, code_until=None)
    return await _kept(core, row, await details_of(core, row), "card")


def _code_hash(core: Core, row: Row, code: str) -> bytes:
    return core.vault.mac("sms-code", row.id.bytes + code.encode())


# The bound account ---------------------------------------------------------------------------------------------


async def name_card(core: Core, opening: Id, ask: NewCard) -> Opening:
    """Name the account to bind, and have a small deposit sent there, whose amount proves that it is one's own.

    Refuses `not_confirmed` (another person's, another phone, not of Class I), `identity_refused` for a number that is
    none, `opening_tries_used`, `verification_away`. Another account may be named while the deposit is not confirmed.
    """
    row = await row_of(core, opening)
    _in_step(row, "card", "deposit")
    if not ids.is_card(ask.number):
        raise identity_refused(errors=[FieldError("/number", "It is no card number: compare each digit.")])
    known = await details_of(core, row)
    if (known.card, known.bank) != (ask.number, ask.bank) or row.deposit is None or await _deposit_failed(core, row):
        told = replace(known, card=ask.number, bank=ask.bank, deposit=secrets.randbelow(99) + 1)
        verdict = await _asked(core, row, told, "card")
        number = await store.take_try(core.database, row.id, "deposit_sent", DEPOSITS_MAX)
        if number is None:
            raise opening_tries_used()
        row = replace(row, watched=row.watched or verdict.watched, deposit=claim("deposit", row.id, number))
        await _kept(core, row, told, "deposit")
        row, known = await row_of(core, opening), told
    await _send_deposit(core, row, known)
    return await view(core, row)


async def _deposit_failed(core: Core, row: Row) -> bool:
    paid = await clearing.instructions(core, [row.deposit] if row.deposit else [])
    return any(one.status in ("rejected", "returned") for one in paid.values())


async def _send_deposit(core: Core, row: Row, known: Details) -> None:
    """Hold the deposit's money and have it paid. Safe to repeat: its id is claimed."""
    assert row.deposit is not None, "the story comes first"
    ours = claim("verification_deposits", NIL, row.currency)
    ledger = CURRENCIES[row.currency].numeric
    await core.ledger.create_accounts([NewAccount(ours, ledger, AccountCode.VERIFICATION_DEPOSITS)])
    house = await clearing.clearing_account(core, row.currency)
    hold = Transfer(
        row.deposit, ours, house, known.deposit, TransferCode.VERIFICATION, ledger, about=row.id,
        flags=TransferFlag.PENDING,
    )  # fmt: skip
    outcome = await core.ledger.post(hold)
    assert outcome.result.stands, f"a small deposit cannot be held: {outcome.result.name}"
    creditor = Party(known.name, known.card, known.bank)
    new = NewInstruction(
        row.deposit, row.deposit, PURPOSE, row.currency, known.deposit, creditor, "开户验证 account verification"
    )
    async with core.database.transaction() as within:
        await clearing.instruct(core, PURPOSE, [new], within)


async def confirm_deposit(core: Core, opening: Id, ask: DepositSeen) -> Opening:
    """Say how much came. Refuses `deposit_under_way`, `deposit_failed`, `deposit_wrong`, `opening_tries_used`."""
    row = await row_of(core, opening)
    _in_step(row, "deposit")
    shown = await view(core, row)
    if shown.deposit == "failed":
        raise deposit_failed()
    if shown.deposit != "arrived":
        raise deposit_under_way(headers={"Retry-After": "2"})
    if await store.take_try(core.database, row.id, "deposit", TRIES_MAX - 2) is None:
        raise opening_tries_used()
    known = await details_of(core, row)
    if not core.vault.same(str(known.deposit).encode(), str(ask.amount).encode()):
        raise deposit_wrong()
    return await _kept(core, row, known, "consent")


# Steps ---------------------------------------------------------------------------------------------------------


def _in_step(row: Row, *steps: Step) -> None:
    if row.next not in steps:
        raise opening_step(next=row.next or row.status)


async def _kept(core: Core, row: Row, told: Details, then: Step) -> Opening:
    """Keep what a step has learned, and name the next."""
    details = await personal.seal(core, core.database, row.id, msgspec.json.encode(told))
    row = replace(row, details=details, next=then)
    if not await store.save(core.database, row, core.clock()):
        raise opening_changed()
    return await view(core, row)
