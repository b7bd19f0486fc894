"""What operators call: sign-in, the queue, the log. Each feature's own calls for operators stand in that feature."""

from typing import Final

from qrpay.features.operators import acts, service, sessions
from qrpay.features.operators.model import (
    ActsQuery,
    ActView,
    CaseView,
    DecisionView,
    Enrol,
    EnrolmentAsk,
    EnrolmentView,
    Me,
    NewDecision,
    SignIn,
    WaitingView,
)
from qrpay.features.operators.problems import (
    already_decided,
    enrolment_unknown,
    own_proposal,
    second_factor_locked,
    sign_in_refused,
)
from qrpay.values import Page
from qrpay.web.callers import Operator
from qrpay.web.routes import PUBLIC, Answer, Call, Nothing, Routes

routes: Final = Routes("Operators")


@routes.post(
    "/v1/operators/sessions", caller=PUBLIC, body=SignIn, returns=Me, status=201,
    problems=[sign_in_refused, second_factor_locked],
)  # fmt: skip
async def operator_sign_in(call: Call, ask: SignIn) -> Answer:
    """Sign in with password and code; the session is in the cookie of the answer."""
    text, me = await sessions.sign_in(call.core, ask, call.wire.peer)
    return Answer(me, headers={"Set-Cookie": sessions.set_cookie(call.core, text)})


@routes.get("/v1/operators/session", caller=Operator, duty="look", returns=Me)
async def read_operator_session(call: Call, _ask: Nothing) -> Me:
    """Who is signed in, and what the role may do."""
    return await sessions.me(call.core, call.operator)


@routes.delete("/v1/operators/session", caller=Operator, duty="look", status=204)
async def operator_sign_out(call: Call, _ask: Nothing) -> Answer:
    """Sign out: the session ends at once."""
    await sessions.sign_out(call.core, call.operator)
    return Answer(None, headers={"Set-Cookie": sessions.clear_cookie(call.core)})


@routes.post(
    "/v1/operators/enrolments/read", caller=PUBLIC, body=EnrolmentAsk, returns=EnrolmentView,
    problems=[enrolment_unknown],
)  # fmt: skip
async def read_enrolment(call: Call, ask: EnrolmentAsk) -> EnrolmentView:
    """Read an enrolment link: whose it is, and the secret for the authenticator."""
    return await sessions.enrolment(call.core, ask.enrolment, call.wire.peer)


@routes.post(
    "/v1/operators/enrolments", caller=PUBLIC, body=Enrol, returns=Me, status=201,
    problems=[enrolment_unknown, sign_in_refused],
)  # fmt: skip
async def enrol_operator(call: Call, ask: Enrol) -> Answer:
    """Set a password, show that the authenticator works, and be signed in; the link ends with it."""
    text, me = await sessions.enrol(call.core, ask, call.wire.peer)
    return Answer(me, headers={"Set-Cookie": sessions.set_cookie(call.core, text)})


# What waits ----------------------------------------------------------------------------------------------------


@routes.get("/v1/operators/reviews", caller=Operator, duty="look", returns=Page[WaitingView])
async def list_reviews(call: Call, _ask: Nothing) -> Page[WaitingView]:
    """List what waits for a decision, of every kind, oldest first."""
    return Page(await service.queue(call.core, call.operator))


@routes.get(
    "/v1/operators/reviews/{kind}/{review}", caller=Operator, duty="look", returns=CaseView, watched=True,
    problems=[already_decided],
)  # fmt: skip
async def read_review(call: Call, _ask: Nothing) -> CaseView:
    """Read all there is to see of one thing before deciding it."""
    return await service.case(call.core, call.operator, call.path["kind"], call.path["review"])


@routes.post(
    "/v1/operators/reviews/{kind}/{review}", caller=Operator, duty="look", body=NewDecision, returns=DecisionView,
    problems=[already_decided, own_proposal],
)  # fmt: skip
async def decide_review(call: Call, ask: NewDecision) -> DecisionView:
    """Approve or reject, once, and not what one proposed; whose decision it is, the thing says in `duty`."""
    return await service.decide(call.core, call.operator, call.path["kind"], call.path["review"], ask)


# The log -------------------------------------------------------------------------------------------------------


@routes.get("/v1/operators/acts", caller=Operator, duty="look", query=ActsQuery, returns=Page[ActView])
async def list_acts(call: Call, ask: ActsQuery) -> Page[ActView]:
    """List what operators did, newest first: about one thing, or by one of them."""
    return await acts.listed(call.core, ask)
