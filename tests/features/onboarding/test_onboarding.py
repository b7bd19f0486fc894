"""From the first form to the first sale: over HTTP, with the bank's people at their desk."""

from asyncio import gather
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from stdnum.cn import uscc as social_credit

from qrpay.database.pool import Database
from qrpay.features.merchants import service as merchants
from qrpay.features.onboarding import papers, service, store
from qrpay.features.settlement import terms
from qrpay.values import Id, id_from_text, id_text, new_id
from tests.features.onboarding.test_checks import GOOD
from tests.features.people import Person, signed_in
from tests.web.house import House, house
from tests.web.world import Said, fresh

APPLY = "/v1/merchant-applications"
DESK = "/v1/operators/merchant-applications"
PDF = b"%PDF-1.7\nlicence of a shop\n%%EOF\n"
JPEG = b"\xff\xd8\xff\xe0 somebody's face \xff\xd9"


@pytest.fixture
async def home(database: Database) -> AsyncIterator[House]:
    """A house with a desk, whose clock the test moves."""
    async with house(database, applications_per_hour=1_000) as running:
        yield running


def a_company() -> str:
    """A unified social credit code nobody has, valid."""
    alphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"
    number, digits = new_id().int, ""
    for _ in range(9):
        number, place = divmod(number, 31)
        digits += alphabet[place]
    return "91350100" + digits + str(social_credit.calc_check_digit("91350100" + digits))


def said_by(**more: Any) -> dict[str, Any]:
    """A good form of a company of its own."""
    form: dict[str, Any] = msgspec.to_builtins(GOOD)
    return form | {"uscc": a_company(), **more}


class Applicant:
    """Somebody who applies."""

    def __init__(self, home: House, first: dict[str, Any]) -> None:
        self.api = home.api
        self.id = str(first["id"])
        self.token = str(first["token"])
        self.path = f"{APPLY}/{self.id}"

    async def paper(self, kind: str, file: bytes) -> Said:
        """Send a paper."""
        headers = {"Content-Type": "application/octet-stream"}
        return await self.api.call("POST", f"{self.path}/papers?kind={kind}", self.token, raw=file, headers=headers)

    async def now(self) -> dict[str, Any]:
        """The application as it stands."""
        found: dict[str, Any] = (await self.api.get(self.path, self.token)).json
        return found

    async def submit(self) -> Said:
        """Hand it in."""
        return await self.api.post(f"{self.path}/submit", self.token)

    async def key(self, test: bool = False) -> Said:
        """Fetch the first key."""
        return await self.api.post(f"{self.path}/keys", self.token, {"test": test})


async def begun(home: House, form: dict[str, Any] | None = None) -> Applicant:
    """An application that was begun."""
    said = await home.api.post(APPLY, body=form or {}, headers={"Idempotency-Key": str(new_id())})
    assert said.status == 201, said.body
    return Applicant(home, said.json)


async def handed_in(home: House, **more: Any) -> Applicant:
    """An application with its papers, submitted."""
    who = await begun(home, said_by(**more))
    assert (await who.paper("business_licence", PDF)).status == 201
    assert (await who.paper("legal_person_id", JPEG)).status == 201
    said = await who.submit()
    assert (said.status, said.json["status"]) == (200, "submitted"), said.body
    return who


async def looked_at(home: House, who: Applicant, by: Person, what: str = "check", reason: str = "read") -> Said:
    """A clerk looks, or asks for more."""
    return await home.api.post(f"{DESK}/{who.id}/{what}", body={"reason": reason}, headers=by.headers)


async def decided(home: House, who: Applicant, by: Person, verdict: str = "approve") -> Said:
    """Somebody decides at the desk."""
    seen = (await home.api.get(f"{DESK}/{who.id}", headers=by.headers)).json
    path = f"/v1/operators/reviews/merchant_application/{seen['submission']}"
    return await home.api.post(path, body={"verdict": verdict, "reason": "as it is"}, headers=by.headers)


async def test_a_company_becomes_a_merchant_that_sells(home: House) -> None:
    """Begun, gone on with, handed in, looked at by one and approved by another; its key is shown once and works."""
    form = said_by()
    who = await begun(home, {"legal_name": form["legal_name"]})
    assert (await who.now())["status"] == "draft"
    changed = await home.api.call("PATCH", who.path, who.token, form)
    assert (changed.status, changed.json["uscc"]) == (200, form["uscc"])
    assert changed.json["contact"] == {"name": "张*", "phone": "138****8000", "email": "z***@shop.example"}
    assert changed.json["payout"]["account"] == "****0128"
    refused = await who.submit()
    assert (refused.code, refused.places) == ("application_not_ready", ["/papers", "/papers"])
    for kind, file in (("business_licence", PDF), ("legal_person_id", JPEG)):
        assert (await who.paper(kind, file)).status == 201
    submitted = await who.submit()
    assert submitted.json["status"] == "submitted"
    assert (await who.submit()).json == submitted.json
    assert (await home.api.call("PATCH", who.path, who.token, {"mcc": "5812"})).code == "application_locked"

    trying = await who.key(test=True)
    assert trying.json["merchant"] == submitted.json["test_merchant"]
    order = {"reference": fresh(), "amount": 100, "currency": "CNY"}
    tried = await home.api.post("/v1/orders", trying.json["secret_key"], order)
    paid = await home.api.post(f"/v1/orders/{tried.json['id']}/test-payment", trying.json["secret_key"])
    assert paid.json["status"] == "paid"
    assert (await who.key()).code == "no_merchant_yet"

    clerk, approver = await signed_in(home.core, "clerk"), await signed_in(home.core, "approver")
    assert (await decided(home, who, approver)).code == "application_unchecked"
    assert (await looked_at(home, who, clerk)).json["checked_by"] == clerk.name
    assert (await decided(home, who, clerk)).verdict == (403, "forbidden")
    assert (await decided(home, who, approver)).status == 200
    assert (await decided(home, who, approver)).status == 200  # the first answer again

    keys = await gather(*(who.key() for _ in range(4)))
    assert Counter(said.status for said in keys) == {201: 1, 409: 3}
    key = next(said.json["secret_key"] for said in keys if said.status == 201)
    shown = (await home.api.get("/v1/merchant", key)).json
    assert (shown["name"], shown["test"], shown["mcc"], len(shown["stores"])) == ("快乐超市", False, "5411", 1)
    assert (await home.api.post("/v1/orders", key, order | {"store": shown["stores"][0]["id"]})).status == 201
    merchant = id_from_text("mer_", shown["id"])
    assert merchant is not None
    payout = (await terms.terms_of(home.core, merchant)).payout
    assert payout is not None and (payout.name, payout.account) == (form["legal_name"], "6222021234567890128")
    [act] = await merchants.acts_of(home.core, merchant)
    assert (act.act, act.maker, act.checker) == ("taken_on", clerk.name, approver.name)
    assert (await who.now())["merchant"] == shown["id"]

    found = await home.api.get(f"/v1/operators/search?q={form['uscc']}", headers=clerk.headers)
    assert who.id in str(found.json)
    told = (await home.api.get(f"/v1/operators/search?q={who.id}", headers=clerk.headers)).body.decode()
    assert shown["id"] in told and approver.name in told
    assert "6222021234567890128" not in told and "13800138000" not in told


async def test_of_two_who_decide_one_has_and_of_two_of_one_company_one_is_taken_on(home: House) -> None:
    """Approved or rejected, never both; a second merchant of the company is refused, and its application stays open."""
    clerk, first, second = [await signed_in(home.core, role) for role in ("clerk", "approver", "approver")]
    company = a_company()
    one, other = await handed_in(home, uscc=company), await handed_in(home, uscc=company)
    results = {check["name"]: check["result"] for check in (await other.now())["checks"]}
    assert results["uscc_unused"] == "needs_person"
    seen = (await looked_at(home, other, clerk)).json
    assert seen["duplicates"] == [one.id]
    await looked_at(home, one, clerk)

    answers = await gather(decided(home, one, first), decided(home, other, second))
    codes = sorted(said.code for said in answers)
    assert codes == ["", "uscc_taken"]
    left = other if answers[0].status == 200 else one
    assert (await left.now())["status"] == "submitted"
    verdicts = await gather(*(decided(home, left, person, "reject") for person in (first, second)))
    assert sorted(said.code for said in verdicts) == ["", "already_decided"]
    assert (await left.now())["status"] == "rejected"
    assert (await left.key()).code == "no_merchant_yet"
    assert (await home.api.call("PATCH", left.path, left.token, {"mcc": "5812"})).code == "application_locked"
    assert await home.core.database.fetch(store.STATEMENTS.every_approved_application_has_its_company) == []


async def test_more_is_asked_for_and_what_comes_is_looked_at_anew(home: House) -> None:
    """The applicant reads what is needed and hands in again; who looked before does not count for it."""
    clerk, approver = await signed_in(home.core, "clerk"), await signed_in(home.core, "approver")
    who = await handed_in(home)
    await looked_at(home, who, clerk)
    asked = await looked_at(home, who, clerk, "ask", "The licence cannot be read.")
    assert asked.status == 200, asked.body
    now = await who.now()
    assert (now["status"], now["reason"]) == ("more_needed", "The licence cannot be read.")
    assert (await decided(home, who, approver)).verdict == (404, "not_found")
    removed = await home.api.call("DELETE", f"{who.path}/papers/{now['papers'][0]['id']}", who.token)
    assert removed.status == 204
    assert (await who.submit()).code == "application_not_ready"
    assert (await who.paper("business_licence", PDF + b" ")).status == 201
    again = (await who.submit()).json
    assert (again["status"], again["reason"], again["test_merchant"]) == ("submitted", None, now["test_merchant"])
    assert (await decided(home, who, approver)).code == "application_unchecked"
    await looked_at(home, who, clerk)
    assert (await decided(home, who, approver)).status == 200


async def test_papers_are_sealed_and_only_the_bank_opens_them(home: House) -> None:
    """Unreadable in the database, for applicants and merchants; a download is an attachment and stands in the log."""
    who = await begun(home)
    for file in (b"GIF89a", b"", b"%PDF-1.7 cut"):
        assert (await who.paper("other", file)).code == "paper_refused"
    kept = (await who.paper("business_licence", PDF)).json
    assert (await who.paper("business_licence", PDF)).json == kept
    assert (await who.paper("other", PDF + b" " * papers.BYTES_MAX)).verdict == (413, "body_too_large")
    large = await who.paper("other", b"%PDF-" + b"x" * (papers.BYTES_MAX - 10) + b"%%EOF")
    assert (large.status, large.json["size"]) == (201, papers.BYTES_MAX)
    answers = await gather(*(who.paper("other", PDF + bytes([32 + n])) for n in range(papers.PAPERS_MAX)))
    assert Counter(said.code for said in answers) == {"": papers.PAPERS_MAX - 2, "papers_full": 2}
    sealed = await home.core.database.fetch(
        "SELECT sealed FROM merchant_application_papers WHERE application = $1", _id(who)
    )
    assert all(b"licence" not in row["sealed"] for row in sealed)

    path = f"{DESK}/{who.id}/papers/{kept['id']}"
    for key in (who.token, home.api.shop, home.api.ana):
        assert (await home.api.get(path, key)).verdict == (403, "wrong_caller")
    auditor = await signed_in(home.core, "auditor")
    saved = await home.api.get(path, headers=auditor.headers)
    assert (saved.body, saved.headers["Content-Type"]) == (PDF, "application/pdf")
    assert saved.headers["Content-Disposition"].startswith('attachment; filename="business_licence-pap_')
    assert saved.headers["X-Content-Type-Options"] == "nosniff"
    acts = (await home.api.get(f"/v1/operators/acts?about={who.id}", headers=auditor.headers)).json["data"]
    assert [act["act"] for act in acts] == ["read_application_paper"]
    assert "JVBERi" not in str(acts), "a file is no line of a log, in base64 neither"


async def test_an_application_is_its_applicants_alone(home: House) -> None:
    """By its token: others' and forged ones are refused; the same key and content give the same answer, others none."""
    one, other = await begun(home), await begun(home)
    assert (await home.api.get(one.path, other.token)).verdict == (404, "not_found")
    for token in (one.token[:-1], one.token[:-2] + "AA", "apt_", "apt_" + "A" * 43, "apt_é"):
        assert (await home.api.get(one.path, token.encode().decode("latin-1"))).verdict == (401, "unauthenticated")
    assert (await home.api.get(one.path, home.api.shop)).verdict == (403, "wrong_caller")

    key, form = {"Idempotency-Key": str(new_id())}, said_by()
    answers = await gather(*(home.api.post(APPLY, body=form, headers=key) for _ in range(3)))
    assert len({(said.json["id"], said.json["token"]) for said in answers}) == 1
    assert sorted(said.headers.get("Idempotent-Replayed", "") for said in answers) == ["", "true", "true"]
    reused = await home.api.post(APPLY, body=said_by(), headers=key)
    assert reused.code == "idempotency_key_reused"
    assert reused.places == []
    assert (await home.api.post(APPLY, body=form)).code == "idempotency_key_missing"
    assert (await home.api.post(APPLY, body=form, headers={"Idempotency-Key": "1"})).code == "invalid_field"
    for wrong in (
        {"mcc": "54"},
        {"uscc": "x"},
        {"payout": {"name": "Tea Co"}},
        {"contact": None},
        {"legal_name": "a\u202eb"},
    ):
        said = await home.api.call("PATCH", one.path, one.token, wrong)
        assert said.status == 422, wrong


async def test_applications_are_counted_and_drafts_that_nobody_wants_are_forgotten(database: Database) -> None:
    """One address begins so many an hour; a draft of a month ago is gone with its papers."""
    async with house(database, applications_per_hour=2) as home:
        who = await begun(home)
        await who.paper("other", PDF)
        await begun(home)
        said = await home.api.post(APPLY, body={}, headers={"Idempotency-Key": str(new_id())})
        assert said.verdict == (429, "rate_limited")
        home.clock.move(days=29)
        await service.forget_drafts(home.core)
        assert (await who.now())["status"] == "draft"
        home.clock.move(days=2)
        while await service.forget_drafts(home.core):
            pass
        assert (await home.api.get(who.path, who.token)).verdict == (404, "not_found")


def _id(who: Applicant) -> Id:
    found = id_from_text("apl_", who.id)
    assert found is not None and id_text("apl_", found) == who.id
    return found
