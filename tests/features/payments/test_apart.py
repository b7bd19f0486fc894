"""Money for trying and money never meet: the doors say so, and the ledger would refuse."""

import pytest

from qrpay.core import Core
from qrpay.features.e_accounts import service as e_accounts
from qrpay.features.e_accounts import tokens
from qrpay.features.e_accounts.model import NewCustomer
from qrpay.features.keys import service as keys
from qrpay.features.merchants import service as merchants
from qrpay.features.merchants.model import NewMerchant
from qrpay.features.orders import service as orders
from qrpay.features.orders.model import NewOrder, Order
from qrpay.features.payment_codes import service as payment_codes
from qrpay.features.payment_codes.model import NewPaymentCode, ScanReport
from qrpay.features.payments import service as payments
from qrpay.features.payments.model import NewPayment
from qrpay.ledger.chart import TransferCode
from qrpay.ledger.model import Result, Transfer
from qrpay.problem import Refused
from qrpay.values import id_from_text, new_id
from qrpay.web.callers import Merchant, Wallet
from tests.web.world import fresh


@pytest.fixture(autouse=True)
async def signing(core: Core) -> None:
    """Orders are shown as signed codes."""
    await keys.start(core)


async def a_shop(core: Core, test: bool) -> Merchant:
    """A merchant, for trying or not."""
    taken = await merchants.add(core, NewMerchant("Happy Mart", test=test))
    return Merchant(taken.merchant.id, taken.secret.id, test)


async def a_wallet(core: Core, test: bool, phone: str) -> Wallet:
    """A customer with 100.00, for trying or not."""
    new = NewCustomer(name="Li Wei", phone=phone, pin="246810", test=test)
    opened = await e_accounts.add_customer(core, new)
    await e_accounts.top_up(core, opened.account.id, 10_000, fresh())
    return tokens.wallet_of(core.vault, await e_accounts.issue_token(core, opened.customer.id), core.clock())


async def an_order(core: Core, shop: Merchant) -> Order:
    """An order of 5.00."""
    order, _ = await orders.open_order(core, shop.id, NewOrder(fresh(), 500, "CNY"))
    return order


async def outcome(core: Core, wallet: Wallet, shop: Merchant) -> tuple[str, str]:
    """What becomes of paying an order of the shop, and of showing it a payment code."""
    said: list[str] = []
    order = await an_order(core, shop)
    assert order.code is not None
    try:
        payment, _ = await payments.pay(core, wallet, NewPayment(scanned=order.code.payload))
        said.append(payment.status)
    except Refused as refused:
        said.append(refused.problem.code)
    code = await payment_codes.make(core, wallet, NewPaymentCode())
    try:
        paid, _ = await payment_codes.report(core, shop, ScanReport(code.digits, fresh(), 300, "CNY"))
        said.append(paid.status)
    except Refused as refused:
        said.append(refused.problem.code)
    return said[0], said[1]


async def test_each_pays_its_own_side_only(core: Core) -> None:
    """A live wallet at a test shop and the other way round are refused, at both doors; the money stays where it was."""
    phone = f"13{new_id().int % 10**9:09d}"
    # One number on both sides: who tries stands in nobody's way.
    wallets = {test: await a_wallet(core, test, phone) for test in (False, True)}
    shops = {test: await a_shop(core, test) for test in (False, True)}

    for test in (False, True):
        assert await outcome(core, wallets[test], shops[test]) == ("paid", "paid")
        assert await outcome(core, wallets[test], shops[not test]) == ("test_and_live", "test_and_live")
        [line] = (await merchants.balances(core, shops[test].id)).data
        assert line.balance.posted == 800


async def test_the_ledger_itself_keeps_them_apart(core: Core) -> None:
    """Whoever forgets to ask gets no further than the ledger: the accounts stand in different ones."""
    phone = f"13{new_id().int % 10**9:09d}"
    wallet, shop = await a_wallet(core, True, phone), await a_shop(core, False)
    order = await an_order(core, shop)
    about = id_from_text("ord_", order.id)
    assert about is not None

    for ledger in (156, wallet.ledger):
        credit = merchants.account_of(shop.id, "CNY")
        tried = Transfer(about, wallet.account, credit, 500, TransferCode.PAYMENT, ledger)
        assert (await core.ledger.post(tried)).result is Result.ACCOUNTS_MUST_HAVE_THE_SAME_LEDGER

    light = await e_accounts.money_light(core)
    assert light.balanced
    assert {"CNY", "CNY TEST"} <= {one.currency for one in light.currencies}
