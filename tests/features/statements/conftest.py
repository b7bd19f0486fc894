"""A shop that is paid, gives back and is paid out on days of the test's own, by the real services and ledger."""

from collections.abc import AsyncIterator, Sequence
from datetime import date

import pytest
from msgspec.structs import replace

from qrpay.core import Core
from qrpay.database.pool import Database
from qrpay.features.e_accounts import service as e_accounts
from qrpay.features.e_accounts.model import NO_CAPS, NewCustomer
from qrpay.features.keys import service as keys
from qrpay.features.merchants import service as merchants
from qrpay.features.merchants.model import NewMerchant
from qrpay.features.orders import service as orders
from qrpay.features.orders.model import NewOrder
from qrpay.features.payments import service as payments
from qrpay.features.payments.model import NewPayment
from qrpay.features.refunds import service as refunds
from qrpay.features.refunds.model import NewRefund
from qrpay.ledger.chart import AccountCode, TransferCode
from qrpay.ledger.engine import Engine
from qrpay.ledger.model import NewAccount, Transfer, TransferFlag
from qrpay.values import Id, id_from_text, id_text, ledger_of, new_id
from qrpay.web.callers import Merchant, Wallet
from tests.features.conftest import core_over
from tests.features.settlement.conftest import DayClock


class Shop:
    """A merchant with a till, and its customer."""

    def __init__(self, core: Core, merchant: Id, store: str, terminal: str, wallet: Wallet) -> None:
        self.core = core
        self.merchant = merchant
        self.store, self.terminal = store, terminal
        self.account = merchants.account_of(merchant, "CNY")
        self._wallet = wallet

    async def sells(self, reference: str, amount: int, description: str | None = None) -> str:
        """An order is opened at the till and paid; its id."""
        new = NewOrder(reference, amount, "CNY", description, store=self.store, terminal=self.terminal)
        order, _ = await orders.open_order(self.core, self.merchant, new)
        await payments.pay(self.core, self._wallet, NewPayment(order=order.id))
        return order.id

    async def gives_back(self, order: str, reference: str, amount: int) -> str:
        """A refund; its id."""
        caller = Merchant(self.merchant, self.merchant, False)
        refund, _ = await refunds.refund(self.core, caller, order, NewRefund(reference, amount))
        return refund.id

    async def held(self, amount: int) -> Id:
        """A payout sets out for the clearing house; its id."""
        payout, clearing = new_id(), new_id()
        ledger = ledger_of("CNY", False)
        await self.core.ledger.create_accounts([NewAccount(clearing, ledger, AccountCode.CLEARING)])
        hold = Transfer(
            payout, self.account, clearing, amount, TransferCode.SETTLEMENT, ledger, flags=TransferFlag.PENDING
        )
        assert (await self.core.ledger.post(hold)).result.stands
        return payout

    async def booked(self, payout: Id) -> None:
        """The clearing house has paid it."""
        assert (await self.core.ledger.post(Transfer.of_hold(new_id(), payout))).result.stands

    async def in_bulk(self, count: int, amount: int, first: int = 0, at_once: int = 250) -> Sequence[Id]:
        """Many orders and their payments, by the statements that the services use."""
        from qrpay.features.orders import store
        from qrpay.features.orders.model import OrderRow

        made: list[Id] = []
        now = self.core.clock()
        for begin in range(first, first + count, at_once):
            rows = [
                OrderRow(
                    new_id(), self.merchant, f"B-{n}", amount, "CNY", None, None, None, None, "merchant", None, now, now
                )
                for n in range(begin, min(begin + at_once, first + count))
            ]
            await store.keep(self.core.database, rows)
            payer, ledger = self._wallet.account, self._wallet.ledger
            paid = [Transfer(row.id, payer, self.account, amount, TransferCode.PAYMENT, ledger) for row in rows]
            await self.core.ledger.post_chain(paid)
            made += [row.id for row in rows]
        return made


async def open_shop(core: Core, name: str = "快乐超市") -> Shop:
    """A new merchant, and a customer with money."""
    onboarded = await merchants.add(core, NewMerchant(name, name_latin="Happy Mart"))
    merchant = onboarded.merchant.id
    store = await merchants.add_store(core, merchant, "Main Street", "=M1")
    terminal = await merchants.add_terminal(core, merchant, store.id, "Till 1", "T1")
    await merchants.ensure_account(core, merchant, "CNY")
    phone = f"13{new_id().int % 10**9:09d}"
    opened = await e_accounts.add_customer(core, NewCustomer(name="张三丰", phone=phone, pin="246810", caps=NO_CAPS))
    account = opened.account.id
    await e_accounts.top_up(core, account, 10**9, f"float-{new_id().hex}")
    wallet = Wallet(opened.customer.id, account, ledger_of("CNY", False), 2**40, "张**")
    return Shop(core, merchant, id_text("sto_", store.id), id_text("ter_", terminal.id), wallet)


@pytest.fixture
def clock() -> DayClock:
    """Days in the test's own hands."""
    return DayClock()


@pytest.fixture
async def core(fresh_database: Database, clock: DayClock) -> AsyncIterator[Core]:
    """A bank whose ledger goes by the test's clock too, with keys and wide limits."""
    built = core_over(fresh_database, clock, pin_from=10**12, deadline_s=60.0)
    built = replace(built, ledger=Engine(fresh_database, clock=clock, deadline_s=60.0))
    clock.set(date(2026, 11, 20))  # keys sign from when they were made
    await keys.start(built)
    yield built
    for batcher in built.batchers.values():
        await batcher.close()
    await built.ledger.close()


__all__ = ["DayClock", "Shop", "clock", "core", "id_from_text", "open_shop"]
