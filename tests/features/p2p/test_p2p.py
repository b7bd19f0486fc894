"""Customers who pay each other: once, for ever, also when the receiver is full; requests that are settled once."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from qrpay.core import Core
from qrpay.features.collect_codes import service as collect_codes
from qrpay.features.collect_codes.model import NewCollectCode
from qrpay.features.e_accounts import rights
from qrpay.features.e_accounts import service as e_accounts
from qrpay.features.e_accounts.model import NewCustomer
from qrpay.features.p2p import requests, service
from qrpay.features.p2p.feature import feature
from qrpay.features.p2p.model import ListQuery, NewClaim, NewRequest, NewSplit, NewTransfer, P2PTransfer, Pay
from qrpay.features.payments import service as payments
from qrpay.ledger.chart import AccountCode
from qrpay.problem import Refused
from qrpay.values import id_text, new_id
from qrpay.web.callers import Wallet
from tests.features.conftest import HandClock

PIN = "264813"


class Friend:
    """A customer with an account, and a wallet."""

    def __init__(self, core: Core, wallet: Wallet, phone: str) -> None:
        self.core = core
        self.wallet = wallet
        self.phone = phone

    async def sends(self, to: str, amount: int, key: str = "", **said: Any) -> tuple[P2PTransfer, bool]:
        """Pay somebody."""
        ask = NewTransfer(to, amount, "CNY", **said)
        return await service.send(self.core, self.wallet, key or new_id().hex, ask)

    async def has(self) -> int:
        """The balance."""
        account = (await self.core.ledger.lookup_accounts([self.wallet.account]))[self.wallet.account]
        return account.credits_posted - account.debits_posted


async def friend(core: Core, balance: int = 0, name: str = "张三", **said: Any) -> Friend:
    """A new customer."""
    phone = f"137{new_id().int % 10**8:08}"
    opened = await e_accounts.add_customer(core, NewCustomer(name, phone, PIN, **said))
    if balance:
        await e_accounts.top_up(core, opened.account.id, balance, "R1")
    token = await e_accounts.issue_token(core, opened.customer.id)
    return Friend(core, await e_accounts.check_token(core, token), phone)


async def in_order(core: Core) -> None:
    """Every invariant of transfers holds."""
    for check in feature.checks:
        assert not await core.database.fetch(check), check.name


async def test_a_transfer_happens_once_whoever_repeats_it(core: Core) -> None:
    """By phone; ten at once under one key are one; other content is refused. The name is shown first, masked."""
    ana, bo = await friend(core, 100_00), await friend(core, name="李四")
    shown = await service.who_is(core, ana.wallet, bo.phone)
    assert (shown.name, shown.customer) == ("李*", id_text("cus_", bo.wallet.id))

    answers = await asyncio.gather(*(ana.sends(bo.phone, 30_00, "K1", note="lunch") for _ in range(10)))

    assert Counter(made for _, made in answers) == {True: 1, False: 9}
    assert len({transfer.id for transfer, _ in answers}) == 1
    assert (await ana.has(), await bo.has()) == (70_00, 30_00)
    with pytest.raises(Refused, match="idempotency_key_reused") as refused:
        await ana.sends(bo.phone, 31_00, "K1")
    assert [error.pointer for error in refused.value.errors] == ["/amount", "/note"]
    [sent] = (await service.page(core, ana.wallet, ListQuery())).data
    [received] = (await service.page(core, bo.wallet, ListQuery())).data
    assert (sent.direction, sent.counterparty, sent.status) == ("sent", "李*", "succeeded")
    assert (received.direction, received.counterparty, received.note) == ("received", "张*", "lunch")
    await in_order(core)


async def test_what_is_refused_moves_nothing(core: Core) -> None:
    """Nobody, oneself, too much, a PIN that is asked for, wrong; then the same key passes."""
    ana, bo = await friend(core, 2_000_00), await friend(core)
    for to, amount, code in (
        ("13712345", 1, "payee_not_found"), (id_text("cus_", new_id()), 1, "payee_not_found"),
        (ana.phone, 1, "self_payment"), (bo.phone, 1_000_00, "pin_required"),
    ):  # fmt: skip
        with pytest.raises(Refused, match=code):
            await ana.sends(to, amount)
    with pytest.raises(Refused, match="pin_wrong"):
        await ana.sends(bo.phone, 1_500_00, "K1", pin="000000")
    with pytest.raises(Refused, match="insufficient_funds"):
        await bo.sends(ana.phone, 1)
    assert (await ana.has(), await bo.has()) == (2_000_00, 0)
    await ana.sends(bo.phone, 1_500_00, "K1", pin=PIN)
    assert await bo.has() == 1_500_00


async def test_what_a_full_account_cannot_take_waits_and_is_never_lost(core: Core, clock: HandClock) -> None:
    """Class III at its 2,000: the sender's key answers `held`; there is room, and it is taken; another goes back."""
    ana = await friend(core, 5_000_00)
    bo = await friend(core, 1_990_00, account_class="III")
    first, made = await ana.sends(bo.phone, 50_00, "K1")
    again, made_again = await ana.sends(bo.phone, 50_00, "K1")
    second, _ = await ana.sends(bo.phone, 70_00, "K2")
    assert (first.status, made, again.id, made_again) == ("held", True, first.id, False)
    assert [one.amount for one in await service.waiting(core, bo.wallet)] == [50_00, 70_00]
    assert (await ana.has(), await bo.has()) == (4_880_00, 1_990_00)
    with pytest.raises(Refused, match="balance_cap_exceeded"):
        await service.take(core, bo.wallet, first.id, NewClaim())
    with pytest.raises(Refused, match="not_found"):
        await service.take(core, ana.wallet, first.id, NewClaim())

    await bo.sends(ana.phone, 90_00)
    taken = await asyncio.gather(*(service.take(core, bo.wallet, first.id, NewClaim()) for _ in range(3)))
    clock.move(days=service.RETURN_DAYS + 1)
    await service.give_back(core)
    await service.give_back(core)

    assert {one.status for one in taken} == {"succeeded"}
    with pytest.raises(Refused, match="transfer_not_held"):
        await service.take(core, bo.wallet, second.id, NewClaim())
    assert [one.status for one in (await service.page(core, ana.wallet, ListQuery())).data] == [
        "succeeded", "returned", "succeeded",
    ]  # fmt: skip
    assert await ana.has() + await bo.has() == 6_990_00
    held = await core.database.fetchval(
        "SELECT sum(credits_posted - debits_posted) FROM accounts WHERE code = $1", int(AccountCode.TRANSFERS_HELD)
    )
    assert held == 0
    await in_order(core)


async def test_an_account_opened_online_takes_nothing_from_others_until_its_holder_was_seen(core: Core) -> None:
    """The right of rules.md 3.3: neither transfers, nor collect codes, nor requests."""
    ana, bo = await friend(core, 100_00), await friend(core)
    await core.database.execute("UPDATE e_accounts SET unbound_credits = false WHERE id = $1", bo.wallet.account)
    with pytest.raises(Refused, match="payee_cannot_receive"):
        await ana.sends(bo.phone, 1_00)
    with pytest.raises(Refused, match="account_takes_no_transfers"):
        await collect_codes.make(core, bo.wallet, NewCollectCode())
    assert await rights.seen(core, bo.wallet.id, "teller 7", "ID card, branch 3") == 1
    assert (await ana.sends(bo.phone, 1_00))[0].status == "succeeded"


async def test_a_collect_code_says_who_and_how_much(core: Core, clock: HandClock) -> None:
    """Scanned, it shows the masked name; its amount is the only one; after ten minutes it is over."""
    ana, bo = await friend(core, 100_00), await friend(core, name="李四")
    code = await collect_codes.make(core, bo.wallet, NewCollectCode(12_50, "tea"))
    scan = await payments.scan(core, code.payload)
    assert (scan.kind, scan.payee.name, scan.amount, scan.description) == ("collect", "李*", 12_50, "tea")
    with pytest.raises(Refused, match="collect_amount_differs"):
        await ana.sends(code.payload, 12_51)
    paid, _ = await ana.sends(code.payload, 12_50, "K1")
    clock.move(minutes=11)
    with pytest.raises(Refused, match="code_expired"):
        await ana.sends(code.payload, 12_50)
    again, made = await ana.sends(code.payload, 12_50, "K1")  # what was done under this key stands for ever
    assert (again.id, made, await bo.has()) == (paid.id, False, 12_50)


async def test_a_request_is_paid_or_closed_never_both(core: Core, clock: HandClock) -> None:
    """Paid and declined at once, twenty times: one of them, and the money agrees."""
    ana, bo, eve = await friend(core, 100_00), await friend(core), await friend(core, 100_00)
    asked = [(await requests.ask(core, bo.wallet, f"K{n}", NewRequest(ana.phone, 1_00)))[0] for n in range(10)]
    again, made = await requests.ask(core, bo.wallet, "K0", NewRequest(ana.phone, 1_00))
    assert (again.id, made) == (asked[0].id, False)

    answers = await asyncio.gather(
        *(requests.pay(core, ana.wallet, one.id, Pay()) for one in asked),
        *(requests.close(core, ana.wallet, one.id) for one in asked),
        return_exceptions=True,
    )

    paid = sum(isinstance(one, P2PTransfer) for one in answers[:10])
    assert {one.problem.code for one in answers if isinstance(one, Refused)} <= {"request_settled"}
    assert not [one for one in answers if isinstance(one, BaseException) and not isinstance(one, Refused)]
    statuses = Counter(one.status for one in (await requests.page(core, ana.wallet, ListQuery())).data)
    assert statuses == Counter({"paid": paid, "declined": 10 - paid}) + Counter()
    assert await bo.has() == paid * 1_00
    late, _ = await requests.ask(core, bo.wallet, "late", NewRequest(ana.phone, 1_00))
    for stranger in (requests.read(core, eve.wallet, late.id), requests.pay(core, eve.wallet, late.id, Pay()),
                     requests.close(core, eve.wallet, late.id)):  # fmt: skip
        with pytest.raises(Refused, match="not_found"):
            await stranger
    clock.move(days=8)
    with pytest.raises(Refused, match="request_expired"):
        await requests.pay(core, ana.wallet, late.id, Pay())
    await in_order(core)


async def test_a_split_asks_each_for_an_equal_share(core: Core) -> None:
    """10.00 among three: 3.33 each from two, the cent stays with who paid. The same key: the same split."""
    bo, ana, eve = await friend(core), await friend(core, 10_00), await friend(core, 10_00)
    new = NewSplit([ana.phone, eve.phone], 10_00, "dinner")
    made, fresh = await requests.split(core, bo.wallet, "K1", new)
    again, not_fresh = await requests.split(core, bo.wallet, "K1", new)
    assert (made.id, fresh, not_fresh) == (again.id, True, False)
    assert [one.amount for one in made.requests] == [3_33, 3_33]
    for payer in (ana, eve):
        [owed] = (await requests.page(core, payer.wallet, ListQuery())).data
        await requests.pay(core, payer.wallet, owed.id, Pay())
    assert await bo.has() == 6_66
    with pytest.raises(Refused, match="invalid_field"):
        await requests.split(core, bo.wallet, "K2", NewSplit([ana.phone, ana.phone], 10_00))
