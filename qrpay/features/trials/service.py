"""The test payer pays: a real customer with real accounts in the test ledgers, paying like any other."""

from qrpay.core import Core
from qrpay.features.e_accounts import service as e_accounts
from qrpay.features.e_accounts.model import NO_CAPS, Customer, EAccount, NewCustomer
from qrpay.features.orders import service as orders
from qrpay.features.orders.model import Order
from qrpay.features.orders.problems import order_closed
from qrpay.features.payments import service as payments
from qrpay.features.payments.model import NewPayment
from qrpay.features.trials.model import PAYER_NAME, PAYER_PHONE
from qrpay.features.trials.problems import test_key_needed
from qrpay.problem import Refused
from qrpay.values import id_text
from qrpay.web.callers import Merchant, Wallet

WALLET_S = 60


async def pay(core: Core, merchant: Merchant, path: str) -> Order:
    """Have the test payer pay an order of a test merchant, whatever its amount. Safe to repeat.

    Raises `test_key_needed`, and what any payer is refused: `order_closed`, `order_expired`, `order_paid`.
    """
    if not merchant.test:
        raise test_key_needed()
    row = await orders.find(core, merchant.id, path, merchant.store)
    if row.amount is None or row.currency is None:
        raise order_closed(order=id_text("ord_", row.id))
    wallet = await _wallet(core, row.currency)
    order = id_text("ord_", row.id)
    if await orders.standing(core, row.id) is None:
        await e_accounts.top_up(core, wallet.account, row.amount, f"test payment of {order}")
    await payments.pay(core, wallet, NewPayment(order=order, pin=_pin(core)))
    return await orders.read(core, merchant.id, path, 0, merchant.store)


async def _wallet(core: Core, currency: str) -> Wallet:
    """The test payer, with an account in this currency."""
    payer = await e_accounts.by_phone(core, PAYER_PHONE, test=True) or await _open(core, currency)
    owned = await e_accounts.own_accounts(core, payer.id)
    account = next((one for one in owned if one.currency == currency), None)
    account = account or await _account(core, payer, currency)
    until = int(core.clock().timestamp()) + WALLET_S
    return Wallet(payer.id, account.id, account.ledger, until, payer.name_masked)


async def _account(core: Core, payer: Customer, currency: str) -> EAccount:
    return await e_accounts.open_account(core, payer.id, "II", currency, NO_CAPS)


async def _open(core: Core, currency: str) -> Customer:
    new = NewCustomer(name=PAYER_NAME, phone=PAYER_PHONE, pin=_pin(core), currency=currency, caps=NO_CAPS, test=True)
    try:
        return (await e_accounts.add_customer(core, new)).customer
    except Refused:  # somebody else was quicker
        found = await e_accounts.by_phone(core, PAYER_PHONE, test=True)
        if found is None:
            raise
        return found


def _pin(core: Core) -> str:
    return f"{int.from_bytes(core.vault.mac('test-payer-pin', b'', 8), 'big') % 10**6:06d}"
