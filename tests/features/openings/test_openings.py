"""Openings: all steps, what is refused at each, and that nobody gets more accounts than the rules allow."""

import asyncio
from collections import Counter
from datetime import timedelta

import pytest

from qrpay.core import Core
from qrpay.features.clearing.jobs import turn
from qrpay.features.e_accounts import service as e_accounts
from qrpay.features.openings import deciding, ids, personal, reviews, service
from qrpay.features.openings.feature import feature
from qrpay.features.openings.model import DepositSeen, Identity, NewCard, NewOpening, NewPhone, PhoneCode
from qrpay.features.openings.problems import opening_changed
from qrpay.ledger.audit import CHECKS
from qrpay.problem import Refused
from qrpay.values import id_from_text, new_id
from tests.features.clearing.conftest import Sandbox
from tests.features.conftest import HandClock
from tests.features.openings.conftest import Person, Verifier, card_number, id_number, ready


async def in_order(core: Core) -> None:
    """Every invariant holds."""
    for check in (*CHECKS, *feature.checks):
        assert not await core.database.fetch(check), check.name


async def test_an_account_is_opened_step_by_step_and_resumed_by_its_token(
    core: Core, sms: Verifier, caplog: pytest.LogCaptureFixture
) -> None:
    """Identity, phone, card, deposit, consent. The token is all another device needs; what identifies is masked."""
    ana = Person(core, sms)
    opening = await ana.comes_to_consent()
    token = service.token_of(core, opening)
    assert (await service.check_token(core, token)).id == opening  # another device
    halfway = await service.view(core, await service.row_of(core, opening))
    assert (halfway.status, halfway.next, halfway.name) == ("in_progress", "consent", "王**")
    assert ana.id_number not in repr(halfway)

    first, again = await ana.consents(opening), await ana.consents(opening)

    assert (first.status, first.account) == ("opened", again.account)
    assert first.access_token is not None
    wallet = await e_accounts.check_token(core, first.access_token)
    [account] = await e_accounts.accounts_of(core, wallet.id)
    assert (account.id, account.account_class) == (first.account, "III")
    row = await core.database.fetchrow("SELECT * FROM bound_accounts WHERE customer = $1", wallet.id)
    assert row is not None
    assert ana.card not in str(dict(row))
    assert (await personal.unseal(core, core.database, wallet.id, row["details"])).count(ana.card.encode()) == 1
    assert await core.database.fetchval("SELECT sealed FROM personal_keys WHERE owner = $1", opening) is None
    said = caplog.text
    assert not any(secret in said for secret in (ana.id_number, ana.phone, ana.card, ana.name, token))
    for forged in (token[:-1] + ("A" if token[-1] != "A" else "B"), token[:40], "ot_", "ot_" + "A" * 44):
        with pytest.raises(Refused, match="unauthenticated"):
            await service.check_token(core, forged)
    await in_order(core)


@pytest.mark.parametrize(
    ("said", "place"),
    [
        ({"id_number": "110105194912310021"}, "/id_number"),
        ({"id_number": "11010519491331002X"}, "/id_number"),
        ({"id_number": id_number(1, "20200101")}, "/id_number"),  # a child
        ({"id_number": id_number(1, "20990101")}, "/id_number"),
        ({"name": "王3"}, "/name"),
        ({"valid_until": -1}, "/valid_until"),
    ],
)
async def test_what_the_document_says_is_looked_at_before_anybody_is_asked(
    core: Core, identity: Verifier, sms: Verifier, said: dict[str, object], place: str
) -> None:
    """A number that is none, a child, an expired document (rules.md 3.3, 3.4)."""
    await identity.behave(away=True)
    ana = Person(core, sms)
    days = said.pop("valid_until", 1)
    ask = {"name": ana.name, "id_number": ana.id_number} | said
    assert isinstance(days, int)
    until = core.clock().date() + timedelta(days=days)
    with pytest.raises(Refused, match="identity_refused") as refused:
        await service.identify(core, await ana.begins(), Identity(**ask, valid_until=until))
    assert [error.pointer for error in refused.value.errors] == [place]


def test_the_standards_own_numbers_are_taken() -> None:
    """GB 11643's examples; the second one's region no longer exists. Sixteen on the birthday itself."""
    births = [ids.birth_of(number) for number in ("11010519491231002X", "440524188001010014")]
    assert [birth.isoformat() if birth else None for birth in births] == ["1949-12-31", "1880-01-01"]
    assert births[0] is not None
    day = births[0].replace(year=1965)
    assert [ids.age_on(births[0], day - timedelta(days=1)), ids.age_on(births[0], day)] == [15, 16]


async def test_parties_that_are_away_or_say_no_lose_nothing(core: Core, identity: Verifier, sms: Verifier) -> None:
    """Away, garbled: 503, and no try is used. A mismatch names the element; tries count however many ask at once."""
    ana = Person(core, sms)
    opening = await ana.begins()
    for behaviour in ({"away": True}, {"garbled": True}):
        await identity.behave(**behaviour)
        for _ in range(3):
            with pytest.raises(Refused, match="verification_away"):
                await ana.identifies(opening)
    await identity.behave(mismatch="name")
    answers = await asyncio.gather(*(ana.identifies(opening) for _ in range(8)), return_exceptions=True)
    assert Counter(one.problem.code for one in answers if isinstance(one, Refused)) == {
        "not_confirmed": service.TRIES_MAX, "opening_tries_used": 3,
    }  # fmt: skip
    await identity.behave()
    with pytest.raises(Refused, match="opening_tries_used"):
        await ana.identifies(opening)
    with pytest.raises(Refused, match="opening_step"):
        await service.send_code(core, opening, NewPhone(ana.phone))


async def test_codes_are_few_short_lived_and_for_one_use(core: Core, sms: Verifier, clock: HandClock) -> None:
    """A wrong code, an old code, a second one too soon; the sender away."""
    ana = Person(core, sms)
    opening = await ana.begins()
    await ana.identifies(opening)
    await service.send_code(core, opening, NewPhone(ana.phone))
    with pytest.raises(Refused, match="sms_too_many"):
        await service.send_code(core, opening, NewPhone(ana.phone))
    right = await ana.code()
    with pytest.raises(Refused, match="sms_code_wrong"):
        await service.confirm_phone(core, opening, PhoneCode(f"{(int(right) + 1) % 10**6:06}"))
    clock.move(seconds=service.CODE_S + 1)
    with pytest.raises(Refused, match="sms_code_wrong"):
        await service.confirm_phone(core, opening, PhoneCode(right))
    await sms.behave(away=True)
    with pytest.raises(Refused, match="verification_away"):
        await service.send_code(core, opening, NewPhone(ana.phone))
    await sms.behave()
    clock.move(seconds=service.RESEND_S + 1)
    assert (await ana.confirms_phone(opening)).next == "card"


async def test_the_bound_account_is_class_i_ones_own_and_takes_the_deposit(core: Core, sms: Verifier) -> None:
    """Class II refused; a closed account fails, and another is named."""
    ana = Person(core, sms, card=card_number("0404"))  # closed: its bank rejects
    opening = await ana.begins()
    await ana.identifies(opening)
    await ana.confirms_phone(opening)
    with pytest.raises(Refused, match="not_confirmed"):
        await service.name_card(core, opening, NewCard(card_number("0202"), "102100099996"))
    with pytest.raises(Refused, match="identity_refused"):
        await service.name_card(core, opening, NewCard("6222021234567890123", "102100099996"))
    await ana.names_card(opening)
    with pytest.raises(Refused, match="deposit_under_way"):
        await service.confirm_deposit(core, opening, DepositSeen(1))
    row = await service.row_of(core, opening)
    async with asyncio.timeout(60):
        while (await service.view(core, row)).deposit != "failed":
            await turn(core)
            await asyncio.sleep(0.02)
    with pytest.raises(Refused, match="deposit_failed"):
        await service.confirm_deposit(core, opening, DepositSeen(1))
    ana.card = card_number()
    first = await ana.names_card(opening)
    second = await ana.names_card(opening)
    assert first.card == second.card
    assert (await ana.confirms_deposit(opening)).next == "consent"
    await in_order(core)


async def test_a_watch_list_hit_waits_for_an_operator(core: Core, sms: Verifier, clock: HandClock) -> None:
    """The applicant sees only that it is looked at; the operator opens, or refuses for good and nothing is kept."""
    hit = Person(core, sms, id_number=id_number(13, "19900310"))
    assert hit.id_number[13:17] == "0013"
    opened = await hit.comes_to_consent()

    assert (await hit.consents(opened)).status == "in_review"
    assert (await hit.consents(opened)).account is None
    assert [one.id for one in await reviews.review.waiting(core, 10)] == [opened]
    case = await reviews.review.show(core, opened)
    assert case is not None
    assert hit.id_number not in repr(case)
    assert ids.masked_id(hit.id_number) in repr(case)
    assert (await deciding.decide(core, opened, True, "ana", "another person of that name")).status == "opened"
    with pytest.raises(Refused, match="opening_step"):
        await deciding.decide(core, opened, False, "bo", "changed my mind")
    assert (await hit.consents(opened)).access_token is not None

    clock.move(seconds=service.RESEND_S + 1)
    refused = await hit.comes_to_consent("II")
    await hit.consents(refused)
    assert (await deciding.decide(core, refused, False, "ana", "it is the person")).status == "refused"
    with pytest.raises(Refused, match="opening_step"):
        await hit.consents(refused)
    await in_order(core)


async def test_each_person_has_exactly_what_the_rules_allow(core: Core, sms: Verifier, house: Sandbox) -> None:
    """Four people open seven accounts each, side by side, each asked for twice, some given up midway.

    Whatever is interrupted is asked again; in the end each has five, all bound, counted together, and one customer.
    """
    people = [Person(core, sms) for _ in range(4)]
    wanted = [(person, await ready(core, person, "III" if n % 2 else "II")) for n, person in enumerate(people)
              for _ in range(7)]  # fmt: skip

    async def consents(person: Person, opening: object, give_up_s: float | None) -> str:
        for _ in range(40):
            try:
                async with asyncio.timeout(give_up_s):
                    return (await person.consents(opening)).account or ""  # type: ignore[arg-type] # an id
            except TimeoutError:
                give_up_s = None  # its caller went away in the middle; it comes again
            except Refused as refused:
                if refused.problem is not opening_changed:
                    return refused.problem.code
        raise AssertionError("it never ends")

    answers = await asyncio.gather(
        *(consents(person, opening, 0.05 if again == 1 else None) for person, opening in wanted for again in range(2))
    )

    got: dict[str, set[str]] = {person.id_number: set() for person in people}
    for (person, _), answer in zip([one for one in wanted for _ in range(2)], answers, strict=True):
        got[person.id_number] |= {answer} - {"accounts_too_many"}
    assert {len(accounts) for accounts in got.values()} == {deciding.PLACES}, got
    assert await core.database.fetchval("SELECT count(*) FROM customers") == len(people)
    assert await core.database.fetchval("SELECT count(*) FROM e_accounts") == len(people) * deciding.PLACES
    assert await core.database.fetchval("SELECT count(*) FROM bound_accounts") == len(people) * deciding.PLACES
    accounts = [id_from_text("acc_", one) for some in got.values() for one in some]
    use = await core.ledger.cap_use([one for one in accounts if one is not None], core.clock())
    assert all(one.shared for one in use.values())
    await in_order(core)


async def test_an_opening_is_named_by_its_key_and_forgotten_when_it_runs_out(
    core: Core, sms: Verifier, clock: HandClock
) -> None:
    """The same key: the same opening. A key that could be guessed is refused. After a day it is gone, with its key."""
    key = new_id().hex
    first, made = await service.begin(core, key, NewOpening("III"))
    again, made_again = await service.begin(core, key, NewOpening("III"))
    assert (first, made, made_again) == (again, True, False)
    with pytest.raises(Refused, match="idempotency_key_reused"):
        await service.begin(core, key, NewOpening("II"))
    with pytest.raises(Refused, match="idempotency_key_missing"):
        await service.begin(core, "1", NewOpening("III"))
    ana = Person(core, sms)
    opening = await ana.begins()
    await ana.identifies(opening)

    clock.move(days=1)
    with pytest.raises(Refused, match="opening_expired"):
        await ana.identifies(opening)
    clock.move(hours=2)
    await deciding.sweep(core)

    assert await core.database.fetchval("SELECT count(*) FROM openings") == 0
    assert await core.database.fetchval("SELECT count(*) FROM personal_keys") == 0
