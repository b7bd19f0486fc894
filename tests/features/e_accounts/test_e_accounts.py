"""E-accounts: opening, top-up, limits, statement, and what is nobody else's business."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from qrpay.codes.receipt import is_receipt
from qrpay.codes.signing import from_base64url
from qrpay.core import Core
from qrpay.features.e_accounts import masks, service, store
from qrpay.features.e_accounts.model import NO_CAPS, Caps, EntryQuery, EntryView, NewCustomer, Opened
from qrpay.features.keys import service as keys
from qrpay.features.merchants import service as merchants
from qrpay.features.merchants.model import NewMerchant
from qrpay.ledger.caps import resets_at
from qrpay.ledger.chart import TransferCode
from qrpay.ledger.limits import CapKind
from qrpay.ledger.model import Result, Transfer
from qrpay.problem import Refused
from qrpay.values import Id, id_text, new_id, rfc3339
from tests.features.conftest import HandClock


async def somebody(core: Core, name: str = "张三", **said: Any) -> Opened:
    """A customer with one account."""
    phone = said.pop("phone", f"138{new_id().int % 10**8:08}")
    return await service.add_customer(core, NewCustomer(name, phone, "264813", **said))


async def pays(core: Core, payer: Id, merchant: Id, amount: int) -> Id:
    """A payment as orders post it; answers the order's id."""
    order = new_id()
    payee = await merchants.ensure_account(core, merchant, "CNY")
    outcome = await core.ledger.post(Transfer(order, payer, payee, amount, TransferCode.PAYMENT, 156))
    assert outcome.result is Result.CREATED
    return order


async def test_a_persons_data_at_rest_is_sealed(fresh_core: Core) -> None:
    """The table holds masks, a keyed hash and sealed bytes; the phone is still found."""
    core = fresh_core
    opened = await somebody(core, "张三丰", phone="13800138000")
    row = await core.database.fetchrow("SELECT * FROM customers WHERE id = $1", opened.customer.id)
    assert row is not None

    assert (row["name_masked"], row["phone_masked"]) == ("张**", "138****8000")
    assert "张三丰" not in str(dict(row))
    assert b"13800138000" not in row["phone_sealed"] + row["phone_hash"]
    assert core.vault.unseal("customer-name", row["name_sealed"]).decode() == "张三丰"
    assert await service.by_phone(core, "13800138000") == opened.customer
    assert await service.by_phone(core, "13800138001") is None


async def test_a_phone_number_belongs_to_one_customer_also_when_asked_at_once(core: Core) -> None:
    """Five openings at once: one customer, four refusals, and no account without an owner is paid into."""
    phone = f"137{new_id().int % 10**8:08}"

    answers = await asyncio.gather(*(somebody(core, phone=phone) for _ in range(5)), return_exceptions=True)

    assert sum(isinstance(answer, Opened) for answer in answers) == 1
    refused = [answer.problem.code for answer in answers if isinstance(answer, Refused)]
    assert refused == ["phone_taken"] * 4


@pytest.mark.parametrize("name", ["张3", "<b>", "-", "Ana\u202eBo", "Ana\x00", "🙂", "Cafe\u0301"])
async def test_what_is_no_name_of_a_person_is_refused(core: Core, name: str) -> None:
    """Digits, signs, controls, bidi (rules.md 9, row 60)."""
    with pytest.raises(Refused, match="customer_name_refused"):
        await somebody(core, name)


@pytest.mark.parametrize(("name", "mask"), [("张三", "张*"), ("欧阳娜娜", "欧**"), ("Ana Li", "A**"), ("张", "张*")])
def test_a_mask_shows_one_character(name: str, mask: str) -> None:
    """And does not say how long the name is."""
    assert masks.masked_name(name) == mask


async def test_a_top_up_moves_money_once(core: Core) -> None:
    """Repeated, also at once: one transfer. Another amount under the same reference is refused, and moves nothing."""
    account = (await somebody(core)).account.id

    outcomes = await asyncio.gather(*(service.top_up(core, account, 20_00, "R1") for _ in range(10)))
    with pytest.raises(Refused, match="top_up_reference_reused"):
        await service.top_up(core, account, 20_01, "R1")

    results = sorted(outcome.result for outcome in outcomes)
    assert results == [Result.CREATED] + [Result.EXISTS] * 9
    assert (await core.ledger.lookup_accounts([account]))[account].credits_posted == 20_00
    with pytest.raises(Refused, match="not_found"):
        await service.top_up(core, new_id(), 1, "R1")


async def test_class_iii_holds_two_thousand_at_most(core: Core) -> None:
    """The caps in force come from the table of classes (rules.md 3.3): at the cap it passes, a fen above not."""
    opened = await somebody(core, account_class="III")
    await service.top_up(core, opened.account.id, 2_000_00, "R1")

    with pytest.raises(Refused) as refused:
        await service.top_up(core, opened.account.id, 1, "R2")

    assert refused.value.figures["result"] == "exceeds_cap_balance"
    view = await service.read_account(core, opened.customer.id, opened.account.id)
    assert view.limits.day is not None
    assert view.limits.year is not None
    assert (view.limits.day.limit, view.limits.year.limit, view.limits.balance) == (2_000_00, 50_000_00, 2_000_00)


async def test_limits_say_what_was_used_today_and_when_they_begin_anew(core: Core) -> None:
    """Beijing's day and year, from the account's own row."""
    shop = await merchants.add(core, NewMerchant("Happy Mart"))
    opened = await somebody(core, caps=Caps(day=100_00, year=1_000_00))
    await service.top_up(core, opened.account.id, 50_00, "R1")
    await pays(core, opened.account.id, shop.merchant.id, 12_50)

    view = await service.read_account(core, opened.customer.id, opened.account.id)

    assert (view.balance.posted, view.balance.pending, view.balance.available) == (37_50, 0, 37_50)
    assert view.limits.day is not None
    assert (view.limits.day.limit, view.limits.day.used, view.limits.day.left) == (100_00, 12_50, 87_50)
    midnight = resets_at(CapKind.DAY, core.clock())
    assert midnight is not None
    assert view.limits.day.resets_at == rfc3339(midnight)
    assert view.limits.year is not None
    assert (view.limits.year.used, view.limits.year.left) == (12_50, 987_50)
    assert view.limits.balance is None


async def test_what_was_used_yesterday_is_not_counted_today(core: Core, clock: HandClock) -> None:
    """The row keeps yesterday's figures until the next payment; nobody is shown them as today's."""
    shop = await merchants.add(core, NewMerchant("Happy Mart"))
    opened = await somebody(core, caps=Caps(day=100_00, year=1_000_00))
    await service.top_up(core, opened.account.id, 50_00, "R1")
    await pays(core, opened.account.id, shop.merchant.id, 12_50)

    clock.move(days=366)
    view = await service.read_account(core, opened.customer.id, opened.account.id)

    assert view.limits.day is not None
    assert view.limits.year is not None
    assert (view.limits.day.used, view.limits.year.used) == (0, 0)


def test_caps_begin_anew_at_midnight_in_beijing() -> None:
    """Which is 16:00 UTC; the year's, with New Year there."""
    evening = datetime(2026, 12, 31, 15, 59, 59, tzinfo=UTC)
    midnight = datetime(2026, 12, 31, 16, tzinfo=UTC)

    assert resets_at(CapKind.DAY, evening) == midnight
    assert resets_at(CapKind.YEAR, evening) == midnight
    assert resets_at(CapKind.DAY, midnight) == datetime(2027, 1, 1, 16, tzinfo=UTC)
    assert resets_at(CapKind.YEAR, midnight) == datetime(2027, 12, 31, 16, tzinfo=UTC)


async def test_a_statement_names_order_direction_and_payee_page_by_page(core: Core) -> None:
    """Newest first, each line once, whatever the size of a page."""
    shop = await merchants.add(core, NewMerchant("快乐超市", name_latin="HAPPY MART"))
    opened = await somebody(core, caps=NO_CAPS)
    who, account = opened.customer.id, opened.account.id
    await service.top_up(core, account, 50_00, "R1")
    orders = [await pays(core, account, shop.merchant.id, amount) for amount in (1, 2, 3)]

    lines: list[EntryView] = []
    cursor = None
    for _ in range(2):
        page = await service.statement(core, who, account, EntryQuery(limit=2, cursor=cursor))
        lines += page.data
        cursor = page.next_cursor

    assert cursor is None
    assert [line.order for line in lines] == [*(id_text("ord_", order) for order in reversed(orders)), None]
    assert [(line.kind, line.direction, line.amount, line.counterparty) for line in lines[2:]] == [
        ("payment", "debit", 1, "快乐超市"),
        ("top_up", "credit", 50_00, None),
    ]
    assert lines[3].reference == "R1"
    assert [line.balance.available for line in lines] == [49_94, 49_97, 49_99, 50_00]
    assert all(line.effective_at == line.at for line in lines)


async def test_a_correction_reads_as_one_in_the_statement(core: Core) -> None:
    """It stands beside what it corrects, which stays as it was, names it, and belongs to the same time."""
    shop = await merchants.add(core, NewMerchant("快乐超市", name_latin="HAPPY MART"))
    opened = await somebody(core, caps=NO_CAPS)
    await service.top_up(core, opened.account.id, 50_00, "R1")
    order = await pays(core, opened.account.id, shop.merchant.id, 3)
    wrong = (await core.ledger.lookup_transfers([order]))[order]
    outcome = await core.ledger.post(Transfer.of_correction(wrong, amount=2))

    page = await service.statement(core, opened.customer.id, opened.account.id, EntryQuery(limit=3))

    assert outcome.result is Result.CREATED
    correction, payment, _ = page.data
    assert (correction.kind, correction.direction, correction.amount) == ("correction", "credit", 2)
    assert (correction.corrects, correction.effective_at) == (payment.id, payment.at)
    assert (payment.kind, payment.amount, payment.corrects) == ("payment", 3, None)
    assert [line.balance.available for line in page.data] == [49_99, 49_97, 50_00]


@pytest.mark.parametrize("cursor", ["x", "1", "1.zz", "9" * 100 + "." + "00" * 16, "1.00", "..", "-", "1." + "0" * 34])
async def test_a_cursor_that_is_none_is_named(core: Core, cursor: str) -> None:
    """A bad cursor is a bad query parameter, not a fault (rules.md 9, row 54)."""
    opened = await somebody(core)
    with pytest.raises(Refused) as refused:
        await service.statement(core, opened.customer.id, opened.account.id, EntryQuery(cursor=cursor))
    assert refused.value.problem.code == "invalid_field"
    assert refused.value.errors[0].pointer == "cursor"


async def test_anothers_account_does_not_exist(core: Core) -> None:
    """Read, statement, token: the same answer as for an id that was never given (rules.md 9, row 51)."""
    ana, bo = await somebody(core), await somebody(core, "李四")
    for account in (bo.account.id, new_id(), await service.bank_cash(core, "CNY")):
        for ask in (
            service.read_account(core, ana.customer.id, account),
            service.statement(core, ana.customer.id, account, EntryQuery()),
            service.issue_token(core, ana.customer.id, account),
            service.owned_account(core, ana.customer.id, account),
        ):
            with pytest.raises(Refused, match="not_found"):
                await ask
    assert [view.id for view in await service.accounts_of(core, ana.customer.id)] == [id_text("acc_", ana.account.id)]


async def test_a_token_is_issued_for_ones_own_account_and_runs_out(core: Core, clock: HandClock) -> None:
    """It carries the payer as a payee sees it, and lives access_token_s."""
    opened = await somebody(core)
    text = await service.issue_token(core, opened.customer.id, opened.account.id)

    wallet = await service.check_token(core, text)
    assert (wallet.id, wallet.account, wallet.ledger, wallet.name) == (
        opened.customer.id, opened.account.id, 156, "张*",
    )  # fmt: skip

    clock.move(seconds=core.settings.access_token_s + 1)
    with pytest.raises(Refused, match="token_expired"):
        await service.check_token(core, text)


async def test_a_frozen_customer_gets_no_token_and_no_account(core: Core) -> None:
    """The account's money is guarded by the ledger; the person is refused here."""
    opened = await somebody(core)
    await core.database.execute("UPDATE customers SET status = 'frozen' WHERE id = $1", opened.customer.id)

    with pytest.raises(Refused, match="customer_not_active"):
        await service.issue_token(core, opened.customer.id, opened.account.id)
    with pytest.raises(Refused, match="customer_not_active"):
        await service.open_account(core, opened.customer.id, "III", "CNY")


async def test_the_money_light_is_green_and_looked_at_once_for_all(core: Core) -> None:
    """Debits equal credits in every currency; a crowd that asks costs one look, and can prove what it was told."""
    await keys.start(core)
    await service.top_up(core, (await somebody(core)).account.id, 1_00, "R1")

    lights = await asyncio.gather(*(service.money_light(core) for _ in range(50)))

    light = lights[0]
    assert light.balanced
    assert len({each.signed for each in lights}) == 1
    assert any(line.currency == "CNY" and line.balanced for line in light.currencies)
    header, said, signature = light.signed.split(".")
    kid = msgspec.json.decode(from_base64url(header) or b"")["kid"]
    raw = from_base64url(signature)
    assert raw is not None
    assert core.keyring.verifier(kid, core.clock()).holds(raw, f"{header}.{said}".encode())
    assert msgspec.json.decode(from_base64url(said) or b"")["balanced"] is True
    assert not is_receipt(light.signed)


async def test_an_e_account_without_its_ledger_account_rings(fresh_core: Core) -> None:
    """The check is silent in a sound house, and names the account that was broken on purpose."""
    opened = await somebody(fresh_core)
    check = store.STATEMENTS["every_e_account_is_a_customers_account_in_the_ledger"]
    assert await fresh_core.database.fetch(check) == []

    orphan = new_id()
    await fresh_core.database.execute(
        "INSERT INTO e_accounts (id, customer, class, currency) VALUES ($1, $2, 'II', 'CNY')",
        orphan,
        opened.customer.id,
    )
    assert [row["id"] for row in await fresh_core.database.fetch(check)] == [orphan]
