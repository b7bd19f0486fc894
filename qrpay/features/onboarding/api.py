"""Routes for applicants: anybody begins, and goes on with the token that the first answer gives."""

from typing import Final

from qrpay.features.onboarding import papers, service
from qrpay.features.onboarding.model import Application, Fields, FirstKey, KeyAsk, PaperQuery, PaperView
from qrpay.features.onboarding.problems import (
    application_changing,
    application_locked,
    application_not_ready,
    first_key_gone,
    no_merchant_yet,
    paper_refused,
    papers_full,
)
from qrpay.problem import idempotency_key_missing, idempotency_key_reused, not_found
from qrpay.web.callers import MerchantApplicant
from qrpay.web.routes import PUBLIC, Answer, Call, Nothing, Routes

routes: Final = Routes("Becoming a merchant")
ONE: Final = "/v1/merchant-applications/{application}"


@routes.post(
    "/v1/merchant-applications", caller=PUBLIC, body=Fields, body_optional=True, returns=Application, status=201,
    idempotent=True, problems=[idempotency_key_missing, idempotency_key_reused],
)  # fmt: skip
async def create_merchant_application(call: Call, ask: Fields) -> Answer:
    """Apply to become a merchant: all at once, or begin with what you have. The `token` is in this answer only.

    The Idempotency-Key must be random, such as a UUID: the same key and content give the same answer, token and all.
    """
    made, replayed = await service.begin(call.core, ask, call.idempotency_key, call.wire.peer)
    return Answer(made, replayed=replayed)


@routes.get(ONE, caller=MerchantApplicant, returns=Application, problems=[not_found])
async def read_merchant_application(call: Call, _ask: Nothing) -> Application:
    """Read your application: its state, every check, and what the bank said."""
    return await service.read(call.core, service.its_own(call.merchant_applicant, call.path["application"]))


@routes.patch(
    ONE, caller=MerchantApplicant, body=Fields, returns=Application, problems=[application_locked, application_changing]
)
async def change_merchant_application(call: Call, ask: Fields) -> Application:
    """Say more, or something else, until it is submitted, and again when more is needed."""
    return await service.change(call.core, service.its_own(call.merchant_applicant, call.path["application"]), ask)


@routes.post(
    f"{ONE}/papers", caller=MerchantApplicant, query=PaperQuery, upload=papers.BYTES_MAX, returns=PaperView, status=201,
    problems=[application_locked, paper_refused, papers_full],
)  # fmt: skip
async def add_application_paper(call: Call, ask: PaperQuery) -> PaperView:
    """Add a paper: the file itself is the body (PDF, PNG or JPEG). The same file again is the same paper."""
    application = service.its_own(call.merchant_applicant, call.path["application"])
    return await papers.add(call.core, application, ask.kind, await call.file(papers.BYTES_MAX))


@routes.delete(
    f"{ONE}/papers/{{paper}}", caller=MerchantApplicant, status=204, problems=[application_locked, not_found]
)
async def remove_application_paper(call: Call, _ask: Nothing) -> None:
    """Take a paper back."""
    await papers.remove(
        call.core, service.its_own(call.merchant_applicant, call.path["application"]), call.path["paper"]
    )


@routes.post(
    f"{ONE}/submit", caller=MerchantApplicant, returns=Application,
    problems=[application_not_ready, application_locked, application_changing],
)  # fmt: skip
async def submit_merchant_application(call: Call, _ask: Nothing) -> Application:
    """Hand your application to the bank. A merchant for trying is there at once; its key is fetched by …/keys."""
    return await service.submit(call.core, service.its_own(call.merchant_applicant, call.path["application"]))


@routes.post(
    f"{ONE}/keys", caller=MerchantApplicant, body=KeyAsk, body_optional=True, returns=FirstKey, status=201,
    problems=[no_merchant_yet, first_key_gone],
)  # fmt: skip
async def create_first_key(call: Call, ask: KeyAsk) -> FirstKey:
    """Fetch your merchant's first secret key, once: it is shown in this answer only. `test` for the one for trying."""
    application = service.its_own(call.merchant_applicant, call.path["application"])
    return await service.first_key(call.core, application, test=ask.test)
