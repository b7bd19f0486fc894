"""What operators call: sign-in, the queue, the log. Each feature's own calls for operators stand in that feature."""

from typing import Final

from qrpay.features.operators import acts, passkeys, proposals, search, service, sessions
from qrpay.features.operators.model import (
    ActsQuery,
    ActView,
    CaseView,
    DecisionView,
    Enrol,
    EnrolmentAsk,
    EnrolmentView,
    FreezeView,
    Me,
    NewDecision,
    NewFreeze,
    NewLift,
    NewPasskey,
    NewRole,
    PasskeyChallenge,
    PasskeySignIn,
    PasskeyView,
    PersonView,
    ProposalView,
    SearchQuery,
    SearchView,
    SignIn,
    WaitingView,
)
from qrpay.features.operators.problems import (
    already_decided,
    already_frozen,
    enrolment_unknown,
    freeze_end_refused,
    not_frozen,
    own_proposal,
    passkey_refused,
    passkeys_need_a_name,
    proposal_waiting,
    role_unchanged,
    second_factor_locked,
    sign_in_refused,
)
from qrpay.problem import not_found
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


# Passkeys ------------------------------------------------------------------------------------------------------


@routes.post(
    "/v1/operators/passkey-challenges", caller=PUBLIC, returns=PasskeyChallenge, status=201,
    problems=[passkeys_need_a_name],
)  # fmt: skip
async def ask_for_passkey(call: Call, _ask: Nothing) -> PasskeyChallenge:
    """Get what a browser needs to sign somebody in by a passkey; good once, for five minutes."""
    return await passkeys.ask_for_one(call.core, _host(call))


@routes.post(
    "/v1/operators/passkey-sessions", caller=PUBLIC, body=PasskeySignIn, returns=Me, status=201,
    problems=[sign_in_refused, passkey_refused, passkeys_need_a_name],
)  # fmt: skip
async def sign_in_by_passkey(call: Call, ask: PasskeySignIn) -> Answer:
    """Sign in by a passkey, which is both factors; the session is in the cookie of the answer."""
    text, me = await passkeys.sign_in(call.core, ask, _host(call), call.wire.peer)
    return Answer(me, headers={"Set-Cookie": sessions.set_cookie(call.core, text)})


@routes.post(
    "/v1/operators/passkeys/offers", caller=Operator, duty="look", returns=PasskeyChallenge, status=201,
    problems=[passkeys_need_a_name],
)  # fmt: skip
async def offer_passkey(call: Call, _ask: Nothing) -> PasskeyChallenge:
    """Get what a browser needs to make a passkey for whoever is signed in."""
    return await passkeys.offer(call.core, call.operator, _host(call))


@routes.post(
    "/v1/operators/passkeys", caller=Operator, duty="look", body=NewPasskey, returns=PasskeyView, status=201,
    problems=[passkey_refused, passkeys_need_a_name],
)  # fmt: skip
async def register_passkey(call: Call, ask: NewPasskey) -> PasskeyView:
    """Keep a passkey that the browser made."""
    return await passkeys.register(call.core, call.operator, ask, _host(call))


@routes.get("/v1/operators/passkeys", caller=Operator, duty="look", returns=Page[PasskeyView])
async def list_passkeys(call: Call, _ask: Nothing) -> Page[PasskeyView]:
    """List one's own passkeys."""
    return Page(await passkeys.listed(call.core, call.operator))


@routes.delete("/v1/operators/passkeys/{passkey}", caller=Operator, duty="look", status=204)
async def remove_passkey(call: Call, _ask: Nothing) -> None:
    """End one of one's own passkeys."""
    await passkeys.remove(call.core, call.operator, call.path["passkey"])


def _host(call: Call) -> str:
    return call.wire.headers.get("Host", "")


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


# What operators propose ----------------------------------------------------------------------------------------


@routes.post(
    "/v1/operators/freezes", caller=Operator, duty="propose", body=NewFreeze, returns=ProposalView, status=201,
    problems=[already_frozen, freeze_end_refused, proposal_waiting, not_found],
)  # fmt: skip
async def propose_freeze(call: Call, ask: NewFreeze) -> ProposalView:
    """Propose to freeze a merchant or a terminal; it is frozen once another person has approved it."""
    return await proposals.propose_freeze(call.core, call.operator, ask)


@routes.get("/v1/operators/freezes", caller=Operator, duty="look", returns=Page[FreezeView])
async def list_freezes(call: Call, _ask: Nothing) -> Page[FreezeView]:
    """List what is frozen, latest first."""
    return Page(await proposals.standing(call.core))


@routes.post(
    "/v1/operators/freezes/{freeze}/lift", caller=Operator, duty="propose", body=NewLift, returns=ProposalView,
    status=201, problems=[not_frozen, proposal_waiting],
)  # fmt: skip
async def propose_lift(call: Call, ask: NewLift) -> ProposalView:
    """Propose to lift a freeze before its end."""
    return await proposals.propose_lift(call.core, call.operator, call.path["freeze"], ask.reason)


@routes.get("/v1/operators/people", caller=Operator, duty="look", returns=Page[PersonView])
async def list_people(call: Call, _ask: Nothing) -> Page[PersonView]:
    """List the people of the bank, by name."""
    return Page(await proposals.people(call.core))


@routes.post(
    "/v1/operators/people/{operator}/role", caller=Operator, duty="administer", body=NewRole, returns=ProposalView,
    status=201, problems=[role_unchanged, proposal_waiting],
)  # fmt: skip
async def propose_role(call: Call, ask: NewRole) -> ProposalView:
    """Propose another role for somebody; another administrator decides."""
    return await proposals.propose_role(call.core, call.operator, call.path["operator"], ask)


@routes.post(
    "/v1/operators/people/{operator}/revoke", caller=Operator, duty="administer", body=NewLift, status=204
)  # fmt: skip
async def revoke_person(call: Call, _ask: NewLift) -> None:
    """Somebody leaves: signed out everywhere at once, for good. It needs no second person, as it only takes away."""
    await proposals.revoke(call.core, call.operator, call.path["operator"])


# Search --------------------------------------------------------------------------------------------------------


@routes.get("/v1/operators/search", caller=Operator, duty="look", query=SearchQuery, returns=SearchView, watched=True)
async def search_anything(call: Call, ask: SearchQuery) -> SearchView:
    """Find anything by any id, reference, merchant's name or phone number, with all that happened to it."""
    return await search.search(call.core, ask.q)


# The log -------------------------------------------------------------------------------------------------------


@routes.get("/v1/operators/acts", caller=Operator, duty="look", query=ActsQuery, returns=Page[ActView])
async def list_acts(call: Call, ask: ActsQuery) -> Page[ActView]:
    """List what operators did, newest first: about one thing, or by one of them."""
    return await acts.listed(call.core, ask)
