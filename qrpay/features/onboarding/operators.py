"""Routes for the bank: applications, their papers, and what somebody found who looked. The desk decides."""

from typing import Final

from qrpay.features.onboarding import papers, reviews
from qrpay.features.onboarding.model import Application, ApplicationsQuery, Examined, Person, Said
from qrpay.features.onboarding.problems import application_decided
from qrpay.problem import not_found
from qrpay.values import Page
from qrpay.web.callers import Operator
from qrpay.web.routes import Call, Document, Nothing, Routes

routes: Final = Routes("Applications, for the bank")
ONE: Final = "/v1/operators/merchant-applications/{application}"


@routes.get(
    "/v1/operators/merchant-applications", caller=Operator, duty="look", query=ApplicationsQuery,
    returns=Page[Application],
)  # fmt: skip
async def list_merchant_applications(call: Call, ask: ApplicationsQuery) -> Page[Application]:
    """List applications to become a merchant, newest first."""
    return await reviews.page(call.core, ask)


@routes.get(ONE, caller=Operator, duty="look", returns=Examined, problems=[not_found])
async def examine_merchant_application(call: Call, _ask: Nothing) -> Examined:
    """Look at an application: every check, who looked at it, and others of the same company."""
    return await reviews.examine(call.core, reviews.named(call.path["application"]))


@routes.get(
    f"{ONE}/papers/{{paper}}", caller=Operator, duty="look", watched=True, returns=Document,
    media_type="application/octet-stream", problems=[not_found],
)  # fmt: skip
async def read_application_paper(call: Call, _ask: Nothing) -> Document:
    """Save a paper of an application. Who did stands in the log."""
    row, content = await papers.opened(call.core, reviews.named(call.path["application"]), call.path["paper"])
    headers = {
        "Content-Disposition": f'attachment; filename="{papers.file_name(row)}"',
        "Cache-Control": "no-store",
        "Content-Security-Policy": "sandbox; default-src 'none'",
    }
    return Document(content, row.media_type, headers)


@routes.post(
    f"{ONE}/check", caller=Operator, duty="propose", body=Said, returns=Examined,
    problems=[not_found, application_decided],
)  # fmt: skip
async def check_merchant_application(call: Call, ask: Said) -> Examined:
    """Note that you looked at what needs a person, and what you found; another person decides at the desk."""
    by = Person(call.operator.name, call.operator.id)
    return await reviews.check_off(call.core, reviews.named(call.path["application"]), by, ask.reason)


@routes.post(
    f"{ONE}/ask", caller=Operator, duty="propose", body=Said, returns=Examined,
    problems=[not_found, application_decided],
)  # fmt: skip
async def ask_merchant_applicant(call: Call, ask: Said) -> Examined:
    """Give an application back to its applicant, saying what is needed; it can be submitted again."""
    by = Person(call.operator.name, call.operator.id)
    return await reviews.ask_for_more(call.core, reviews.named(call.path["application"]), by, ask.reason)
