"""Openings over HTTP: begun by anybody, then resumed by whoever holds the opening's token."""

from typing import Any, Final

from qrpay.features.e_accounts.problems import phone_taken, pin_locked, pin_wrong
from qrpay.features.openings import deciding, service
from qrpay.features.openings.model import (
    Consent,
    DepositSeen,
    Identity,
    NewCard,
    NewOpening,
    NewPhone,
    Opening,
    PhoneCode,
)
from qrpay.features.openings.problems import (
    accounts_too_many,
    code_wrong,
    customer_phone_differs,
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
from qrpay.problem import idempotency_key_reused, not_found
from qrpay.values import Id, id_from_text
from qrpay.web.callers import Applicant
from qrpay.web.limits import Limit
from qrpay.web.routes import PUBLIC, Answer, Call, Nothing, Routes

routes = Routes("Account openings")
ANY_STEP: Final = [not_found, opening_expired, opening_step, opening_changed]
_begun: Final = Limit(0.5, 60)
"""Openings that one address may begin in this worker: 60 at once, then 30 a minute."""


def _own(call: Call) -> Id:
    """The opening in the path, when the token resumes it. Raises `not_found` otherwise, as if there were none."""
    if call.applicant.id != id_from_text("opn_", call.path["opening"]):
        raise not_found()
    return call.applicant.id


@routes.post(
    "/v1/account-openings", caller=PUBLIC, body=NewOpening, returns=Opening, status=201, idempotent=True,
    problems=[idempotency_key_reused, opening_expired],
)  # fmt: skip
async def begin_opening(call: Call, ask: NewOpening) -> Any:
    """Begin to open a Class II or III account. The answer's token goes on with it, on this device or another.

    The Idempotency-Key is a secret here, of 16 characters at least: sent again, it answers with the same opening.
    """
    _begun.take(call.wire.peer)
    opening, made = await service.begin(call.core, call.idempotency_key, ask)
    return opening if made else Answer(opening, replayed=True)


@routes.get("/v1/account-openings/{opening}", caller=Applicant, returns=Opening, problems=[not_found, opening_expired])
async def read_opening(call: Call, _ask: Nothing) -> Opening:
    """How far the opening has come, and what is next."""
    return await service.view(call.core, await service.row_of(call.core, _own(call)))


@routes.post(
    "/v1/account-openings/{opening}/identity", caller=Applicant, body=Identity, returns=Opening,
    problems=[*ANY_STEP, identity_refused, not_confirmed, opening_tries_used, verification_away],
)  # fmt: skip
async def give_identity(call: Call, ask: Identity) -> Opening:
    """Say who I am, as it stands in my identity document."""
    return await service.identify(call.core, _own(call), ask)


@routes.post(
    "/v1/account-openings/{opening}/phone", caller=Applicant, body=NewPhone, returns=Opening,
    problems=[*ANY_STEP, sms_too_many, verification_away],
)  # fmt: skip
async def give_phone(call: Call, ask: NewPhone) -> Opening:
    """Have a code sent to my phone; another number or another code may be asked for until it is confirmed."""
    return await service.send_code(call.core, _own(call), ask)


@routes.post(
    "/v1/account-openings/{opening}/phone-code", caller=Applicant, body=PhoneCode, returns=Opening,
    problems=[*ANY_STEP, code_wrong, opening_tries_used],
)  # fmt: skip
async def give_phone_code(call: Call, ask: PhoneCode) -> Opening:
    """Prove that the phone is mine."""
    return await service.confirm_phone(call.core, _own(call), ask)


@routes.post(
    "/v1/account-openings/{opening}/card", caller=Applicant, body=NewCard, returns=Opening,
    problems=[*ANY_STEP, identity_refused, not_confirmed, opening_tries_used, verification_away],
)  # fmt: skip
async def give_card(call: Call, ask: NewCard) -> Opening:
    """Name my account at another bank that the new one is bound to; a small deposit goes there."""
    return await service.name_card(call.core, _own(call), ask)


@routes.post(
    "/v1/account-openings/{opening}/deposit", caller=Applicant, body=DepositSeen, returns=Opening,
    problems=[*ANY_STEP, deposit_under_way, deposit_failed, deposit_wrong, opening_tries_used],
)  # fmt: skip
async def confirm_deposit(call: Call, ask: DepositSeen) -> Opening:
    """Say how much came to that account."""
    return await service.confirm_deposit(call.core, _own(call), ask)


@routes.post(
    "/v1/account-openings/{opening}/consent", caller=Applicant, body=Consent, returns=Opening,
    problems=[*ANY_STEP, accounts_too_many, phone_taken, customer_phone_differs, pin_wrong, pin_locked],
)  # fmt: skip
async def give_consent(call: Call, ask: Consent) -> Opening:
    """Agree to the terms and have the account opened; sent again, it answers with the same account."""
    return await deciding.consent(call.core, _own(call), ask)
