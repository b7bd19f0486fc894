"""Signing in, deciding once and by two, and a log that holds whatever was done."""

from asyncio import gather

import asyncpg
import pytest

from qrpay.database.pool import Database
from qrpay.features.operators import acts, service, sessions, store
from qrpay.features.operators.model import DecisionRow
from qrpay.values import id_text, new_id
from tests.features.operators.conftest import Painting
from tests.features.people import PASSWORD, code_of, headers_of, signed_in
from tests.web.house import House, house
from tests.web.world import Said

SIGN_IN = "/v1/operators/sessions"


async def test_a_code_is_good_once_and_nobody_learns_what_was_wrong(desk: House) -> None:
    """Wrong name, wrong password, wrong code, used code: one answer. Right: a cookie that scripts cannot read."""
    person = await signed_in(desk.core, "clerk")
    used, fresh = person.code(desk.core, ahead=-1), person.code(desk.core)
    for name, password, totp in (
        ("nobody", PASSWORD, fresh),
        (person.name, "wrong", fresh),
        (person.name, PASSWORD, f"{(int(fresh) + 1) % 10**6:06d}"),
        (person.name, PASSWORD, used),  # enrolling has used it
    ):
        said = await desk.api.post(SIGN_IN, body={"name": name, "password": password, "totp": totp})
        assert said.verdict == (401, "sign_in_refused")

    answers = await gather(*[
        desk.api.post(SIGN_IN, body={"name": person.name, "password": PASSWORD, "totp": fresh}) for _ in range(3)
    ])  # fmt: skip
    assert sorted(said.status for said in answers) == [201, 401, 401]
    [opened] = [said for said in answers if said.status == 201]
    cookie = opened.headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie
    me = await desk.api.get("/v1/operators/session", headers={"Cookie": cookie.split(";")[0]})
    assert (me.json["name"], me.json["duties"]) == (person.name, ["look", "propose"])


async def test_a_session_ends_when_idle_when_told_and_with_its_operator(desk: House) -> None:
    """At once, on whatever worker."""
    idle, told = await signed_in(desk.core, "clerk"), await signed_in(desk.core, "clerk")
    gone = await signed_in(desk.core, "clerk")
    session = "/v1/operators/session"
    assert (await desk.api.call("DELETE", session, headers=told.headers)).status == 204
    await store.revoke(desk.core.database, gone.id, desk.core.clock())
    for person in (told, gone):
        assert (await desk.api.get(session, headers=person.headers)).verdict == (401, "unauthenticated")
    assert (await desk.api.get(session, headers=idle.headers)).status == 200
    desk.clock.move(minutes=16)
    assert (await desk.api.get(session, headers=idle.headers)).verdict == (401, "unauthenticated")


async def test_a_strangers_page_cannot_act_for_somebody_signed_in(desk: House) -> None:
    """Without our header, or from elsewhere, nothing is done; a customer or a merchant is no operator at all."""
    person = await signed_in(desk.core, "clerk")
    for more in ({"X-Requested-With": ""}, {"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        said = await desk.api.call("DELETE", "/v1/operators/session", headers={**person.headers, **more})
        assert said.verdict == (403, "cross_site_refused"), more
    for key in (desk.api.ana, desk.api.shop):
        assert (await desk.api.get("/v1/operators/reviews", key)).verdict == (403, "wrong_caller")
    forged = headers_of("ops_" + "A" * 43)
    assert (await desk.api.get("/v1/operators/reviews", headers=forged)).verdict == (401, "unauthenticated")


async def test_of_all_who_decide_one_has_decided_and_not_the_maker(desk: House, painting: Painting) -> None:
    """Clerks and auditors decide nothing; nor does whoever proposed it; of two approvers at once, one is told."""
    maker, first, second = [await signed_in(desk.core, "approver") for _ in range(3)]
    wall = painting.ask(maker.id, desk.core.clock())
    path = f"/v1/operators/reviews/wall/{id_text('wal_', wall)}"
    yes = {"verdict": "approve", "reason": "it is time"}

    for role in ("clerk", "auditor", "administrator"):
        person = await signed_in(desk.core, role)
        assert (await desk.api.post(path, body=yes, headers=person.headers)).verdict == (403, "forbidden")
    assert (await desk.api.post(path, body=yes, headers=maker.headers)).verdict == (403, "own_proposal")
    [line] = (await desk.api.get("/v1/operators/reviews", headers=maker.headers)).json["data"]
    assert (line["id"], line["own"]) == (id_text("wal_", wall), True)

    answers = await gather(
        desk.api.post(path, body=yes, headers=first.headers),
        desk.api.post(path, body={"verdict": "reject", "reason": "too red"}, headers=second.headers),
    )
    assert sorted(said.code for said in answers) == ["", "already_decided"]
    assert len(painting.done) == 1
    winner = first if answers[0].status == 200 else second
    assert painting.done[0][2] == winner.name

    rows = (await desk.api.get(f"/v1/operators/acts?about={id_text('wal_', wall)}", headers=first.headers)).json["data"]
    outcomes = sorted(row["outcome"] for row in rows)
    assert outcomes == ["already_decided", "done", "forbidden", "forbidden", "forbidden", "own_proposal"]


async def test_what_cannot_be_carried_out_is_not_decided_and_what_died_is_carried_out(
    desk: House, painting: Painting
) -> None:
    """A refusal takes the decision back; a process that died after deciding leaves it to the clock."""
    person = await signed_in(desk.core, "approver")
    wall, other = painting.ask(None, desk.core.clock()), painting.ask(None, desk.core.clock())
    path, yes = f"/v1/operators/reviews/wall/{id_text('wal_', wall)}", {"verdict": "approve", "reason": "it is time"}
    painting.out = True
    assert (await desk.api.post(path, body=yes, headers=person.headers)).code == "out_of_paint"
    painting.out = False
    assert (await desk.api.post(path, body=yes, headers=person.headers)).status == 200
    assert (await desk.api.post(path, body=yes, headers=person.headers)).status == 200  # the first answer again

    at = desk.core.clock()
    row = DecisionRow("wall", other, False, None, person.id, person.name, "no", at, None)
    assert await store.decide(desk.core.database, row)
    desk.clock.move(minutes=2)
    await service.carry_out_undone(desk.core)
    assert painting.done == [("painted", wall, person.name), ("left", other, person.name)]
    kept = await store.decision(desk.core.database, "wall", other)
    assert kept is not None and kept.done_at is not None


async def test_the_log_is_whole_and_the_application_cannot_change_it(
    desk: House, database: Database, database_dsn: str
) -> None:
    """Written side by side, numbered without a gap, chained; an owner who changes a line is found out."""
    person = await signed_in(desk.core, "clerk")
    line = (await store.acts(database, None, person.id, 2**62, 1))[0]
    await gather(*[acts.append(desk.core, line) for _ in range(8)])
    assert await acts.broken_at(desk.core) is None
    for statement in ("UPDATE operator_acts SET reason = ''", "DELETE FROM operator_acts"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await database.execute(statement)
    assert PASSWORD not in str(await store.acts_from(database, 0, 1_000))
    owner = await asyncpg.connect(database_dsn)
    try:
        await owner.execute("UPDATE operator_acts SET name = name || '!' WHERE seq = $1", line.seq)
        assert await acts.broken_at(desk.core) == line.seq
    finally:
        await owner.execute("UPDATE operator_acts SET name = rtrim(name, '!') WHERE seq = $1", line.seq)
        await owner.close()


async def test_operators_alone_see_the_sums_of_the_books(desk: House) -> None:
    """The light is everybody's; with a session each currency also says what stands on either side."""
    person = await signed_in(desk.core, "auditor")
    path = "/v1/ledger/conservation"
    public, stale = await desk.api.get(path), await desk.api.get(path, headers=headers_of("ops_" + "A" * 43))
    assert stale.status == 200 and all(line.keys() == {"currency", "balanced"} for line in stale.json["currencies"])
    shown = (await desk.api.get(path, headers=person.headers)).json
    assert shown["signed"].count(".") == public.json["signed"].count(".")
    [yuan] = [line for line in shown["currencies"] if line["currency"] == "CNY"]
    assert yuan["debits"] == yuan["credits"] > 0 and yuan["balance"] == 0


async def test_an_enrolment_link_is_good_once_and_a_new_one_ends_what_was_before(desk: House) -> None:
    """With it the person sets a password and shows the authenticator; a lost factor is replaced whole."""
    core, api = desk.core, desk.api
    row, link = await sessions.add(core, f"new-{new_id().hex}", "clerk")
    read = (await api.post("/v1/operators/enrolments/read", body={"enrolment": link})).json
    assert (read["name"], read["role"]) == (row.name, "clerk") and "otpauth" in read["totp_uri"]
    ask = {"enrolment": link, "password": PASSWORD, "totp": code_of(core, read["totp_secret"])}
    wrong = {**ask, "totp": f"{(int(ask['totp']) + 1) % 10**6:06d}"}
    assert (await api.post("/v1/operators/enrolments", body=wrong)).code == "sign_in_refused"
    assert (await api.post("/v1/operators/enrolments", body=ask)).status == 201
    assert (await api.post("/v1/operators/enrolments", body=ask)).code == "enrolment_unknown"

    _, renewed = await sessions.renew(core, row.name)
    desk.clock.move(seconds=60)
    old = {"name": row.name, "password": PASSWORD, "totp": code_of(core, read["totp_secret"])}
    assert (await api.post(SIGN_IN, body=old)).code == "sign_in_refused"
    desk.clock.move(hours=25)
    assert (await api.post("/v1/operators/enrolments/read", body={"enrolment": renewed})).code == "enrolment_unknown"


async def test_only_who_knows_the_password_can_stop_a_name(database: Database) -> None:
    """Wrong passwords slow the address down and leave the name alone; wrong codes after the right one stop it."""
    async with house(database, sign_in_tries=1_000, base_url="https://bank.example") as desk:
        person = await signed_in(desk.core, "clerk")

        async def tried(password: str, totp: str) -> Said:
            return await desk.api.post(SIGN_IN, body={"name": person.name, "password": password, "totp": totp})

        for _ in range(8):
            assert (await tried("a stranger's guess", "000000")).code == "sign_in_refused"
        opened = await tried(PASSWORD, person.code(desk.core))
        assert opened.status == 201
        assert opened.headers["Set-Cookie"].startswith("__Host-qrpay_operator=")
        assert opened.headers["Set-Cookie"].endswith("; Secure")
        desk.clock.move(seconds=60)
        bad = f"{(int(person.code(desk.core)) + 1) % 10**6:06d}"
        said = [(await tried(PASSWORD, bad)).code for _ in range(6)]
        assert said == ["sign_in_refused"] * 5 + ["second_factor_locked"]
        assert (await tried(PASSWORD, person.code(desk.core))).code == "second_factor_locked"
        desk.clock.move(minutes=16)
        assert (await tried(PASSWORD, person.code(desk.core))).status == 201
